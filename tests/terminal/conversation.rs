//! `cook --interactive`: the real client on the terminal, and after it what happened.

use std::path::Path;

use serde_json::{Value, json};

use crate::binary::Kitchen;
use crate::pty::Pty;
use crate::support::api::{Conversation, Reply, ScriptedApi};
use crate::support::client::{isolated_env, require_client};

const PREFIX: &str = "mcp__autoskillit__";

const ASKING: &str = "\
name: soup
description: Cooks soup.
steps:
  peel: {tool: run_cmd, with: {argv: [echo, peeled]}, on_success: ask}
  ask: {action: confirm, message: Is it salted?, on_success: served, on_failure: bland}
  served: {stop: {status: succeeded, message: Served.}}
  bland: {stop: {status: failed, message: Bland.}}
";

/// A client that has been used before: it asks nothing about itself.
fn settle(kitchen: &Kitchen) {
    let state = json!({
        "hasCompletedOnboarding": true,
        "lastOnboardingVersion": "2.1.330",
        "theme": "dark",
        "customApiKeyResponses": { "approved": ["sk-ant-scripted"], "rejected": [] },
        "projects": { kitchen.path().display().to_string(): { "hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true } },
    });
    std::fs::write(kitchen.root().join("home/.claude.json"), state.to_string()).unwrap();
}

fn converse(kitchen: &Kitchen, client: &Path, api: &ScriptedApi) -> Pty {
    settle(kitchen);
    let mut command = kitchen.command(["cook", "soup", "--interactive"]);
    command.envs(isolated_env(api, &kitchen.root().join("home")));
    command.env_remove("CLAUDECODE").env("AUTOSKILLIT_CLIENT__PROGRAM", client);
    Pty::spawn(&mut command, 100)
}

fn told(conversation: &Conversation) -> Value {
    let text = conversation.last_tool_results().pop().expect("a tool was called").text;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn real_client_cooks_in_a_conversation_and_the_terminal_is_given_back() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::with_recipe("soup", ASKING);
    let api = ScriptedApi::start(|conversation: &Conversation| {
        if conversation.is_side_request() {
            return Reply::text("Soup");
        }
        eprintln!(
            "{} {:?} {:?}",
            conversation.assistant_turns(),
            conversation.tools(),
            conversation.last_tool_results()
        );
        match conversation.assistant_turns() {
            // On a terminal the client asks the model before the server is there; the call works all the same.
            0 => Reply::tool(format!("{PREFIX}kitchen_status"), json!({})),
            1 => Reply::tool(
                format!("{PREFIX}run_cmd"),
                json!({ "step_name": told(conversation)["next"]["step_name"] }),
            ),
            2 => {
                let next = &told(conversation)["next"];
                Reply::tool(
                    "AskUserQuestion",
                    json!({ "questions": [{
                    "question": next["message"], "header": "Soup", "multiSelect": false,
                    "options": [{ "label": "Yes", "description": "It is" }, { "label": "No", "description": "It is not" }],
                }] }),
                )
            }
            3 => {
                let answer = conversation.last_tool_results().pop().expect("an answer").text;
                Reply::tool(
                    format!("{PREFIX}confirm"),
                    json!({ "step_name": "ask", "answer": answer.contains("Yes") }),
                )
            }
            _ => Reply::text("The soup was served, it is over."),
        }
    });
    let mut pty = converse(&kitchen, &client, &api);
    pty.shows("Is it salted?");
    pty.types("\r");
    pty.shows("it is over");
    pty.types("/exit\r");
    assert_eq!(pty.ends(), 0, "{}", pty.text());
    pty.is_tidy();
    let text = pty.text();
    let told = &text[text.rfind("soup — Cooks soup.").expect("what happened is told at the end")..];
    insta::assert_snapshot!(kitchen.filtered(told));
}

#[test]
fn real_client_that_is_left_early_leaves_a_run_that_can_be_resumed() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::with_recipe("soup", ASKING);
    let api = ScriptedApi::start(|_: &Conversation| Reply::text("What shall we do first?"));
    let mut pty = converse(&kitchen, &client, &api);
    pty.shows("What shall we do first?");
    pty.types("/exit\r");
    assert_eq!(pty.ends(), 130, "{}", pty.text());
    pty.is_tidy();
    pty.shows("go on:");
}

#[test]
fn a_conversation_needs_a_terminal_and_another_claude_around_it_is_said() {
    let kitchen = Kitchen::with_recipe("soup", ASKING);
    kitchen.program("claude", "exit 0");
    let refused = kitchen.refused(&["cook", "soup", "--interactive"]);
    assert!(refused.err.contains("--interactive needs a terminal"), "{}", refused.err);
    let mut inside = kitchen.command(["cook", "soup", "--interactive"]);
    let refused = kitchen.screen(inside.env("CLAUDECODE", "1")).exits(2);
    assert!(refused.err.contains("this is inside of it"), "{}", refused.err);
}
