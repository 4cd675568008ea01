//! The guard of one session: what is known, what follows, and the wait.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::account::Account;
use super::cache::{Asked, Known, Refused, lock};
use super::events::{Came, Look, note};
use super::source::{AskError, ask};
use super::wait::{Clock, Waited, left, told, wait_until};
use super::window::{Binding, Rules, Window};
use crate::config::Settings;
use crate::core::paths::user_cache;
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::threads::blocking;

/// What is looked at before a session starts.
#[derive(Debug, Clone)]
pub struct Guard {
    rules: Rules,
    max_age: Duration,
    max_wait: Duration,
    cache: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
    top: Option<PathBuf>,
    sources: Vec<String>,
}

/// Where windows are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The service, just now.
    Service,
    /// The service, at this time.
    Cache(Timestamp),
    /// Only sessions that were refused.
    Sessions,
}

/// What is known.
#[derive(Debug)]
pub enum Reading {
    /// These windows.
    Windows {
        /// The windows.
        windows: Vec<Window>,
        /// From where.
        source: Source,
        /// Why the service was not asked, when it cannot be.
        silent: Option<String>,
    },
    /// There is nothing to guard, and why.
    Nothing(String),
}

/// What a session does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// It starts.
    Start,
    /// It starts, although it is not known how much is used; why not.
    Unknown(String),
    /// The run is to stop.
    Stopped,
    /// It does not start: the wait would be too long. In words, and until when.
    TooLong(String),
}

impl Guard {
    /// The guard that the settings ask for; `None` when it is switched off, and then nothing of it is done. `inherited` is the environment
    /// of this process, `top` the repository.
    #[must_use]
    pub fn of(settings: &Settings, inherited: &[(OsString, OsString)], top: Option<&Path>) -> Option<Self> {
        let guard = &settings.quota_guard;
        guard.enabled.then(|| Self {
            rules: Rules::of(guard),
            max_age: Duration::from_secs(guard.cache_max_age),
            max_wait: Duration::from_secs(guard.max_wait),
            cache: match &guard.cache_path {
                Some(path) => Some(from_home(path)),
                None => user_cache().map(|dir| dir.join("quota.json")),
            },
            env: settings.session.env.session(inherited.iter().cloned()),
            top: top.map(Path::to_owned),
            sources: settings.session.setting_sources.clone(),
        })
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The longest wait.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        self.max_wait
    }

    /// The file that keeps what is known.
    #[must_use]
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// What is known of the windows; with `anew` the service is asked although the last answer still holds. Blocks for some seconds
    /// at most.
    ///
    /// # Errors
    /// When the service does not say.
    pub fn read(&self, now: Timestamp, anew: bool) -> Result<Reading, AskError> {
        let (token, base) = match Account::find(&self.env, self.top.as_deref(), &self.sources, now) {
            Account::None(why) => return Ok(Reading::Nothing(why)),
            Account::Silent { mark, why } => {
                let windows = self.known(&mark).windows(None);
                return Ok(Reading::Windows { windows, source: Source::Sessions, silent: Some(why) });
            }
            Account::Plan { token, base } => (token, base),
        };
        let mark = token.mark();
        let held = |known: &Known| {
            let asked = known.fresh(now, self.max_age).filter(|_| !anew)?;
            let source = Source::Cache(asked.at);
            Some(Reading::Windows { windows: known.windows(Some(asked)), source, silent: None })
        };
        if let Some(reading) = held(&self.known(&mark)) {
            return Ok(reading);
        }
        let _lock = self.cache.as_deref().and_then(lock);
        // Whoever held the lock may have asked meanwhile.
        let mut known = self.known(&mark);
        if let Some(reading) = held(&known) {
            return Ok(reading);
        }
        let windows = ask(&base, &token)?;
        known.asked = Some(Asked { at: now, windows });
        if let Some(path) = &self.cache
            && let Err(error) = known.write(path)
        {
            tracing::warn!("cannot write {}: {error}", path.display());
        }
        let windows = known.windows(known.asked.as_ref());
        Ok(Reading::Windows { windows, source: Source::Service, silent: None })
    }

    fn known(&self, mark: &str) -> Known {
        self.cache.as_deref().map_or_else(|| Known::nothing(mark), |path| Known::read(path, mark))
    }

    /// Keeps that a session was refused until `resets_at` (Unix seconds, as the client states it), so that the next one waits.
    pub fn refused(&self, window: &str, resets_at: i64, now: Timestamp) {
        let Some(path) = &self.cache else { return };
        let Ok(resets_at) = Timestamp::from_second(resets_at) else { return };
        let mark = match Account::find(&self.env, self.top.as_deref(), &self.sources, now) {
            Account::None(_) => return,
            Account::Silent { mark, .. } => mark,
            Account::Plan { token, .. } => token.mark(),
        };
        let _lock = lock(path);
        let window = if window.is_empty() { "plan" } else { window };
        let refused = Refused { at: now, window: window.to_owned(), resets_at };
        let known = Known { refused: Some(refused), ..self.known(&mark) };
        if let Err(error) = known.write(path) {
            tracing::warn!("cannot write {}: {error}", path.display());
        }
        let refused = Look { window_name: Some(window.to_owned()), ..Look::at(now, Came::Refused, None) };
        note(path, &Look { resets_at: Some(resets_at), ..refused });
    }

    /// Writes down what a look came to.
    async fn note(&self, look: Look) {
        if let Some(path) = self.cache.clone() {
            blocking(move || note(&path, &look)).await;
        }
    }

    /// Waits until a session may start. `tell` hears why it does not yet.
    pub async fn pass(
        &self,
        clock: Clock<'_>,
        tell: &(dyn Fn(String, Timestamp) + Send + Sync),
        stop: &mut StopSignal,
    ) -> Leave {
        let began = clock();
        let mut anew = false;
        loop {
            let now = clock();
            let guard = self.clone();
            let reading = tokio::select! {
                biased;
                // The question has its own bound, and nobody waits for its answer any more.
                _ = more_urgent(stop, Stop::No) => return Leave::Stopped,
                reading = blocking(move || guard.read(now, anew)) => reading,
            };
            let reading = match reading {
                Ok(reading) => reading,
                Err(error) => {
                    self.note(Look::at(now, Came::Unknown, None)).await;
                    return Leave::Unknown(error.to_string());
                }
            };
            let Reading::Windows { windows, source, .. } = reading else { return Leave::Start };
            let now = clock();
            let binding = self.rules.binding(&windows, now);
            let (Some(until), Some(binding)) = (self.rules.wait(binding.as_ref(), now), &binding) else {
                self.note(Look::at(now, Came::Approved, binding.as_ref())).await;
                return Leave::Start;
            };
            // Before a wait, what is kept is not good enough: the reset may have moved.
            if matches!(source, Source::Cache(_)) && !anew {
                anew = true;
                continue;
            }
            if left(until, began) > self.max_wait {
                self.note(Look::at(now, Came::GivenUp, Some(binding)).until(until)).await;
                let until = told(until, now, &TimeZone::system());
                return Leave::TooLong(format!("{}, and is free again at {until}", used(binding)));
            }
            self.note(Look::at(now, Came::Blocked, Some(binding)).until(until)).await;
            let why = |_: Duration| {
                let at = told(until, clock(), &TimeZone::system());
                tell(format!("{}: goes on at {at}", used(binding)), until);
            };
            if wait_until(until, clock, &why, stop).await == Waited::Stopped {
                return Leave::Stopped;
            }
            anew = true;
        }
    }
}

/// How much of a window is used, in words.
#[must_use]
pub fn used(binding: &Binding) -> String {
    let Binding { window, threshold, .. } = binding;
    format!(
        "the account's `{}` limit is used to {}, sessions wait from {}",
        window.name,
        percent(window.utilization),
        percent(*threshold)
    )
}

/// Per cent, with a digit behind the point where there is something.
#[must_use]
pub fn percent(part: f64) -> String {
    let tenths = (part * 10.0).round() / 10.0;
    format!("{tenths} %")
}

/// A path that may begin at the home folder.
fn from_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests;
