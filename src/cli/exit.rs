//! Exit codes: one table, also told by `--help`.

use std::process::ExitCode;

use crate::app::error::Kind;
use crate::engine::event::{Fault, RunEnded, RunStatus};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did what it was asked for.
    Succeeded,
    /// The run failed.
    Failed,
    /// What was typed, a recipe or a setting is wrong.
    Usage,
    /// A limit was reached.
    Exhausted,
    /// The machine is not fit.
    Environment,
    /// A person stopped it.
    Stopped,
}

impl Exit {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Exhausted => 3,
            Self::Environment => 4,
            Self::Stopped => 130,
        }
    }

    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }

    pub(super) fn of_error(kind: Kind) -> Self {
        match kind {
            Kind::Usage => Self::Usage,
            Kind::Environment => Self::Environment,
            Kind::Stopped | Kind::Undecided => Self::Stopped,
        }
    }

    pub(super) fn of_run(end: &RunEnded) -> Self {
        match (end.status, end.fault) {
            (RunStatus::Succeeded, _) => Self::Succeeded,
            (RunStatus::Stopped, _) => Self::Stopped,
            (RunStatus::Exhausted, _) => Self::Exhausted,
            (RunStatus::Failed | RunStatus::Crashed, Some(Fault::Environment)) => Self::Environment,
            (RunStatus::Failed | RunStatus::Crashed, Some(Fault::Recipe | Fault::Settings)) => Self::Usage,
            (RunStatus::Failed | RunStatus::Crashed, _) => Self::Failed,
        }
    }
}

/// What clap has to say: help and versions go to stdout with code 0, complaints to stderr with 2.
pub(super) fn of_clap(error: &clap::Error) -> ExitCode {
    // There is nobody left to tell when the stream is closed.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.code() } else { Exit::Succeeded.code() }
}
