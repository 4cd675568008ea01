//! How many files may be open. A session takes eight of ours, and most systems give a process 1024 (macOS 256) until it asks for
//! more; programs that take their limit for small should not see that we asked.

use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Enough for a thousand sessions, and no more than macOS allows.
const WANTED: u64 = 10_240;

/// Asks for more on the first call, as far as the system lets anybody. Gives the limit that was there before, for what we start;
/// `None` where it stayed as it was.
pub(super) fn raise() -> Option<u64> {
    static BEFORE: OnceLock<Option<u64>> = OnceLock::new();
    *BEFORE.get_or_init(|| {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        let wanted = WANTED.min(hard);
        (soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok()).then_some(soft)
    })
}

/// Sets the limit of this process and of what it starts.
pub(super) fn set(soft: u64) {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // A limit that can only be lower has become so for a reason that is not ours.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard);
    }
}
