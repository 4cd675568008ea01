//! The session as it is played: each act, its records in the client's shapes, its pauses.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::options::Options;
use super::{VERSION, files, schema};
use crate::core::text::command_line;
use crate::core::time::millis;
use crate::execution::scenario::{Act, Ending, Failure, Script, Seconds, Spent, ToolCall};

/// The pause of an act that says nothing about it: long enough to be seen.
const BEAT: Duration = Duration::from_millis(350);

/// What is to be played, where, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) options: &'a Options,
    pub(super) cwd: &'a Path,
    pub(super) script: &'a Script,
}

/// A session that is being played onto `out`.
pub(super) struct Stage<'a, W> {
    part: Part<'a>,
    out: W,
    began: Instant,
    /// Complete messages so far; the number of the one being said.
    messages: u64,
    /// How many there will be when all goes well.
    planned: u64,
    calls: u64,
    denials: Vec<Value>,
}

/// A tool call as it goes to the stream.
struct Call {
    tool: String,
    input: Value,
    takes: Option<Seconds>,
}

/// What a call came to.
enum Came {
    Well(String),
    Wrong(String),
    Denied,
}

impl<'a, W: Write> Stage<'a, W> {
    pub(super) fn new(part: Part<'a>, out: W) -> Self {
        let calls = part.script.acts.iter().filter(|act| is_call(act)).count() as u64;
        Self {
            part,
            out,
            began: Instant::now(),
            messages: 0,
            planned: calls + 1,
            calls: 0,
            denials: Vec::new(),
        }
    }

    /// Plays to the end; whether the session ended with an error.
    pub(super) fn play(mut self) -> io::Result<bool> {
        self.init()?;
        for act in &self.part.script.acts {
            if let Err(why) = self.act(act)? {
                return self.broken(&why);
            }
        }
        match &self.part.script.ending {
            Ending::Answer(answer) => self.answer(Value::Object(answer.clone())),
            Ending::MadeUp => {
                let schema = self.part.options.schema.clone().unwrap_or_default();
                self.answer(schema::made_up(&schema, "answer"))
            }
            Ending::Text(text) => {
                self.last_text(text)?;
                self.result(&json!({ "result": text, "terminal_reason": "completed" }))
            }
            Ending::Error(failure) => self.failure(failure),
            Ending::Tape(_) => self.broken("a recorded session is played from its tape"),
        }
    }

    /// `Err` inside tells why the session cannot go on.
    fn act(&mut self, act: &Act) -> io::Result<Result<(), String>> {
        let Part { cwd, .. } = self.part;
        let full = |path: &Path| cwd.join(path).to_string_lossy().into_owned();
        match act {
            Act::Say(text) => self.text(text)?,
            Act::Think => {
                self.block(&json!({ "type": "thinking", "thinking": "", "signature": "" }))?;
                self.pause(BEAT);
            }
            Act::Wait(time) => self.pause(time.duration()),
            Act::Hang => loop {
                std::thread::park();
            },
            Act::Tool(call) => self.call(&shown(cwd, call), || outcome(call)).map(drop)?,
            Act::Edit(edit) => {
                let path = edit.path.as_path();
                let input =
                    json!({ "file_path": full(path), "old_string": edit.replace, "new_string": edit.with });
                let done = format!("The file {} has been updated.", path.display());
                return self.call(&Call::new("Edit", input), || came(files::edit(cwd, edit), done));
            }
            Act::Write(file) => {
                let path = file.path.as_path();
                let input = json!({ "file_path": full(path), "content": file.content });
                let done = format!("The file {} has been written.", path.display());
                return self.call(&Call::new("Write", input), || came(files::write(cwd, file), done));
            }
            Act::Delete(path) => {
                let command = command_line(&["rm", "--", &path.as_path().to_string_lossy()]);
                let call = Call::new("Bash", json!({ "command": command }));
                return self.call(&call, || came(files::delete(cwd, path), String::new()));
            }
        }
        Ok(Ok(()))
    }

    fn init(&mut self) -> io::Result<()> {
        let Part { options, cwd, .. } = self.part;
        self.emit(json!({
            "type": "system", "subtype": "init", "cwd": cwd, "tools":
                ["Bash", "Edit", "Glob", "Grep", "Read", "Skill", "StructuredOutput", "Write"],
            "mcp_servers": [], "model": self.model(), "permissionMode": options.permission_mode,
            "slash_commands": [], "skills": [], "plugins": [], "capabilities": [],
            "claude_code_version": VERSION,
        }))
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.block(&json!({ "type": "text", "text": text }))?;
        self.pause(BEAT);
        Ok(())
    }

    fn last_text(&mut self, text: &str) -> io::Result<()> {
        self.text(text)?;
        self.messages += 1;
        Ok(())
    }

    /// Says the call, does it, waits, says what it came to; `Err` inside when it went wrong. The message is complete then.
    fn call(&mut self, call: &Call, work: impl FnOnce() -> Came) -> io::Result<Result<(), String>> {
        self.calls += 1;
        let id = format!("toolu_rehearsal_{:03}", self.calls);
        self.block(&json!({ "type": "tool_use", "id": id, "name": call.tool, "input": call.input }))?;
        self.messages += 1;
        let came = work();
        self.pause(call.takes.map_or(BEAT, Seconds::duration));
        let (text, failed) = match &came {
            Came::Well(text) => (text.as_str(), false),
            Came::Wrong(text) => (text.as_str(), true),
            Came::Denied => ("Permission for this call has been denied.", true),
        };
        let result = json!({ "type": "tool_result", "tool_use_id": id, "content": text, "is_error": failed });
        let mut record = json!({
            "type": "user", "message": { "role": "user", "content": [result] }, "parent_tool_use_id": null,
        });
        if let Came::Denied = came {
            record["tool_result_meta"] = json!([{ "tool_use_id": id, "non_execution_kind": "permission", "permission_decision": "deny" }]);
            let denial = json!({ "tool_name": call.tool, "tool_use_id": id, "tool_input": call.input });
            self.denials.push(denial);
        }
        self.emit(record)?;
        match came {
            Came::Wrong(why) => Ok(Err(why)),
            Came::Well(_) | Came::Denied => Ok(Ok(())),
        }
    }

    /// The declared outputs. Without a schema the client knows of none and the text is all there is.
    fn answer(mut self, answer: Value) -> io::Result<bool> {
        let text = answer.to_string();
        let Some(schema) = &self.part.options.schema else {
            self.last_text(&text)?;
            return self.result(&json!({ "result": text, "terminal_reason": "completed" }));
        };
        if let Some(why) = schema::misfit(schema, &answer, "answer") {
            return self
                .broken(&format!("the scenario's answer does not fit what the skill declares: {why}"));
        }
        let call = Call::new("StructuredOutput", answer.clone());
        let told = "Structured output provided successfully".to_owned();
        let _ = self.call(&call, || Came::Well(told))?;
        self.result(&json!({ "result": text, "structured_output": answer, "terminal_reason": "completed" }))
    }

    fn broken(self, why: &str) -> io::Result<bool> {
        self.result(&json!({
            "subtype": "error_during_execution", "is_error": true, "terminal_reason": "error",
            "result": "", "errors": [why],
        }))
    }

    fn failure(self, failure: &Failure) -> io::Result<bool> {
        let usual = match failure.terminal_reason.as_str() {
            "budget_exhausted" => "error_max_budget_usd",
            "aborted_tools" | "aborted_streaming" => "error_during_execution",
            _ => "success",
        };
        self.result(&json!({
            "subtype": failure.subtype.as_deref().unwrap_or(usual), "is_error": true,
            "terminal_reason": failure.terminal_reason, "api_error": failure.api_error,
            "api_error_status": failure.status, "result": failure.message,
        }))
    }

    /// The last record: what every result has, and `facts`.
    fn result(mut self, facts: &Value) -> io::Result<bool> {
        let millis = millis(self.began.elapsed());
        let spent = self.part.script.usage;
        let mut record = json!({
            "type": "result", "subtype": "success", "is_error": false, "duration_ms": millis,
            "duration_api_ms": 0, "num_turns": self.messages.max(1), "result_index": 0, "total_cost_usd": spent.cost_usd,
            "usage": usage(spent.input, spent.output, spent.cache_read), "permission_denials": self.denials,
        });
        for (key, value) in facts.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            record[key] = value.clone();
        }
        let failed = record["is_error"] == json!(true);
        self.emit(record)?;
        Ok(failed)
    }

    /// One block of the message being said; every block repeats the usage of the whole message.
    fn block(&mut self, block: &Value) -> io::Result<()> {
        let Spent { input, output, cache_read, .. } = self.part.script.usage;
        let share = |total: u64| {
            let upto = |count: u64| total.saturating_mul(count.min(self.planned)) / self.planned;
            upto(self.messages + 1) - upto(self.messages)
        };
        let message = json!({
            "id": format!("msg_rehearsal_{:03}", self.messages + 1), "type": "message", "role": "assistant",
            "model": self.model(), "content": [block], "stop_reason": null, "stop_sequence": null,
            "usage": usage(share(input), share(output), share(cache_read)),
        });
        self.emit(json!({ "type": "assistant", "message": message, "parent_tool_use_id": null }))
    }

    /// One line, at once.
    fn emit(&mut self, mut record: Value) -> io::Result<()> {
        record["session_id"] = json!(self.part.options.session_id);
        record["uuid"] = json!(Uuid::new_v4());
        writeln!(self.out, "{record}")?;
        self.out.flush()
    }

    fn model(&self) -> &'a str {
        self.part.options.model.as_deref().unwrap_or(VERSION)
    }

    fn pause(&self, time: Duration) {
        let time = time.mul_f64(self.part.options.pace);
        if !time.is_zero() {
            std::thread::sleep(time);
        }
    }
}

impl Call {
    fn new(tool: &str, input: Value) -> Self {
        Self { tool: tool.to_owned(), input, takes: None }
    }
}

fn came(done: Result<(), String>, told: String) -> Came {
    done.map_or_else(Came::Wrong, |()| Came::Well(told))
}

fn outcome(call: &ToolCall) -> Came {
    match (call.denied, call.fails) {
        (true, _) => Came::Denied,
        (false, true) => Came::Wrong("Exit code 1".to_owned()),
        (false, false) => Came::Well(String::new()),
    }
}

/// A shown call with its target under the key that the tool has for it.
fn shown(cwd: &Path, call: &ToolCall) -> Call {
    let target = call.target.as_str();
    let file = || cwd.join(target).to_string_lossy().into_owned();
    let input = match call.tool.as_str() {
        _ if target.is_empty() => json!({}),
        "Read" | "Edit" | "Write" => json!({ "file_path": file() }),
        "NotebookEdit" => json!({ "notebook_path": file() }),
        "Bash" => json!({ "command": target }),
        "Grep" | "Glob" => json!({ "pattern": target }),
        "WebFetch" => json!({ "url": target }),
        "WebSearch" => json!({ "query": target }),
        "Skill" => json!({ "skill": target }),
        _ => json!({ "description": target }),
    };
    Call { tool: call.tool.clone(), input, takes: call.takes }
}

fn is_call(act: &Act) -> bool {
    matches!(act, Act::Tool(_) | Act::Edit(_) | Act::Write(_) | Act::Delete(_))
}

fn usage(input: u64, output: u64, cache_read: u64) -> Value {
    json!({
        "input_tokens": input, "output_tokens": output, "cache_read_input_tokens": cache_read,
        "cache_creation_input_tokens": 0,
    })
}
