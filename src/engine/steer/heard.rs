//! What the loop of a steered run hears: wishes, and what a driver says of itself.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Ear, Refusal, Request, Standing, Tale, Upcoming, Wish, refusal};
use crate::core::stop::{Stop, more_urgent};
use crate::engine::event::{Event, RunEnded};
use crate::engine::judged;
use crate::engine::run::{CookError, Run};

/// What was heard.
pub(super) enum Heard {
    /// A wish that fits what is due, and who waits for its answer.
    Wish(Wish, oneshot::Sender<Result<Arc<Standing>, Refusal>>),
    /// The run ends.
    End(RunEnded),
}

impl Run<'_> {
    /// The next wish that fits what is due; others are refused.
    pub(super) async fn hear(&mut self, ear: &mut Ear, tale: &mut Tale) -> Result<Heard, CookError> {
        let mut stop = self.stop.clone();
        loop {
            let request = tokio::select! {
                biased;
                _ = more_urgent(&mut stop, Stop::No) => return Ok(Heard::End(self.stopped())),
                request = ear.requests.recv() => request,
            };
            match request {
                Some(Request::Do(wish, reply)) => {
                    let standing = Arc::clone(&ear.standing.borrow());
                    match standing.check(&wish) {
                        Ok(()) => return Ok(Heard::Wish(wish, reply)),
                        Err(refusal) => drop(reply.send(Err(refusal))),
                    }
                }
                Some(other) => {
                    if let Some(end) = self.note(tale, other)? {
                        return Ok(Heard::End(end));
                    }
                }
                // Nobody can ask for anything any more.
                None => return Ok(Heard::End(self.stopped())),
            }
        }
    }

    /// Writes down what a driver says of itself. Gives the end when it is that.
    pub(super) fn note(&mut self, tale: &mut Tale, request: Request) -> Result<Option<RunEnded>, CookError> {
        match request {
            Request::Began { session, number } => {
                tale.session = Some(session.clone());
                self.record(Event::OrchestratorStarted { session, number })?;
            }
            Request::Left { session, label, summary, usage, models: usage_by_model } => {
                tale.session = None;
                self.record(Event::OrchestratorEnded { session, label, summary, usage, usage_by_model })?;
            }
            Request::Waits { why, until } => self.record(Event::Waiting { step: None, why, until })?,
            Request::GiveUp(end) => return Ok(Some(end)),
            Request::Do(_, reply) => drop(reply),
        }
        Ok(None)
    }

    /// After the end is decided: the session that drives hears it, says its last word and goes.
    pub(super) async fn last_words(&mut self, ear: &mut Ear, tale: &mut Tale) -> Result<(), CookError> {
        while tale.session.is_some() {
            match ear.requests.recv().await {
                Some(Request::Do(_, reply)) => {
                    let refused = refusal("over", &ear.standing.borrow());
                    drop(reply.send(Err(refused)));
                }
                Some(other) => drop(self.note(tale, other)?),
                None => break,
            }
        }
        Ok(())
    }

    /// Waits for the choice that is due and writes it down.
    pub(super) async fn choose_when_told(
        &mut self,
        ear: &mut Ear,
        tale: &mut Tale,
    ) -> Result<Option<RunEnded>, CookError> {
        let Some(choice) = judged::choice(self.recipe, &self.state) else { return Ok(None) };
        self.publish(ear, tale, Upcoming::Choose(Box::new(choice.clone())));
        loop {
            match self.hear(ear, tale).await? {
                Heard::Wish(Wish::Choose { chosen, .. }, reply) => {
                    match judged::chosen(self.recipe, &choice, &chosen) {
                        Ok(event) => {
                            self.record(event)?;
                            tale.waiters.push(reply);
                            return Ok(None);
                        }
                        Err(why) => {
                            let standing = Arc::clone(&ear.standing.borrow());
                            drop(reply.send(Err(Refusal { code: "wrong_choice", why, standing })));
                        }
                    }
                }
                Heard::Wish(..) => {}
                Heard::End(end) => return Ok(Some(end)),
            }
        }
    }
}
