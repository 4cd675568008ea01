//! Sessions that would renew one login take turns: the first one renews it, the others find it renewed. Whatever goes wrong here, a session
//! starts all the same.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::login::{Stored, is_due};
use crate::core::paths::user_cache;
use crate::core::{files, ids};

/// The longest that a session waits for its turn, and so the longest that a stuck one keeps others waiting.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether the turn is free; locks between processes are not told of.
const LOOK: Duration = Duration::from_millis(50);

/// A turn; others wait until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] Option<File>);

/// Waits for the turn to start a session with the client's folder `config_dir`; at once where no renewal is due.
pub async fn turn(env: &[(OsString, OsString)], config_dir: &Path) -> Turn {
    match user_cache() {
        Some(cache) => turn_in(&cache, env, config_dir).await,
        None => Turn(None),
    }
}

async fn turn_in(cache: &Path, env: &[(OsString, OsString)], config_dir: &Path) -> Turn {
    let credentials = config_dir.join(".credentials.json");
    let is_due = || is_due(env, &Stored::read(&credentials), Timestamp::now());
    if !is_due() {
        return Turn(None);
    }
    let name = ids::fingerprint(&config_dir.to_string_lossy());
    let path = cache.join(format!("login-{}.lock", name.get(..16).unwrap_or(&name)));
    let Ok(file) = files::create_private_dir(cache).and_then(|()| files::append_private(&path)) else {
        return Turn(None);
    };
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Turn(Some(file)),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => sleep(LOOK).await,
            Err(_) => return Turn(None),
        }
        // The one before us has renewed it.
        if !is_due() {
            return Turn(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn login(dir: &Path, minutes: i64) {
        let until = Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let login = json!({ "accessToken": "a", "refreshToken": "r", "expiresAt": until.as_millisecond() });
        std::fs::write(dir.join(".credentials.json"), json!({ "claudeAiOauth": login }).to_string()).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_renews_and_the_others_wait_for_that() {
        let (cache, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        login(config.path(), 5);
        let first = turn_in(cache.path(), &[], config.path()).await;
        let mut second = Box::pin(turn_in(cache.path(), &[], config.path()));
        assert!(tokio::time::timeout(Duration::from_secs(30), &mut second).await.is_err(), "it waits");
        login(config.path(), 500);
        let began = Instant::now();
        second.await;
        assert!(began.elapsed() < Duration::from_secs(1), "the login is renewed: nothing to wait for");
        drop(first);

        login(config.path(), 5);
        let stuck = turn_in(cache.path(), &[], config.path()).await;
        let began = Instant::now();
        turn_in(cache.path(), &[], config.path()).await;
        assert!(began.elapsed() >= PATIENCE, "one that is stuck does not stop the others for ever");
        drop(stuck);
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_due_nobody_waits() {
        let (cache, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        login(config.path(), 500);
        let _first = turn_in(cache.path(), &[], config.path()).await;
        let began = Instant::now();
        turn_in(cache.path(), &[], config.path()).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0, "nothing is written");
    }
}
