use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::execution::scenario::store::Origin;

const HEAD: &str = "version: 1\nscenario: s\nsessions:\n";

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(text, "s.yaml", Origin::MadeUp)
}

fn error(text: &str) -> String {
    parse(text).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn every_act_and_ending_is_read() {
    let text = "
  - step: a
    visit: 2
    acts:
      - say: hm
      - think: true
      - { tool: Bash, target: make, takes: 0.5, fails: true }
      - { tool: Write, denied: true }
      - { edit: src/a, replace: x, with: '' }
      - { write: src/b, content: y }
      - delete: src/c
      - wait: 1
      - hang: true
    error: { terminal_reason: api_error, api_error: rate_limit, status: 429, message: slow down }
    usage: { input: 1, cost_usd: 0.5 }
  - step: a
    text: done
";
    let scenario = parse(&format!("{HEAD}{text}")).unwrap();
    insta::assert_debug_snapshot!(scenario.sessions());
    let visit = |visit| scenario.session("a", visit, 1).map(|script| script.visit);
    assert_eq!((visit(1), visit(2), visit(3)), (Some(None), Some(Some(2)), Some(None)));
    assert_eq!(scenario.session("b", 1, 1), None);
}

#[test]
fn a_step_of_a_loop_plays_what_its_name_plays_unless_it_has_its_own() {
    let sessions = "  - { step: fix, text: any }\n  - { step: fix, visit: 2, text: again }\n  - { step: 'parts[1].fix', text: second }\n";
    let scenario = parse(&format!("{HEAD}{sessions}")).unwrap();
    let plays = |step: &str, visit| match scenario.session(step, visit, 1).map(|script| &script.ending) {
        Some(Ending::Text(text)) => text.clone(),
        other => panic!("{step}: {other:?}"),
    };
    for (step, visit, text) in [
        ("fix", 1, "any"),
        ("parts[0].fix", 1, "any"),
        ("parts[0].fix", 2, "again"),
        ("parts[1].fix", 1, "second"),
        ("parts[1].fix", 2, "second"),
        ("parts#12[1].fix", 1, "second"),
        ("groups#2[0].parts[1].fix", 1, "any"),
        ("finally:fix", 1, "any"),
    ] {
        assert_eq!(plays(step, visit), text, "{step} at visit {visit}");
    }
    assert_eq!(scenario.session("parts[0].test", 1, 1), None);
    assert_eq!(without_rounds("a#2[0].b[1].c#3[4].d"), "a[0].b[1].c[4].d");
    // What a recording does not have did not happen.
    let recorded =
        format!("version: 1\nscenario: s\nrecorded: {{ start: start.ndjson }}\nsessions:\n{sessions}");
    let scenario = parse(&recorded).unwrap();
    assert_eq!(scenario.session("parts[0].fix", 1, 1), None);
    assert!(scenario.session("parts[1].fix", 1, 1).is_some());
}

#[test]
fn errors_name_the_line_and_the_matter() {
    let act =
        |act: &str| format!("{HEAD}  - step: a\n    text: done\n    acts:\n      - say: hm\n      - {act}\n");
    let told: Vec<String> = [
        "scenario: s".to_owned(),
        "version: 2\nother: things\n".to_owned(),
        "version: 1\nscenario: s\nsesions: []\n".to_owned(),
        "version: 1\nscenario: s\nproject: ../elsewhere\nsessions: []\n".to_owned(),
        format!("{HEAD}  - step: a\n    text: done\n    visits: 1\n"),
        format!("{HEAD}  - step: a\n    visit: 1\n"),
        format!("{HEAD}  - step: a\n    visit: 0\n    text: done\n"),
        format!("{HEAD}  - step: a\n    text: done\n    answer: {{}}\n"),
        format!("{HEAD}  - {{ step: a, text: one }}\n  - {{ step: a, text: two }}\n"),
        act("{ tool: Bash, say: hm }"),
        act("{ shout: hm }"),
        act("{ say: hm, takes: 1 }"),
        act("{ tool: Bash, with: x }"),
        act("{ edit: f, replace: '', with: x }"),
        act("{ edit: f, replace: x }"),
        act("{ think: false }"),
        act("{ wait: -1 }"),
        act("{ wait: .nan }"),
        act("{ delete: /etc/passwd }"),
        act("{ write: a/../../b, content: x }"),
        act("{ write: .git/hooks/pre-commit, content: x }"),
        act("[say, hm"),
    ]
    .iter()
    .map(|text| error(text))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn unknown_names_are_told_with_what_there_is() {
    let near = Scenario::find("fix-test").unwrap_err();
    assert_eq!(near.help().as_deref(), Some("did you mean `fix-tests`?"));
    let far = Scenario::find("zzz").unwrap_err();
    assert_eq!(
        (far.to_string().as_str(), far.help().as_deref()),
        (
            "there is no scenario `zzz`",
            Some("scenarios: `fix-tests`, `hello`, `made-up`; or name a file, such as `./my.yaml`")
        )
    );
    assert!(matches!(Scenario::find("./none.yaml"), Err(ScenarioError::Unreadable { .. })));
}

#[test]
fn files_and_folders_are_found_and_their_projects_copied() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    fs::create_dir_all(top.join("sample/deep")).unwrap();
    fs::create_dir_all(top.join("sample/.git")).unwrap();
    fs::write(top.join("sample/deep/f"), "x").unwrap();
    fs::write(top.join("scenario.yaml"), "version: 1\nscenario: mine\nproject: sample\nsessions: []\n")
        .unwrap();
    for given in [top.clone(), top.join("scenario.yaml")] {
        let scenario = Scenario::find(given.to_str().unwrap()).unwrap();
        assert_eq!((scenario.name.as_str(), scenario.has_project()), ("mine", true));
        assert_eq!(Path::new(&scenario.reference()), top.join("scenario.yaml"));
        let copy = tempfile::tempdir().unwrap();
        scenario.write_project(&copy.path().join("new")).unwrap();
        assert_eq!(fs::read_to_string(copy.path().join("new/deep/f")).unwrap(), "x");
        assert!(!copy.path().join("new/.git").exists());
    }
    std::os::unix::fs::symlink("/", top.join("sample/link")).unwrap();
    let scenario = Scenario::find(top.to_str().unwrap()).unwrap();
    assert!(matches!(scenario.write_project(&top.join("copy")), Err(ScenarioError::Unreadable { .. })));
}

#[test]
fn made_up_fits_any_recipe() {
    let scenario = Scenario::for_recipe("no-such-recipe");
    assert_eq!((scenario.reference().as_str(), scenario.sessions().len()), (MADE_UP, 0));
    assert_eq!(Scenario::find(MADE_UP).unwrap().name, MADE_UP);
    assert_eq!(Scenario::for_recipe("fix-tests").name, "fix-tests");
}

/// What the test command of a project said last, and whether it passed.
fn tests(project: &Path) -> (String, bool) {
    let output = Command::new("sh").arg("tests/run.sh").current_dir(project).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (said.lines().last().unwrap_or_default().to_owned(), output.status.success())
}

#[test]
fn every_bundled_scenario_is_named_after_its_folder_and_has_its_project() {
    for name in Scenario::names().iter().filter(|name| *name != MADE_UP) {
        let scenario = Scenario::find(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&scenario.name, &scenario.reference()), (name, name));
        assert_ne!(scenario.description, "", "{name}");
        let dir = tempfile::tempdir().unwrap();
        scenario.write_project(dir.path()).unwrap();
        assert_eq!(dir.path().join("README.md").exists(), scenario.has_project(), "{name}");
    }
}

#[test]
fn the_sample_of_fix_tests_is_broken_twice() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = Scenario::find("fix-tests").unwrap();
    scenario.write_project(dir.path()).unwrap();
    let repair = |visit| {
        for act in &scenario.session("repair", visit, 1).unwrap().acts {
            if let Act::Edit(edit) = act {
                let path = dir.path().join(edit.path.as_path());
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(text.matches(&edit.replace).count(), 1, "{edit:?}");
                fs::write(&path, text.replace(&edit.replace, &edit.with)).unwrap();
            }
        }
    };
    assert_eq!(scenario.inputs["test_command"], "sh tests/run.sh");
    assert_eq!(tests(dir.path()), ("2 passed, 5 failed".to_owned(), false));
    repair(1);
    assert_eq!(tests(dir.path()), ("5 passed, 2 failed".to_owned(), false));
    repair(2);
    assert_eq!(tests(dir.path()), ("7 passed, 0 failed".to_owned(), true));
    assert_eq!(scenario.session("repair", 3, 1), None);
}

#[test]
fn what_hello_says_of_its_sample_is_true() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = Scenario::find("hello").unwrap();
    scenario.write_project(dir.path()).unwrap();
    assert_eq!(tests(dir.path()), ("1 passed, 0 failed".to_owned(), true));
    let Ending::Answer(answer) = &scenario.session("look", 1, 1).unwrap().ending else { panic!("no answer") };
    assert_eq!(answer["test_command"], "sh tests/run.sh");
    assert!(dir.path().join(answer["evidence"].as_str().unwrap()).is_file());
}

#[test]
fn a_recorded_session_is_for_one_try_and_is_its_tape() {
    let text = "
  - { step: a, visit: 1, attempt: 1, stream: sessions/a.1.1.ndjson }
  - { step: a, visit: 1, attempt: 2, stream: sessions/a.1.2.ndjson }
  - { step: a, visit: 1, text: any other try }
";
    let scenario = parse(&format!("{HEAD}{text}")).unwrap();
    let played = |attempt| match &scenario.session("a", 1, attempt).unwrap().ending {
        Ending::Tape(tape) => tape.as_path().display().to_string(),
        Ending::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(played(2), "sessions/a.1.2.ndjson");
    assert_eq!(played(3), "any other try");
    for (session, told) in [
        ("{ step: a, stream: t, text: x }", "a session with a `stream` has no acts and no other end"),
        ("{ step: a, stream: ../t }", "leads out of the working directory"),
        ("{ step: a, attempt: 1, text: x }", "an `attempt` is a try of a visit"),
        ("{ step: a, visit: 1, attempt: 0, text: x }", "both count from 1"),
    ] {
        let error = error(&format!("{HEAD}  - {session}\n"));
        assert!(error.contains(told), "{session}: {error}");
    }
}
