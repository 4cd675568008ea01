//! What a recipe leaves to judgement: its driver decides within what is open, and the engine keeps everything else.

use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::{Driver, Upcoming, Wheel, essence, steer_on};
use crate::engine::event::{Entry, Event, RunEnded, RunStatus};
use crate::engine::host::{Call, Outcome};
use crate::engine::judged::{CHOICES, Chosen};
use crate::engine::testing::{outcome, recipe, started, stdout, told};
use crate::recipe::executable::{may_ask, stopping};
use crate::recipe::model::Recipe;

/// Hints, an unclear skip, parts that only a note goes through, a blank, a command without a route.
const PARTS: &str = "
autoskillit_version: '0.9.0'
ingredients: {goal: {default: a goal}, review: {default: 'false'}}
kitchen_rules: [One part at a time.]
steps:
  plan:
    tool: run_skill
    with: {skill_command: '/autoskillit:make-plan ${{ inputs.goal }}', issue: '42', repair: '${{ context.repair }}'}
    optional_context_refs: [repair]
    capture: {plan_path: '${{ result.plan_path }}'}
    capture_list: {plan_parts: '${{ result.plan_parts }}'}
    on_success: look
    on_failure: failed
    on_context_limit: failed
  look:
    tool: run_skill
    with: {skill_command: '/autoskillit:review-approach ${{ context.plan_path }}'}
    optional: true
    skip_when_false: inputs.review
    on_result: [{when: '${{ result.verdict }} == GO', route: build}, {when: '${{ result.verdict }} == NO GO', route: plan}]
    on_failure: failed
  build:
    tool: run_cmd
    with: {cmd: 'build ${{ context.plan_path }}'}
    on_success: more
    on_failure: failed
  more:
    action: route
    on_result: [{when: '${{ result.next }} == more_parts', route: build}, {when: '${{ context.plan_path }} == skip', route: failed}, {route: draw}]
    note: Decide whether parts are left; then draw.
  draw:
    tool: run_skill
    with: {skill_command: '/autoskillit:lens-{slug} ${{ context.plan_path }}'}
    capture_list: {diagrams: '${{ result.diagram }}'}
    on_success: wait
    on_failure: wait
  wait:
    tool: run_cmd
    with: {cmd: sleep 1}
    on_failure: failed
    note: Go back to build when it says so, else finish.
  done: {action: stop, message: 'drew ${{ context.diagrams }}'}
  failed: {action: stop, message: It failed.}
";

/// The world: every answer depends on the call alone.
fn world(call: &Call) -> Outcome {
    let command = call.params["skill_command"].as_str().unwrap_or_default();
    match call.step.as_str() {
        "plan" => outcome(true, json!({ "plan_path": "p1", "plan_parts": ["p1", "p2"] })),
        "look" => outcome(true, json!({ "verdict": "PERHAPS" })),
        "draw" => outcome(true, json!({ "diagram": command })),
        _ => outcome(true, stdout("enough")),
    }
}

fn choice(target: &str, set: Value) -> Chosen {
    let set = set.as_object().cloned().unwrap_or_default();
    Chosen { target: target.to_owned(), why: format!("the note says {target}"), set }
}

/// A driver that follows the notes, by nothing but what it is told.
async fn judge(wheel: &Wheel) -> bool {
    let standing = wheel.ready().await;
    let answer = match &standing.next {
        Upcoming::Call { step_name, tool, open, .. } => {
            let mut given = Map::new();
            if let Some(to_fill) = open {
                let drawn =
                    to_fill.known.variables.get("diagrams").and_then(Value::as_array).map_or(0, Vec::len);
                let slug = ["c4", "flow"][drawn.min(1)];
                let command = match to_fill.open.fill_in.is_empty() {
                    true => format!("{} #42", to_fill.open.skill_command),
                    false => to_fill.open.skill_command.replace("{slug}", slug),
                };
                given.insert("skill_command".to_owned(), json!(command));
            }
            wheel.call_with(step_name, tool, given).await
        }
        Upcoming::Choose(due) => {
            let seen = |name: &str| due.known.variables.get(name).cloned().unwrap_or_default();
            let chosen = match due.step_name.as_str() {
                "look" => choice("build", json!({})),
                "more" if seen("plan_path") == "p1" => choice("build", json!({ "plan_path": "p2" })),
                "more" => choice("draw", json!({})),
                "draw" if seen("diagrams").as_array().map_or(0, Vec::len) < 2 => choice("draw", json!({})),
                "draw" => choice("wait", json!({})),
                _ => choice("done", json!({})),
            };
            wheel.choose(&due.step_name, chosen).await
        }
        Upcoming::Wait { step_name, tool } => wheel.call(step_name, tool).await,
        Upcoming::Ask { step_name, .. } => wheel.answer(step_name, "yes").await,
        Upcoming::Over { .. } => return false,
    };
    answer.unwrap();
    true
}

fn start(inputs: Value) -> (Vec<Entry>, Event) {
    (Vec::new(), Event::RunStarted(started(inputs)))
}

fn driven(recipe: &Recipe, from: (Vec<Entry>, Event)) -> (Vec<Entry>, RunEnded) {
    let host = told(world);
    steer_on(recipe, &host, Driver::Client, from, |wheel, _| async move { while judge(&wheel).await {} })
}

/// A run in short: calls with their commands, and the choices.
fn story(entries: &[Entry]) -> Vec<String> {
    let line = |entry: &Entry| match &entry.event {
        Event::StepStarted { step, visit, params, .. } => {
            let command = params["skill_command"].as_str().or(params["env"]["plan_path"].as_str());
            Some(format!("{step}#{visit} {}", command.unwrap_or_default()))
        }
        Event::RouteChosen { step, next, set, .. } => Some(format!("{step} -> {next:?} {}", json!(set))),
        Event::StepSkipped { step, .. } => Some(format!("{step} skipped")),
        Event::RunEnded(end) => Some(format!("{:?}: {}", end.status, end.reason)),
        _ => None,
    };
    entries.iter().filter_map(line).collect()
}

#[test]
fn a_driver_decides_what_the_recipe_leaves_open_and_the_journal_has_each_decision() {
    let recipe = recipe(PARTS);
    let (entries, end) = driven(&recipe, start(json!({ "goal": "a goal", "review": "false" })));
    assert_eq!(end.status, RunStatus::Succeeded);
    insta::assert_snapshot!(story(&entries).join("\n"));
}

#[test]
fn what_is_to_be_judged_is_told_with_everything_that_it_takes() {
    let recipe = recipe(PARTS);
    let host = told(world);
    let seen = Mutex::new(Vec::new());
    let kept = &seen;
    steer_on(
        &recipe,
        &host,
        Driver::Client,
        start(json!({ "goal": "g", "review": "true" })),
        |wheel, _| async move {
            loop {
                let next = wheel.ready().await.next.clone();
                let told = next.told();
                let judged = matches!(&next, Upcoming::Choose(_) | Upcoming::Call { open: Some(_), .. });
                if judged && !kept.lock().unwrap().iter().any(|(known, _)| *known == told) {
                    kept.lock().unwrap().push((told, json!(next)));
                }
                if !judge(&wheel).await {
                    break;
                }
            }
        },
    );
    insta::assert_json_snapshot!(seen.into_inner().unwrap());
}

#[test]
fn a_run_cut_off_anywhere_goes_on_with_what_was_decided() {
    let recipe = recipe(PARTS);
    let (whole, end) = driven(&recipe, start(json!({ "goal": "a goal", "review": "false" })));
    let expected = essence(&recipe, &whole, &end);
    for cut in 1..whole.len() {
        let past = whole[..cut].to_vec();
        let opening =
            Event::RunResumed { step: String::new(), note: String::new(), autoskillit_version: None };
        let (resumed, end) = driven(&recipe, (past, opening));
        assert_eq!(essence(&recipe, &resumed, &end), expected, "cut after {cut} lines");
        // A call that had begun keeps the command that was given to it.
        let commands = |entries: &[Entry]| {
            let mut all: Vec<_> =
                story(entries).into_iter().filter(|line| line.starts_with("draw#")).collect();
            all.dedup();
            all
        };
        assert_eq!(commands(&resumed), commands(&whole), "cut after {cut} lines");
    }
}

#[test]
fn a_call_that_had_begun_is_not_judged_anew() {
    let recipe = recipe(PARTS);
    let (whole, _) = driven(&recipe, start(json!({ "goal": "a goal", "review": "false" })));
    let at = whole
        .iter()
        .position(|entry| matches!(&entry.event, Event::StepStarted { step, .. } if step == "draw"));
    let past = whole[..=at.unwrap()].to_vec();
    let host = told(world);
    let opening = Event::RunResumed { step: "draw".into(), note: String::new(), autoskillit_version: None };
    let first = Mutex::new(None);
    let kept = &first;
    steer_on(&recipe, &host, Driver::Client, (past, opening), |wheel, _| async move {
        *kept.lock().unwrap() = Some(wheel.ready().await.next.clone());
        while judge(&wheel).await {}
    });
    let Some(Upcoming::Call { arguments, open, .. }) = first.into_inner().unwrap() else { panic!("a call") };
    assert_eq!((arguments["skill_command"].as_str(), open), (Some("/autoskillit:lens-c4 p2"), None));
}

#[test]
fn what_is_not_open_is_refused_with_what_to_do_instead_and_changes_nothing() {
    let recipe = recipe(PARTS);
    let host = told(world);
    let refused = Mutex::new(Vec::new());
    let kept = &refused;
    let (entries, end) = steer_on(
        &recipe,
        &host,
        Driver::Client,
        start(json!({ "goal": "g", "review": "false" })),
        |wheel, _| async move {
            loop {
                let standing = wheel.ready().await;
                let mut wrong = Vec::new();
                match &standing.next {
                    Upcoming::Call { step_name, tool, open: Some(_), .. } => {
                        let with = |given: Value| {
                            wheel.call_with(step_name, tool, given.as_object().cloned().unwrap_or_default())
                        };
                        wrong.push(with(json!({ "skill_command": "/autoskillit:other g" })).await);
                        wrong.push(with(json!({ "cwd": "/" })).await);
                        wrong.push(wheel.choose(step_name, choice("done", json!({}))).await);
                        if step_name == "draw" {
                            wrong.push(wheel.call(step_name, tool).await);
                        }
                    }
                    Upcoming::Choose(due) => {
                        let step = due.step_name.as_str();
                        wrong.push(wheel.choose("plan", choice("done", json!({}))).await);
                        wrong.push(wheel.choose(step, choice("drwa", json!({}))).await);
                        wrong.push(
                            wheel
                                .choose(
                                    step,
                                    Chosen { why: " ".into(), ..choice(&due.targets[0], json!({})) },
                                )
                                .await,
                        );
                        wrong.push(
                            wheel.choose(step, choice(&due.targets[0], json!({ "plan_pth": "p2" }))).await,
                        );
                        wrong.push(wheel.call(step, "run_skill").await);
                        wrong.push(wheel.answer(step, "yes").await);
                    }
                    _ => {}
                }
                for (at, wrong) in wrong.into_iter().enumerate() {
                    let refusal = wrong.expect_err(&format!("wrong call {at} in {standing:?}"));
                    kept.lock().unwrap().push(format!("{}: {}", refusal.code, refusal.why));
                    assert_eq!(wheel.standing(), standing, "a refused call changes nothing");
                }
                if !judge(&wheel).await {
                    break;
                }
            }
        },
    );
    assert_eq!(end.status, RunStatus::Succeeded);
    let (undisturbed, _) = driven(&recipe, start(json!({ "goal": "g", "review": "false" })));
    assert_eq!(story(&entries), story(&undisturbed));
    let mut refused = refused.into_inner().unwrap();
    refused.sort();
    refused.dedup();
    insta::assert_snapshot!(refused.join("\n"));
}

/// A route step and what follows it, for what its conditions come to.
fn after(on_result: &str, rest: &str) -> Recipe {
    recipe(&format!(
        "autoskillit_version: '0.9.0'\n{rest}steps:\n  set: {{tool: run_cmd, with: {{cmd: x}}, capture: {{n: '${{{{ result.stdout }}}}'}}, on_success: choose, on_failure: failed}}\n  \
         choose: {{action: route, on_result: [{on_result}]}}\n  again: {{action: route, on_success: choose}}\n  done: {{action: stop, message: fine}}\n  failed: {{action: stop, message: bad}}\n"
    ))
}

#[test]
fn a_condition_that_can_be_evaluated_and_holds_decides_and_only_else_is_somebody_asked() {
    let model = "{when: 'result.next == more', route: again}";
    for (on_result, asked, end) in [
        ("{when: 'context.n == 1', route: done}, {route: failed}", false, "fine"),
        ("{when: 'context.n == 2', route: done}, {route: failed}", false, "bad"),
        (&format!("{model}, {{when: 'context.n == 1', route: done}}, {{route: failed}}"), false, "fine"),
        (&format!("{model}, {{when: 'context.n == 2', route: done}}, {{route: failed}}"), true, "fine"),
        (&format!("{{when: 'context.n == 1', route: failed}}, {model}"), false, "bad"),
        ("{when: 'result.next != more', route: failed}", true, "fine"),
        ("{when: 'context.n == 2', route: failed}", true, "fine"),
    ] {
        let recipe = after(on_result, "");
        let host = told(|_: &Call| outcome(true, stdout("1")));
        let count = Mutex::new(0);
        let kept = &count;
        let (_, ended) = steer_on(&recipe, &host, Driver::Session, start(json!({})), |wheel, _| async move {
            loop {
                let standing = wheel.ready().await;
                match &standing.next {
                    Upcoming::Choose(due) => {
                        *kept.lock().unwrap() += 1;
                        wheel.choose(&due.step_name, choice("done", json!({}))).await.map(drop).unwrap();
                    }
                    Upcoming::Call { step_name, tool, .. } => drop(wheel.call(step_name, tool).await),
                    _ => break,
                }
            }
        });
        assert_eq!((count.into_inner().unwrap() > 0, ended.reason.as_str()), (asked, end), "{on_result}");
    }
}

#[test]
fn a_loop_that_only_judgement_closes_has_an_end() {
    let model = "{when: 'result.next == more', route: again}, {route: done}";
    for (rest, most) in [("", CHOICES), ("limits: {max_visits: 60}\n", 60), ("limits: {max_visits: 3}\n", 3)]
    {
        let recipe = after(model, rest);
        let host = told(|_: &Call| outcome(true, stdout("1")));
        let (entries, end) =
            steer_on(&recipe, &host, Driver::Session, start(json!({})), |wheel, _| async move {
                loop {
                    let standing = wheel.ready().await;
                    match &standing.next {
                        Upcoming::Choose(due) => {
                            drop(wheel.choose(&due.step_name, choice("again", json!({}))).await)
                        }
                        Upcoming::Call { step_name, tool, .. } => drop(wheel.call(step_name, tool).await),
                        _ => break,
                    }
                }
            });
        let chosen = entries.iter().filter(|entry| matches!(entry.event, Event::RouteChosen { .. })).count();
        assert_eq!((end.status, end.resumable), (RunStatus::Exhausted, false), "{end:?}");
        assert_eq!(u32::try_from(chosen).unwrap(), most, "{rest}");
    }
}

#[test]
fn the_engine_alone_stops_where_judgement_begins_and_a_driver_goes_on_from_there() {
    let recipe = after("{when: 'context.n == 2', route: failed}", "");
    let host = told(|_: &Call| outcome(true, stdout("1")));
    let (entries, end) = super::cooked(&recipe, |_| outcome(true, stdout("1")));
    assert_eq!((end.status, end.resumable, end.step.as_deref()), (RunStatus::Failed, true, Some("choose")));
    assert!(end.reason.contains("no condition of `on_result` holds"), "{}", end.reason);
    assert!(end.reason.contains("--orchestrator claude"), "{}", end.reason);
    let opening = Event::RunResumed { step: "choose".into(), note: String::new(), autoskillit_version: None };
    let (_, end) = steer_on(&recipe, &host, Driver::Client, (entries, opening), |wheel, _| async move {
        let standing = wheel.ready().await;
        let Upcoming::Choose(due) = &standing.next else { panic!("{standing:?}") };
        drop(wheel.choose(&due.step_name, choice("done", json!({}))).await);
    });
    assert_eq!((end.status, end.reason.as_str()), (RunStatus::Succeeded, "fine"));
}

#[test]
fn an_end_that_was_chosen_is_an_end() {
    for (target, status) in
        [("done", RunStatus::Succeeded), ("escalate", RunStatus::Failed), ("failed", RunStatus::Failed)]
    {
        let recipe = recipe(
            "autoskillit_version: '0.9.0'\nsteps:\n  a: {tool: run_cmd, with: {cmd: x}}\n  failed: {action: stop, message: bad}\n",
        );
        let host = told(|_: &Call| outcome(true, stdout("1")));
        let (_, end) = steer_on(&recipe, &host, Driver::Client, start(json!({})), |wheel, _| async move {
            wheel.call("a", "run_cmd").await.map(drop).unwrap();
            let over = wheel.choose("a", choice(target, json!({}))).await.unwrap();
            assert!(matches!(over.next, Upcoming::Over { .. }));
        });
        assert_eq!(end.status, status, "{target}");
    }
}

#[test]
fn recipes_of_the_old_language_are_stopped_by_nothing_but_what_is_not_built() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/recipes/legacy");
    let mut seen = 0;
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let text: String =
            text.lines().filter(|line| !line.starts_with("name:")).map(|line| format!("{line}\n")).collect();
        let recipe = recipe(&text);
        assert!(may_ask(&recipe), "{}", path.display());
        for gap in stopping(&recipe, true) {
            let built = ["tool", "outputs_from", "sub_recipe"];
            assert!(built.contains(&gap.kind), "{}: {}", path.display(), gap.message);
            seen += 1;
        }
    }
    assert!(seen > 0);
}
