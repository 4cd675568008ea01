//! The wish to stop, as a value that changes while work goes on.

/// How urgently work is to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    #[default]
    No,
    /// Sessions are told to end and may finish their last words.
    Gently,
    /// At once.
    Now,
}

/// Watches the wish.
pub type StopSignal = tokio::sync::watch::Receiver<Stop>;

/// Waits until the wish is more urgent than `than`; for ever when nobody can wish any more.
pub async fn more_urgent(signal: &mut StopSignal, than: Stop) -> Stop {
    // The value is copied out at once: what `wait_for` gives holds a lock.
    let wished = signal.wait_for(|stop| *stop > than).await.map(|stop| *stop).ok();
    match wished {
        Some(stop) => stop,
        None => std::future::pending().await,
    }
}
