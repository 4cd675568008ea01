//! What a session's stream has said so far: a fold over its records.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{Assistant, Block, Denial, Init, Record, ResultRecord, ToolUse};
use super::repeats::Repeated;
use crate::core::text::first_line;
use crate::core::usage::Usage;

/// What the client gives as the model of messages that it made up itself.
const SYNTHETIC: &str = "<synthetic>";

/// How many messages are kept one by one. Only a few are under way at once: that of the session and those of its subagents.
const RECENT: usize = 256;

/// How much of what a call works on is kept, in characters.
const TARGET: usize = 200;

/// The fold.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The first `init`.
    pub init: Option<Init>,
    /// The last `result`.
    pub result: Option<ResultRecord>,
    /// The last structured answer; a later turn that only follows up on background work has none of its own.
    pub structured: Option<Value>,
    /// Text of the last assistant message of the session itself (not of a subagent) that had some.
    pub last_text: String,
    /// Every tool call in order.
    pub calls: IndexMap<String, Call>,
    /// Background tasks that are open.
    pub background: Vec<String>,
    /// The class of the last failed model call, while no answer has come since.
    pub api_trouble: Option<String>,
    /// The account's limit that refused it, while the service has not said otherwise.
    pub refused: Option<Limit>,
    /// Refused calls in order. A result tells only those of its own turn.
    pub denials: Vec<Denial>,
    /// The call that it made too often, when it is ended for that.
    pub repeated: Option<Repeated>,
    /// The session is being ended from outside: what the client still says of its end is about that, and undoes no result.
    pub(super) closing: bool,
    /// The message whose pieces came last.
    answering: String,
    /// Records read, but for the passing ones.
    pub records: u64,
    /// What all results together say that was used by model; `None` where they do not say it for themselves.
    spent: Option<IndexMap<String, Usage>>,
    /// The last messages, with model and usage: a message comes in several records, and the last one counts.
    messages: IndexMap<String, (String, Usage)>,
    /// What those before them used, by model: they are complete, and a long session has thousands.
    earlier: IndexMap<String, Usage>,
}

/// A limit of the account, as the client states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its window (`five_hour`, `seven_day`, …), or empty.
    pub window: String,
    /// When it is over, in Unix seconds.
    pub resets_at: i64,
}

/// A tool call and its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// What it works on.
    pub target: String,
    /// `None` while it runs, else whether it ended without error.
    pub ok: Option<bool>,
}

impl Call {
    /// Whether its tool writes the file that it names.
    #[must_use]
    pub fn writes(&self) -> bool {
        matches!(self.tool.as_str(), "Write" | "Edit" | "MultiEdit" | "NotebookEdit")
    }
}

/// What a record changed that people like to see.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A tool call began.
    Doing(ToolUse),
    /// The session said something; empty while it thinks.
    Saying(String),
    /// The client waits before another try of a failed model call.
    Waiting(String),
    /// Nothing to show.
    Nothing,
}

impl Facts {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record) -> Update {
        if !record.is_passing() {
            self.records += 1;
        }
        match record {
            Record::Init(init) => {
                self.init.get_or_insert_with(|| init.clone());
                Update::Nothing
            }
            Record::Assistant(assistant) => self.assistant(assistant),
            Record::User(user) => {
                for result in &user.results {
                    if let Some(call) = self.calls.get_mut(&result.id) {
                        call.ok = Some(!result.is_error);
                    }
                }
                Update::Nothing
            }
            Record::ApiRetry(retry) => {
                let class = if retry.error.is_empty() { "no answer".to_owned() } else { retry.error.clone() };
                let seconds = retry.delay_ms.div_ceil(1000);
                let text = format!("the model service answered {class}: try {} in {seconds}s", retry.attempt);
                self.api_trouble = Some(class);
                Update::Waiting(text)
            }
            Record::BackgroundTasks { open } => {
                self.background.clone_from(open);
                Update::Nothing
            }
            Record::Result(result) => {
                for denial in &result.denials {
                    if self.denials.iter().all(|known| known.id != denial.id) {
                        self.denials.push(denial.clone());
                    }
                }
                if let Some(since) = &result.models_since {
                    let spent = self.spent.get_or_insert_default();
                    for (model, usage) in since {
                        *spent.entry(model.clone()).or_default() += *usage;
                    }
                }
                if self.closing && self.result.is_some() {
                    return Update::Nothing;
                }
                if result.structured_output.is_some() {
                    self.structured.clone_from(&result.structured_output);
                }
                self.result = Some((**result).clone());
                Update::Nothing
            }
            Record::RateLimit { resets_at, status, window } => {
                let refused = (status == "rejected").then_some(*resets_at).flatten();
                self.refused = refused.map(|resets_at| Limit { window: window.clone(), resets_at });
                Update::Nothing
            }
            Record::Piece(piece) => {
                // The message's own records were written before its output was counted.
                if let (Some(output), Some((_, usage))) =
                    (piece.output, self.messages.get_mut(&piece.message_id))
                {
                    usage.output = usage.output.max(output);
                }
                // The first piece of a message: the model has begun to answer.
                if piece.message_id.is_empty() || self.answering == piece.message_id {
                    return Update::Nothing;
                }
                self.answering.clone_from(&piece.message_id);
                Update::Saying(String::new())
            }
            Record::ToolProgress { .. } | Record::Ping | Record::Other { .. } => Update::Nothing,
        }
    }

    fn assistant(&mut self, assistant: &Assistant) -> Update {
        // What the client says in the model's place (an error of the service) used nothing and is no turn.
        let answered = !assistant.message_id.is_empty() && assistant.model != SYNTHETIC;
        if assistant.model != SYNTHETIC {
            self.api_trouble = None;
        }
        if let (Some(usage), true) = (assistant.usage, answered) {
            self.messages.insert(assistant.message_id.clone(), (assistant.model.clone(), usage));
            if self.messages.len() > RECENT {
                for (_, (model, usage)) in self.messages.drain(..RECENT / 2) {
                    let total = self.earlier.entry(model).or_default();
                    *total += usage;
                    total.turns += 1;
                }
            }
        }
        let mut update = Update::Nothing;
        let mut said = Vec::new();
        for block in &assistant.blocks {
            match block {
                Block::Text(text) if !text.trim().is_empty() => {
                    said.push(text.trim());
                    update = Update::Saying(text.trim().to_owned());
                }
                Block::Text(_) => {}
                Block::Thinking => update = Update::Saying(String::new()),
                Block::ToolUse(call) => {
                    // Long sessions make thousands of calls, and a command may be a whole script.
                    let target = first_line(&call.target).chars().take(TARGET).collect();
                    let entry = Call { tool: call.name.clone(), target, ok: None };
                    self.calls.insert(call.id.clone(), entry);
                    update = Update::Doing(call.clone());
                }
            }
        }
        if assistant.parent.is_none() && !said.is_empty() {
            self.last_text = said.join("\n");
        }
        update
    }

    /// Tokens, turns and dollars of this process of the client, also where it continues a session. Counted once per message; the
    /// last `result` knows more than the messages where it is larger (the stream shows a message's output before it is complete).
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        for usage in self.earlier.values() {
            total += *usage;
        }
        for (_, usage) in self.messages.values() {
            total += *usage;
            total.turns += 1;
        }
        if let Some(result) = &self.result {
            let said = result.usage.unwrap_or_default();
            total.input = total.input.max(said.input);
            total.output = total.output.max(said.output);
            total.cache_read = total.cache_read.max(said.cache_read);
            total.cache_write = total.cache_write.max(said.cache_write);
            total.cost_usd = match &self.spent {
                Some(spent) => spent.values().map(|usage| usage.cost_usd).sum(),
                None => result.cost_usd,
            };
        }
        total
    }

    /// The same by model, those of subagents included, once per message. A `result` knows of calls that are not in the
    /// stream (titles, subagents) and says what each model cost. A message without a model counts under an empty name.
    #[must_use]
    pub fn usage_by_model(&self) -> IndexMap<String, Usage> {
        let mut models = self.earlier.clone();
        for (model, usage) in self.messages.values() {
            let total = models.entry(model.clone()).or_default();
            *total += *usage;
            total.turns += 1;
        }
        // The client's names may end with a variant, such as `[1m]`, which messages leave out.
        let plain = |name: &str| name.split('[').next().unwrap_or_default().to_owned();
        let told = self.spent.as_ref().or(self.result.as_ref().map(|result| &result.models));
        for (model, said) in told.into_iter().flatten() {
            let known = models.keys().find(|known| plain(known) == plain(model)).cloned();
            let total = models.entry(known.unwrap_or_else(|| model.clone())).or_default();
            total.input = total.input.max(said.input);
            total.output = total.output.max(said.output);
            total.cache_read = total.cache_read.max(said.cache_read);
            total.cache_write = total.cache_write.max(said.cache_write);
            total.cost_usd = said.cost_usd;
        }
        models
    }

    /// Tool calls that have not ended.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.calls.values().filter(|call| call.ok.is_none()).count()
    }

    /// Refused calls that the session did not make good: no later call of the same tool succeeded.
    #[must_use]
    pub fn standing_denials(&self) -> Vec<Denial> {
        let stands = |denial: &&Denial| {
            let after = self.calls.get_index_of(&denial.id).map_or(usize::MAX, |index| index + 1);
            !self.calls.values().skip(after).any(|call| call.tool == denial.tool && call.ok == Some(true))
        };
        self.denials.iter().filter(stands).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::record::{Piece, ToolResult, User};

    fn message(id: &str, output: u64, block: Block) -> Record {
        Record::Assistant(Assistant {
            message_id: id.into(),
            usage: Some(Usage { output, ..Usage::default() }),
            blocks: vec![block],
            ..Assistant::default()
        })
    }

    fn call(id: &str, tool: &str) -> Block {
        Block::ToolUse(ToolUse { id: id.into(), name: tool.into(), target: "x".into(), input: 0 })
    }

    fn answered(id: &str, is_error: bool) -> Record {
        Record::User(User { results: vec![ToolResult { id: id.into(), is_error, content: 0 }] })
    }

    #[test]
    fn usage_counts_a_message_once() {
        let mut facts = Facts::default();
        facts.observe(&message("m1", 5, Block::Text("a".into())));
        facts.observe(&message("m1", 5, call("t1", "Read")));
        facts.observe(&message("m2", 7, Block::Text("b".into())));
        assert_eq!(facts.usage(), Usage { output: 12, turns: 2, ..Usage::default() });
        assert_eq!(facts.open_calls(), 1);
        facts.observe(&answered("t1", false));
        assert_eq!((facts.open_calls(), facts.last_text.as_str()), (0, "b"));
    }

    #[test]
    fn the_first_piece_of_a_message_is_news() {
        let mut facts = Facts::default();
        let piece = |id: &str| Record::Piece(Piece { message_id: id.into(), output: None });
        let told: Vec<Update> = ["m1", "m1", "", "m2"].map(|id| facts.observe(&piece(id))).into();
        let thinks = || Update::Saying(String::new());
        assert_eq!(told, [thinks(), Update::Nothing, Update::Nothing, thinks()]);
    }

    #[test]
    fn the_last_piece_of_a_message_knows_its_output() {
        let mut facts = Facts::default();
        let piece = |id: &str, output| Record::Piece(Piece { message_id: id.into(), output });
        facts.observe(&piece("m1", None));
        facts.observe(&message("m1", 1, Block::Text("a".into())));
        facts.observe(&piece("m1", Some(900)));
        facts.observe(&piece("unknown", Some(7)));
        assert_eq!(facts.usage(), Usage { output: 900, turns: 1, ..Usage::default() });
        assert_eq!(facts.records, 1, "what passes is not counted");
    }

    #[test]
    fn a_session_of_many_messages_keeps_its_sums_and_not_its_messages() {
        let mut facts = Facts::default();
        let many = 10 * RECENT as u64;
        for number in 0..many {
            // Each message comes in two records, the second after the next message began.
            facts.observe(&message(&format!("m{number}"), 1, Block::Thinking));
            if let Some(before) = number.checked_sub(1) {
                facts.observe(&message(&format!("m{before}"), 3, Block::Thinking));
            }
        }
        let used = Usage { output: 3 * (many - 1) + 1, turns: many, ..Usage::default() };
        assert_eq!(facts.usage(), used);
        assert_eq!(facts.usage_by_model().into_values().collect::<Vec<_>>(), [used]);
        assert!(facts.messages.len() <= RECENT);
    }

    #[test]
    fn usage_by_model_counts_a_message_once_and_knows_what_only_the_result_says() {
        let said = |id: &str, model: &str, parent: Option<&str>, output| {
            Record::Assistant(Assistant {
                message_id: id.into(),
                model: model.into(),
                parent: parent.map(str::to_owned),
                usage: Some(Usage { output, ..Usage::default() }),
                blocks: vec![Block::Thinking],
            })
        };
        let mut facts = Facts::default();
        for record in [
            said("m1", "opus", None, 5),
            said("m1", "opus", None, 5),
            said("m2", "haiku", Some("t1"), 7),
            said("m3", SYNTHETIC, None, 9),
        ] {
            facts.observe(&record);
        }
        let mut models = facts.usage_by_model();
        assert_eq!(models.shift_remove("opus"), Some(Usage { output: 5, turns: 1, ..Usage::default() }));
        assert_eq!(models.shift_remove("haiku"), Some(Usage { output: 7, turns: 1, ..Usage::default() }));
        assert!(models.is_empty(), "{models:?}");

        let by_result = [
            ("opus[1m]".to_owned(), Usage { output: 11, cost_usd: 0.5, ..Usage::default() }),
            ("sonnet".to_owned(), Usage { input: 3, ..Usage::default() }),
        ];
        let result = ResultRecord { models: by_result.into_iter().collect(), ..ResultRecord::default() };
        facts.observe(&Record::Result(Box::new(result)));
        let models = facts.usage_by_model();
        assert_eq!(models.keys().collect::<Vec<_>>(), ["opus", "haiku", "sonnet"]);
        assert_eq!(models["opus"], Usage { output: 11, turns: 1, cost_usd: 0.5, ..Usage::default() });
        assert_eq!(models["haiku"].output, 7, "what the result leaves out stays");
    }

    #[test]
    fn what_is_said_while_it_is_ended_undoes_no_result() {
        let said = |text: &str| {
            Record::Result(Box::new(ResultRecord {
                text: text.into(),
                cost_usd: 1.0,
                ..ResultRecord::default()
            }))
        };
        let mut facts = Facts { closing: true, ..Facts::default() };
        facts.observe(&said("interrupted in its work"));
        assert_eq!(facts.result.as_ref().unwrap().text, "interrupted in its work");
        let mut facts = Facts::default();
        facts.observe(&said("done"));
        facts.closing = true;
        facts.observe(&said("interrupted while it left"));
        assert_eq!(facts.result.unwrap().text, "done");
    }

    #[test]
    fn a_denial_stands_until_the_same_tool_succeeds_later() {
        let denied = |facts: &mut Facts| {
            let denials = vec![Denial { id: "t2".into(), tool: "Bash".into(), target: "rm".into() }];
            facts.observe(&Record::Result(Box::new(ResultRecord { denials, ..ResultRecord::default() })));
        };
        let mut facts = Facts::default();
        facts.observe(&message("m1", 1, call("t1", "Bash")));
        facts.observe(&answered("t1", false));
        facts.observe(&message("m2", 1, call("t2", "Bash")));
        facts.observe(&answered("t2", true));
        denied(&mut facts);
        assert_eq!(facts.standing_denials().len(), 1, "an earlier success does not make it good");
        facts.observe(&message("m3", 1, call("t3", "Bash")));
        facts.observe(&answered("t3", false));
        assert!(facts.standing_denials().is_empty());
    }
}
