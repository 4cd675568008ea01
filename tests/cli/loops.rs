//! Steps in loops, as people meet them: what a rehearsal plays, what is told afterwards, and what counts before a run begins.

use crate::binary::{Kitchen, completed, journal, runs};

/// A session and a command for each part, gone through twice.
const PARTS: &str = "\
name: parts
language: 1
description: Looks at parts, twice.
steps:
  parts:
    for_each: [sink, stove]
    as: part
    mode: parallel
    on_item_failure: continue
    collect: {said: '${{ context.said }}'}
    capture: {said: '${{ result.said }}'}
    on_success: again
    steps:
      look:
        skill: look-around
        args: ['${{ item.part }}']
        capture: {said: '${{ result.summary }}'}
        on_success: note
      note: {tool: run_cmd, with: {argv: [echo, '${{ item.part }}']}, on_success: done}
  again: {tool: run_cmd, with: {argv: [echo, again]}, max_visits: 1, on_exceeded: served, on_success: parts}
  served: {stop: {status: succeeded, message: 'Saw ${{ context.said }}.'}}
finally:
  sweep: {tool: run_cmd, with: {argv: [echo, swept]}, on_success: done}
";

/// The stove is looked at in another way than anything else.
const SCENARIO: &str = "\
version: 1
scenario: parts
recipe: parts
sessions:
  - step: look
    answer: { summary: a part, test_command: make check, evidence: README.md }
  - step: 'parts[1].look'
    acts: [{ tool: Bash, target: ls stove }]
    answer: { summary: a cold stove, test_command: make check, evidence: README.md }
";

#[test]
fn a_rehearsal_of_a_loop_is_told_step_by_step() {
    let kitchen = Kitchen::repository();
    kitchen.recipe("parts", PARTS);
    kitchen.write("parts.scenario.yaml", SCENARIO);
    let cooked = kitchen.run(["cook", "parts", "--rehearse", "parts.scenario.yaml", "--pace", "0"]).exits(0);
    assert!(cooked.err.contains("Saw [\"a part\",\"a cold stove\"]."), "{cooked}");
    let stage = kitchen.stage();
    let run = runs(&stage).remove(0);
    let mut tries = completed(&journal(&run));
    tries.sort();
    let expected = [
        "again.1.1",
        "finally:sweep.1.1",
        "parts#2[0].look.1.1",
        "parts#2[0].note.1.1",
        "parts#2[1].look.1.1",
        "parts#2[1].note.1.1",
        "parts.1.1",
        "parts.2.1",
        "parts[0].look.1.1",
        "parts[0].note.1.1",
        "parts[1].look.1.1",
        "parts[1].note.1.1",
    ];
    assert_eq!(tries, expected);
    // Each command and each session has a folder of its own, with what was its own.
    for (step, said) in [
        ("parts[0].note", "sink"),
        ("parts[1].note", "stove"),
        ("parts#2[1].note", "stove"),
        ("finally:sweep", "swept"),
    ] {
        let log = run.join("commands").join(format!("{step}.1.1")).join("output.log");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("{said}\n"), "{step}");
    }
    assert_eq!(std::fs::read_dir(run.join("sessions")).unwrap().count(), 4);

    let ask = |args: &[&str]| kitchen.screen(kitchen.command(args).current_dir(&stage)).exits(0);
    let names = |args: &[&str]| -> Vec<String> {
        let why = &ask(args).json()[0];
        let tries = why["tries"].as_array().unwrap().iter();
        tries.map(|one| one["step"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["runs", "why", "parts[1].look", "--json"]), ["parts[1].look"]);
    let mut all = names(&["runs", "why", "look", "--json"]);
    all.sort();
    assert_eq!(all, ["parts#2[0].look", "parts#2[1].look", "parts[0].look", "parts[1].look"]);
    let told = ask(&["runs", "why", "parts[1].look"]).out;
    assert!(told.contains("look-around stove") && told.contains("went to `note`"), "{told}");
    assert!(ask(&["runs", "show"]).out.contains("parts#2[1].note"));
}

#[test]
fn a_question_in_a_loop_is_answered_by_its_name_or_by_that_of_one_item() {
    let recipe = "name: ask
language: 1
description: Asks.
steps:
  parts:
    for_each: [a, b]
    on_item_failure: continue
    capture: {failures: '${{ result.failures }}'}
    on_success: served
    steps:
      ask: {action: confirm, message: 'Take ${{ item.item }}?', on_success: done, on_failure: escalate}
  served: {stop: {status: succeeded, message: \"Left ${{ context.failures | map(attribute='item') | join }}.\"}}
";
    let kitchen = Kitchen::with_recipe("ask", recipe);
    let stopped = kitchen.run(["cook", "ask"]).exits(130);
    assert!(stopped.err.contains("nobody is there to answer"), "{stopped}");
    for answers in [["ask=yes", "parts[1].ask=no"], ["parts[1].ask=no", "ask=yes"]] {
        let cooked = kitchen.run(["cook", "ask", "--answer", answers[0], "--answer", answers[1]]).exits(0);
        assert!(cooked.err.contains("Left b."), "{cooked}");
    }
    let refused = kitchen.refused(&["cook", "ask", "--answer", "parts[1].ash=no"]).exits(2);
    assert!(refused.err.contains("asks no question in a step `parts[1].ash`"), "{refused}");
}

/// A client that leaves a mark when it is run.
const STUB: &str = "#!/bin/sh\ntouch \"$HOME/client-was-run\"\nexit 1\n";

/// Sessions that are not among the steps of the recipe itself are sessions.
#[test]
fn a_session_in_a_loop_needs_a_client_and_a_clean_checkout() {
    let in_loop = "  parts:
    for_each: [a]
    on_success: done
    steps:
      fix: {skill: repair-tests, args: ['', '', ''], on_success: done}
";
    let on_exit = "  start: {tool: run_cmd, with: {argv: ['true']}, on_success: done}\nfinally:\n  fix: {skill: repair-tests, args: ['', '', ''], on_success: done}\n";
    for steps in [in_loop, on_exit] {
        let kitchen = Kitchen::with_recipe(
            "mend",
            &format!("name: mend\nlanguage: 1\ndescription: Mends.\nsteps:\n{steps}"),
        );
        let refused = kitchen.refused(&["cook", "mend"]).exits(4);
        assert!(refused.err.contains("claude"), "{refused}");
        kitchen.program("claude", STUB);
        kitchen.write("README.md", "# Changed\n");
        let refused = kitchen.refused(&["cook", "mend"]);
        assert!(refused.err.contains("uncommitted"), "{refused}");
        assert!(!kitchen.root().join("home/client-was-run").exists());
    }
}
