//! What the engine adds to a run: a transition (budget 1 ms without the sync of the journal), loading a recipe with all
//! checks (budget 20 ms), its simulation (budget 2 s), the sync itself, and taking up a run with a long journal (budget 1 s for
//! 100,000 entries).

#![expect(clippy::expect_used, reason = "a bench that cannot be set up should stop with words")]

use std::collections::HashSet;
use std::fmt::Write;

use autoskillit::core::redact::Redactor;
use autoskillit::core::usage::Usage;
use autoskillit::engine::event::{Entry, Event, RunStarted};
use autoskillit::engine::host::Outcome;
use autoskillit::engine::journal::{Journal, SCHEMA_VERSION};
use autoskillit::engine::run::entry_step;
use autoskillit::engine::simulate::{Limits, simulate};
use autoskillit::engine::state::{At, State};
use autoskillit::engine::transition::{Begin, Decision, Moment, Places, Try, conclude, next};
use autoskillit::execution::verdict::RetryReason;
use autoskillit::recipe::builtin::BUILTIN;
use autoskillit::recipe::model::{Orchestrator, Recipe, RecipeSource};
use autoskillit::recipe::{AnySkill, Library, LibraryPaths, Origin, compile};
use divan::{Bencher, black_box};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A plan is judged until it is good: two steps, captures and a choice of routes.
const LOOP: &str = r#"
name: loop
description: plans until the judge agrees
limits: {wall_clock: 2h, sessions: 1000000, budget_usd: 1000000}
ingredients:
  task: {default: a better soup}
  attempts: {type: int, default: 1000000}
steps:
  plan:
    skill: prepare
    args: ["${{ inputs.task }}", "${{ context.remarks | default('') }}"]
    capture:
      plan: ${{ result.plan_path }}
    max_visits: ${{ inputs.attempts }}
    on_success: judge
    on_failure: escalate
  judge:
    tool: run_cmd
    skip_when_false: inputs.task != 'nothing'
    on_skip: done
    with:
      cmd: ./judge ${{ context.plan | sh }} --task ${{ inputs.task | sh }}
      env: {RUN: "${{ run.id }}", STEP: "${{ run.step }}"}
    capture:
      remarks: ${{ result.stdout | trim }}
    on_result:
      - {when: "result.exit_code == 3", route: escalate}
      - {when: "result.stdout is startingwith('GO')", route: done}
      - {route: plan}
    on_failure: escalate
"#;

/// A list of parts, some at work beside each other, each with steps of its own.
const PARTS: &str = r#"
name: parts
description: builds all parts
language: 1
ingredients:
  parts: {type: list, default: []}
steps:
  all:
    for_each: ${{ inputs.parts }}
    as: part
    mode: parallel
    max_parallel: 4
    collect: {said: "${{ context.said }}"}
    capture: {said: "${{ result.said }}"}
    allow: {dead-output: nothing follows}
    on_success: done
    steps:
      build:
        skill: prepare
        args: ["${{ item.part }}"]
        capture: {said: "${{ result.plan_path }}"}
        on_success: check
      check:
        tool: run_cmd
        with: {argv: [./check, "${{ item.part }}", "${{ context.said }}"]}
        on_success: done
"#;

fn main() {
    divan::main();
}

/// One step of an item of a loop of so many items: its start, its end, and what begins and ends with it.
#[divan::bench(args = [10, 1000])]
fn transition_in_a_loop(bencher: Bencher<'_, '_>, items: usize) {
    let recipe = load("parts", PARTS);
    let mut state = started_with(&recipe, json!({ "parts": (0..items).collect::<Vec<_>>() }));
    for _ in 0..items {
        step(&recipe, &mut state, &outcome());
    }
    let redactor = Redactor::new(std::env::vars());
    bencher.with_inputs(|| (state.clone(), outcome())).bench_local_refs(|(state, outcome)| {
        for entry in step(&recipe, state, outcome) {
            let line = serde_json::to_string(&entry).expect("an entry is JSON");
            black_box(redactor.clean(&line));
        }
    });
}

/// Reading and folding a journal of 100,000 entries, as a resume does before it goes on.
#[divan::bench(args = ["loop", "parts"], sample_count = 5, sample_size = 1)]
fn resume_100_000(bencher: Bencher<'_, '_>, name: &str) {
    const ENTRIES: u64 = 100_000;
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = dir.path().join("journal.ndjson");
    let recipe = load(name, if name == "loop" { LOOP } else { PARTS });
    let outcome = Outcome { result: told_little(), ..outcome() };
    let mut text = String::new();
    let mut write = |entries: &[Entry]| {
        for entry in entries {
            text.push_str(&serde_json::to_string(entry).expect("an entry is JSON"));
            text.push('\n');
        }
    };
    let (mut state, first) = begun(&recipe, json!({ "parts": (0..1000).collect::<Vec<_>>() }));
    write(&[first]);
    while state.seq < ENTRIES {
        if matches!(&state.main.at, At::Ending(_)) {
            // Another try of the recipe, as a resumed run makes it.
            let fresh = Event::RunStarted(facts(&recipe, state.started.clone().expect("it started").inputs));
            write(&[record(&recipe, &mut state, fresh)]);
        }
        write(&step(&recipe, &mut state, &outcome));
    }
    std::fs::write(&path, text).expect("a journal can be written");
    let redactor = Redactor::new(std::env::vars());
    bencher.bench_local(|| {
        let (_, entries) = Journal::reopen(&path, redactor.clone()).expect("it is a journal");
        State::fold(&entries, entry_step(&recipe))
    });
}

/// One step of a run as the loop does it: decide, write down the start, take what came back, decide the route, write down
/// the end. The journal lines are made, not written.
#[divan::bench(args = [0, 500])]
fn transition(bencher: Bencher<'_, '_>, earlier_steps: usize) {
    let recipe = load("loop", LOOP);
    let mut state = started(&recipe);
    for _ in 0..earlier_steps {
        step(&recipe, &mut state, &outcome());
    }
    let redactor = Redactor::new(std::env::vars());
    bencher.with_inputs(|| (state.clone(), outcome())).bench_local_refs(|(state, outcome)| {
        for entry in step(&recipe, state, outcome) {
            let line = serde_json::to_string(&entry).expect("an entry is JSON");
            black_box(redactor.clean(&line));
        }
    });
}

/// A recipe inside the binary, from text to checked graph.
#[divan::bench(args = BUILTIN.iter().map(|(name, _)| *name))]
fn load_bundled(bencher: Bencher<'_, '_>, name: &str) {
    let library = Library::new(LibraryPaths { builtin: BUILTIN, ..LibraryPaths::default() });
    bencher.bench_local(|| library.load(name, &AnySkill).expect("a bundled recipe loads"));
}

/// Every way that runs of a recipe inside the binary can take (budget 2 s for the largest).
#[divan::bench(args = BUILTIN.iter().map(|(name, _)| *name), sample_count = 10)]
fn simulate_bundled(bencher: Bencher<'_, '_>, name: &str) {
    let library = Library::new(LibraryPaths { builtin: BUILTIN, ..LibraryPaths::default() });
    let recipe = library.load(name, &AnySkill).expect("a bundled recipe loads").recipe;
    bencher.bench_local(|| every_way(&recipe));
}

/// The same for 80 steps in 40 loops with three visits each.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn simulate_80_steps(bencher: Bencher<'_, '_>) {
    let recipe = load("long", &as_people_write());
    bencher.bench_local(|| every_way(&recipe));
}

fn every_way(recipe: &Recipe) {
    let report = simulate(recipe, &AnySkill, &Limits { states: 200_000, over: &|| false });
    assert!(report.cut.is_none(), "{:?}", report.cut);
    black_box(report);
}

/// The same for a recipe of 80 steps, larger than any that people wrote so far.
#[divan::bench]
fn load_80_steps(bencher: Bencher<'_, '_>) {
    let text = eighty_steps();
    bencher.bench_local(|| load("long", &text));
}

/// One journal line with its sync: what the disk costs, not us.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn journal_append_synced(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let redactor = Redactor::new(std::env::vars());
    let mut journal =
        Journal::create(&dir.path().join("journal.ndjson"), redactor).expect("a journal can be created");
    let event = Event::Notice { text: "words of the length that a journal line has ".repeat(20) };
    bencher.with_inputs(|| event.clone()).bench_local_values(|event| {
        journal.append(Timestamp::UNIX_EPOCH, event).expect("a journal can be written")
    });
}

fn load(name: &str, text: &str) -> Recipe {
    let origin = Origin {
        file: format!("{name}.yaml"),
        stem: name.to_owned(),
        source: RecipeSource::Path,
        path: None,
    };
    compile(text, &origin, &AnySkill).unwrap_or_else(|problems| panic!("{problems:#?}")).recipe
}

/// Eighty steps as people write them, in 1,500 lines.
#[divan::bench]
fn load_1500_lines(bencher: Bencher<'_, '_>) {
    let text = as_people_write();
    assert!(text.lines().count() >= 1500, "{} lines", text.lines().count());
    bencher.bench_local(|| load("long", &text));
}

fn as_people_write() -> String {
    let mut text = "name: long\ndescription: many steps, written out\nlanguage: 1\nlimits:\n  max_visits: 9\ningredients:\n  \
                    task:\n    description: what is to be cooked\n    default: soup\n  polish:\n    type: bool\n    default: true\nsteps:\n"
        .to_owned();
    for number in 0..40 {
        let after = if number == 39 { "done".to_owned() } else { format!("work_{}", number + 1) };
        write!(
            text,
            r#"  work_{number}:
    description: Work on part {number}
    skill: prepare
    args:
      - ${{{{ inputs.task }}}}
      - ${{{{ context.note_{number} | default('') }}}}
      - when: inputs.polish and run.step != 'none'
        value: --polish
    retries: 2
    capture:
      plan_{number}: ${{{{ result.plan_path }}}}
    max_visits: 3
    on_exceeded: escalate
    on_success: check_{number}
    on_failure: escalate
    on_context_limit: check_{number}
    note: >
      The plan of part {number} goes into a file of its own,
      so that the check can read it without the others.
  check_{number}:
    description: Look at what part {number} has become
    tool: run_cmd
    with:
      cmd: |
        set -e
        ./check ${{{{ context.plan_{number} | default('') | sh }}}}
        ./taste "$TASK"
      env:
        TASK: ${{{{ inputs.task }}}}
      timeout: 10m
    capture:
      note_{number}: ${{{{ result.stdout | trim }}}}
    on_result:
      - when: result.exit_code == 3
        route: escalate
      - when: result.stdout is startingwith('GO') or context.note_{number} == 'good'
        route: {after}
      - route: work_{number}
    on_failure: escalate
"#
        )
        .expect("a text takes more text");
    }
    text
}

fn eighty_steps() -> String {
    let mut text =
        "name: long\ndescription: many steps\ningredients:\n  task: {default: soup}\nsteps:\n".to_owned();
    for number in 0..40 {
        let (check, after) = (format!("check_{number}"), number + 1);
        let after = if after == 40 { "done".to_owned() } else { format!("work_{after}") };
        write!(
            text,
            "  work_{number}:
    skill: prepare
    args: [\"${{{{ inputs.task }}}}\", \"${{{{ context.note_{number} | default('') }}}}\"]
    capture: {{plan_{number}: \"${{{{ result.plan_path }}}}\"}}
    max_visits: 3
    on_exceeded: escalate
    on_success: {check}
    on_failure: escalate
  {check}:
    tool: run_cmd
    with:
      cmd: ./check ${{{{ context.plan_{number} | sh }}}}
      env: {{TASK: \"${{{{ inputs.task }}}}\"}}
    capture: {{note_{number}: \"${{{{ result.stdout | trim }}}}\"}}
    on_result:
      - {{when: \"result.exit_code == 3\", route: escalate}}
      - {{when: \"result.stdout is startingwith('GO')\", route: {after}}}
      - {{route: work_{number}}}
    on_failure: escalate
"
        )
        .expect("a text takes more text");
    }
    text
}

fn started(recipe: &Recipe) -> State {
    started_with(recipe, json!({ "task": "a better soup", "attempts": 1_000_000 }))
}

fn started_with(recipe: &Recipe, inputs: Value) -> State {
    begun(recipe, inputs).0
}

fn begun(recipe: &Recipe, inputs: Value) -> (State, Entry) {
    let mut all: Map<String, Value> =
        [("task".to_owned(), json!("a better soup")), ("attempts".to_owned(), json!(1_000_000))]
            .into_iter()
            .collect();
    all.extend(inputs.as_object().cloned().unwrap_or_default());
    let mut state = State::default();
    let entry = record(recipe, &mut state, Event::RunStarted(facts(recipe, all)));
    (state, entry)
}

fn facts(recipe: &Recipe, inputs: Map<String, Value>) -> RunStarted {
    RunStarted {
        run_id: "20260921-141320-ffff".into(),
        recipe: recipe.name.clone(),
        description: recipe.description.clone(),
        recipe_hash: recipe.hash.clone(),
        source: RecipeSource::Path,
        recipe_file: None,
        orchestrator: Orchestrator::Engine,
        permissions: "bypass".into(),
        repository: "/repo".into(),
        branch: Some("main".into()),
        commit: None,
        dirty: false,
        inputs,
        input_origins: None,
        temp_dir: None,
        env: None,
        rehearsal: None,
        autoskillit_version: "0.1.0".into(),
    }
}

/// Goes on by one step, and by whatever needs nothing from the world before it.
fn step(recipe: &Recipe, state: &mut State, outcome: &Outcome) -> Vec<Entry> {
    let places = Places { repository: "/repo".into(), dir: "/repo/.autoskillit/runs/x".into() };
    let nothing = HashSet::new();
    let now = Timestamp::UNIX_EPOCH;
    let mut entries = Vec::new();
    let tried = loop {
        let moment = Moment {
            places: places.clone(),
            elapsed_ms: 1000,
            now,
            serial: false,
            busy: &nothing,
            rested: &nothing,
        };
        match next(recipe, state, &moment) {
            Decision::Record(event) => entries.push(record(recipe, state, *event)),
            Decision::Work { begin, .. } => match begin.into_iter().next() {
                Some(Begin::Call(tried)) => break tried,
                other => panic!("the loop calls a tool, not {other:?}"),
            },
            Decision::End(_) => return entries,
        }
    };
    let Try { step, visit, attempt, tool, params, .. } = tried.clone();
    entries.push(record(
        recipe,
        state,
        Event::StepStarted {
            step,
            visit,
            attempt,
            tool: Some(tool.name.to_owned()),
            what: "/autoskillit:make-plan".into(),
            params,
            session: Some("c7d2c5a9-8f4c-4b63-9d6b-6a1d2a1f7e10".into()),
            continues: false,
        },
    ));
    let ended = conclude(recipe, state, &places, &tried, outcome, 1000);
    entries.push(record(recipe, state, ended));
    entries
}

fn record(recipe: &Recipe, state: &mut State, event: Event) -> Entry {
    let entry =
        Entry { schema_version: SCHEMA_VERSION, seq: state.seq + 1, at: Timestamp::UNIX_EPOCH, event };
    state.apply(&entry, entry_step(recipe));
    entry
}

/// A result as most steps have it.
fn told_little() -> Value {
    let mut result = outcome().result;
    result["stdout"] = json!("REVISE: the broth needs more time\n");
    result["log"] = json!("/repo/.autoskillit/runs/20260921-141320-ffff/commands/judge.1.1/output.log");
    result
}

/// What both steps of the loop can take: the outputs of a plan, and a command's output.
fn outcome() -> Outcome {
    Outcome {
        ok: true,
        label: "success".into(),
        summary: "a plan in five parts".into(),
        result: json!({
            "plan_path": "/repo/.autoskillit/plan.md",
            "exit_code": 0,
            "stdout": "REVISE: the broth needs more time\n".repeat(100),
            "success": true,
        }),
        retry: RetryReason::None,
        fault: None,
        usage: Some(Usage { output: 1200, cost_usd: 0.02, ..Usage::default() }),
        cut_off: false,
    }
}
