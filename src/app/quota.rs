//! How the account's limits stand, as sessions here would see them.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, Zoned};
use serde_json::{Value as Json, json};

use super::error::AppError;
use super::settings;
use crate::config::{self, Loaded};
use crate::core::yaml::diagnostic::Problems;
use crate::execution::quota::guard::{Guard, Reading, Source};
use crate::execution::quota::window::{Binding, Class, Window};
use crate::execution::spend::Day;
use crate::workspace::git::Checkout;

/// How the limits stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// When that was looked at.
    pub now: Timestamp,
    /// What is known.
    pub known: Known,
    /// The file that keeps it, when something is kept at all.
    pub cache: Option<PathBuf>,
    /// How the user's limit of a day stands; why not, when that is not known.
    pub day: Option<Result<Day, String>>,
}

/// What is known of the limits.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// The guard is switched off, and nothing was looked at.
    Off,
    /// There is nothing to guard; why.
    Nothing(String),
    /// It could not be found out; why. Sessions start.
    Unknown(String),
    /// The windows.
    Windows(Windows),
}

/// Windows and what follows from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    /// Each window with its kind and its threshold, when it counts.
    pub all: Vec<(Window, Class, Option<f64>)>,
    /// The one that decides.
    pub binding: Option<Binding>,
    /// Until when a session that starts now waits.
    pub waits_until: Option<Timestamp>,
    /// Where they are known from.
    pub source: Source,
    /// Why the service was not asked, when it cannot be.
    pub silent: Option<String>,
}

/// Looks, as seen from a folder, which need not be in a repository; `anew` asks the service although an answer is kept. Also gives what is odd
/// about the settings.
///
/// # Errors
/// When the settings are faulty.
pub fn look(dir: &Path, flags: &[String], anew: bool) -> Result<(Quota, Vec<Problems>), AppError> {
    let checkout = Checkout::discover(dir).ok();
    let top = checkout.as_ref().map(Checkout::top);
    let Loaded { settings, warnings, .. } = config::load(&settings::sources(top, flags))?;
    let now = Timestamp::now();
    let env: Vec<_> = std::env::vars_os().collect();
    let guard = Guard::of(&settings, &env, top);
    let known = match &guard {
        None => Known::Off,
        Some(guard) => known(guard, now, anew),
    };
    let kept = matches!(known, Known::Windows(_) | Known::Unknown(_));
    let cache = guard.as_ref().and_then(Guard::cache).filter(|_| kept).map(Path::to_owned);
    let day = Day::of(settings.limits, &Zoned::now()).map_err(|error| error.to_string()).transpose();
    Ok((Quota { now, known, cache, day }, warnings))
}

fn known(guard: &Guard, now: Timestamp, anew: bool) -> Known {
    match guard.read(now, anew) {
        Err(error) => Known::Unknown(error.to_string()),
        Ok(Reading::Nothing(why)) => Known::Nothing(why),
        Ok(Reading::Windows { windows, source, silent }) => {
            let rules = guard.rules();
            let binding = rules.binding(&windows, now);
            let waits_until = rules.wait(binding.as_ref(), now);
            let kind = |window: Window| {
                let (class, threshold) = (rules.class(&window.name), rules.threshold(&window.name));
                (window, class, threshold)
            };
            Known::Windows(Windows {
                all: windows.into_iter().map(kind).collect(),
                binding,
                waits_until,
                source,
                silent,
            })
        }
    }
}

impl Quota {
    /// How old what is known is, in seconds; `None` when only sessions told something.
    #[must_use]
    pub fn age(&self) -> Option<u64> {
        match &self.known {
            Known::Windows(Windows { source: Source::Service, .. }) => Some(0),
            Known::Windows(Windows { source: Source::Cache(at), .. }) => {
                u64::try_from(self.now.duration_since(*at).as_secs()).ok()
            }
            _ => None,
        }
    }

    /// For machines.
    #[must_use]
    pub fn json(&self) -> Json {
        let (state, why, windows) = match &self.known {
            Known::Off => ("off", None, None),
            Known::Nothing(why) => ("nothing", Some(why), None),
            Known::Unknown(why) => ("unknown", Some(why), None),
            Known::Windows(windows) => ("known", windows.silent.as_ref(), Some(windows)),
        };
        let listed = windows.map(|windows| {
            let all = windows.all.iter().map(|(window, class, threshold)| {
                json!({
                    "name": window.name,
                    "utilization": window.utilization,
                    "resets_at": window.resets_at,
                    "class": class,
                    "threshold": threshold,
                })
            });
            all.collect::<Vec<_>>()
        });
        json!({
            "schema_version": 1,
            "state": state,
            "why": why,
            "windows": listed.unwrap_or_default(),
            "binding": windows.and_then(|windows| windows.binding.as_ref()).map(|binding| &binding.window.name),
            "waits_until": windows.and_then(|windows| windows.waits_until),
            "source": windows.map(|windows| match windows.source {
                Source::Service => "service",
                Source::Cache(_) => "cache",
                Source::Sessions => "sessions",
            }),
            "age_seconds": self.age(),
            "cache": self.cache,
            "day": self.day.as_ref().and_then(|day| day.as_ref().ok()),
        })
    }
}
