//! What a session of ours takes compared with the bare client that is told the same: in pairs, one after the other, against
//! the scripted API. The budget is a ratio of 1.05.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up should stop with words")]
#![expect(clippy::print_stdout, reason = "a bench reports to the terminal")]

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "../tests/support/spec.rs"]
mod spec;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use autoskillit::core::files;
use autoskillit::core::redact::Redactor;
use autoskillit::core::stop::Stop;
use autoskillit::execution::client::{self, Client, SessionSpec};
use autoskillit::execution::race::Policy;
use autoskillit::execution::session::{self, Glimpse, Session};
use autoskillit::execution::warden::{Account, WardenProgram};

use spec::spec;
use support::api::{Conversation, Reply, ScriptedApi};
use support::client::{Scratch, isolated_env, require_client};

/// Pairs that count, after one that only warms up.
const PAIRS: usize = 15;

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
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        // The order changes from pair to pair, so that neither side always runs on a busier machine.
        let (alone, Warded { whole: warded, start, end }) = if pair % 2 == 0 {
            (kitchen.bare(), kitchen.run_skill())
        } else {
            let warded = kitchen.run_skill();
            (kitchen.bare(), warded)
        };
        if pair > 0 {
            println!("pair {pair:>2}: bare {:>7.1} ms, run_skill {:>7.1} ms", ms(alone), ms(warded));
            bare.push(alone);
            ours.push(warded);
            starts.push(start);
            ends.push(end);
        }
    }
    for times in [&mut bare, &mut ours, &mut starts, &mut ends] {
        times.sort_unstable();
    }
    let ratio = |pick: usize| ours[pick].as_secs_f64() / bare[pick].as_secs_f64();
    let middle = PAIRS / 2;
    println!("the client runs {:.1} ms after the call (median)", ms(starts[middle]));
    println!("the verdict is there {:.0} ms after the client's exit (median; budget 20)", ms(ends[middle]));
    println!("fastest: bare {:.1} ms, run_skill {:.1} ms, ratio {:.3}", ms(bare[0]), ms(ours[0]), ratio(0));
    println!(
        "median:  bare {:.1} ms, run_skill {:.1} ms, ratio {:.3} (budget {BUDGET})",
        ms(bare[middle]),
        ms(ours[middle]),
        ratio(middle)
    );
    let spread = ms(bare[PAIRS - 1]) / ms(bare[0]);
    if spread > 1.2 {
        println!(
            "the bare client's own times differ by a factor of {spread:.1}: this machine is too busy to judge by"
        );
    }
    if ratio(middle) > BUDGET {
        println!("over the budget");
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Times of one session of ours.
struct Warded {
    /// From the call to the verdict.
    whole: Duration,
    /// From the call until the client ran.
    start: Duration,
    /// From the client's exit to the verdict.
    end: Duration,
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
            system: "Be brief.".into(),
            setting_sources: vec!["project".into(), "local".into()],
            ..spec("cook the soup", &self.scratch.project())
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
    fn run_skill(&self) -> Warded {
        let spec = self.spec();
        let dir = self.scratch.home().join("sessions").join(&spec.session_id);
        files::create_private_dir(&dir).expect("a session has its folder");
        let transcript =
            client::transcript(&self.scratch.home().join(".claude"), &spec.cwd, &spec.session_id);
        let began = Instant::now();
        let spawned = OnceLock::new();
        let watch = |glimpse| {
            if glimpse == Glimpse::Spawned {
                let _ = spawned.set(began.elapsed());
            }
        };
        let ended = self.runtime.block_on(self.session(&spec, &transcript, &dir, &watch));
        let (whole, now) = (began.elapsed(), SystemTime::now());
        assert!(ended.verdict.success, "{:?}", ended.verdict);
        assert!(transcript.is_file(), "the transcript is where it was watched");
        let account = std::fs::read(dir.join("warden.json")).expect("the warden wrote its account");
        let times = serde_json::from_slice::<Account>(&account).expect("the account is JSON").times;
        let exited = times.exited_ms.expect("the client ended");
        let now = now.duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        Warded {
            whole,
            start: spawned.get().copied().expect("the client was started"),
            end: now.saturating_sub(Duration::from_millis(times.began + exited)),
        }
    }

    async fn session(
        &self,
        spec: &SessionSpec,
        transcript: &Path,
        dir: &Path,
        watch: &(dyn Fn(Glimpse) + Send + Sync),
    ) -> session::Ended {
        let (_wish, stop) = tokio::sync::watch::channel(Stop::No);
        let session = Session {
            spec,
            client: &self.client,
            warden: &self.warden,
            env: &self.env,
            policy: &Policy::default(),
            outputs: &[],
            writes: autoskillit::skills::Writes::Never,
            ledger: None,
            temp: None,
            transcript: Some(transcript),
            place: None,
            dir,
            redactor: &self.redactor,
            tape: None,
        };
        session::run(session, watch, stop).await
    }
}
