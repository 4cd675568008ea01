//! Repetition in a session that runs. A command may change files and say nothing, so before a session is ended for its repetition the
//! disk is asked: how it looked when the repetition was told, and how it looks now.

use std::future::Future;
use std::pin::Pin;

use super::{Repeated, Repeats, Sign};
use crate::core::threads::blocking;
use crate::execution::record::Record;
use crate::workspace::ledger::{Ledger, Looks};

/// A look at the disk; with the call that is to be ended, when it is the second one.
type Looking = Pin<Box<dyn Future<Output = (Option<Looks>, Option<Repeated>)> + Send>>;

/// Watches one session.
pub(in crate::execution) struct Watcher {
    repeats: Repeats,
    ledger: Option<Ledger>,
    /// How the disk looked when the repetition was told.
    before: Option<Looks>,
    looking: Option<Looking>,
}

impl Watcher {
    /// For a session that may make the same call `most` times in the places of `ledger`.
    pub(in crate::execution) fn new(most: Option<u32>, ledger: Option<&Ledger>) -> Self {
        Self { repeats: Repeats::new(most), ledger: ledger.cloned(), before: None, looking: None }
    }

    /// Takes one record. Gives a repetition that is worth telling.
    pub(in crate::execution) fn record(&mut self, record: &Record) -> Option<Repeated> {
        match self.repeats.observe(record)? {
            Sign::Told(repeated) => {
                self.before = None;
                self.look(None);
                Some(repeated)
            }
            Sign::Enough(repeated) => {
                // Who goes on while the disk is looked at is told of once.
                if self.looking.is_none() {
                    self.look(Some(repeated));
                }
                None
            }
        }
    }

    /// Waits for a call that was made as often as it may be, without a change on the disk. Cancelling it loses nothing.
    pub(in crate::execution) async fn enough(&mut self) -> Repeated {
        loop {
            let Some(looking) = &mut self.looking else { return std::future::pending().await };
            let (looks, repeated) = looking.as_mut().await;
            self.looking = None;
            match repeated {
                None => self.before = looks,
                Some(repeated) if self.before == looks => return repeated,
                Some(_) => self.repeats.changed(),
            }
        }
    }

    fn look(&mut self, repeated: Option<Repeated>) {
        let ledger = self.ledger.clone();
        self.looking = Some(Box::pin(async move {
            let looks = match ledger {
                Some(ledger) => blocking(move || ledger.looks()).await,
                None => None,
            };
            (looks, repeated)
        }));
    }
}
