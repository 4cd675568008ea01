//! How a server starts where the home does not answer, and what it writes where.

use serde_json::{Value, json};

use super::line::Line;
use super::support::kitchen::Kitchen;

#[test]
fn a_home_that_does_not_answer_keeps_nobody_waiting() {
    let kitchen = Kitchen::new();
    let config = kitchen.home().join(".config/autoskillit");
    std::fs::create_dir_all(&config).expect("a home is writable");
    // Reading it waits for ever.
    nix::unistd::mkfifo(&config.join("config.yaml"), nix::sys::stat::Mode::S_IRWXU)
        .expect("a home takes a pipe");
    let mut line = Line::connect(kitchen.server(None));
    assert_eq!(line.tools(), ["open_kitchen", "close_kitchen"]);
    let (answer, is_error) = line.call("run_cmd", json!({ "cmd": "true" }));
    assert_eq!((answer["subtype"].as_str(), is_error), (Some("gate_error"), true));
    line.close();
    let (status, ..) = line.finish();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn standard_output_holds_the_protocol_and_nothing_else() {
    let kitchen = Kitchen::new().config("logging:\n  level: trace\nno_such_key: 1\n");
    let mut command = kitchen.server(None);
    command.arg("--verbose").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    let mut line = Line::connect(command);
    line.tools();
    // A message that is none, a request that is unknown, a kitchen that cannot be opened.
    line.say("this is not JSON");
    line.request("no/such/method", json!({}));
    let (refused, is_error) = line.call("open_kitchen", json!({}));
    assert!(
        is_error && refused["error"].as_str().is_some_and(|error| error.contains("config.yaml")),
        "{refused}"
    );
    line.logs("settings are faulty");
    line.close();
    let written = std::mem::take(&mut line.written);
    let (.., log) = line.finish();
    for text in written {
        let message: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(message["jsonrpc"], "2.0", "{text}");
    }
    assert!(
        log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "the log is lines of JSON: {log}"
    );
}

#[test]
fn the_log_says_as_much_as_the_more_verbose_of_settings_and_command_line() {
    let start = |config: &str, args: &[&str]| {
        let kitchen = Kitchen::new().config(config);
        let mut command = kitchen.server(None);
        command.args(args);
        (Line::connect(command), kitchen)
    };
    let (mut line, _kitchen) = start("logging: {level: debug, json_output: false}\n", &[]);
    line.logs("DEBUG");
    let (mut line, _kitchen) = start("logging: {level: error, json_output: false}\n", &["--verbose"]);
    line.logs("DEBUG");
    let (mut line, _kitchen) = start("logging: {level: error, json_output: false}\n", &[]);
    line.good("open_kitchen", json!({}));
    line.good("get_pipeline_report", json!({}));
    line.close();
    let quiet = line.finish().2;
    assert!(!quiet.contains("DEBUG"), "{quiet}");
}
