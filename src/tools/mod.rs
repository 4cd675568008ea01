//! The handlers of the declared tools, one file per family. A rendered call comes in, an outcome goes out; what counts as
//! failure is the tool's own rule, stated in the catalogue.

mod args;
pub mod began;
mod commands;
mod limits;
pub mod orchestrator;
mod patience;
mod prompt;
mod quota;
pub mod reports;
mod skill;
mod test_check;
mod test_summary;
mod typed;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::catalog::ToolDecl;
use crate::config::Settings;
use crate::core::paths::RunDir;
use crate::core::redact::Redactor;
use crate::core::stop::StopSignal;
use crate::engine::event::{Fault, Live};
use crate::engine::host::{Call, Outcome, Watch};
use crate::execution::client::{Client, ClientError};
use crate::execution::recorder::Recorder;
use crate::execution::verdict::RetryReason;
use crate::execution::warden::WardenProgram;
use crate::pipeline::telemetry::responses::ResponseLog;
use crate::skills::SkillStore;

pub use args::{skill_name, what};
pub use limits::RunShare;
pub use patience::Patience;
pub use prompt::driving;
pub use quota::Tell;
pub use skill::can_continue;

/// What the handlers of one run work with.
#[derive(Debug, Clone)]
pub struct Toolkit {
    /// The recipe's name, for prompts.
    pub recipe: String,
    /// The top of the checkout.
    pub repository: PathBuf,
    /// The run's folder.
    pub run_dir: RunDir,
    /// The settings.
    pub settings: Settings,
    /// The client, or why there is none: a recipe without sessions needs none.
    pub client: Result<Client, ClientError>,
    /// The scenario that plays the sessions of a rehearsal.
    pub rehearsal: Option<Rehearsal>,
    /// The share of the account's windows that the run may use, where there is a limit.
    pub share: Option<Arc<RunShare>>,
    /// Where its sessions are recorded.
    pub recorder: Option<Arc<Recorder>>,
    /// The warden.
    pub warden: WardenProgram,
    /// The skills.
    pub skills: SkillStore,
    /// The environment of this process.
    pub env: Vec<(OsString, OsString)>,
    /// For logs.
    pub redactor: Redactor,
    /// How much the tools of the kitchen answered whoever drives.
    pub responses: Arc<ResponseLog>,
}

/// How sessions are played.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// Name of an embedded scenario, or a file.
    pub scenario: String,
    /// Factor on its pauses; 0 plays without.
    pub pace: f64,
}

impl Toolkit {
    /// Runs a call to its end.
    pub async fn call(&self, call: &Call, watch: Watch<'_>, stop: StopSignal) -> Outcome {
        // What is shown is as clean as what is written.
        let watch = |live: Live| watch(live.clean(&self.redactor));
        let typed = match typed::typed(call.tool, &call.params) {
            Ok(Cow::Borrowed(_)) => None,
            Ok(Cow::Owned(params)) => Some(Call { params, ..call.clone() }),
            Err(why) => return refused(call.tool, &why),
        };
        let call = typed.as_ref().unwrap_or(call);
        match call.tool.name {
            "run_skill" => skill::run(self, call, &watch, stop).await,
            "run_cmd" => commands::run(self, call, &watch, stop).await,
            "test_check" => test_check::run(self, call, &watch, stop).await,
            "get_token_summary"
            | "get_timing_summary"
            | "write_telemetry_files"
            | "get_quota_events"
            | "get_pipeline_report" => reports::run(self, call).await,
            other => refused(call.tool, &format!("the tool `{other}` has no handler")),
        }
    }

    /// A path argument: relative ones start at the repository.
    pub(crate) fn path(&self, path: Option<String>) -> PathBuf {
        path.filter(|path| !path.is_empty())
            .map_or_else(|| self.repository.clone(), |path| self.repository.join(path))
    }
}

/// The outcome of a call that cannot be made as it stands.
fn refused(tool: &ToolDecl, why: &str) -> Outcome {
    Outcome {
        ok: false,
        label: "bad arguments".to_owned(),
        summary: format!("{}: {why}", tool.name),
        result: json!({ "success": false, "error": why }),
        retry: RetryReason::None,
        fault: Some(Fault::Recipe),
        usage: None,
        cut_off: false,
    }
}

/// The outcome of a call that the machine does not allow.
fn unfit(why: impl Into<String>) -> Outcome {
    let why = why.into();
    Outcome {
        ok: false,
        label: "cannot run".to_owned(),
        result: json!({ "success": false, "error": why }),
        summary: why,
        retry: RetryReason::None,
        fault: Some(Fault::Environment),
        usage: None,
        cut_off: false,
    }
}
