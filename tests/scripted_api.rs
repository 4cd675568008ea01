//! The real client against the scripted Messages API: the facts of its stream that we build on,
//! and the scripted API's own promises.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use serde_json::{Value, json};

use support::api::{Conversation, Gate, Reply, Script, ScriptedApi, Usage};
use support::client::{RealClient, Scratch, require_client};

/// How long a single event may take.
const LIMIT: Duration = Duration::from_secs(30);

const SCHEMA: &str = r#"{"type":"object","properties":{"verdict":{"type":"string"}},"required":["verdict"]}"#;

/// The facts of a `result` record that decide what a session was.
fn verdict(result: &Value) -> Value {
    json!({
        "subtype": result["subtype"], "is_error": result["is_error"],
        "terminal_reason": result["terminal_reason"], "api_error_status": result["api_error_status"],
    })
}

fn completed() -> Value {
    json!({"subtype": "success", "is_error": false, "terminal_reason": "completed", "api_error_status": null})
}

#[test]
fn a_text_answer_ends_the_session() {
    let Some(client) = require_client() else { return };
    let usage = Usage { input: 1000, output: 50, cache_read: 300, cache_creation: 20 };
    let api = ScriptedApi::play(Script::new().turn(Reply::text("Hello there.").usage(usage)));
    let outcome = RealClient::new(client, &api).run("say hello");

    let result = outcome.result();
    assert_eq!(verdict(result), completed());
    assert_eq!(result["result"], "Hello there.");
    assert_eq!(outcome.status.code(), Some(0));
    assert_eq!(outcome.stderr, "");

    let asked = &api.conversations()[0];
    let init = outcome.system("init")[0];
    assert_eq!(init["session_id"].as_str(), asked.session_id().as_deref());
    assert_eq!(init["model"], asked.model());
    assert_eq!(init["claude_code_version"], "2.1.330");
    assert_eq!(asked.header("x-api-key"), Some("sk-ant-scripted"));
    assert!(asked.user_text().contains("say hello"));
    assert!(asked.has_tool("Bash"));
    assert!(asked.wants_stream());

    // Only the result tells what was produced: an assistant record repeats the opening numbers.
    assert_eq!(outcome.of_type("assistant")[0]["message"]["usage"]["output_tokens"], 1);
    let total = &result["usage"];
    let numbers = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    assert_eq!(numbers.map(|name| total[name].as_u64().unwrap()), [1000, 50, 300, 20]);
}

#[test]
fn tool_calls_take_effect_and_their_results_come_back() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::start(|conversation: &Conversation| match conversation.assistant_turns() {
        0 => Reply::thinking("Two commands will do.")
            .and_text("On it.")
            .and_tool_as("toolu_write", "Bash", json!({"command": "printf soup > pot.txt"}))
            .and_tool_as("toolu_fail", "Bash", json!({"command": "echo burnt >&2; exit 3"})),
        _ => {
            let results = conversation.last_tool_results();
            let facts = results.iter().map(|r| format!("{}: {}", r.tool_use_id, r.is_error));
            Reply::text(facts.collect::<Vec<_>>().join(", "))
        }
    });
    let outcome = RealClient::new(client, &api).run("cook");

    assert_eq!(outcome.result()["result"], "toolu_write: false, toolu_fail: true");
    let pot = outcome.scratch.project().join("pot.txt");
    assert_eq!(std::fs::read_to_string(pot).unwrap(), "soup");
    assert!(api.conversations()[1].last_tool_results()[1].text.contains("burnt"));

    // One record per content block, all with the id of their message.
    let kinds: Vec<_> = outcome.blocks().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thinking", "text", "tool_use", "tool_use", "text"]);
    let mut ids: Vec<_> = outcome.of_type("assistant").iter().map(|r| r["message"]["id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2);
}

#[test]
fn structured_output_is_the_answer() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::play(Script::new().turn(Reply::structured_output(json!({"verdict": "GO"}))));
    let outcome = RealClient::new(client, &api).arg("--json-schema").arg(SCHEMA).run("judge");

    assert!(api.conversations()[0].has_tool("StructuredOutput"));
    assert_eq!(api.conversations().len(), 1, "the call ends the session without a further turn");
    assert_eq!(verdict(outcome.result()), completed());
    assert_eq!(outcome.result()["structured_output"], json!({"verdict": "GO"}));
}

#[test]
fn structured_output_that_never_comes_is_still_a_success() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::play(Script::new().then_always(Reply::text("I would say go.")));
    let outcome = RealClient::new(client, &api).arg("--json-schema").arg(SCHEMA).run("judge");

    assert!(api.conversations()[1].contains("MUST call the StructuredOutput tool"));
    assert_eq!(api.conversations().len(), 2);
    assert_eq!(verdict(outcome.result()), completed());
    assert!(outcome.result().get("structured_output").is_none());
    assert_eq!(outcome.status.code(), Some(0));
}

#[test]
fn a_rejected_key_is_retried_before_it_is_reported() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::play(Script::new().then_always(Reply::unauthorized()));
    let outcome = RealClient::new(client, &api).env("CLAUDE_CODE_MAX_RETRIES", "1").run("hello");

    let retry = outcome.system("api_retry")[0];
    assert_eq!(retry["error"], "authentication_failed");
    assert_eq!(retry["error_status"], 401);
    assert_eq!(retry["max_retries"], 1);
    assert_eq!(api.conversations().len(), 2);
    let expected = json!({
        "subtype": "success", "is_error": true, "terminal_reason": "api_error", "api_error_status": 401,
    });
    assert_eq!(verdict(outcome.result()), expected);
    assert_eq!(outcome.result()["api_error_type"], "authentication_error");
    assert_eq!(outcome.status.code(), Some(1));
}

#[test]
fn a_prompt_beyond_the_window_is_told_apart() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::play(Script::new().turn(Reply::prompt_too_long()));
    let outcome = RealClient::new(client, &api).run("a long story");

    let expected = json!({
        "subtype": "success", "is_error": true, "terminal_reason": "prompt_too_long", "api_error_status": 400,
    });
    assert_eq!(verdict(outcome.result()), expected);
    assert_eq!(outcome.status.code(), Some(1));
    assert_eq!(api.conversations().len(), 1);
}

#[test]
fn refusals_and_output_limits_end_as_api_errors() {
    let Some(client) = require_client() else { return };
    let expected = json!({
        "subtype": "success", "is_error": true, "terminal_reason": "api_error", "api_error_status": null,
    });

    let api = ScriptedApi::play(Script::new().then_always(Reply::refusal("I")));
    let outcome = RealClient::new(client.clone(), &api).run("something odd");
    assert_eq!(verdict(outcome.result()), expected);
    assert_eq!(outcome.result()["stop_reason"], "refusal");
    assert_eq!(outcome.result()["safety_stops"], 2, "the client tries once more on its own");
    assert_eq!(outcome.system("model_refusal_no_fallback").len(), 1);

    let api = ScriptedApi::play(Script::new().then_always(Reply::max_tokens("and then")));
    let outcome = RealClient::new(client, &api).run("an endless story");
    assert_eq!(verdict(outcome.result()), expected);
    assert_eq!(outcome.result()["api_error"], "max_output_tokens");
    assert_eq!(api.conversations().len(), 4, "the client resumes three times on its own");
}

#[test]
fn an_empty_answer_is_asked_for_once_more() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::play(Script::new().then_always(Reply::empty()));
    let outcome = RealClient::new(client, &api).run("hello");

    assert_eq!(verdict(outcome.result()), completed());
    assert_eq!(outcome.result()["result"], "");
    let turns: Vec<_> = api.conversations().iter().map(Conversation::assistant_turns).collect();
    assert_eq!(turns, [0, 0], "the client leaves an empty answer out of the conversation");
}

#[test]
fn the_client_recovers_from_failures_of_the_service() {
    let Some(client) = require_client() else { return };
    let failures = [
        Reply::cut(),
        Reply::text("A sentence that breaks off.").cut_midway(),
        Reply::overloaded(),
        Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "1"),
    ];
    let script = failures.into_iter().fold(Script::new(), Script::failing);
    let api = ScriptedApi::play(script.turn(Reply::text("Here at last.")));
    let outcome = RealClient::new(client, &api).run("hello");

    let told: Vec<_> = outcome
        .system("api_retry")
        .iter()
        .map(|record| (record["error"].clone(), record["error_status"].clone()))
        .collect();
    let expected = [
        (json!("unknown"), Value::Null),
        (json!("unknown"), Value::Null),
        (json!("overloaded"), json!(529)),
        (json!("rate_limit"), json!(429)),
    ];
    assert_eq!(told, expected);
    assert_eq!(verdict(outcome.result()), completed());
    assert_eq!(outcome.text(), "Here at last.", "a broken block leaves nothing in the stream");
}

#[test]
fn a_tool_call_of_a_broken_answer_runs_once_and_the_session_goes_on() {
    let Some(client) = require_client() else { return };
    let gate = Gate::new();
    let broken = Reply::bash("echo stirred >> pot").and_text("And now").cut_after_blocks(1, &gate);
    let api = ScriptedApi::play(Script::new().turn(broken).turn(Reply::text("Done.")));
    let mut running = RealClient::new(client, &api).spawn("stir");
    // The result comes only after the answer's end, the call itself while it still streams.
    running.wait_for("the call", |record| record["message"]["content"][0]["type"] == "tool_use");
    gate.open();
    let outcome = running.finish();

    let pot = outcome.scratch.project().join("pot");
    assert_eq!(std::fs::read_to_string(pot).unwrap(), "stirred\n");
    let lost: Vec<_> =
        outcome.of_type("assistant").into_iter().filter(|r| r["is_api_error_message"] == true).collect();
    assert_eq!(lost.len(), 1, "an error among the assistant records does not end the session");
    assert_eq!(lost[0]["api_error"], "connection_failed");
    assert_eq!(api.conversations()[1].assistant_turns(), 1);
    assert_eq!(verdict(outcome.result()), completed());
    assert_eq!(outcome.result()["result"], "Done.");
}

#[test]
fn a_text_of_a_broken_answer_stays_and_is_continued() {
    let Some(client) = require_client() else { return };
    let gate = Gate::new();
    let broken = Reply::text("Once upon a time.").and_text("There").cut_after_blocks(1, &gate);
    let api = ScriptedApi::play(Script::new().turn(broken).turn(Reply::text("The end.")));
    let mut running = RealClient::new(client, &api).spawn("tell");
    running.wait_for("the text", |record| record["type"] == "assistant");
    gate.open();
    let outcome = running.finish();

    assert!(api.conversations()[1].contains("Your response above was cut off mid-stream."));
    assert_eq!(outcome.text(), "Once upon a time.\nThe end.");
    assert_eq!(verdict(outcome.result()), completed());
}

#[test]
fn an_error_inside_the_stream_is_retried_without_a_stream() {
    let Some(client) = require_client() else { return };
    let failure = Reply::text("A sentence that breaks off.").fail_midway("overloaded_error", "Overloaded");
    let script = Script::new().failing(failure).turn(Reply::bash("touch done")).turn(Reply::text("Done."));
    let api = ScriptedApi::play(script);
    let outcome = RealClient::new(client, &api).run("hello");

    let streams: Vec<_> = api.conversations().iter().map(Conversation::wants_stream).collect();
    assert_eq!(streams, [true, false, true]);
    assert_eq!(outcome.system("api_retry").len(), 0, "this retry is silent");
    assert_eq!(outcome.text(), "Done.");
    assert!(outcome.scratch.project().join("done").exists());
}

#[test]
fn a_skill_of_a_plugin_expands_on_standard_input() {
    let Some(client) = require_client() else { return };
    let scratch = Scratch::new();
    scratch.write("plugin/.claude-plugin/plugin.json", r#"{"name": "autoskillit", "version": "1.0.0"}"#);
    scratch.write(
        "plugin/skills/hello/SKILL.md",
        "---\nname: hello\ndescription: Greets somebody.\n---\nGreet <$ARGUMENTS> warmly.\n",
    );
    let plugin = scratch.project().with_file_name("plugin");
    let api = ScriptedApi::play(Script::new().turn(Reply::text("Good day!")));
    let run = RealClient::within(scratch, client, &api).arg("--plugin-dir").arg(&plugin);
    let outcome = run.run("/autoskillit:hello world\nand moon");

    let asked = api.conversations()[0].user_text();
    let base = plugin.join("skills/hello");
    assert!(asked.contains(&format!("Base directory for this skill: {}", base.display())), "{asked}");
    assert!(asked.contains("Greet <world\nand moon> warmly."), "{asked}");
    let skills = outcome.system("init")[0]["skills"].as_array().unwrap();
    assert!(skills.contains(&json!("autoskillit:hello")));
    assert_eq!(outcome.result()["result"], "Good day!");
}

#[test]
fn an_interrupt_ends_the_running_command_and_is_told() {
    let Some(client) = require_client() else { return };
    let scratch = Scratch::new();
    let pipe = scratch.project().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let (tell, news) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(std::fs::File::open(pipe).unwrap());
        let mut line = String::new();
        let _ = reader.read_line(&mut line);
        let _ = tell.send(line);
        // The end of the pipe is the end of every process that holds it.
        let _ = reader.read_to_end(&mut Vec::new());
        let _ = tell.send("gone".to_owned());
    });
    let api = ScriptedApi::play(Script::new().turn(Reply::bash("exec 3>pipe; echo cooking >&3; sleep 600")));
    let mut running = RealClient::within(scratch, client, &api).spawn("cook for long");
    running.wait_for("the tool call", |record| record["message"]["content"][0]["type"] == "tool_use");
    assert_eq!(news.recv_timeout(LIMIT).unwrap(), "cooking\n");
    running.signal(Signal::SIGINT);
    let outcome = running.finish();

    assert_eq!(news.recv_timeout(LIMIT).unwrap(), "gone");
    let told = outcome.of_type("user");
    assert_eq!(told[1]["message"]["content"][0]["text"], "[Request interrupted by user for tool use]");
    // A busy machine may end the client before it has printed its result.
    for result in outcome.of_type("result") {
        assert_eq!(result["subtype"], "error_during_execution");
        assert_eq!(result["terminal_reason"], "aborted_tools");
        assert_eq!(result["is_error"], true);
        assert_eq!(result["usage"]["output_tokens"], Usage::default().output);
    }
    assert_eq!(outcome.status.code(), Some(0));
}

#[test]
fn sessions_side_by_side_do_not_disturb_each_other() {
    let Some(client) = require_client() else { return };
    let gate = Gate::new();
    let script = Script::new()
        .failing(Reply::overloaded())
        .turn(Reply::bash("pwd > here").behind(&gate))
        .turn_with(|conversation| Reply::text(conversation.session_id().unwrap_or_default()));
    let api = ScriptedApi::play(script);
    let runs = ["one", "two"].map(|prompt| RealClient::new(client.clone(), &api).spawn(prompt));
    // Both sessions stand before the same step, each after a failure of its own.
    api.wait_for_conversations(4, LIMIT);
    gate.open();
    for running in runs {
        let outcome = running.finish();
        assert_eq!(outcome.result()["result"], outcome.system("init")[0]["session_id"]);
        assert!(outcome.scratch.project().join("here").exists());
    }
}

#[test]
fn a_subagent_is_a_conversation_of_its_own() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::start(|conversation: &Conversation| {
        match (conversation.agent_id(), conversation.assistant_turns()) {
            (Some(_), _) => Reply::text("The pantry is empty."),
            (None, 0) => {
                let input = json!({
                    "description": "look", "prompt": "Look into the pantry.",
                    "subagent_type": "general-purpose", "run_in_background": false,
                });
                Reply::tool("Agent", input)
            }
            (None, _) => Reply::text("Nothing to cook."),
        }
    });
    let outcome = RealClient::new(client, &api).run("cook");

    let agents: Vec<_> = api.conversations().iter().map(|asked| asked.agent_id().is_some()).collect();
    assert_eq!(agents, [false, true, false]);
    let sessions: Vec<_> = api.conversations().iter().map(Conversation::session_id).collect();
    assert_eq!(sessions[0], sessions[1]);
    assert!(api.conversations()[2].last_tool_results()[0].text.contains("The pantry is empty."));
    assert_eq!(outcome.result()["subagent_stats"]["completed"], 1);
}

/// Sends one request without a client and returns the connection that its answer comes on.
#[expect(clippy::unwrap_used, reason = "loopback that fails should stop the test")]
fn ask(api: &ScriptedApi, request_line: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(api.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let head = "host: localhost\r\nconnection: close";
    let length = body.len();
    write!(stream, "{request_line} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    stream
}

/// The whole answer to a request, head included, until the connection closes.
fn exchange(api: &ScriptedApi, request_line: &str, body: &str) -> String {
    let mut answer = String::new();
    let _ = ask(api, request_line, body).read_to_string(&mut answer);
    answer
}

const QUESTION: &str = r#"{"model": "claude-test", "tools": [{"name": "Bash"}], "messages": []}"#;

#[test]
fn other_requests_are_answered_too() {
    let api = ScriptedApi::play(Script::new());
    assert!(exchange(&api, "HEAD /", "").starts_with("HTTP/1.1 200"));
    let counted = exchange(&api, "POST /v1/messages/count_tokens?beta=true", QUESTION);
    assert!(counted.ends_with(r#"{"input_tokens":17}"#), "{counted}");
    assert!(exchange(&api, "GET /v1/nothing", "").starts_with("HTTP/1.1 404"));
    let title = exchange(&api, "POST /v1/messages", r#"{"messages": []}"#);
    assert!(title.contains("Scripted session"), "{title}");
    assert_eq!(api.requests().len(), 4);
    assert_eq!(api.conversations().len(), 0);
}

#[test]
fn an_answer_can_break_off_at_any_byte() {
    let api = ScriptedApi::play(Script::new().turn(Reply::text("abc").cut_after(10)));
    let answer = exchange(&api, "POST /v1/messages", QUESTION);
    assert!(answer.contains("\r\n\r\nA\r\n{\"id\":\"msg\r\n"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "a complete answer: {answer}");
}

#[test]
fn a_hanging_answer_ends_with_the_server() {
    let api = ScriptedApi::play(Script::new().turn(Reply::hang()));
    let mut stream = ask(&api, "POST /v1/messages", QUESTION);
    assert_eq!(api.wait_for_conversations(1, LIMIT)[0].model(), "claude-test");
    drop(api);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
#[should_panic(expected = "the script has 0 turns")]
fn a_turn_too_many_fails_the_test() {
    let api = ScriptedApi::play(Script::new());
    assert!(exchange(&api, "POST /v1/messages", QUESTION).starts_with("HTTP/1.1 400"));
}
