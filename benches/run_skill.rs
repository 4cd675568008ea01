//! What a session of ours takes compared with the bare client that is told the same: in pairs, one after the other, against
//! the scripted API. The budget is a ratio of 1.05.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up should stop with words")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench reports to the terminal")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use autoskillit::config::Permissions;
use autoskillit::core::redact::Redactor;
use autoskillit::core::stop::Stop;
use autoskillit::core::{files, ids};
use autoskillit::execution::client::{self, Client, SessionSpec};
use autoskillit::execution::race::Policy;
use autoskillit::execution::session::{self, Session};
use autoskillit::execution::warden::WardenProgram;

use support::api::{Conversation, Reply, ScriptedApi};
use support::client::{Scratch, isolated_env, require_client};

/// Pairs that count, after one that only warms up.
const PAIRS: usize = 9;

const BUDGET: f64 = 1.05;

fn main() {
    // `cargo test --benches` only asks whether this compiles and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(program) = require_client() else { return };
    let api = ScriptedApi::start(|conversation: &Conversation| match conversation.assistant_turns() {
        0 => Reply::bash("echo soup > pot.txt"),
        1 => Reply::bash("cat pot.txt"),
        _ => Reply::text("The soup is in the pot."),
    });
    let scratch = Scratch::new();
    let env: Vec<(OsString, OsString)> = isolated_env(&api, &scratch.home())
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let kitchen = Kitchen {
        client: Client { program, leading: Vec::new(), player: false },
        warden: WardenProgram::at(env!("CARGO_BIN_EXE_autoskillit")),
        runtime: tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts"),
        redactor: Redactor::new(std::env::vars()),
        env,
        scratch,
    };

    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        // The order changes from pair to pair, so that neither side always runs on a busier machine.
        let (alone, warded) = if pair % 2 == 0 {
            (kitchen.bare(), kitchen.run_skill())
        } else {
            let warded = kitchen.run_skill();
            (kitchen.bare(), warded)
        };
        if pair > 0 {
            println!("pair {pair}: bare {alone:>9.1?}  run_skill {warded:>9.1?}");
            bare.push(alone);
            ours.push(warded);
        }
    }
    let spread = |times: &[Duration]| times[times.len() - 1].as_secs_f64() - times[0].as_secs_f64();
    let (bare_median, ours_median) = (median(&mut bare), median(&mut ours));
    let ratio = ours_median.as_secs_f64() / bare_median.as_secs_f64();
    println!(
        "median: bare {bare_median:.1?} (spread {:.3}s), run_skill {ours_median:.1?} (spread {:.3}s), ratio {ratio:.3} (budget {BUDGET})",
        spread(&bare),
        spread(&ours),
    );
    if ratio > BUDGET {
        eprintln!("run_skill is over its budget");
    }
}

struct Kitchen {
    client: Client,
    warden: WardenProgram,
    runtime: tokio::runtime::Runtime,
    redactor: Redactor,
    env: Vec<(OsString, OsString)>,
    scratch: Scratch,
}

impl Kitchen {
    fn spec(&self) -> SessionSpec {
        SessionSpec {
            session_id: ids::session_id(),
            continues: false,
            prompt: "cook the soup".into(),
            system: "Be brief.".into(),
            cwd: self.scratch.project(),
            plugin_dir: None,
            model: None,
            schema: None,
            permissions: Permissions::Bypass,
            allowed_tools: Vec::new(),
            setting_sources: vec!["project".into(), "local".into()],
            settings: None,
            budget_usd: None,
        }
    }

    /// The client alone, its output read to the end.
    fn bare(&self) -> Duration {
        let spec = self.spec();
        let began = Instant::now();
        let mut child = Command::new(&self.client.program)
            .args(spec.args())
            .env_clear()
            .envs(self.env.iter().cloned())
            .current_dir(&spec.cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the client starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        stdin.write_all(spec.prompt.as_bytes()).expect("the client reads its prompt");
        drop(stdin);
        let output = child.wait_with_output().expect("the client ends");
        let took = began.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        took
    }

    /// The same as `run_skill` runs it: warden, transcript, log, verdict.
    fn run_skill(&self) -> Duration {
        let spec = self.spec();
        let dir = self.scratch.home().join("sessions").join(&spec.session_id);
        files::create_private_dir(&dir).expect("a session has its folder");
        let transcript =
            client::transcript(&self.scratch.home().join(".claude"), &spec.cwd, &spec.session_id);
        let began = Instant::now();
        let ended = self.runtime.block_on(self.session(&spec, &transcript, &dir));
        let took = began.elapsed();
        assert!(ended.verdict.success, "{:?}", ended.verdict);
        assert!(transcript.is_file(), "the transcript is where it was watched");
        took
    }

    async fn session(&self, spec: &SessionSpec, transcript: &Path, dir: &Path) -> session::Ended {
        let (_wish, stop) = tokio::sync::watch::channel(Stop::No);
        let session = Session {
            spec,
            client: &self.client,
            warden: &self.warden,
            env: &self.env,
            policy: &Policy::default(),
            required_outputs: &[],
            transcript: Some(transcript),
            dir,
            redactor: &self.redactor,
        };
        session::run(session, &|_| {}, stop).await
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
