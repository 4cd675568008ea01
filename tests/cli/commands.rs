//! Recipes of commands only: they need no client, values stay values, and ends are truthful.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use insta::assert_snapshot;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binary::{Kitchen, PATIENCE, completed, journal, until};

/// Everything that a careless hand-over to a shell would obey.
const NASTY: &str =
    "it's \"quoted\"; touch harmed; $(touch harmed) `touch harmed` > harmed\n& touch harmed #\\ end ";

fn recipe(steps: &str) -> String {
    format!("name: soup\ndescription: Cooks soup.\ningredients:\n  value: {{default: ''}}\nsteps:\n{steps}")
}

fn kitchen(steps: &str) -> Kitchen {
    Kitchen::with_recipe("soup", &recipe(steps))
}

const SERVED: &str = "  served: {stop: {status: succeeded, message: Served.}}\n";

#[test]
fn values_stay_values() {
    let kitchen = kitchen(&format!(
        "  argv:
    tool: run_cmd
    with: {{argv: [sh, -c, 'printf %s \"$1\" > argv.out', sh, '${{{{ inputs.value }}}}']}}
    on_success: env
  env:
    tool: run_cmd
    with: {{cmd: 'printf %s \"$VALUE\" > env.out', env: {{VALUE: '${{{{ inputs.value }}}}'}}}}
    on_success: quoted
  quoted:
    tool: run_cmd
    with: {{cmd: 'printf %s ${{{{ inputs.value | sh }}}} > quoted.out'}}
    on_success: captured
  captured:
    tool: run_cmd
    with: {{argv: [cat, argv.out]}}
    capture: {{back: '${{{{ result.stdout }}}}'}}
    on_success: again
  again:
    tool: run_cmd
    with: {{argv: [sh, -c, 'printf %s \"$1\" > again.out', sh, '${{{{ context.back }}}}']}}
    on_success: served
{SERVED}"
    ));
    kitchen.run(["cook", "soup", &format!("value={NASTY}")]).exits(0);
    for (file, expected) in
        [("argv", NASTY), ("env", NASTY), ("quoted", NASTY), ("again", NASTY.trim_end_matches('\n'))]
    {
        assert_eq!(kitchen.read(&format!("{file}.out")), expected, "through {file}");
    }
    assert!(!kitchen.path().join("harmed").exists());
}

#[test]
fn a_command_that_fails() {
    let kitchen = kitchen(&format!(
        "  cook:
    tool: run_cmd
    with: {{cmd: 'echo some; echo it burns >&2; exit 7'}}
    on_success: served
    capture: {{code: '${{{{ result.exit_code }}}}', said: '${{{{ result.stdout }}}}'}}
    allow: {{dead-output: the journal is looked at}}
    on_failure: burnt
  burnt: {{stop: {{status: failed, message: 'Burnt: ${{{{ context.code | default(0) }}}}.'}}}}
{SERVED}"
    ));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(1));
    let run = kitchen.only_run();
    let ended = journal(&run).into_iter().find(|entry| entry["event"] == "step_ended").unwrap();
    assert_eq!(ended["result"]["exit_code"], 7);
    assert_eq!(
        (ended["result"]["stdout"].as_str(), ended["result"]["stderr"].as_str()),
        (Some("some"), Some("it burns"))
    );
    let log = run.join("commands/cook.1.1/output.log");
    // Two pipes, so either may be read first.
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(["some\nit burns\n", "it burns\nsome\n"].contains(&text.as_str()), "{text}");
    for private in [run.join("journal.ndjson"), log] {
        let mode = std::fs::metadata(&private).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", private.display());
    }
}

#[test]
fn a_program_that_is_not_there() {
    let kitchen = kitchen(&format!(
        "  cook:\n    tool: run_cmd\n    with: {{argv: [no-such-oven, --hot]}}\n    on_success: served\n{SERVED}"
    ));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(1));
}

/// Whether a process with this id lives; a zombie does not.
fn lives(pid: Pid) -> bool {
    let state =
        std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(state.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn pid(kitchen: &Kitchen, file: &str) -> Pid {
    let id = until(file, || kitchen.read(file).trim().parse().ok());
    Pid::from_raw(id)
}

/// The wall clock ends the command, and what it started in sessions of its own.
#[test]
fn a_command_that_takes_too_long() {
    let kitchen = kitchen(&format!(
        "  cook:
    tool: run_cmd
    with:
      cmd: setsid sh -c 'echo $$ > child; exec sleep 600' & until [ -s child ]; do sleep 0.01; done; exec sleep 600
      timeout: 1
    on_success: served
    on_failure: late
  late: {{stop: {{status: failed, message: Too late.}}}}
{SERVED}"
    ));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(1));
    assert!(!lives(pid(&kitchen, "child")));
}

#[test]
fn a_step_is_tried_again() {
    let kitchen = kitchen(&format!(
        "  cook:
    tool: run_cmd
    with: {{cmd: 'echo x >> tries; [ $(wc -l < tries) -ge 3 ]'}}
    retries: 2
    on_success: served
{SERVED}"
    ));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(0));
    assert_eq!(kitchen.read("tries"), "x\nx\nx\n");
    assert_eq!(completed(&journal(&kitchen.only_run())), ["cook.1.1", "cook.1.2", "cook.1.3"]);
}

#[test]
fn a_loop_is_bounded() {
    let kitchen = kitchen(&format!(
        "  taste:
    tool: run_cmd
    with: {{argv: ['false']}}
    on_success: served
    on_failure: salt
  salt:
    tool: run_cmd
    with: {{cmd: echo x >> salted}}
    max_visits: 2
    on_exceeded: oversalted
    on_success: taste
  oversalted: {{stop: {{status: exhausted, message: 'Salted twice, still bland.'}}}}
{SERVED}"
    ));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(3));
    assert_eq!(kitchen.read("salted"), "x\nx\n");
}

#[test]
fn a_step_may_be_skipped() {
    let kitchen = kitchen(&format!(
        "  salt:
    tool: run_cmd
    with: {{cmd: echo x >> salted}}
    skip_when_false: inputs.value
    on_success: served
{SERVED}"
    ));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(0));
    assert_eq!(kitchen.read("salted"), "");
    kitchen.run(["cook", "soup", "value=yes"]).exits(0);
    assert_eq!(kitchen.read("salted"), "x\n");
}

fn asking(default: &str) -> String {
    format!(
        "  ask:
    action: confirm
    message: Is it salted?
{default}    on_success: served
    on_failure: bland
  bland: {{stop: {{status: failed, message: Bland.}}}}
{SERVED}"
    )
}

#[test]
fn a_question_that_nobody_can_answer_stops_the_run() {
    let kitchen = kitchen(&asking(""));
    assert_snapshot!(kitchen.run(["cook", "soup"]).exits(130));
    kitchen.run(["cook", "--resume"]).exits(130);
    assert!(completed(&journal(&kitchen.only_run())).is_empty());
}

#[test]
fn a_question_with_a_default_is_answered_by_it() {
    kitchen(&asking("    default: true\n")).run(["cook", "soup"]).exits(0);
    kitchen(&asking("    default: false\n")).run(["cook", "soup"]).exits(1);
}

/// Ctrl-C in the middle of a command ends the command and what it started; the run goes on later, when a person says that it may.
#[test]
fn a_stopped_command_runs_again_on_resume() {
    let kitchen = kitchen(&format!(
        "  first: {{tool: run_cmd, with: {{cmd: echo x >> first}}, on_success: cook}}
  cook:
    tool: run_cmd
    with: {{cmd: 'echo x >> tries; [ -e hot ] && exit; setsid sh -c \"echo \\$\\$ > child; exec sleep 600\"'}}
    on_success: served
{SERVED}"
    ));
    let child = kitchen.command(["cook", "soup"]).stdout(Stdio::null()).spawn().unwrap();
    let inner = pid(&kitchen, "child");
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_snapshot!("stopped_command", kitchen.finish(child).exits(130));
    assert!(!lives(inner), "after {PATIENCE:?}");
    kitchen.write("hot", "");
    assert_snapshot!("stopped_command_unasked", kitchen.refused(&["cook", "--resume"]).exits(130));
    assert_snapshot!("resumed_command", kitchen.run(["cook", "--resume", "--rerun"]).exits(0));
    assert_eq!((kitchen.read("first"), kitchen.read("tries")), ("x\n".into(), "x\nx\n".into()));
    assert_eq!(completed(&journal(&kitchen.only_run())), ["first.1.1", "cook.1.1"]);
}
