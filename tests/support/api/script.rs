//! A scripted model that answers step by step.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use super::{Conversation, Reply};

type Answer = Box<dyn Fn(&Conversation) -> Reply + Send + Sync>;

/// Answers the n-th turn of a conversation with its n-th step. Turns are counted by the model's
/// messages in the conversation itself, so sessions that run side by side do not disturb each
/// other; a subagent is a conversation of its own and starts at the first step.
#[derive(Default)]
pub struct Script {
    steps: Vec<Step>,
    /// Failures waiting for the next turn to be added.
    pending: Vec<Reply>,
    last: Option<Answer>,
    /// Failures already served, by conversation and turn.
    served: Mutex<HashMap<(String, usize), usize>>,
}

struct Step {
    failures: Vec<Reply>,
    answer: Answer,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("turns", &self.steps.len()).finish_non_exhaustive()
    }
}

impl Script {
    /// A script without turns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a turn.
    pub fn turn(self, reply: Reply) -> Self {
        self.turn_with(move |_| reply.clone())
    }

    /// Adds a turn that depends on the conversation.
    pub fn turn_with(mut self, answer: impl Fn(&Conversation) -> Reply + Send + Sync + 'static) -> Self {
        let failures = std::mem::take(&mut self.pending);
        self.steps.push(Step { failures, answer: Box::new(answer) });
        self
    }

    /// Lets the next turn fail once in this way before its answer comes; several add up. An empty
    /// answer belongs here as well: the client leaves it out of the conversation and asks again.
    pub fn failing(mut self, failure: Reply) -> Self {
        self.pending.push(failure);
        self
    }

    /// Answers every further turn alike. Without it a turn too many fails the test.
    pub fn then_always(mut self, reply: Reply) -> Self {
        self.last = Some(Box::new(move |_| reply.clone()));
        self
    }

    /// The answer to this request.
    pub fn answer(&self, conversation: &Conversation) -> Reply {
        let turn = conversation.assistant_turns();
        let Some(step) = self.steps.get(turn) else {
            return self.last.as_ref().map_or_else(
                || panic!("the script has {} turns, the client asks for turn {}", self.steps.len(), turn + 1),
                |answer| answer(conversation),
            );
        };
        let mut served = self.served.lock().expect("no reader of this map panics");
        let count = served.entry((conversation.identity(), turn)).or_default();
        *count += 1;
        match step.failures.get(*count - 1) {
            Some(failure) => failure.clone(),
            None => {
                drop(served);
                (step.answer)(conversation)
            }
        }
    }
}
