//! Where the sessions run, and what runs in them.

use std::ffi::OsString;
use std::path::PathBuf;

use autoskillit::core::files;
use autoskillit::core::redact::Redactor;
use autoskillit::core::stop::{Stop, StopSignal};
use autoskillit::execution::client::{self, Client, SessionSpec};
use autoskillit::execution::log::summary::Summary;
use autoskillit::execution::player;
use autoskillit::execution::race::Policy;
use autoskillit::execution::session::{self, Ended, Glimpse, Session};
use autoskillit::execution::warden::WardenProgram;
use autoskillit::skills::Writes;

use crate::spec::spec;
use crate::support::api::{Conversation, Reply, ScriptedApi};
use crate::support::client::{Scratch, isolated_env};

/// What a scenario of the bench plays: `think` does so until it is ended, `leave` ends by itself after about 0.1 s.
const SCENARIO: &str = "version: 1
scenario: bench
description: sessions of the bench
sessions:
  - step: think
    acts: [{ say: looking }, { think: true }, { hang: true }]
    text: Never said.
  - step: leave
    acts: [{ say: looking }, { wait: 0.3 }]
    text: All is well.
";

/// Everything that sessions of ours need.
pub(crate) struct Kitchen {
    pub(crate) warden: WardenProgram,
    pub(crate) runtime: tokio::runtime::Runtime,
    /// The whole environment of sessions.
    pub(crate) env: Vec<(OsString, OsString)>,
    redactor: Redactor,
    policy: Policy,
    scenario: PathBuf,
    scratch: Scratch,
    _api: ScriptedApi,
}

/// A session that may begin.
pub(crate) struct Ticket {
    spec: SessionSpec,
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Its transcript, in a folder that is there, as of any session but the first of a checkout.
    pub(crate) transcript: PathBuf,
}

impl Ticket {
    /// The client's process, once it runs.
    pub(crate) fn client(&self) -> Option<u32> {
        Summary::read(&self.dir).ok()?.process.map(|process| process.pid)
    }
}

impl Kitchen {
    pub(crate) fn new() -> Self {
        let api = ScriptedApi::start(|_: &Conversation| Reply::text("The soup is in the pot."));
        let scratch = Scratch::new();
        let env = isolated_env(&api, &scratch.home());
        Self {
            warden: WardenProgram::at(env!("CARGO_BIN_EXE_autoskillit")),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .expect("a runtime starts"),
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            redactor: Redactor::new(std::env::vars()),
            policy: Policy::default(),
            scenario: scratch.write("scenario.yaml", SCENARIO),
            scratch,
            _api: api,
        }
    }

    /// The player, which plays a step of [`SCENARIO`].
    pub(crate) fn player(&self, step: &str, pace: &str) -> Client {
        let scenario = self.scenario.to_str().expect("a temporary folder has a name in UTF-8");
        let leading = [player::MODE, "--scenario", scenario, "--step", step, "--pace", pace, "--"];
        Client {
            program: env!("CARGO_BIN_EXE_autoskillit").into(),
            leading: leading.map(str::to_owned).to_vec(),
            player: true,
        }
    }

    /// A session with its folders.
    pub(crate) fn ticket(&self) -> Ticket {
        let spec = SessionSpec {
            system: "Be brief.".into(),
            setting_sources: vec!["project".into(), "local".into()],
            ..spec("cook the soup", &self.scratch.project())
        };
        let dir = self.scratch.home().join("sessions").join(&spec.session_id);
        files::create_private_dir(&dir).expect("a session has its folder");
        let config = self.scratch.home().join(".claude");
        let transcript = client::transcript(&config, &spec.cwd, &spec.session_id);
        let folder = transcript.parent().expect("a transcript is in a folder");
        files::create_private_dir(folder).expect("the home is writable");
        Ticket { spec, dir, transcript }
    }

    /// Runs a session to its verdict.
    pub(crate) async fn run(
        &self,
        ticket: &Ticket,
        client: &Client,
        watch: &(dyn Fn(Glimpse) + Send + Sync),
        stop: StopSignal,
    ) -> Ended {
        let session = Session {
            spec: &ticket.spec,
            client,
            warden: &self.warden,
            env: &self.env,
            policy: &self.policy,
            outputs: &[],
            writes: Writes::Never,
            ledger: None,
            temp: None,
            transcript: Some(&ticket.transcript),
            place: None,
            dir: &ticket.dir,
            redactor: &self.redactor,
            tape: None,
        };
        session::run(session, watch, stop).await
    }

    /// The same for one that nobody stops, waited for.
    pub(crate) fn run_alone(
        &self,
        ticket: &Ticket,
        client: &Client,
        watch: &(dyn Fn(Glimpse) + Send + Sync),
    ) -> Ended {
        let (_wish, stop) = tokio::sync::watch::channel(Stop::No);
        self.runtime.block_on(self.run(ticket, client, watch, stop))
    }
}
