//! Our side of a warden: starting it, giving it orders, hearing its reports.

#![expect(clippy::disallowed_types, reason = "wardens are started here, each with a socket pair to us")]

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::mpsc;

use super::descriptors;
use super::protocol::{Charge, Order, Report, Sent};
use super::sweep::{Swept, sweep};
use super::{MODE, TAG_VARIABLE};

/// Which program is run as warden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WardenProgram {
    program: PathBuf,
    leading_args: Vec<OsString>,
}

impl WardenProgram {
    /// The binary that is running now: on Linux even when its file has been replaced since, so that both sides always
    /// speak alike.
    ///
    /// # Errors
    /// When the system cannot name it.
    pub fn this() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let program = PathBuf::from("/proc/self/exe");
        #[cfg(not(target_os = "linux"))]
        let program = std::env::current_exe()?;
        Ok(Self::at(program))
    }

    /// The binary.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The autoskillit binary at this path.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), leading_args: vec![MODE.into()] }
    }
}

/// A session under its warden.
#[derive(Debug)]
pub struct Warded {
    /// The client's standard output. It ends when the client and all it gave it to are gone.
    pub stdout: ChildStdout,
    /// The client's standard error.
    pub stderr: ChildStderr,
    /// What the warden says; dropping it ends the session.
    pub reports: Reports,
    /// What the warden is told.
    pub control: Control,
}

impl Warded {
    /// The next report; see [`Reports::next`].
    pub async fn next_report(&mut self) -> Option<Report> {
        self.reports.next().await
    }
}

/// The reports of a warden. When it is dropped the warden takes its parent for gone and ends the session by its ladder.
#[derive(Debug)]
pub struct Reports {
    queue: mpsc::UnboundedReceiver<Report>,
    socket: Arc<Socket>,
}

impl Reports {
    /// The next report; `None` after [`Report::Ended`] or [`Report::Lost`]. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Report> {
        self.queue.recv().await
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        // By shutdown and not by close: a [`Control`] may live on, and the last reports are still awaited.
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// Gives orders to a warden, from anywhere and any number of times.
#[derive(Debug, Clone)]
pub struct Control {
    socket: Arc<Socket>,
}

impl Control {
    /// Ends the session by its ladder. Does not wait: the reports say how it goes.
    pub fn end(&self) {
        self.order(Order::End);
    }

    /// Ends the session with SIGKILL, also while it is being ended by its ladder. Does not wait.
    pub fn kill(&self) {
        self.order(Order::Kill);
    }

    /// An order that cannot be delivered is one to a warden that is gone.
    fn order(&self, order: Order) {
        if let Ok(mut line) = serde_json::to_vec(&order) {
            line.push(b'\n');
            let _ = (&*self.socket).write_all(&line);
        }
    }
}

/// Starts a session under a warden. `env` is the whole environment of the session; [`TAG_VARIABLE`] is added to it.
///
/// One background task stays until the warden is gone: it reaps it, and sweeps up behind it when it was killed. When
/// this future or the [`Reports`] it returns are dropped, the session ends.
///
/// # Errors
/// When the warden itself cannot be started. That the client cannot be is [`Report::SpawnFailed`].
///
/// # Panics
/// Outside a tokio runtime with io enabled.
pub async fn spawn(
    program: &WardenProgram,
    mut charge: Charge,
    env: Vec<(OsString, OsString)>,
) -> io::Result<Warded> {
    if let Some(report) = &mut charge.report {
        *report = std::path::absolute(&report)?;
    }
    let tag = charge.tag.clone();
    let mut line = serde_json::to_vec(&Sent { charge, files: descriptors::raise() })?;
    line.push(b'\n');

    let (ours, theirs) = Socket::pair()?;
    ours.set_nonblocking(true)?;
    let socket = Arc::new(ours.try_clone()?);
    let (read, mut write) = UnixStream::from_std(ours)?.into_split();
    let mut child = launch(program, theirs, env)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("the warden was started without pipes"));
    };
    let (send, queue) = mpsc::unbounded_channel();
    tokio::spawn(attend(child, read, send, tag));

    // When this is cancelled half-way, the drop of either end shuts the socket down and the warden goes.
    let reports = Reports { queue, socket: Arc::clone(&socket) };
    write.write_all(&line).await?;
    // From here on `reports` alone does that.
    write.forget();
    Ok(Warded { stdout, stderr, reports, control: Control { socket } })
}

/// Starts the warden process. The command is gone when this returns, and with it our copy of the warden's socket end.
fn launch(program: &WardenProgram, socket: Socket, env: Vec<(OsString, OsString)>) -> io::Result<Child> {
    Command::new(&program.program)
        .arg0("autoskillit")
        .args(&program.leading_args)
        .env_clear()
        // A tag of an enclosing session would make the warden one of its processes.
        .envs(env.into_iter().filter(|(name, _)| name != TAG_VARIABLE))
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Hears a warden to its end, reaps it, and does its work when it could not.
async fn attend(
    mut warden: Child,
    socket: OwnedReadHalf,
    reports: mpsc::UnboundedSender<Report>,
    tag: String,
) {
    let mut lines = BufReader::new(socket).lines();
    let mut ended = false;
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str::<Report>(&line) {
            Ok(report) => {
                ended |= matches!(report, Report::Ended { .. });
                // Nobody may be listening any more; the warden is heard out all the same.
                let _ = reports.send(report);
            }
            Err(error) => tracing::warn!(tag, %error, "a warden says what is not understood"),
        }
    }
    if let Err(error) = warden.wait().await {
        tracing::warn!(tag, %error, "a warden cannot be reaped");
    }
    if !ended {
        let swept = tokio::task::spawn_blocking(move || sweep(&tag)).await;
        let Swept { left, unlisted } = swept.unwrap_or_default();
        let _ = reports.send(Report::Lost { left, unlisted });
    }
}
