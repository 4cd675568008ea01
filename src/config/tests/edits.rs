//! Values set in the text of a file.

use proptest::prelude::*;
use serde_json::json;

use crate::config::pairs::parse;
use crate::config::table::{KEYS, find};
use crate::config::{Layer, edit, file};

#[test]
fn values_are_set_in_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("", "run_skill.timeout=5", "run_skill:\n  timeout: 5\n"),
        ("# hello", "run_skill.timeout=5", "# hello\nrun_skill:\n  timeout: 5\n"),
        (
            "# a\nrun_skill:\n  # b\n  timeout: 60  # c\nmodel: {default: x} # d\n",
            "run_skill.timeout=1h",
            "# a\nrun_skill:\n  # b\n  timeout: 3600  # c\nmodel: {default: x} # d\n",
        ),
        (
            "run_skill:\n    timeout: 6 # c\n\n# end\n",
            "run_skill.stale_threshold=0",
            "run_skill:\n    timeout: 6 # c\n    stale_threshold: 0\n\n# end\n",
        ),
        ("model: { default: x } # d\n", "model.override=y z", "model: { default: x, override: y z } # d\n"),
        ("model: {}\n", "model.override=a#b", "model: { override: \"a#b\" }\n"),
        (
            "session: # s\nmodel: {}\n",
            "session.env.mode=minimal",
            "session: # s\n  env:\n    mode: minimal\nmodel: {}\n",
        ),
        ("session: ~\n", "session.env.mode=minimal", "session:\n  env:\n    mode: minimal\n"),
        (
            "{model: {default: x}}\n",
            "session.env.mode=minimal",
            "{model: {default: x}, session: { env: { mode: minimal } }}\n",
        ),
        (
            "session:\n  allowed_tools: # t\n  - Edit\n  - Read\n  permissions: bypass\n",
            "session.allowed_tools=Bash(cargo test:*),Edit",
            "session:\n  allowed_tools: [\"Bash(cargo test:*)\", Edit] # t\n  permissions: bypass\n",
        ),
        (
            "test_check:\n  command: |\n    a\n    b\n  timeout: 5\n",
            "test_check.command=make",
            "test_check:\n  command: make\n  timeout: 5\n",
        ),
        (
            "test_check:\n  command:\n  timeout: 5\n",
            "test_check.command=make",
            "test_check:\n  command: make\n  timeout: 5\n",
        ),
        ("model:\r\n  default: x\r\n", "model.override=y", "model:\r\n  default: x\r\n  override: y\r\n"),
        ("model:\n  default: 'x y'\n", "model.default=", "model:\n  default: null\n"),
        ("run_skill:\n  timeout: soon\n", "run_skill.timeout=5", "run_skill:\n  timeout: 5\n"),
    ];
    for (text, change, expected) in cases {
        let (name, value) = change.split_once('=').unwrap();
        let key = find(name).unwrap();
        let edited = edit::set("f", text, Layer::Project, key, &parse(key, value).unwrap());
        assert_eq!(edited.as_deref().ok(), Some(*expected), "{text}{change}: {edited:?}");
    }
}

#[test]
fn what_cannot_be_set_without_harm_is_refused() {
    let shared = "session:\n  env: { pass: &names [A], drop: *names }\n";
    let pass = find("session.env.pass").unwrap();
    assert!(edit::set("f", shared, Layer::Project, pass, &json!(["B"])).is_err());
    let drop = find("session.env.drop").unwrap();
    let edited = edit::set("f", shared, Layer::Project, drop, &json!(["B"])).unwrap();
    assert_eq!(edited, "session:\n  env: { pass: &names [A], drop: [B] }\n");
    let key = find("model.default").unwrap();
    for text in ["model: 5\n", "model: {default: x}\n...\n---\n"] {
        assert!(
            edit::set("f", text, Layer::Project, key, &json!("y"))
                .is_err_and(|error| !error.to_string().is_empty()),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn any_value_can_be_set_in_any_file(
        start in prop::collection::vec((0..KEYS.len(), "\\PC{0,12}"), 0..6),
        value in "\\PC{1,20}",
    ) {
        let key = find("client.program").unwrap();
        prop_assume!(!value.trim().is_empty());
        let mut text = String::new();
        for (index, given) in start {
            let other = &KEYS[index];
            let Ok(value) = parse(other, &given) else { continue };
            text = edit::set("f", &text, Layer::ProjectSecrets, other, &value).unwrap();
        }
        let edited = edit::set("f", &text, Layer::ProjectSecrets, key, &json!(value)).unwrap();
        let read = file::read("f", &edited, Layer::ProjectSecrets);
        prop_assert!(read.entries.iter().any(|entry| entry.key == key && entry.value == json!(value)));
    }

    #[test]
    fn no_text_panics(text in "[a-z_:{}\\[\\],#|&*'\" \\n-]{0,60}") {
        let read = file::read("f", &text, Layer::Project);
        prop_assert!(read.problems.text().len() <= text.len());
        let key = find("session.env.mode").unwrap();
        let _ = edit::set("f", &text, Layer::Project, key, &json!("minimal"));
    }
}
