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
  think:
    tool: run_skill
    with:
      skill_command: "/autoskillit:plan ${{ inputs.mode }} now" # as asked
      cwd: .
    retry:
      max_attempts: 2
      on_exhausted: stop
    on_success: again
    on_failure: stop
  again: {tool: run_skill, with: {skill_command: /plan, model: opus}, retry: {max_attempts: 0}, on_success: stop, on_failure: stop}
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
    let text = "name: x\ninputs: {}\ningredients: {}\nsteps:\n  a:\n    tool: run_skill\n    with: {skill_command: \"/autoskillit:plan {it}\"}\n    optional_context_refs: [b]\n    retry: {max_attempts: 2, on: crash}\n    on_result: {field: x, routes: {a: b}}\n  b: {action: route, note: as you like}\n  c: {python: a.b}\n";
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
    std::fs::write(dir.path().join("migrations/failures.json"), "{").unwrap();
    assert!(failures.look().is_err(), "looking changes nothing");
    assert!(dir.path().join("migrations/failures.json").is_file());
}

#[test]
fn a_version_is_older_than_what_came_later() {
    let note = |to| Note { id: "x", to, summary: "", apply: |_| Found::default() };
    for (version, to, older) in [
        (Some("0.2.0"), "0.3.0", true),
        (Some("0.10"), "0.9.0", false),
        (Some("0.3.0"), "0.3.0", false),
        (Some("0.9.500"), "language 1", true),
        (Some("soon"), "0.3.0", true),
        (None, "0.2.0", true),
    ] {
        assert_eq!(is_older(version, &note(to)), older, "{version:?} {to}");
    }
}

#[test]
fn recipes_of_the_corpus_stay_recipes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/recipes/legacy");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let migrated = migrate(&text).unwrap();
        let comments = |text: &str| text.matches(" # ").count();
        assert_eq!(comments(&text), comments(&migrated.text), "{}", path.display());
        assert_eq!(migrate(&migrated.text).unwrap().applied, [], "{}", path.display());
    }
}
