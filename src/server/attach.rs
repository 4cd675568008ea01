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
use std::time::Duration;

use rmcp::ServiceExt;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::handler::Handler;
use crate::app::serving::Served;
use crate::core::stop::StopSignal;

/// After a pause so long, an error is there to stay.
const LASTING: Duration = Duration::from_secs(5);

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

    /// Serves `served` to whoever connects. Ends only when it is dropped, and every connection with it: when nobody can connect any
    /// more, those that are there go on, and a run that no session reaches is given up by itself.
    pub async fn serve<S: Served>(&self, served: Arc<S>, stop: StopSignal) {
        let mut connections = JoinSet::new();
        loop {
            let stream = match patiently(|| self.listener.accept()).await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::error!(%error, socket = %self.path.display(), "nobody can connect any more");
                    return std::future::pending().await;
                }
            };
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

/// Does it until it succeeds: a want of files or memory passes. An error is one that lasts.
async fn patiently<T, F: Future<Output = io::Result<T>>>(mut attempt: impl FnMut() -> F) -> io::Result<T> {
    let mut pause = Duration::from_millis(10);
    loop {
        match attempt().await {
            Err(error) if pause > LASTING => return Err(error),
            Err(_) => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_a_while_is_tried_again_and_what_fails_lastingly_is_not_tried_for_ever() {
        let tries = Cell::new(0);
        let fails = |times: u32| {
            let tries = &tries;
            move || {
                tries.set(tries.get() + 1);
                let failed = tries.get() <= times;
                std::future::ready(if failed { Err(io::Error::other("too many files")) } else { Ok(()) })
            }
        };
        assert!(patiently(fails(3)).await.is_ok());
        assert_eq!(tries.replace(0), 4);
        assert!(patiently(fails(u32::MAX)).await.is_err());
        assert_eq!(tries.get(), 10, "with pauses that grow to seconds");
    }
}
