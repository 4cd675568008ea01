//! What people wait for: the first answer of `autoskillit serve`, beside a server on the same library that does nothing else; how
//! much memory it holds; and the commands that a shell calls at every key, beside a program that does nothing. All in turns, one after
//! the other, so that a busier moment meets everybody.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up should stop with words")]
#![expect(clippy::print_stdout, reason = "a bench reports to the terminal")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::io::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Map, Value, json};

use support::kitchen::Kitchen;

/// Turns that count, after a few that only warm up.
const TURNS: usize = 200;
const WARM_UP: usize = 5;

/// Spawn to first answer, as a multiple of the bare server's.
const BUDGET: f64 = 1.5;
/// From this spread of the bare server's own times on, the medians tell more of the machine than of the servers.
const NOISE: f64 = 1.3;
/// Resident with all tools listed, in MB.
const MEMORY: f64 = 12.0;

/// The argument with which this program is the bare server.
const BARE: &str = "bare-server";

fn main() {
    if std::env::args().nth(1).as_deref() == Some(BARE) {
        return bare();
    }
    // `cargo test --benches` only asks whether this compiles and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let kitchen = Kitchen::new();
    first_answers(&kitchen);
    memory(&kitchen);
    commands(&kitchen);
}

/// The least that can be a server on this library: one tool, and the runtime that everybody takes.
struct Bare;

impl ServerHandler for Bare {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("bare", "1.0.0"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = Map::from_iter([("type".to_owned(), json!("object"))]);
        Ok(ListToolsResult::with_all_items(vec![Tool::new("echo", "Answers.", Arc::new(schema))]))
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("yes")]).into())
    }
}

fn bare() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        if let Ok(running) = Bare.serve(stdio_pipes()).await {
            drop(running.waiting().await);
        }
    });
    runtime.shutdown_background();
}

/// A server and this side of its pipes.
struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    next_id: u64,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().expect("a server starts");
        let stdin = child.stdin.take().expect("standard input is piped");
        let stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        Self { child, stdin, stdout, next_id: 0 }
    }

    fn send(&mut self, message: &Value) {
        self.stdin.write_all(format!("{message}\n").as_bytes()).expect("a server reads");
    }

    /// The answer to a request; what else comes is passed over.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).expect("a server writes") > 0, "the server is gone");
            let said: Value = serde_json::from_str(&line).expect("a message is JSON");
            if said["id"] == self.next_id {
                assert!(said["result"].is_object(), "{method}: {said}");
                return said["result"].clone();
            }
        }
    }

    fn leave(mut self) {
        drop(self.stdin);
        self.child.wait().expect("a server ends");
    }
}

/// The first question of each generation of the protocol.
fn questions() -> [(&'static str, Value); 2] {
    let client = json!({ "name": "bench", "version": "1.0.0" });
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": client,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    [("initialize", hello), ("server/discover", json!({ "_meta": meta }))]
}

/// A program where the servers of `kitchen` run, in the same environment.
fn in_kitchen(kitchen: &Kitchen, program: &Path, args: &[&str]) -> Command {
    let server = kitchen.server(None);
    let mut command = Command::new(program);
    command.env_clear().envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(args).current_dir(kitchen.repository());
    command
}

fn first_answers(kitchen: &Kitchen) {
    heading("spawn to first answer");
    let this = std::env::current_exe().expect("this program has a path");
    let (mut ours, mut bare) = (kitchen.server(None), in_kitchen(kitchen, &this, &[BARE]));
    for (method, params) in questions() {
        let [bare, ours] = in_turns([&mut bare, &mut ours], |command| {
            let began = Instant::now();
            let mut server = Server::start(command);
            server.ask(method, &params);
            let took = began.elapsed();
            server.leave();
            took
        });
        row(&format!("{method}, bare server"), &bare);
        row(&format!("{method}, autoskillit serve"), &ours);
        let ratio = ours.median() / bare.median();
        let quick = ours.at(10) / bare.at(10);
        println!("    ratio of the medians {ratio:.2} (budget {BUDGET}), of the quickest tenths {quick:.2}");
        let spread = bare.at(90) / bare.at(10);
        if spread > NOISE {
            println!(
                "    the bare server's own times differ by a factor of {spread:.1}: this machine is too busy to judge by"
            );
        } else if ratio > BUDGET {
            println!("    over the budget");
        }
    }
}

fn memory(kitchen: &Kitchen) {
    println!("\n{:<44} {:>8} {:>8}", "memory, in MB", "resident", "private");
    let [(_, hello), _] = questions();
    let mut server = Server::start(&mut kitchen.server(None));
    server.ask("initialize", &hello);
    server.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    server.ask("tools/list", &json!({}));
    let pid = server.child.id();
    let Some(closed) = Held::by(pid) else {
        println!("not measured: there is no /proc here");
        return server.leave();
    };
    server.ask("tools/call", &json!({ "name": "open_kitchen", "arguments": {} }));
    let tools = server.ask("tools/list", &json!({}))["tools"].as_array().map_or(0, Vec::len);
    // This one waits until the work of the start is done.
    server.ask("tools/call", &json!({ "name": "get_pipeline_report", "arguments": {} }));
    let open = Held::by(pid).expect("the server runs");
    println!("{:<44} {:>8.1} {:>8.1}", "kitchen closed", closed.resident, closed.private);
    println!(
        "{:<44} {:>8.1} {:>8.1}",
        format!("kitchen open, {tools} tools listed"),
        open.resident,
        open.private
    );
    let over = if open.resident > MEMORY { ", over it" } else { "" };
    println!("    budget {MEMORY} resident{over}");
    server.leave();
}

/// What a process holds, in MB.
struct Held {
    resident: f64,
    private: f64,
}

impl Held {
    fn by(pid: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let field = |text: &str, name: &str| -> Option<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
        };
        let private = field(&maps, "Private_Clean:")? + field(&maps, "Private_Dirty:")?;
        Some(Self { resident: field(&status, "VmRSS:")?, private })
    }
}

fn commands(kitchen: &Kitchen) {
    println!();
    heading("whole commands");
    let ours = Path::new(env!("CARGO_BIN_EXE_autoskillit"));
    let mut empty = Command::new("true");
    let mut version = in_kitchen(kitchen, ours, &["--version"]);
    let mut help = in_kitchen(kitchen, ours, &["--help"]);
    let mut complete = in_kitchen(kitchen, ours, &["__complete", "2", "autoskillit", "cook", ""]);
    let times = in_turns([&mut empty, &mut version, &mut help, &mut complete], |command| {
        let began = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("a command runs");
        let took = began.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        took
    });
    let names = ["true", "autoskillit --version", "autoskillit --help", "autoskillit __complete (recipes)"];
    for (name, times) in names.iter().zip(&times) {
        row(name, times);
    }
}

/// Times of one thing, sorted.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100].as_secs_f64() * 1000.0
    }

    fn median(&self) -> f64 {
        self.at(50)
    }
}

/// Measures each command in each turn; who is first changes from turn to turn.
fn in_turns<const N: usize>(
    commands: [&mut Command; N],
    mut measure: impl FnMut(&mut Command) -> Duration,
) -> [Times; N] {
    let mut times = [const { Vec::new() }; N];
    for turn in 0..WARM_UP + TURNS {
        for place in 0..N {
            let one = (turn + place) % N;
            let took = measure(commands[one]);
            if turn >= WARM_UP {
                times[one].push(took);
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        Times(times)
    })
}

fn heading(what: &str) {
    println!("{:<44} {:>6} {:>8} {:>6}", format!("{what}, {TURNS} turns, in ms"), "p10", "median", "p90");
}

fn row(name: &str, times: &Times) {
    println!("{name:<44} {:>6.2} {:>8.2} {:>6.2}", times.at(10), times.median(), times.at(90));
}
