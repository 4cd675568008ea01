//! The gate: whether the kitchen is open, as a machine that goes through its states in order. Opening is one move: whoever begins it
//! either completes it or leaves the gate as it was.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Where the gate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateState<T> {
    /// Nothing but opening is allowed.
    Closed,
    /// Somebody is opening it.
    Opening,
    /// Open; what it was opened for.
    Open(T),
}

/// A gate around `T`, which is there while it is open.
#[derive(Debug)]
pub struct Gate<T> {
    state: Mutex<GateState<T>>,
    changes: watch::Sender<u64>,
}

/// Why a gate was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Another call is opening it.
    #[error("the kitchen is being opened by another call")]
    Opening,
    /// It is open.
    #[error("the kitchen is open already")]
    Open,
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self { state: Mutex::new(GateState::Closed), changes: watch::channel(0).0 }
    }
}

impl<T: Clone> Gate<T> {
    /// What it was opened for; `None` while it is not open.
    #[must_use]
    pub fn inside(&self) -> Option<T> {
        match &*self.lock() {
            GateState::Open(inside) => Some(inside.clone()),
            _ => None,
        }
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(&*self.lock(), GateState::Open(_))
    }

    /// Begins to open it. Dropping what is returned leaves it closed.
    ///
    /// # Errors
    /// When it is not closed.
    pub fn begin(&self) -> Result<Opening<'_, T>, NotNow> {
        let mut state = self.lock();
        match &*state {
            GateState::Closed => {
                *state = GateState::Opening;
                Ok(Opening { gate: self, done: false })
            }
            GateState::Opening => Err(NotNow::Opening),
            GateState::Open(_) => Err(NotNow::Open),
        }
    }

    /// Closes it; gives what was inside.
    pub fn close(&self) -> Option<T> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, GateState::Closed) {
            GateState::Open(inside) => {
                drop(state);
                self.changes.send_modify(|count| *count += 1);
                Some(inside)
            }
            // Not ours to break off: the one who opens it ends that.
            opening @ GateState::Opening => {
                *state = opening;
                None
            }
            GateState::Closed => None,
        }
    }

    /// Changes each time it has been opened or closed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, GateState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A gate that is being opened.
#[derive(Debug)]
pub struct Opening<'a, T: Clone> {
    gate: &'a Gate<T>,
    done: bool,
}

impl<T: Clone> Opening<'_, T> {
    /// Opens it for `inside`.
    pub fn complete(mut self, inside: T) {
        *self.gate.lock() = GateState::Open(inside);
        self.done = true;
        self.gate.changes.send_modify(|count| *count += 1);
    }
}

impl<T: Clone> Drop for Opening<'_, T> {
    fn drop(&mut self) {
        if !self.done {
            *self.gate.lock() = GateState::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_closed_until_its_opening_is_complete() {
        let gate = Gate::default();
        assert!(!gate.is_open());
        let opening = gate.begin().unwrap();
        assert_eq!(gate.begin().err(), Some(NotNow::Opening));
        assert_eq!(gate.close(), None, "an opening is not broken off from outside");
        assert_eq!(gate.inside(), None);
        opening.complete("r1");
        assert_eq!(gate.inside(), Some("r1"));
        assert_eq!(gate.begin().err(), Some(NotNow::Open));
        assert_eq!(gate.close(), Some("r1"));
        assert_eq!(gate.close(), None);
    }

    #[test]
    fn an_opening_that_fails_leaves_it_closed() {
        let gate: Gate<u8> = Gate::default();
        let changes = gate.changes();
        drop(gate.begin().unwrap());
        assert!(!gate.is_open() && gate.begin().is_ok());
        assert!(!changes.has_changed().unwrap(), "nothing changed for those who look");
    }

    #[test]
    fn whoever_looks_is_told_of_opening_and_closing_alone() {
        let gate = Gate::default();
        let mut changes = gate.changes();
        gate.begin().unwrap().complete(1);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        gate.close();
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        gate.close();
        assert!(!changes.has_changed().unwrap());
    }
}
