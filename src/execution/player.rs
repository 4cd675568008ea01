//! The player: what runs in the client's place in a rehearsal. It is this binary in another mode, a child process under the
//! warden like the client, so that all around it works as in earnest. It is told the scenario, the step and the visit, and
//! then whatever the client would be told; it does the file edits of the scenario in its working directory and says on stdout
//! what the client would say.
//!
//! It differs from the client where that is simpler and shows: it calls no model and runs no tool, it keeps no transcript (so
//! a session that was cut off is played again from its start), and a signal ends it at once, without a last `result`.
//!
//! - `options`: its command line
//! - `stage`: the session: acts and their records
//! - `files`: the edits
//! - `tape`: a session that was recorded
//! - `schema`: made-up answers, and whether an answer fits

mod files;
mod options;
pub(crate) mod schema;
mod stage;
mod tape;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use self::options::Options;
use self::stage::{Part, Stage};
use super::scenario::{Act, Ending, Failure, Scenario, Script, Spent};

/// The first argument that makes this binary a player.
pub const MODE: &str = "player";

/// What `init` names as the client's version, and as the model when none is asked for.
pub const VERSION: &str = "rehearsal";

/// When the command line or the scenario is wrong; nothing is said on stdout then.
const USAGE: u8 = 2;

/// Lays out the files that a recorded run started from.
///
/// # Errors
/// When one cannot be written.
pub fn lay_out(start: Vec<super::tape::Event>, dir: &std::path::Path) -> Result<(), String> {
    start.into_iter().try_for_each(|event| tape::apply(dir, event.what, &str::to_owned))
}

/// Plays one session; `args` are those after [`MODE`]. The exit code is the client's: 1 when the session ends with an error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = args.into_iter().map(|arg| arg.to_string_lossy().into_owned());
    let played = Options::read(args).and_then(|options| {
        let scenario = Scenario::find(&options.scenario).map_err(|error| error.to_string())?;
        let cwd = std::env::current_dir().map_err(|error| format!("no working directory: {error}"))?;
        Ok((options, scenario, cwd))
    });
    let (options, scenario, cwd) = match played {
        Ok(parts) => parts,
        Err(why) => {
            let _ = writeln!(io::stderr(), "player: {why}");
            return ExitCode::from(USAGE);
        }
    };
    // The sender waits until the prompt is taken; what it says is for a model.
    let mut stdin = io::stdin().lock();
    if !stdin.is_terminal() {
        let _ = stdin.read_to_end(&mut Vec::new());
    }
    let script = scenario.session(&options.step, options.visit, options.attempt).cloned();
    let script = script.unwrap_or_else(|| made_up(&scenario, &options));
    if let Ending::Tape(name) = &script.ending {
        return match scenario.tape(name) {
            Ok(events) => tape::play(events, &options, &cwd),
            Err(error) => {
                let _ = writeln!(io::stderr(), "player: {error}");
                ExitCode::from(USAGE)
            }
        };
    }
    let part = Part { options: &options, cwd: &cwd, script: &script };
    match Stage::new(part, io::stdout().lock()).play() {
        Ok(false) => ExitCode::SUCCESS,
        // Nobody listens any more, or the session ended with an error.
        Ok(true) | Err(_) => ExitCode::FAILURE,
    }
}

/// The script of a session that the scenario does not have.
fn made_up(scenario: &Scenario, options: &Options) -> Script {
    let Options { step, visit, attempt, .. } = options;
    if scenario.recorded.is_some() {
        // What was not recorded did not happen; an invented success would tell another story.
        let message =
            format!("The recording has no session for the step `{step}` at visit {visit}, try {attempt}.");
        let ending = Ending::Error(Failure {
            terminal_reason: "error".to_owned(),
            api_error: None,
            status: None,
            subtype: Some("error_during_execution".to_owned()),
            message,
        });
        let (step, visit) = (step.clone(), Some(*visit));
        return Script { step, visit, attempt: None, acts: Vec::new(), ending, usage: Spent::default() };
    }
    let told = match scenario.sessions().is_empty() {
        true => "There is no scenario for this, so the answer is made up.".to_owned(),
        false => format!(
            "The scenario `{}` has no session for the step `{step}` at visit {visit}, so the answer is made up.",
            scenario.name
        ),
    };
    let ending = if options.schema.is_some() { Ending::MadeUp } else { Ending::Text(told.clone()) };
    let acts = if options.schema.is_some() { vec![Act::Think, Act::Say(told)] } else { vec![Act::Think] };
    Script { step: step.clone(), visit: Some(*visit), attempt: None, acts, ending, usage: Spent::default() }
}
