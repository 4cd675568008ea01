//! One life of a server on standard input and output: the first answer from what is known without looking, then the work that was put
//! off, and an orderly end when the client closes the pipe or a signal comes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

use super::handler::Handler;
use crate::app::serving::Served;
use crate::core::stop::Stop;

/// How long calls get to answer after the client closed the pipe or a signal came. A client kills its server half a second after
/// its first signal; what is at work by then, wardens end.
const LAST_ANSWERS: Duration = Duration::from_millis(100);

/// Serves until the client goes or a signal comes. `answered` is called once, when the first answer is out.
///
/// # Errors
/// When signals cannot be heard. What a client does wrong ends the server and is logged.
pub async fn serve<S: Served>(served: S, answered: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Before anything is read: a signal that comes now must not be lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let served = Arc::new(served);
    let (stop, stopping) = watch::channel(Stop::No);
    let (read, write) = stdio_pipes();
    let (ended, mut end) = mpsc::channel(1);
    let (written, first) = oneshot::channel();
    let read = Reader { inner: read, ended: ended.clone() };
    let write = Writer { inner: write, written: Some(written) };
    tokio::spawn(async move {
        if first.await.is_ok() {
            answered();
        }
    });
    let handler = Handler::new(Arc::clone(&served), stopping);
    let serving = tokio::spawn(async move {
        match handler.serve((read, write)).await {
            Ok(running) => drop(running.waiting().await),
            // A client that goes before it says anything is no fault.
            Err(ServerInitializeError::ConnectionClosed(_)) => {}
            Err(error) => tracing::error!(%error, "the client does not speak the protocol"),
        }
        let _ = ended.try_send("the client is gone");
    });
    let why = tokio::select! {
        why = end.recv() => why.unwrap_or("the client is gone"),
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    };
    tracing::info!(why, "the server ends");
    stop.send_replace(Stop::Gently);
    served.leave().await;
    // What was asked before the end of a pipe is still answered where that takes no time.
    let _ = tokio::time::timeout(LAST_ANSWERS, serving).await;
    Ok(())
}

/// Standard input that tells its end: the protocol layer would first wait for calls that are at work.
struct Reader<R> {
    inner: R,
    ended: mpsc::Sender<&'static str>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Reader<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut this.inner).poll_read(cx, buf));
        let over = read.is_err() || buf.filled().len() == before && buf.remaining() > 0;
        if over {
            let _ = this.ended.try_send("standard input ended");
        }
        Poll::Ready(read)
    }
}

/// Standard output that tells when the first bytes are out.
struct Writer<W> {
    inner: W,
    written: Option<oneshot::Sender<()>>,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Writer<W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Poller<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.inner).poll_write(cx, buf))?;
        // The last byte of a message is its line break.
        if count == buf.len()
            && buf.ends_with(b"\n")
            && let Some(written) = this.written.take()
        {
            let _ = written.send(());
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
