//! How a session's checkout looked when it began, kept in the session's folder: after a cut it says whether anything was done.

use std::path::Path;

use super::Toolkit;
use super::args::Args;
use crate::core::files;
use crate::core::threads::blocking;
use crate::engine::host::Call;
use crate::execution::log::files::BEGAN;
use crate::workspace::mark::Mark;

/// Looks before a session begins. A session that goes on began earlier, and a rehearsal may do anything twice.
pub(super) async fn look(kit: &Toolkit, call: &Call) -> Option<Mark> {
    let continues = call.session.as_ref().is_some_and(|session| session.continues);
    if continues || kit.rehearsal.is_some() {
        return None;
    }
    let cwd = kit.path(Args::of(&call.params).text("cwd"));
    blocking(move || Mark::of(&cwd)).await
}

/// Keeps what was seen.
///
/// # Errors
/// What the file system says.
pub(super) fn keep(session: &Path, mark: &Mark) -> std::io::Result<()> {
    files::write_json(&session.join(BEGAN), mark)
}

/// What was seen before the session in this folder began; `None` when it is not known.
#[must_use]
pub fn read(session: &Path) -> Option<Mark> {
    let mark: Mark = serde_json::from_slice(&std::fs::read(session.join(BEGAN)).ok()?).ok()?;
    (mark.schema_version == Mark::VERSION).then_some(mark)
}
