//! A run that an orchestrator drives call by call. The engine keeps the place: it says which step is due with which arguments, takes
//! captures and routes itself, and refuses what the graph does not allow. One loop owns the run; everybody else holds a [`Wheel`].

mod heard; // what the loop hears
mod standing; // what an orchestrator is told

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot, watch};

use self::heard::Heard;
pub use self::standing::{Last, Refusal, Standing, Upcoming};
use super::event::{Event, Next, RunEnded};
use super::judged::{self, Chosen, ToFill};
use super::place::Frame;
use super::run::{Asked, CookError, Due, Run, Seen, step_of};
use super::transition::{self, Begin, Try};
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::text::quoted_list;
use crate::core::time::millis;
use crate::core::usage::Usage;
use crate::recipe::model::Step;

/// Requests that may wait before a caller does.
const WAITING: usize = 16;

/// Who drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// A session of ours. The person at our terminal answers questions, and the end waits for the session's last word, so that
    /// what it used is in the journal.
    Session,
    /// A client that somebody else started. It asks its own person, and may be gone at any moment.
    Client,
}

/// A call or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Call { step: String, tool: String, given: Map<String, Value> },
    Answer { step: String, given: String },
    Choose { step: String, chosen: Chosen },
}

#[derive(Debug)]
enum Request {
    Do(Wish, oneshot::Sender<Result<Arc<Standing>, Refusal>>),
    Began { session: String, number: u32 },
    Left { session: String, label: String, summary: String, usage: Usage, models: IndexMap<String, Usage> },
    Waits { why: String, until: Timestamp },
    GiveUp(RunEnded),
}

/// A hold on a run that is being steered. Clones are equal.
#[derive(Debug, Clone)]
pub struct Wheel {
    requests: mpsc::Sender<Request>,
    standing: watch::Receiver<Arc<Standing>>,
}

/// The other side of a [`Wheel`]: what the loop hears.
#[derive(Debug)]
pub struct Ear {
    requests: mpsc::Receiver<Request>,
    standing: watch::Sender<Arc<Standing>>,
}

/// A wheel and what hears it, for the run `run_id`.
#[must_use]
pub fn wheel(run_id: &str, recipe: &str) -> (Wheel, Ear) {
    let (ask, requests) = mpsc::channel(WAITING);
    let next = Upcoming::Wait { step_name: String::new(), tool: String::new() };
    let first = Standing {
        run_id: run_id.to_owned(),
        recipe: recipe.to_owned(),
        last: None,
        passed: Vec::new(),
        next,
        budget_left: None,
    };
    let (tell, standing) = watch::channel(Arc::new(first));
    (Wheel { requests: ask, standing }, Ear { requests, standing: tell })
}

impl Wheel {
    /// Where the run stands at this moment.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.borrow())
    }

    /// Follows where the run stands.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Arc<Standing>> {
        self.standing.clone()
    }

    /// Waits until the run stands somewhere; at once, except in its first moments.
    pub async fn ready(&self) -> Arc<Standing> {
        let mut follow = self.standing.clone();
        let stands = |standing: &Arc<Standing>| !matches!(&standing.next, Upcoming::Wait { step_name, .. } if step_name.is_empty());
        match follow.wait_for(stands).await {
            Ok(standing) => Arc::clone(&standing),
            Err(_) => self.standing(),
        }
    }

    /// Waits until something is due or a call is at work; not while a person is asked, or a step waits for its next try.
    pub async fn settled(&self) -> Arc<Standing> {
        let mut follow = self.standing.clone();
        let waits = |standing: &Arc<Standing>| matches!(&standing.next, Upcoming::Wait { tool, .. } if tool.is_empty());
        match follow.wait_for(|standing| !waits(standing)).await {
            Ok(standing) => Arc::clone(&standing),
            Err(_) => self.standing(),
        }
    }

    /// Makes the call of a step with `tool` and waits for its end. A call of the step that is at work waits with the first one.
    ///
    /// # Errors
    /// When the graph does not allow it.
    pub async fn call(&self, step: &str, tool: &str) -> Result<Arc<Standing>, Refusal> {
        self.call_with(step, tool, Map::new()).await
    }

    /// Makes the call of a step with arguments for what is open in it. Where nothing is, they are left aside.
    ///
    /// # Errors
    /// As [`Wheel::call`], and when the arguments differ from the recipe's in more than what is open.
    pub async fn call_with(
        &self,
        step: &str,
        tool: &str,
        given: Map<String, Value>,
    ) -> Result<Arc<Standing>, Refusal> {
        self.wish(Wish::Call { step: step.to_owned(), tool: tool.to_owned(), given }).await
    }

    /// Chooses where the run goes after a step.
    ///
    /// # Errors
    /// When no such choice is due, or this is none of those that there are.
    pub async fn choose(&self, step: &str, chosen: Chosen) -> Result<Arc<Standing>, Refusal> {
        self.wish(Wish::Choose { step: step.to_owned(), chosen }).await
    }

    /// Tells a person's answer to the question of a step.
    ///
    /// # Errors
    /// When no such question is open, or that is none of its answers.
    pub async fn answer(&self, step: &str, given: &str) -> Result<Arc<Standing>, Refusal> {
        self.wish(Wish::Answer { step: step.to_owned(), given: given.to_owned() }).await
    }

    async fn wish(&self, wish: Wish) -> Result<Arc<Standing>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let over = || refusal("over", &self.standing());
        self.requests.send(Request::Do(wish, reply)).await.map_err(|_| over())?;
        answer.await.unwrap_or_else(|_| Err(over()))
    }

    /// Says that a session begins to drive.
    pub async fn began(&self, session: String, number: u32) {
        let _ = self.requests.send(Request::Began { session, number }).await;
    }

    /// Says that the session which drove is over.
    pub async fn left(
        &self,
        session: String,
        label: String,
        summary: String,
        usage: Usage,
        models: IndexMap<String, Usage>,
    ) {
        let _ = self.requests.send(Request::Left { session, label, summary, usage, models }).await;
    }

    /// Says that nobody drives until then, and why.
    pub async fn waits(&self, why: String, until: Timestamp) {
        let _ = self.requests.send(Request::Waits { why, until }).await;
    }

    /// Ends the run because nobody drives it any more.
    pub async fn give_up(&self, end: RunEnded) {
        let _ = self.requests.send(Request::GiveUp(end)).await;
    }
}

fn refusal(code: &'static str, standing: &Arc<Standing>) -> Refusal {
    Refusal { code, why: standing.next.told(), standing: Arc::clone(standing) }
}

impl Standing {
    /// Whether a wish fits what is due.
    fn check(self: &Arc<Self>, wish: &Wish) -> Result<(), Refusal> {
        let code = match (wish, &self.next) {
            (Wish::Call { step, tool, .. }, Upcoming::Call { step_name, tool: right, .. }) => {
                match (step == step_name, tool == right) {
                    (true, true) => return Ok(()),
                    (true, false) => "wrong_tool",
                    _ => "wrong_step",
                }
            }
            (Wish::Call { step, tool, .. }, Upcoming::Wait { step_name, tool: right }) => {
                if step == step_name && tool == right {
                    return Ok(());
                }
                "busy"
            }
            (Wish::Answer { step, given }, Upcoming::Ask { step_name, answers, .. }) if step == step_name => {
                if answers.contains(given) {
                    return Ok(());
                }
                let why = format!("`{given}` is none of the answers: {}", quoted_list(answers));
                return Err(Refusal { code: "no_answer", why, standing: Arc::clone(self) });
            }
            (Wish::Choose { step, .. }, Upcoming::Choose(choice)) if *step == choice.step_name => {
                return Ok(());
            }
            (_, Upcoming::Over { .. }) => "over",
            (Wish::Answer { .. }, _) => "no_question",
            (Wish::Choose { .. }, _) => "no_choice",
            (Wish::Call { .. }, Upcoming::Ask { .. } | Upcoming::Choose(_)) => "wrong_step",
        };
        Err(refusal(code, self))
    }
}

type Waiters = Vec<oneshot::Sender<Result<Arc<Standing>, Refusal>>>;

/// What the loop keeps beside the run.
#[derive(Default)]
struct Tale {
    last: Option<Last>,
    passed: Vec<String>,
    waiters: Waiters,
    /// Where the wait before another try is over.
    rested: HashSet<Frame>,
    /// The session that drives now.
    session: Option<String>,
}

impl Run<'_> {
    /// Drives the run as it is told through the wheel, to an end.
    ///
    /// # Errors
    /// When the journal cannot be written. Nothing runs any more then.
    pub async fn steer(
        &mut self,
        opening: Event,
        mut ear: Ear,
        driver: Driver,
    ) -> Result<RunEnded, CookError> {
        self.record(opening)?;
        let mut tale = Tale::default();
        loop {
            let passed = &mut tale.passed;
            let nothing = HashSet::new();
            let rested = std::mem::take(&mut tale.rested);
            let due = self.advance(&nothing, &rested, Stop::No, true, |event| passed.extend(told(event)))?;
            let begin = match due {
                // One call at a time: whoever drives makes it, and the loops of the run wait for each other.
                Due::Work { begin, .. } => begin.into_iter().next(),
                Due::End(end) => return self.leave(&mut ear, &mut tale, driver, end).await,
            };
            let end = match begin {
                Some(Begin::Call(tried)) => {
                    self.publish(&ear, &mut tale, self.upcoming(&tried));
                    self.call_when_told(&mut ear, &mut tale, &tried, driver).await?
                }
                Some(Begin::Choose(_)) => self.choose_when_told(&mut ear, &mut tale).await?,
                Some(Begin::Ask(asked)) if driver == Driver::Session => {
                    let wait = Upcoming::Wait { step_name: asked.step.clone(), tool: String::new() };
                    self.publish(&ear, &mut tale, wait);
                    let end = self.ask(&asked).await?;
                    tale.last = self.last(&asked.step);
                    end
                }
                Some(Begin::Ask(asked)) => {
                    let Asked { step, message, answers, default, .. } = asked.clone();
                    let ask = Upcoming::Ask { step_name: step, message, answers, default };
                    self.publish(&ear, &mut tale, ask);
                    self.ask_when_told(&mut ear, &mut tale, &asked).await?
                }
                Some(Begin::Wait { step, until }) => {
                    let wait = Upcoming::Wait { step_name: step.clone(), tool: String::new() };
                    self.publish(&ear, &mut tale, wait);
                    tale.rested.insert(Frame::of(&step).0);
                    self.rest(step, until).await?;
                    None
                }
                None => Some(self.stopped()),
            };
            if let Some(end) = end {
                return self.leave(&mut ear, &mut tale, driver, end).await;
            }
        }
    }

    /// Ends the run: whoever drives hears it, and what runs on every exit runs. A client that goes takes the process with it: then that is left to
    /// whoever resumes the run.
    async fn leave(
        &mut self,
        ear: &mut Ear,
        tale: &mut Tale,
        driver: Driver,
        end: RunEnded,
    ) -> Result<RunEnded, CookError> {
        if driver == Driver::Client && self.is_to_stop() {
            self.record(Event::RunEnded(end.clone()))?;
            self.publish(ear, tale, Upcoming::Over { end: end.clone() });
            return Ok(end);
        }
        let end = self.closing_steps(end).await?;
        self.publish(ear, tale, Upcoming::Over { end: end.clone() });
        if driver == Driver::Session {
            self.last_words(ear, tale).await?;
        }
        self.record(Event::RunEnded(end.clone()))?;
        Ok(end)
    }

    /// Tells everybody where the run stands; whoever waited for that goes on.
    fn publish(&self, ear: &Ear, tale: &mut Tale, next: Upcoming) {
        let mut standing = Standing::clone(&ear.standing.borrow());
        standing.last.clone_from(&tale.last);
        standing.passed = std::mem::take(&mut tale.passed);
        standing.next = next;
        standing.budget_left = transition::budget_left(self.recipe, &self.state);
        let standing = Arc::new(standing);
        ear.standing.send_replace(Arc::clone(&standing));
        for waiter in tale.waiters.drain(..) {
            let _ = waiter.send(Ok(Arc::clone(&standing)));
        }
    }

    /// Waits for the call of the step that is due and makes it. Gives the end of the run when it ends instead.
    async fn call_when_told(
        &mut self,
        ear: &mut Ear,
        tale: &mut Tale,
        tried: &Try,
        driver: Driver,
    ) -> Result<Option<RunEnded>, CookError> {
        let mut tried = tried.clone();
        loop {
            match self.hear(ear, tale).await? {
                Heard::Wish(Wish::Call { given, .. }, reply) => {
                    if let Some(open) = &tried.open {
                        let filled = open.filled(&tried.params, &given);
                        match filled.and_then(|it| self.host.is_there(tried.tool, &it).map(|()| it)) {
                            Ok(params) => tried.params = params,
                            Err(why) => {
                                let standing = Arc::clone(&ear.standing.borrow());
                                drop(reply.send(Err(Refusal { code: "wrong_arguments", why, standing })));
                                continue;
                            }
                        }
                    }
                    tale.waiters.push(reply);
                    break;
                }
                Heard::Wish(..) => {}
                Heard::End(end) => return Ok(Some(end)),
            }
        }
        let tried = &tried;
        let wait = Upcoming::Wait { step_name: tried.step.clone(), tool: tried.tool.name.to_owned() };
        let mut standing = Standing::clone(&ear.standing.borrow());
        standing.next = wait;
        let standing = Arc::new(standing);
        ear.standing.send_replace(Arc::clone(&standing));
        let mut stop = self.stop.clone();
        // Borrowed for the call, so that what is heard meanwhile is written down afterwards.
        let (mut later, seen, mut cut_off) = (Vec::new(), Arc::<Seen>::default(), false);
        let end = {
            let mut call = pin!(self.call(tried.clone(), &seen));
            loop {
                tokio::select! {
                    end = &mut call => break end?,
                    request = ear.requests.recv() => match request {
                        Some(Request::Do(wish, reply)) => match standing.check(&wish) {
                            Ok(()) => tale.waiters.push(reply),
                            Err(refusal) => drop(reply.send(Err(refusal))),
                        },
                        Some(other) => later.push(other),
                        None => break call.await?,
                    },
                    // The client's process goes in a moment: what is at work ends with our hold on it.
                    () = cut(driver, &mut stop) => {
                        cut_off = true;
                        break None;
                    }
                }
            }
        };
        if cut_off {
            let used = *seen.lock().unwrap_or_else(PoisonError::into_inner);
            self.cut_off(tried, used)?;
        }
        for request in later {
            if let Some(end) = self.note(tale, request)? {
                return Ok(Some(end));
            }
        }
        tale.last = self.last(&tried.step);
        Ok(if self.is_to_stop() && end.is_none() { Some(self.stopped()) } else { end })
    }

    async fn ask_when_told(
        &mut self,
        ear: &mut Ear,
        tale: &mut Tale,
        asked: &Asked,
    ) -> Result<Option<RunEnded>, CookError> {
        self.ask_begins(asked)?;
        let began = Instant::now();
        loop {
            match self.hear(ear, tale).await? {
                Heard::Wish(Wish::Answer { given, .. }, reply) => {
                    self.answer(asked, &given, "", millis(began.elapsed()))?;
                    tale.last = self.last(&asked.step);
                    tale.waiters.push(reply);
                    return Ok(None);
                }
                Heard::Wish(..) => {}
                Heard::End(end) => return Ok(Some(end)),
            }
        }
    }

    /// A call that is due.
    fn upcoming(&self, tried: &Try) -> Upcoming {
        let (frame, name) = Frame::of(&tried.step);
        let step = step_of(self.recipe, &frame, name);
        let known = || judged::known(self.recipe, &self.state);
        let open = tried.open.as_deref().map(|open| Box::new(ToFill { open: open.clone(), known: known() }));
        Upcoming::Call {
            step_name: tried.step.clone(),
            tool: tried.tool.name.to_owned(),
            arguments: tried.params.clone(),
            description: step.map(|step: &Step| step.description.clone()).unwrap_or_default(),
            note: step.and_then(|step| step.note.clone()),
            visit: tried.visit,
            attempt: tried.attempt,
            open,
        }
    }

    /// What the last completed try of `step` came to.
    fn last(&self, step: &str) -> Option<Last> {
        let done = self.state.done.last().filter(|done| done.step == step)?;
        Some(Last {
            step: done.step.clone(),
            success: done.ok,
            verdict: done.label.clone(),
            summary: done.summary.clone(),
            captured: self.state.captured.clone(),
            because: self.state.why.clone(),
        })
    }
}

/// Ready when work must be let go of at once: a client's run that is to stop. A session's run waits for the end of its call.
async fn cut(driver: Driver, stop: &mut StopSignal) {
    match driver {
        Driver::Client => drop(more_urgent(stop, Stop::No).await),
        Driver::Session => std::future::pending().await,
    }
}

/// What the engine did by itself, for an orchestrator.
fn told(event: &Event) -> Option<String> {
    let onwards = |next: &Next| match next {
        Next::Step(step) => format!("on to `{step}`"),
        Next::Retry => "again".to_owned(),
        Next::End(_) => "the run ends".to_owned(),
        Next::Choice(_) => "you choose".to_owned(),
    };
    match event {
        Event::StepSkipped { step, why, next } => {
            Some(format!("`{step}` was skipped ({why}): {}", onwards(next)))
        }
        Event::StepExceeded { step, visits, next } => {
            Some(format!("`{step}` had its {visits} visits: {}", onwards(next)))
        }
        Event::StepEnded { step, why, next, .. } => {
            Some(format!("`{step}` decided ({why}): {}", onwards(next)))
        }
        Event::LoopStarted(begun) => Some(format!("the loop `{}` began: {}", begun.step, begun.what)),
        Event::ItemStarted { step, item, what } => Some(format!("item {item} of `{step}` began: {what}")),
        Event::ItemEnded { step, item, end } => {
            Some(format!("item {item} of `{step}` ended: {}", end.reason))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
