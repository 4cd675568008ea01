//! The socket between a run and the sessions that drive it. `cook` hosts it; the client of such a session starts `serve --attach`, which
//! only passes bytes on. So there is one engine, one journal and one screen, however many sessions come and go.

#![expect(
    clippy::disallowed_types,
    reason = "an orchestrator session reaches the run that it drives through a socket"
)]

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rmcp::ServiceExt;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::handler::Handler;
use crate::app::serving::Served;
use crate::core::stop::StopSignal;

/// A socket that only this user can reach; gone when dropped.
#[derive(Debug)]
pub struct Host {
    listener: UnixListener,
    path: PathBuf,
    _dir: TempDir,
}

impl Host {
    /// Opens it. Its folder is private, and short enough for the name of a socket (about 100 bytes), which a repository's may not be.
    ///
    /// # Errors
    /// What the system says.
    pub fn open() -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("autoskillit-").tempdir()?;
        let path = dir.path().join("run.sock");
        let listener = UnixListener::bind(&path)?;
        Ok(Self { listener, path, _dir: dir })
    }

    /// Its path, for `serve --attach`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves `served` to whoever connects. Ends only when it is dropped, and every connection with it.
    pub async fn serve<S: Served>(&self, served: Arc<S>, stop: StopSignal) {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = self.listener.accept().await else { continue };
            while connections.try_join_next().is_some() {}
            let handler = Handler::new(Arc::clone(&served), stop.clone());
            connections.spawn(async move {
                match handler.serve(stream.into_split()).await {
                    Ok(running) => drop(running.waiting().await),
                    Err(error) => tracing::debug!(%error, "a connection ended before it began"),
                }
            });
        }
    }
}

/// Passes standard input to the socket at `path` and what comes from there to standard output, until the socket closes.
///
/// # Errors
/// When there is no such socket, or a stream breaks.
pub fn relay(path: &Path) -> io::Result<()> {
    let socket = UnixStream::connect(path)?;
    let mut upwards = socket.try_clone()?;
    std::thread::spawn(move || {
        let _ = pass(&mut io::stdin().lock(), &mut upwards);
        // The other side sees the end of input, answers what it still has to, and closes.
        let _ = upwards.shutdown(Shutdown::Write);
    });
    pass(&mut &socket, &mut io::stdout().lock())
}

/// Copies what comes as it comes.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
