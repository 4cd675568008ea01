//! The real client connects to the server, as a user has it: configured in the project, its tools used by the model.

use serde_json::{Value, json};

use super::support::api::{Conversation, Reply, ScriptedApi};
use super::support::client::{RealClient, Scratch, require_client};
use super::support::kitchen::{CHORE, processes_of, until};

const PREFIX: &str = "mcp__autoskillit__";

fn tool(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// A project with git, a skill, and the server's configuration.
fn project(client: &std::path::Path) -> (Scratch, String) {
    let scratch = Scratch::new();
    scratch.write("project/README.md", "# A kitchen\n");
    scratch.write("project/.autoskillit/skills/chore/SKILL.md", CHORE);
    let link = scratch.write("bin/.keep", "").with_file_name("claude");
    std::os::unix::fs::symlink(client, &link).expect("a temporary directory takes a link");
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.env_clear()
            .envs(super::support::client::scratch_env(&scratch.home()))
            .args(args)
            .current_dir(scratch.project());
        assert!(git.status().expect("git can be run").success(), "git {args:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "stock the kitchen"]);
    let server = json!({ "mcpServers": { "autoskillit": {
        "type": "stdio", "command": env!("CARGO_BIN_EXE_autoskillit"), "args": ["serve", "--config", format!("client.program={}", link.display())], "alwaysLoad": true,
    } } });
    let config = scratch.write("mcp.json", &server.to_string());
    (scratch, config.display().to_string())
}

fn last(conversation: &Conversation) -> Value {
    let text = conversation.last_tool_results().pop().expect("a tool was called").text;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn real_client_opens_the_kitchen_and_runs_a_command_and_a_skill() {
    let Some(client) = require_client() else { return };
    let (scratch, config) = project(&client);
    let api = ScriptedApi::start(|conversation: &Conversation| {
        if !conversation.has_tool(&tool("open_kitchen")) {
            // The session of the skill.
            return match conversation.assistant_turns() {
                0 => Reply::bash("echo swept > floor.txt"),
                1 => Reply::structured_output(json!({ "summary": "the floor is swept" })),
                _ => Reply::text("Done."),
            };
        }
        let turns = conversation.assistant_turns();
        assert!(turns < 12, "it goes round in circles: {:?}", conversation.last_tool_results());
        if turns == 0 {
            assert!(!conversation.has_tool(&tool("run_cmd")), "the kitchen is closed at the start");
            return Reply::tool(tool("open_kitchen"), json!({}));
        }
        // A tool that the client has not taken in yet is called again, as a model would.
        if conversation.contains("the floor is swept") {
            Reply::text(last(conversation)["summary"].as_str().unwrap_or("nothing").to_owned())
        } else if conversation.contains("\"stdout\":\"from the kitchen\"") {
            Reply::tool(tool("run_skill"), json!({ "skill": "chore", "args": ["sweep"] }))
        } else {
            assert!(conversation.contains("\"kitchen\":\"open\""), "{:?}", conversation.last_tool_results());
            Reply::tool(tool("run_cmd"), json!({ "argv": ["echo", "from the kitchen"] }))
        }
    });
    let outcome = RealClient::within(scratch, client, &api)
        .arg(format!("--mcp-config={config}"))
        .arg("--strict-mcp-config")
        .run("Use the kitchen.");
    let init = outcome.system("init")[0];
    assert_eq!(init["mcp_servers"][0]["status"], "connected", "{init}");
    assert_eq!(outcome.result()["result"], "the floor is swept", "{:#?}", outcome.records);
    let floor = std::fs::read_to_string(outcome.scratch.project().join("floor.txt"));
    assert_eq!(floor.ok().as_deref(), Some("swept\n"));
}

#[test]
fn real_client_whose_server_is_killed_in_the_middle_of_a_call_is_told_so_and_nothing_stays() {
    let Some(client) = require_client() else { return };
    let (scratch, config) = project(&client);
    let api = ScriptedApi::start(|conversation: &Conversation| match conversation.assistant_turns() {
        0 => Reply::tool(tool("open_kitchen"), json!({})),
        1 => Reply::tool(
            tool("run_cmd"),
            json!({ "cmd": "touch begun; kill -9 $(ps -o ppid= -p $PPID); sleep 1000" }),
        ),
        _ => {
            let result = conversation.last_tool_results().pop().expect("the call has a result");
            Reply::text(format!("error: {}", result.is_error))
        }
    });
    let outcome = RealClient::within(scratch, client, &api)
        .arg(format!("--mcp-config={config}"))
        .arg("--strict-mcp-config")
        .run("Use the kitchen.");
    assert_eq!(outcome.result()["result"], "error: true", "{:#?}", outcome.records);
    assert!(outcome.scratch.project().join("begun").exists(), "the command was run");
    let home = outcome.scratch.home();
    until("the end of the command that outlived its server", || {
        processes_of(&home).iter().all(|(_, line)| line != "sleep 1000")
    });
}
