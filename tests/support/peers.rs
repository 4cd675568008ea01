//! MCP clients of others, as users have them: the official SDKs (each behind a small script in `peers/`) and the Inspector.
//!
//! ```ignore
//! let Some(node) = require_node() else { return };
//! let seen = typescript(&kitchen, &node, "@modelcontextprotocol/client", "2026-07-28", &calls);
//! assert_eq!(seen["tools"], json!(["open_kitchen", "close_kitchen"]));
//! ```

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::client::{missing, tools};
use super::kitchen::Kitchen;

const REQUIRED: &str = "AUTOSKILLIT_REQUIRE_PEERS";

/// The folder of the pinned packages for node; `None` after saying that the test is skipped.
pub fn require_node() -> Option<PathBuf> {
    let modules = tools().join("peers/node_modules");
    let there = ["client", "inspector", "sdk"]
        .iter()
        .all(|package| modules.join("@modelcontextprotocol").join(package).is_dir());
    if !there {
        missing("an MCP client for node", REQUIRED);
    }
    there.then_some(modules)
}

/// The Python that has the pinned SDK; `None` after saying that the test is skipped.
pub fn require_python() -> Option<PathBuf> {
    let python = tools().join("python/bin/python");
    let there = python.is_file();
    if !there {
        missing("the MCP client for Python", REQUIRED);
    }
    there.then_some(python)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/peers").join(name)
}

/// A program where the server of `kitchen` runs, with the environment that it is to have.
fn program(kitchen: &Kitchen, program: impl AsRef<OsStr>) -> Command {
    let server = kitchen.server(None);
    let mut command = Command::new(program);
    command.env_clear().envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(kitchen.repository()).stdin(Stdio::null());
    command
}

/// What a program that has to succeed prints, which is JSON.
#[track_caller]
fn printed(command: &mut Command) -> Value {
    let (code, out, err) = ran(command);
    assert_eq!(code, Some(0), "{command:?}\n{out}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn ran(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("a peer can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// What a TypeScript SDK sees of a server that it starts, in this generation of the protocol.
#[track_caller]
pub fn typescript(
    kitchen: &Kitchen,
    modules: &Path,
    package: &str,
    generation: &str,
    calls: &Value,
) -> Value {
    let mut node = program(kitchen, "node");
    node.arg(script("client.mjs")).arg(modules).args([package, generation, &calls.to_string()]);
    node.args([env!("CARGO_BIN_EXE_autoskillit"), "serve"]);
    printed(&mut node)
}

/// What the Python SDK sees of a server that it starts, in this generation of the protocol.
#[track_caller]
pub fn python(kitchen: &Kitchen, python: &Path, generation: &str, calls: &Value) -> Value {
    let mut python = program(kitchen, python);
    python.arg(script("client.py")).args([generation, &calls.to_string()]);
    python.args([env!("CARGO_BIN_EXE_autoskillit"), "serve"]);
    printed(&mut python)
}

/// What the Inspector says to these arguments about a server of its own: its exit code, and the JSON that it prints.
pub fn inspect(kitchen: &Kitchen, modules: &Path, era: &str, args: &[&str]) -> (Option<i32>, Value) {
    let mut node = program(kitchen, "node");
    node.arg(modules.join("@modelcontextprotocol/inspector/clients/launcher/build/index.js"));
    node.args(["--cli", env!("CARGO_BIN_EXE_autoskillit"), "serve", "--quiet", "--format", "json"]);
    let (code, out, err) = ran(node.args(["--protocol-era", era]).args(args));
    let said = if out.is_empty() { &err } else { &out };
    (code, serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}

/// A connection of the Inspector that lasts over several commands: a process in the background keeps it, until this is dropped.
pub struct Inspector<'a> {
    kitchen: &'a Kitchen,
    modules: PathBuf,
}

impl<'a> Inspector<'a> {
    /// Starts a server and connects to it.
    pub fn connect(kitchen: &'a Kitchen, modules: PathBuf, era: &str) -> Self {
        let inspector = Self { kitchen, modules };
        inspector.says(&["connect", "--era", era, "--", env!("CARGO_BIN_EXE_autoskillit"), "serve"]);
        inspector
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut node = program(self.kitchen, "node");
        node.arg(self.modules.join("@modelcontextprotocol/inspector/clients/mcpdo/build/mcp-bin.js"));
        // A process of this kitchen alone, which asks no keychain.
        node.env("MCP_INSPECTOR_DAEMON_DIR", self.kitchen.home().join(".peer"))
            .env("MCP_INSPECTOR_DAEMON_TOKEN", "kitchen")
            .env("MCP_INSPECTOR_SECRET_STORE", "memory");
        node.args(["--format", "json", "--connection", "kitchen"]).args(args);
        node
    }

    /// What a command prints.
    #[track_caller]
    pub fn says(&self, args: &[&str]) -> Value {
        printed(&mut self.command(args))
    }

    /// The names of the tools.
    #[track_caller]
    pub fn tools(&self) -> Value {
        names(&self.says(&["tools/list"])["tools"])
    }

    /// Makes calls as the scripts of the SDKs do, and tells the same of them.
    #[track_caller]
    pub fn answers(&self, calls: &Value) -> Vec<Value> {
        let mut answers = Vec::new();
        for call in calls.as_array().expect("calls are a list") {
            let tool = call["tool"].as_str().expect("a call names its tool");
            let given = call["arguments"].to_string();
            let result = self.says(&["tools/call", tool, "--tool-args-json", &given]);
            let mut answer =
                json!({ "tool": tool, "is_error": result["isError"] == true, "value": value(&result) });
            if call["changes"] == true {
                answer["tools"] = self.tools();
            }
            answers.push(answer);
        }
        answers
    }
}

impl Drop for Inspector<'_> {
    fn drop(&mut self) {
        let _ = self.command(&["daemon", "stop"]).output();
    }
}

/// The names in a list of tools.
pub fn names(tools: &Value) -> Value {
    let tools = tools.as_array().unwrap_or_else(|| panic!("a list of tools, not {tools}"));
    tools.iter().map(|tool| tool["name"].clone()).collect()
}

/// The JSON in the text of a call's result.
pub fn value(result: &Value) -> Value {
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("a text, not {result}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
