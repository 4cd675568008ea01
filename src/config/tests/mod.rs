//! What holds for the table, the types and the files together.

mod edits;
mod kinds;
mod schema;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::pairs::{environment, flags};
use super::table::{KEYS, UNUSED, find, is_section, is_unused};
use super::*;

fn names(value: &Json, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Json::Object(fields) => {
            for (name, below) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                names(below, &name, found);
            }
        }
        _ => assert!(found.insert(prefix.to_owned())),
    }
}

#[test]
fn the_table_and_the_types_have_the_same_settings() {
    let mut typed = BTreeSet::new();
    names(&serde_json::to_value(Settings::default()).unwrap(), "", &mut typed);
    assert_eq!(typed, KEYS.iter().map(|key| key.name.to_owned()).collect());
    assert_eq!(Settings::default().session.env, EnvPolicy::default());
    assert_eq!(Settings::default().session.permissions, Permissions::default());
}

#[test]
fn every_row_of_the_table_is_sound() {
    for key in KEYS {
        assert!(key.summary.ends_with('.') && key.summary.len() > 10, "{}", key.name);
        assert!(!is_unused(key.name) && !is_section(key.name), "{}", key.name);
        let value: serde_yaml::Value = serde_yaml::from_str(key.example).unwrap();
        key.kind.read(&value).unwrap_or_else(|misfit| panic!("{}: {misfit:?}", key.name));
        if !key.is_optional() {
            let default = serde_yaml::to_value(key.default.value()).unwrap();
            assert_eq!(key.kind.read(&default).unwrap(), key.default.value(), "{}", key.name);
        }
        assert_eq!(key.secret, key.name.ends_with("token"), "{}", key.name);
    }
    for name in UNUSED {
        assert!(find(name).is_none(), "{name}");
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn variables_set_what_they_name() {
    let read = environment(pairs(&[
        ("AUTOSKILLIT_RUN_SKILL__TIMEOUT", "1h"),
        ("AUTOSKILLIT_SESSION__ENV__PASS", "A,B"),
        ("AUTOSKILLIT_model__default", "opus"),
        ("AUTOSKILLIT_GITHUB__TOKEN", "1234567890"),
        ("AUTOSKILLIT_HEADLESS", "1"),
        ("OTHER__THING", "1"),
    ]));
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let said: Vec<_> = read
        .entries
        .iter()
        .map(|entry| (entry.key.name, &entry.value, entry.origin.place.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("github.token", &json!("1234567890"), "AUTOSKILLIT_GITHUB__TOKEN"),
            ("run_skill.timeout", &json!(3600), "AUTOSKILLIT_RUN_SKILL__TIMEOUT"),
            ("session.env.pass", &json!(["A", "B"]), "AUTOSKILLIT_SESSION__ENV__PASS"),
            ("model.default", &json!("opus"), "AUTOSKILLIT_model__default"),
        ]
    );
}

fn told(problems: &crate::core::yaml::diagnostic::Problems) -> String {
    let mut text = String::new();
    for problem in problems.report() {
        let place =
            problem.line.map_or(String::new(), |line| format!(":{line}:{}", problem.column.unwrap_or(0)));
        text.push_str(&format!("{}{place} [{}] {}\n", problem.file, problem.code, problem.message));
        if let Some(help) = problem.help {
            text.push_str(&format!("    {help}\n"));
        }
    }
    text
}

#[test]
fn faults_of_variables_and_flags() {
    let variables = environment(pairs(&[
        ("AUTOSKILLIT_RUN_SKILL__TIMEOUT", "7200000"),
        ("AUTOSKILLIT_RUN_SKILL__TIMEOUTS", "1"),
        ("AUTOSKILLIT_MODELS__DEFAULT", "x"),
        ("AUTOSKILLIT_SESSION__ENV", "{}"),
        ("AUTOSKILLIT_PACKS__ENABLED", "no"),
        ("AUTOSKILLIT_SESSION__PERMISSIONS", "bypas"),
        ("AUTOSKILLIT_CLIENT__PROGRAM", ""),
        ("AUTOSKILLIT_XYZ__ABC", "secret"),
    ]));
    let flags = flags(&["run_skill.timeout".into(), "github.token=abc".into(), "run_skil.timeout=5".into()]);
    assert!(!variables.problems.text().contains("secret"));
    assert!(!flags.problems.text().contains("abc"));
    insta::assert_snapshot!(format!("{}{}", told(&variables.problems), told(&flags.problems)));
}

#[test]
fn all_faults_of_a_file_at_once() {
    let text = "\
version: 1
sesion:
  permissions: bypass
session:
  permissions: bypas
  permisions: bypass
  allowed_tools: Edit
  setting_sources: [user, projekt]
  env: minimal
session.env.mode: minimal
model:
  default: ''
timeout: 5
run_skill:
  timeout: 7200000
  stale_threshold: -1
  idle_output_timeout: 10 minutes
  completion_marker: x
test_check:
  command: []
  timeout:
packs:
  enabled: true
  enabeld: true
subsets:
  custom_tags: { a: [b] }
github:
  token: ghp_verysecret
logging:
5: x
";
    let read = file::read(".autoskillit/config.yaml", text, Layer::Project);
    assert!(!read.problems.text().contains("verysecret"));
    assert_eq!(read.problems.text().len(), text.len());
    insta::assert_snapshot!(told(&read.problems));
}

#[test]
fn faults_of_the_whole_text() {
    let mut all = String::new();
    for text in ["a: b: c\n", "- a\n", "model: {default: a, default: b}\n", "model: 5\n", "\tmodel: x\n"] {
        all.push_str(&told(&file::read("config.yaml", text, Layer::User).problems));
    }
    insta::assert_snapshot!(all);
    for text in ["", "# nothing\n", "session:\n", "---\n"] {
        let read = file::read("config.yaml", text, Layer::User);
        assert!(read.problems.is_empty() && read.entries.is_empty(), "{text:?}");
    }
}

#[test]
fn texts_of_problems_hide_secrets() {
    for text in
        ["github:\n  token: [ghp_s3cr3t]\n", "github: {token: ghp_s3cr3t\n", "gihub:\n  token: ghp_s3cr3t\n"]
    {
        let read = file::read("f", text, Layer::ProjectSecrets);
        assert!(read.problems.errors() > 0 && !format!("{:?}", read.problems).contains("s3cr3t"), "{text}");
    }
    let open = file::read("f", "github: {token: ghp_s3cr3t\n", Layer::Project);
    assert!(!format!("{:?}", open.problems).contains("s3cr3t"));
    let secrets = file::read("f", "github:\n  token: ghp_s3cr3t\n", Layer::ProjectSecrets);
    let settings = Settings::of(&layer::merge(secrets.entries));
    assert_eq!(settings.github.token.as_ref().map(Secret::reveal), Some("ghp_s3cr3t"));
    assert!(!format!("{settings:?}{}", serde_json::to_string(&settings).unwrap()).contains("s3cr3t"));
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn layers_are_merged_key_by_key_with_their_origins() {
    let dir = tempfile::tempdir().unwrap();
    let (user, project) = (dir.path().join("user"), dir.path().join("project"));
    write(
        &user.join("config.yaml"),
        "model:\n  default: opus\nsession: { permissions: dont_ask, env: { pass: [A] } }\n",
    );
    write(
        &project.join("config.yaml"),
        "# ours\nsession:\n  permissions: accept_edits\n  env: { mode: minimal }\n",
    );
    write(&project.join(".secrets.yaml"), "github: { token: t0ken }\n");
    std::fs::set_permissions(project.join(".secrets.yaml"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let sources = Sources {
        user: Some(user.clone()),
        project: Some(project.clone()),
        environment: pairs(&[
            ("AUTOSKILLIT_RUN_SKILL__TIMEOUT", "5"),
            ("AUTOSKILLIT_MODEL__OVERRIDE", "haiku"),
        ]),
        flags: vec!["run_skill.timeout=6".into()],
    };
    let loaded = load(&sources).unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.session.permissions, Permissions::AcceptEdits);
    assert_eq!(
        settings.session.env,
        EnvPolicy { mode: EnvMode::Minimal, pass: vec!["A".into()], drop: vec![] }
    );
    assert_eq!(settings.model.choose(Some("sonnet".into())).as_deref(), Some("haiku"));
    assert_eq!(settings.run_skill.timeout, 6);
    let origin = |name: &str| {
        loaded
            .entries
            .iter()
            .find(|entry| entry.key.name == name)
            .map(|entry| entry.origin.to_string())
            .unwrap()
    };
    assert_eq!(origin("model.default"), format!("{}:2", user.join("config.yaml").display()));
    assert_eq!(origin("session.permissions"), format!("{}:3", project.join("config.yaml").display()));
    assert_eq!(origin("run_skill.timeout"), "--config run_skill.timeout");
    assert_eq!(origin("client.program"), "default");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(told(&loaded.warnings[0]).contains("chmod 600"));
}
