use super::failures::{Failure, Failures};
use super::*;

const OLD: &str = r#"# A recipe of old.
name: old   # its name
autoskillit_version: 0.3
inputs:
  mode: {description: How, default: "x"}
constraints: [be good]
steps:
  list:
    tool: list_skill_scripts   # which ones
    on_result:
      field: verdict
      routes:
        GO: work
        NO GO: stop
        true: work
  work:
    tool: run_cmd
    with: {cmd: ls}
    skip_when_false: ${{ inputs.mode }}
    on_result:
      - when: "${{ result.stdout | trim }} == clean"
        route: stop
      - when: ${{ result.exit_code }} > 0 # odd
        route: stop
      - route: stop
    on_failure: stop
  stop: {action: stop, message: Done.}
"#;

#[test]
fn comments_and_layout_stay() {
    let migrated = migrate(OLD).unwrap();
    insta::assert_snapshot!("migrated", migrated.text);
    insta::assert_json_snapshot!("applied", migrated.applied);
    assert_eq!(migrated.left, []);
    let again = migrate(&migrated.text).unwrap();
    assert_eq!((again.text.as_str(), again.applied.len()), (migrated.text.as_str(), 0));
    let stamped = stamped(&migrated.text).unwrap();
    assert!(stamped.contains("name: old   # its name\nlanguage: 1\n"), "{stamped}");
}

#[test]
fn line_ends_and_marks_stay() {
    let windows = format!("\u{feff}{}", OLD.replace('\n', "\r\n"));
    let migrated = migrate(&windows).unwrap().text;
    assert_eq!(migrated, format!("\u{feff}{}", migrate(OLD).unwrap().text.replace('\n', "\r\n")));
    assert!(stamped(&migrated).unwrap().contains("# its name\r\nlanguage: 1\r\n"));
}

#[test]
fn what_code_cannot_know_is_left() {
    let text = "name: x\ninputs: {}\ningredients: {}\nsteps:\n  a:\n    tool: run_skill\n    with: {skill_command: /autoskillit:plan now}\n    optional_context_refs: [b]\n    retry: {max_attempts: 2}\n    on_result: {field: x, routes: {a: b}}\n  b: {action: route, note: as you like}\n  c: {python: a.b}\n";
    let migrated = migrate(text).unwrap();
    assert_eq!(migrated.text, text);
    let left: Vec<String> = migrated.left.iter().map(|left| format!("{} {}", left.line, left.what)).collect();
    insta::assert_snapshot!("left", left.join("\n"));
    assert!(migrate("a: [").is_err());
}

#[test]
fn failures_are_kept_until_they_are_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let failures = Failures::in_dir(&dir.path().join("migrations"));
    let failure =
        Failure { file: "x.yaml".to_owned(), time: jiff::Timestamp::UNIX_EPOCH, error: "no".to_owned() };
    failures.clear("x").unwrap();
    failures.record("x", failure.clone()).unwrap();
    failures.record("y", failure.clone()).unwrap();
    failures.clear("y").unwrap();
    assert_eq!(failures.list().unwrap().0.into_iter().collect::<Vec<_>>(), [("x".to_owned(), failure)]);
    std::fs::write(dir.path().join("migrations/failures.json"), "{").unwrap();
    let (all, aside) = failures.list().unwrap();
    assert!(all.is_empty() && aside.is_some_and(|aside| aside.is_file()));
}
