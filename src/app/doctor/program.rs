//! This program, and whether its name leads to it.

use std::path::Path;
use std::sync::Arc;

use super::facts::Facts;
use super::report::{Check, Group, Topic};
use crate::core::text::shell_quote;
use crate::core::threads::blocking;

pub(super) const VERSION: Topic = Topic::new(Group::Program, "program.version", "version");
pub(super) const PATH: Topic = Topic::new(Group::Program, "program.path", "PATH");

pub(super) async fn version(facts: Arc<Facts>) -> Vec<Check> {
    vec![VERSION.ok(format!("{} at {}", env!("CARGO_PKG_VERSION"), facts.world.program.display()))]
}

pub(super) async fn path(facts: Arc<Facts>) -> Vec<Check> {
    blocking(move || {
        let found = facts.world.find("autoskillit");
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let this = found.as_deref().is_some_and(|found| real(found) == real(&facts.world.program));
        vec![judge(found.as_deref(), this, &facts.world.program)]
    })
    .await
}

/// `found` is the first of our name on PATH, `this` whether it is the program that runs.
fn judge(found: Option<&Path>, this: bool, program: &Path) -> Check {
    let dir = program.parent().unwrap_or(Path::new("/"));
    let put = format!("export PATH={}:\"$PATH\"", shell_quote(&dir.to_string_lossy()));
    match found {
        Some(_) if this => PATH.ok("`autoskillit` is this program"),
        Some(other) => PATH
            .warning(format!("`autoskillit` is another program: {}", other.display()))
            .means("Commands that are told to be typed would run that one.")
            .mend(format!("put this one before it (`{put}`), or remove the other")),
        None => PATH
            .warning("there is no `autoskillit`")
            .means("Commands that are told to be typed, and a server that .mcp.json names, are not found.")
            .mend(format!("put its folder there: {put}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::Level;

    #[test]
    fn the_name_should_lead_here() {
        let program = Path::new("/opt/my tools/autoskillit");
        let level = |found: Option<&str>, this| judge(found.map(Path::new), this, program).level;
        assert_eq!(level(Some("/usr/bin/autoskillit"), true), Level::Ok);
        assert_eq!(level(Some("/usr/bin/autoskillit"), false), Level::Warning);
        assert_eq!(level(None, false), Level::Warning);
        let mend = judge(None, false, program).mend;
        assert_eq!(mend, ["put its folder there: export PATH='/opt/my tools':\"$PATH\""]);
    }
}
