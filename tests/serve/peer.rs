//! rmcp's own client, in both generations of the protocol.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CancelledNotificationParam, ClientConfig, Implementation,
    ProgressNotificationParam, ProtocolVersion, SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, Peer, PeerRequestOptions, RunningService};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::support::kitchen::Kitchen;

/// How long one thing may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What a server says by itself.
#[derive(Debug)]
enum Said {
    ToolsChanged,
    Progress(Option<String>),
}

struct Client {
    said: mpsc::UnboundedSender<Said>,
}

impl ClientHandler for Client {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        let _ = self.said.send(Said::ToolsChanged);
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let _ = self.said.send(Said::Progress(params.message));
    }

    fn get_info(&self) -> ClientConfig {
        let mut info = ClientConfig::default();
        info.client_info = Implementation::new("test", "1");
        info
    }
}

fn generations() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    ]
}

async fn connect(
    kitchen: &Kitchen,
    generation: ClientLifecycleMode,
) -> (RunningService<RoleClient, Client>, mpsc::UnboundedReceiver<Said>) {
    let command = tokio::process::Command::from(kitchen.server(None));
    let (transport, _) = TokioChildProcess::builder(command)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the server can be started");
    let (said, hears) = mpsc::unbounded_channel();
    let client = Client { said }
        .serve_with_lifecycle(transport, generation)
        .await
        .expect("they understand each other");
    (client, hears)
}

async fn tools(peer: &Peer<RoleClient>) -> Vec<Tool> {
    peer.list_all_tools().await.expect("tools are listed")
}

fn names(tools: &[Tool]) -> Vec<String> {
    tools.iter().map(|tool| tool.name.to_string()).collect()
}

async fn call(peer: &Peer<RoleClient>, name: &'static str, arguments: Value) -> (Value, bool) {
    let mut params = CallToolRequestParams::new(name);
    params.arguments = arguments.as_object().cloned();
    let result = peer.call_tool(params).await.expect("a call is answered");
    let text = result.content[0].as_text().expect("an answer is text").text.clone();
    assert_eq!(result.structured_content, None, "an answer is said once");
    (serde_json::from_str(&text).expect("an answer is JSON"), result.is_error == Some(true))
}

#[tokio::test]
async fn the_kitchen_opens_and_closes_and_its_tools_come_and_go() {
    for generation in generations() {
        let kitchen = Kitchen::new();
        let (client, mut hears) = connect(&kitchen, generation.clone()).await;
        let peer = client.peer().clone();
        let modern = generation != ClientLifecycleMode::Initialize;
        // The older generation is told without having asked.
        let mut subscription = None;
        if modern {
            let filter = SubscriptionFilter::builder().tools_list_changed().build();
            subscription = Some(peer.listen(filter).await.expect("changes can be followed"));
        }
        let closed = tools(&peer).await;
        assert_eq!(names(&closed), ["open_kitchen", "close_kitchen"]);
        let (refused, is_error) = call(&peer, "run_cmd", json!({ "cmd": "true" })).await;
        let keys = ["success", "subtype", "exit_code", "needs_retry", "retry_reason"]
            .map(|key| refused[key].clone());
        assert_eq!((json!(keys), is_error), (json!([false, "gate_error", -1, false, "none"]), true));

        let (opened, _) = call(&peer, "open_kitchen", json!({})).await;
        assert_eq!(
            (&opened["kitchen"], &opened["recipes"][0]["name"]),
            (&json!("open"), &json!("fix-tests"))
        );
        changed(&mut hears, subscription.as_mut()).await;
        let open = tools(&peer).await;
        assert_eq!(
            names(&open),
            [
                "run_skill",
                "run_cmd",
                "test_check",
                "get_token_summary",
                "get_timing_summary",
                "write_telemetry_files",
                "get_quota_events",
                "get_pipeline_report",
                "open_kitchen",
                "close_kitchen",
                "confirm",
                "choose_route",
                "list_recipes",
                "load_recipe",
                "validate_recipe",
                "kitchen_status"
            ]
        );
        for tool in &open {
            assert_eq!(
                (&tool.output_schema, &tool.title),
                (&None, &None),
                "there were clients that choke on these"
            );
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            assert!(tool.description.as_ref().is_some_and(|text| text.len() > 20), "{}", tool.name);
        }

        let (ran, is_error) =
            call(&peer, "run_cmd", json!({ "cmd": "echo out; echo err >&2; exit 3" })).await;
        let seen = ["success", "exit_code", "stdout", "stderr", "verdict"].map(|key| ran[key].clone());
        assert_eq!(
            (json!(seen), is_error),
            (json!([false, 3, "out", "err", "exit code 3"]), false),
            "a failure is an answer"
        );
        let (wrong, is_error) = call(&peer, "run_cmd", json!({ "cmd": "true", "timout": 3 })).await;
        assert_eq!((wrong["error_code"].as_str(), is_error), (Some("bad_arguments"), true));
        assert!(
            wrong["error"].as_str().is_some_and(|error| error.contains("did you mean `timeout`?")),
            "{wrong}"
        );

        call(&peer, "close_kitchen", json!({})).await;
        changed(&mut hears, subscription.as_mut()).await;
        assert_eq!(names(&tools(&peer).await), ["open_kitchen", "close_kitchen"]);
        client.cancel().await.expect("a client can leave");
        kitchen.assert_nothing_left(Duration::from_secs(8));
    }
}

/// Waits for the news that the tools are others now.
async fn changed(
    hears: &mut mpsc::UnboundedReceiver<Said>,
    subscription: Option<&mut rmcp::service::Subscription>,
) {
    let told = async {
        match subscription {
            Some(subscription) => drop(subscription.next().await.expect("a subscription goes on")),
            None => while !matches!(hears.recv().await, Some(Said::ToolsChanged)) {},
        }
    };
    tokio::time::timeout(LIMIT, told).await.expect("the client is told that the tools changed");
}

#[tokio::test]
async fn recipes_are_listed_shown_and_checked() {
    let kitchen = Kitchen::new().recipe("broken", "name: broken\nstpes: {}\n");
    let (client, _hears) = connect(&kitchen, ClientLifecycleMode::Initialize).await;
    let peer = client.peer();
    call(peer, "open_kitchen", json!({})).await;
    let (listed, _) = call(peer, "list_recipes", json!({})).await;
    let found: Vec<_> =
        listed["recipes"].as_array().expect("a list").iter().map(|recipe| recipe["name"].as_str()).collect();
    assert_eq!(found, [Some("broken"), Some("fix-tests"), Some("hello")]);
    assert!(listed["recipes"][0]["error"].is_string(), "a faulty one is listed with its fault");

    let (shown, _) = call(peer, "load_recipe", json!({ "name": "fix-tests" })).await;
    assert_eq!((&shown["valid"], &shown["steps"][0]["name"]), (&json!(true), &json!("test")));
    assert!(shown["kitchen_rules"].as_array().is_some_and(|rules| rules.len() == 2), "{shown}");
    let (missing, is_error) = call(peer, "load_recipe", json!({ "name": "fix-test" })).await;
    assert!(is_error && missing["hints"][0] == "did you mean `fix-tests`?", "{missing}");

    let (checked, is_error) = call(peer, "validate_recipe", json!({ "script_path": "broken" })).await;
    assert_eq!((&checked["valid"], is_error), (&json!(false), false));
    let placed = |answer: &Value| {
        let findings = answer["findings"].as_array().expect("findings").clone();
        findings
            .into_iter()
            .find(|finding| finding["line"] == 2)
            .unwrap_or_else(|| panic!("no place in {answer}"))
    };
    assert_eq!(placed(&checked)["file"], ".autoskillit/recipes/broken.yaml");
    let (opened, is_error) = call(peer, "open_kitchen", json!({ "name": "broken" })).await;
    assert_eq!((is_error, &opened["kitchen"]), (true, &json!("closed")));
    assert_eq!(placed(&opened), placed(&checked));
}

const ASKS: &str = "\
name: asks
description: Asks before it goes on.
ingredients:
  who: {description: Whom to greet, required: true}
steps:
  greet:
    tool: run_cmd
    with: {argv: [echo, 'hello ${{ inputs.who }}']}
    capture: {greeting: '${{ result.stdout }}'}
    on_success: sure
  sure:
    action: confirm
    message: 'Say ${{ context.greeting }} again?'
    on_success: again
    on_failure: enough
  again:
    tool: run_cmd
    with: {argv: [echo, '${{ context.greeting }}']}
    on_success: enough
  enough:
    stop: {status: succeeded, message: 'Said ${{ context.greeting }}.'}
";

#[tokio::test]
async fn a_run_is_driven_step_by_step_with_its_questions_put_to_the_person() {
    let kitchen = Kitchen::new().recipe("asks", ASKS);
    let (client, _hears) = connect(&kitchen, ClientLifecycleMode::Initialize).await;
    let peer = client.peer();
    let (missing, is_error) = call(peer, "open_kitchen", json!({ "name": "asks" })).await;
    assert_eq!((&missing["missing"], is_error), (&json!({ "who": "Whom to greet" }), true));
    assert_eq!(kitchen.run_dir(), None, "nothing began");

    let (opened, _) =
        call(peer, "open_kitchen", json!({ "name": "asks", "overrides": { "who": "you; rm -rf x" } })).await;
    assert_eq!(opened["next"]["arguments"], json!({ "argv": ["echo", "hello you; rm -rf x"] }), "{opened}");
    assert!(opened["rules"].as_str().is_some_and(|rules| rules.contains("word for word")), "{opened}");
    let (nameless, is_error) = call(peer, "run_cmd", json!({ "cmd": "echo mine" })).await;
    assert_eq!((nameless["error_code"].as_str(), is_error), (Some("no_step"), true));
    let (early, is_error) = call(peer, "confirm", json!({ "step_name": "sure", "answer": true })).await;
    assert_eq!((early["error_code"].as_str(), is_error), (Some("no_question"), true));

    let (greeted, _) = call(peer, "run_cmd", json!({ "step_name": "greet", "cmd": "echo mine" })).await;
    assert_eq!(greeted["captured"], json!({ "greeting": "hello you; rm -rf x" }));
    assert!(greeted["note"].is_string(), "what was passed was left aside, and that is said: {greeted}");
    assert_eq!(
        (&greeted["next"]["do"], &greeted["next"]["message"]),
        (&json!("ask"), &json!("Say hello you; rm -rf x again?"))
    );
    let (status, _) = call(peer, "kitchen_status", json!({})).await;
    assert_eq!((&status["run"]["recipe"], &status["next"]["do"]), (&json!("asks"), &json!("ask")));
    let (busy, is_error) = call(peer, "open_kitchen", json!({ "name": "hello" })).await;
    assert_eq!((busy["error_code"].as_str(), is_error), (Some("run_in_progress"), true));

    let (answered, _) = call(peer, "confirm", json!({ "step_name": "sure", "answer": false })).await;
    assert_eq!(
        (&answered["next"]["do"], &answered["next"]["end"]["reason"]),
        (&json!("over"), &json!("Said hello you; rm -rf x."))
    );
    let (over, _) = call(peer, "run_cmd", json!({ "step_name": "again" })).await;
    assert_eq!(over["error_code"], "over");

    // The next recipe needs no closing in between.
    let (opened, is_error) =
        call(peer, "open_kitchen", json!({ "name": "asks", "overrides": { "who": "me" } })).await;
    assert!(!is_error && opened["next"]["step_name"] == "greet", "{opened}");
    let (closed, _) = call(peer, "close_kitchen", json!({})).await;
    assert_eq!(closed["run"]["stopped"], true, "{closed}");
    let run = closed["run"]["run_id"].as_str().expect("a run has an id").to_owned();
    let (resumed, is_error) = call(peer, "open_kitchen", json!({ "resume": run })).await;
    assert!(
        !is_error && resumed["next"]["step_name"] == "greet" && resumed["run_id"] == run.as_str(),
        "{resumed}"
    );
}

#[tokio::test]
async fn long_calls_tell_that_they_go_on_and_end_when_nobody_wants_their_answer() {
    let kitchen = Kitchen::new();
    let (client, mut hears) = connect(&kitchen, ClientLifecycleMode::Initialize).await;
    let peer = client.peer();
    call(peer, "open_kitchen", json!({})).await;
    let mut params = CallToolRequestParams::new("run_cmd");
    params.arguments = json!({ "cmd": "echo first of many; sleep 1000" }).as_object().cloned();
    let request = rmcp::model::ClientRequest::CallToolRequest(rmcp::model::CallToolRequest::new(params));
    let handle =
        peer.send_request_with_option(request, PeerRequestOptions::no_options()).await.expect("it is sent");
    let told = async {
        loop {
            match hears.recv().await {
                Some(Said::Progress(Some(line))) if line.contains("first of many") => return,
                Some(_) => {}
                None => panic!("the server is gone"),
            }
        }
    };
    tokio::time::timeout(LIMIT, told).await.expect("a call tells what happens");
    let sleeps = || kitchen.processes().iter().any(|(_, line)| line == "sleep 1000");
    let runs = async {
        while !sleeps() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, runs).await.expect("the command runs");
    let id = handle.id.clone();
    peer.notify_cancelled(CancelledNotificationParam::new(Some(id), Some("no need any more".into())))
        .await
        .expect("it is sent");
    let gone = async {
        while sleeps() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.expect("what nobody wants is ended");
    let (status, is_error) = call(peer, "kitchen_status", json!({})).await;
    assert!(!is_error, "the server goes on: {status}");
}

#[tokio::test]
async fn a_session_of_a_step_may_run_the_tests_and_nothing_else() {
    let kitchen = Kitchen::new().config("test_check: {command: 'true'}\n").env("AUTOSKILLIT_HEADLESS", "1");
    let recording = kitchen.home().join("recording");
    let kitchen =
        kitchen.env("RECORD_SCENARIO", "1").env("RECORD_SCENARIO_DIR", recording.to_str().expect("a name"));
    let (client, _hears) = connect(&kitchen, ClientLifecycleMode::Initialize).await;
    let peer = client.peer();
    assert_eq!(names(&tools(peer).await), ["test_check"]);
    for tool in ["open_kitchen", "run_skill", "run_cmd"] {
        let (refused, is_error) = call(peer, tool, json!({})).await;
        assert_eq!((refused["subtype"].as_str(), is_error), (Some("headless_error"), true), "{tool}");
    }
    for _ in 0..2 {
        let (tested, is_error) = call(peer, "test_check", json!({})).await;
        assert_eq!((&tested["passed"], is_error), (&json!(true), false), "{tested}");
    }
    let kitchens = kitchen.repository().join(".autoskillit/temp/kitchens");
    let left = std::fs::read_dir(kitchens).expect("logs are kept").count();
    assert_eq!(left, 1, "all calls of a session leave their logs in one place");
    assert!(!recording.exists(), "it is the run that is recorded");
}
