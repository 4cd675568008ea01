//! The log of a server: lines on standard error, for standard output belongs to the protocol. It begins before settings are read, so that
//! what is wrong with them is logged too; then the more verbose of settings and command line counts.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

type Writer = Box<dyn Layer<Registry> + Send + Sync>;
type Written = Layered<reload::Layer<Writer, Registry>, Registry>;

/// A log that can be told to say more.
pub struct Log {
    handles: Option<(Handle<Writer, Registry>, Handle<Targets, Written>)>,
    level: LevelFilter,
}

/// Begins to log, at `info` or, when `verbose`, at `debug`. Where something logs already, that stays.
#[must_use]
pub fn begin(verbose: bool) -> Log {
    let level = if verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let (writer, form) = reload::Layer::new(writer(json_by_default()));
    let (filter, said) = reload::Layer::new(filter(level));
    let begun = tracing_subscriber::registry().with(writer).with(filter).try_init().is_ok();
    Log { handles: begun.then_some((form, said)), level }
}

impl Log {
    /// Goes on as settings say: their level when it says more than the one from the command line, and their form.
    pub fn follow(&self, level: LevelFilter, json: Option<bool>) {
        if let Some((form, said)) = &self.handles {
            // Both fail only when the subscriber is gone, and then nothing logs.
            let _ = form.reload(writer(json.unwrap_or_else(json_by_default)));
            let _ = said.reload(filter(level.max(self.level)));
        }
    }
}

fn json_by_default() -> bool {
    !std::io::stderr().is_terminal()
}

fn writer(json: bool) -> Writer {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    if json { lines.json().boxed() } else { lines.boxed() }
}

fn filter(level: LevelFilter) -> Targets {
    // Others say at `info` what only their developers want to know.
    let others = if level >= LevelFilter::DEBUG { level } else { level.min(LevelFilter::WARN) };
    Targets::new().with_default(others).with_target("autoskillit", level)
}

/// The level that a setting names.
#[must_use]
pub fn level(name: &str) -> LevelFilter {
    name.parse().unwrap_or(LevelFilter::INFO)
}
