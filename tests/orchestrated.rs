//! Runs that a Claude session drives, with the real client on both sides: the orchestrator and the sessions of the steps. The model is
//! scripted; what it calls, the engine allows or refuses.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoskillit::engine::event::{Entry, Event};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use support::api::{Conversation, Gate, Reply, ScriptedApi, Usage};
use support::client::require_client;
use support::driver::{PREFIX, drives, obeys, told};
use support::kitchen::{Cooking, Kitchen, repairs};

const GONE: Duration = Duration::from_secs(8);

const STORY: [&str; 6] = [
    "started fix-tests",
    "orchestrator 1 begins",
    "test#1 tests fail -> repair",
    "repair#1 success -> test",
    "test#2 tests pass -> green",
    "orchestrator left: success",
];

#[test]
fn real_client_drives_a_run_to_the_same_end_as_the_engine() {
    let Some(client) = require_client() else { return };
    let cook = |args: &[&str]| {
        let kitchen = Kitchen::broken(&client);
        let worker = repairs(&kitchen);
        let api = ScriptedApi::start(move |conversation| {
            if drives(conversation) { obeys(conversation) } else { worker.answer(conversation) }
        });
        let cooked = kitchen.cook(&api, args).expect_code(0);
        let end = (kitchen.read("sum.sh"), kitchen.changes());
        kitchen.assert_nothing_left(GONE);
        let requests = api.conversations().len();
        (cooked.story(), end, requests, cooked.took, cooked.journal.clone(), cooked.screen(), api)
    };
    let (story, end, engine_requests, engine_took, ..) = cook(&["fix-tests"]);
    let (driven, driven_end, requests, took, journal, screen, api) =
        cook(&["fix-tests", "--orchestrator", "claude"]);

    assert_eq!(driven[..STORY.len()], STORY);
    let without_orchestrator: Vec<_> =
        driven.iter().filter(|line| !line.starts_with("orchestrator")).collect();
    assert_eq!(without_orchestrator, story.iter().collect::<Vec<_>>(), "the same steps, routes and end");
    assert_eq!(driven_end, end, "the same state of the repository");
    // Times stand in a column, which is as wide as the longest.
    let columns = regex::Regex::new(r" {2,}\[span\]").expect("the pattern is sound");
    insta::assert_snapshot!(columns.replace_all(&screen, "  [span]"));

    let orchestrator = api.conversations().into_iter().find(drives).expect("somebody drives");
    let mut tools = orchestrator.tools();
    // A sign of the client's own, that there may be tools behind a search.
    tools.retain(|tool| *tool != "DeferredToolPlaceholder");
    tools.sort_unstable();
    let expected = ["kitchen_status", "run_skill", "test_check"].map(|tool| format!("{PREFIX}{tool}"));
    assert_eq!(tools, expected, "our tools and no others");
    let used = journal.iter().find_map(|entry| match &entry.event {
        Event::OrchestratorEnded { usage, .. } => Some(*usage),
        _ => None,
    });
    let used = used.expect("what driving took is in the journal");
    // About four bytes of a request are a token; the scripted model's own figures are made up.
    let asked: usize =
        api.conversations().iter().filter(|it| drives(it)).map(|it| it.body().to_string().len() / 4).sum();
    eprintln!(
        "engine: {engine_requests} model calls, {} ms, none for driving; claude: {requests} model calls, {} ms, of them {} for driving with about {asked} tokens of input",
        engine_took.as_millis(),
        took.as_millis(),
        used.turns
    );
    assert_eq!(used.turns, 4, "three calls and a last word");
}

#[test]
fn real_client_that_calls_a_wrong_step_is_put_right() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let worker = repairs(&kitchen);
    let api = ScriptedApi::start(move |conversation| {
        if !drives(conversation) {
            return worker.answer(conversation);
        }
        match conversation.assistant_turns() {
            // A step that is not due, a step that does not exist, the right step with the wrong tool.
            0 => Reply::tool(format!("{PREFIX}run_skill"), json!({"step_name": "repair"})),
            1 => Reply::tool(format!("{PREFIX}test_check"), json!({"step_name": "tests"})),
            2 => Reply::tool(format!("{PREFIX}run_skill"), json!({"step_name": "test"})),
            _ => obeys(conversation),
        }
    });
    let cooked = kitchen.cook(&api, ["fix-tests", "--orchestrator", "claude"]).expect_code(0);
    assert_eq!(cooked.story()[..STORY.len()], STORY, "what was not allowed did not happen");
    let refusals: Vec<Value> = api
        .conversations()
        .iter()
        .filter(|conversation| drives(conversation) && (1..=3).contains(&conversation.assistant_turns()))
        .map(|conversation| {
            let told = told(conversation);
            json!([
                told["error_code"],
                told["next"]["step_name"],
                conversation.last_tool_results()[0].is_error
            ])
        })
        .collect();
    assert_eq!(
        json!(refusals),
        json!([["wrong_step", "test", true], ["wrong_step", "test", true], ["wrong_tool", "test", true]])
    );
}

/// A run in the middle of the call of `repair`, whose session waits for the model until the gate opens.
fn held_at_the_repair(kitchen: &Kitchen) -> (ScriptedApi, Gate, Cooking<'_>) {
    let worker = repairs(kitchen);
    let gate = Gate::new();
    let hold = gate.clone();
    let api = ScriptedApi::start(move |conversation| {
        if drives(conversation) {
            return obeys(conversation);
        }
        let reply = worker.answer(conversation);
        if conversation.assistant_turns() == 0 { reply.behind(&hold) } else { reply }
    });
    let mut cooking = kitchen.start_cooking(&api, ["fix-tests", "--orchestrator", "claude"]);
    cooking.wait_for_journal(
        "the repair",
        |event| matches!(event, Event::StepStarted { step, .. } if step == "repair"),
    );
    (api, gate, cooking)
}

#[test]
fn real_client_that_dies_is_replaced_and_nothing_runs_twice() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let (_api, gate, mut cooking) = held_at_the_repair(&kitchen);
    let orchestrator =
        cooking.wait_for_process(|line| line.contains("--mcp-config=") && !line.contains(" warden"));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(orchestrator), Signal::SIGKILL).expect("it runs");
    cooking.wait_for_end_of(orchestrator);
    gate.open();
    let cooked = cooking.finish().expect_code(0);
    let story = cooked.story();
    assert_eq!(story.iter().filter(|line| line.starts_with("repair#1")).count(), 1, "{story:#?}");
    assert!(story.contains(&"orchestrator 2 begins".to_owned()), "{story:#?}");
    assert_eq!(story.last().map(String::as_str), Some("succeeded: The tests pass: exit code 0."));
    assert!(cooked.screen().contains("orchestrator session 2 takes over"), "{}", cooked.screen());
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_that_only_talks_is_given_up_and_the_run_can_be_resumed_by_the_engine() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let worker = repairs(&kitchen);
    let sessions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sessions);
    let api = ScriptedApi::start(move |conversation| {
        if drives(conversation) {
            count.fetch_add(1, Ordering::SeqCst);
            return Reply::text("I believe that everything is fine already.");
        }
        worker.answer(conversation)
    });
    let cooked = kitchen.cook(&api, ["fix-tests", "--orchestrator", "claude"]).expect_code(1);
    assert_eq!(sessions.load(Ordering::SeqCst), 3, "as often as it makes sense");
    let story = cooked.story();
    let end = story.last().expect("a run has an end");
    assert!(end.starts_with("failed, resumable: 3 orchestrator sessions in a row"), "{end}");
    assert_eq!(kitchen.changes(), "");

    let cooked = kitchen.cook(&api, ["--resume", "--orchestrator", "engine"]).expect_code(0);
    assert_eq!(cooked.story().last().map(String::as_str), Some("succeeded: The tests pass: exit code 0."));
}

#[test]
fn real_client_is_waited_for_when_the_service_does_not_answer_it() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client)
        .env("CLAUDE_CODE_MAX_RETRIES", "0")
        .env("AUTOSKILLIT_RUN_SKILL__SERVICE_BACKOFF", "1");
    let worker = repairs(&kitchen);
    let asked = AtomicUsize::new(0);
    let api = ScriptedApi::start(move |conversation| match drives(conversation) {
        true if asked.fetch_add(1, Ordering::SeqCst) < 1 => Reply::overloaded(),
        true => obeys(conversation),
        false => worker.answer(conversation),
    });
    let cooked = kitchen.cook(&api, ["fix-tests", "--orchestrator", "claude"]).expect_code(0);
    let story = cooked.story();
    assert_eq!(
        story[..4],
        [STORY[0], STORY[1], "orchestrator left: service_unavailable", "orchestrator 2 begins"],
        "{story:#?}"
    );
    let waits = |entry: &&Entry| matches!(entry.event, Event::Waiting { step: None, .. });
    assert_eq!(cooked.journal.iter().filter(waits).count(), 1);
    assert!(cooked.screen().contains("waiting: the model service failed"), "{}", cooked.screen());
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_that_drives_spends_no_more_than_is_left_of_the_runs_budget() {
    let Some(client) = require_client() else { return };
    let recipe = "name: dear\ndescription: Costs money.\nlimits: {budget_usd: 0.05}\nsteps:\n  one:\n    tool: run_cmd\n    with: {cmd: 'true'}\n    on_success: done\n";
    let kitchen = Kitchen::new().client(&client).recipe("dear", recipe);
    let usage = Usage { input: 1000, output: 100_000, ..Usage::default() };
    let api =
        ScriptedApi::start(move |_| Reply::tool(format!("{PREFIX}kitchen_status"), json!({})).usage(usage));
    let cooked = kitchen.cook(&api, ["dear", "--orchestrator", "claude"]).expect_code(3);
    let story = cooked.story();
    assert_eq!(story[2], "orchestrator left: budget_exhausted", "{story:#?}");
    assert!(story[3].starts_with("exhausted: "), "{story:#?}");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_is_stopped_with_the_run_and_a_resume_drives_on() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let (api, gate, cooking) = held_at_the_repair(&kitchen);
    cooking.signal(Signal::SIGINT);
    let cooked = cooking.finish().expect_code(130);
    assert!(
        cooked.story().last().is_some_and(|end| end.starts_with("stopped, resumable")),
        "{:#?}",
        cooked.story()
    );
    kitchen.assert_nothing_left(GONE);

    gate.open();
    let cooked = kitchen.cook(&api, ["--resume"]).expect_code(0);
    let story = cooked.story();
    assert!(story.contains(&"orchestrator 2 begins".to_owned()), "a run goes on as it began: {story:#?}");
    assert_eq!(story.last().map(String::as_str), Some("succeeded: The tests pass: exit code 0."));
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn a_rehearsal_is_not_driven_by_a_model() {
    let kitchen = Kitchen::new();
    let refused = kitchen.run(["cook", "fix-tests", "--rehearse", "--orchestrator", "claude"]).expect_code(2);
    assert!(refused.stderr.contains("a rehearsal has no model that could drive it"), "{}", refused.stderr);
}

/// A recipe as AutoSkillit 0.9 has them: hints, a note that goes through parts, a step whose skip leads nowhere, a word to replace.
const NOTES: &str = r#"name: walls
description: Build the parts of a plan one after the other, then draw what was built
autoskillit_version: "0.9.0"
ingredients:
  goal: {description: What is built, default: a house}
  review: {description: Whether the plan is reviewed, default: "false"}
kitchen_rules:
  - One part after the other.
steps:
  plan:
    tool: run_skill
    with: {skill_command: "/autoskillit:plan ${{ inputs.goal }}", issue_number: "42", step_name: plan}
    capture: {part: "${{ result.part }}", parts: "${{ result.parts }}"}
    on_success: look
    on_failure: failed
  look:
    tool: run_skill
    with: {skill_command: "/autoskillit:judge ${{ context.part }}"}
    optional: true
    skip_when_false: inputs.review
    on_result:
      - {when: "${{ result.verdict }} == GO", route: build}
      - {when: "${{ result.verdict }} == NO GO", route: plan}
    on_failure: failed
  build:
    tool: run_cmd
    with: {cmd: "echo ${{ context.part }} >> built.txt"}
    on_success: more
    on_failure: failed
  more:
    action: route
    on_result:
      - {when: "${{ result.next }} == more_parts", route: build}
      - {route: draw}
    note: Take the parts in their order; part is the one that is built.
  draw:
    tool: run_skill
    with: {skill_command: "/autoskillit:draw-{slug} ${{ context.parts }}"}
    capture_list: {drawn: "${{ result.picture }}"}
    on_success: done
    on_failure: failed
    note: Once for plan and once for wall.
  done: {action: stop, message: "Drew ${{ context.drawn }}."}
  failed: {action: stop, message: It failed.}
"#;

/// A project with that recipe and its skills.
fn with_notes(client: &std::path::Path) -> Kitchen {
    let skill = |name: &str, outputs: &str| {
        format!(
            "---\nname: {name}\ndescription: Does it.\noutputs:\n{outputs}writes: never\n---\nThe work of {name}: $ARGUMENTS\n"
        )
    };
    let drawing = "  picture: {description: What it shows.}\n";
    Kitchen::new()
        .client(client)
        .recipe("walls", NOTES)
        .skill(
            "plan",
            &skill("plan", "  part: {description: The first part.}\n  parts: {description: All parts.}\n"),
        )
        .skill("judge", &skill("judge", "  verdict: {description: GO or NO GO.}\n"))
        .skill("draw-plan", &skill("draw-plan", drawing))
        .skill("draw-wall", &skill("draw-wall", drawing))
}

/// The sessions of its steps; a picture shows what the session was asked for.
fn works(conversation: &Conversation) -> Reply {
    if conversation.assistant_turns() > 0 {
        return Reply::text("Done.");
    }
    let asked =
        conversation.messages().iter().rev().map(Value::to_string).find(|text| text.contains("The work of"));
    let asked = asked.expect("a session has its skill");
    let asked =
        asked.split("The work of ").nth(1).and_then(|rest| rest.split("\\n").next()).unwrap_or_default();
    match asked.starts_with("plan") {
        true => Reply::structured_output(json!({"part": "one", "parts": "one,two"})),
        false => Reply::structured_output(
            json!({"picture": asked.trim_end_matches(|other: char| !other.is_alphanumeric())}),
        ),
    }
}

/// A model that reads notes: it does what it is told, and decides what is left to it.
fn judges(conversation: &Conversation) -> Reply {
    let told = told(conversation);
    let next = &told["next"];
    let choose = |target: &str, set: Value| {
        let given = json!({"step_name": next["step_name"], "target": target, "reason": "the note says so", "set": set});
        Reply::tool(format!("{PREFIX}choose_route"), given)
    };
    let known = &next["variables"];
    let drawn = |known: &Value| known["drawn"].as_array().map_or(0, Vec::len);
    match (next["do"].as_str(), next["step_name"].as_str()) {
        (Some("call"), Some(step)) => {
            let open = &next["open"];
            let refused = conversation.body().to_string().matches("this call was not made").count();
            let command = open["skill_command"].as_str().unwrap_or_default();
            let slug = ["plan", "wall"][drawn(&open["variables"]).min(1)];
            let given = match step {
                "plan" => {
                    json!({"step_name": step, "skill_command": format!("{command} of issue {}", open["hints"]["issue_number"].as_str().unwrap_or_default())})
                }
                // At first it forgets what is to be replaced, then it changes more than that, then there is no such skill.
                "draw" if drawn(&open["variables"]) == 0 && refused < 3 => match refused {
                    0 => json!({"step_name": step}),
                    1 => json!({"step_name": step, "skill_command": "/autoskillit:draw-plan something else"}),
                    _ => json!({"step_name": step, "skill_command": command.replace("{slug}", "sky")}),
                },
                "draw" => json!({"step_name": step, "skill_command": command.replace("{slug}", slug)}),
                _ => json!({"step_name": step}),
            };
            Reply::tool(format!("{PREFIX}{}", next["tool"].as_str().expect("a call has a tool")), given)
        }
        (Some("choose"), Some("look")) => choose("build", json!({})),
        (Some("choose"), Some("more")) if known["part"] == "one" => choose("build", json!({"part": "two"})),
        (Some("choose"), Some("more")) => choose("draw", json!({})),
        (Some("choose"), Some("draw")) if drawn(known) < 2 => choose("draw", json!({})),
        (Some("choose"), Some("draw")) => choose("done", json!({})),
        (Some("over"), _) => Reply::text("The run is over."),
        _ => panic!("nothing to do in {told}"),
    }
}

#[test]
fn real_client_cooks_a_recipe_of_the_old_language_with_its_notes_to_its_end() {
    let Some(client) = require_client() else { return };
    let kitchen = with_notes(&client);
    let api =
        ScriptedApi::start(
            |conversation| if drives(conversation) { judges(conversation) } else { works(conversation) },
        );
    let cooked = kitchen.cook(&api, ["walls", "--orchestrator", "claude"]).expect_code(0);
    insta::assert_snapshot!(cooked.story().join("\n"));
    let last = api.conversations().into_iter().rev().find(drives).expect("somebody drives");
    for why in ["with `{slug}` replaced", "nothing else changed", "there is no skill `draw-sky`"] {
        assert!(last.body().to_string().contains(why), "{why}");
    }
    assert_eq!(kitchen.read("built.txt").as_deref(), Some("one\ntwo\n"));
    assert!(cooked.screen().contains("steps need judgement"), "{}", cooked.screen());
    let commands: Vec<String> = cooked
        .journal
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::StepStarted { params, .. } => params["skill_command"].as_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    assert_eq!(
        commands,
        ["plan a house of issue 42", "draw-plan one,two", "draw-wall one,two"]
            .map(|it| format!("/autoskillit:{it}")),
        "the commands as they were used are in the journal"
    );
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn what_needs_judgement_is_not_cooked_by_the_engine_alone_and_not_unasked() {
    let kitchen = with_notes(std::path::Path::new("/nonexistent/claude"));
    let refused = kitchen.run(["cook", "walls", "--orchestrator", "engine"]).expect_code(2);
    for word in ["`look`", "`more`", "`draw`", "`{slug}`", "--orchestrator claude", "on_skip:"] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    let refused = kitchen.run(["cook", "walls"]).expect_code(2);
    assert!(refused.stderr.contains("needs a session that drives it"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--orchestrator claude"), "{}", refused.stderr);
    let checked = kitchen.run(["recipes", "check", "walls", "--engine"]).expect_code(2);
    assert!(checked.stderr.contains("or a session drives the run and judges it"), "{}", checked.stderr);
    let shown = kitchen.run(["recipes", "show", "walls"]).expect_code(0);
    assert!(shown.stdout.contains("a Claude session drives it (--orchestrator claude)"), "{}", shown.stdout);
}
