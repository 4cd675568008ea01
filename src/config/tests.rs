//! What holds for the table, the types and the files together.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::edit;
use super::kind::{Choice, Item, Kind};
use super::layer::tree;
use super::pairs::{environment, flags, parse};
use super::schema::schema;
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
        assert_eq!(key.secret, key.name.contains("token"), "{}", key.name);
    }
    for name in UNUSED {
        assert!(find(name).is_none(), "{name}");
    }
}

const MODES: &[Choice] = &[Choice::new("one", ""), Choice { name: "two", summary: "", also: &["TWO"] }];

#[test]
fn values_of_files_are_read_by_type() {
    let seconds = Kind::Seconds { min: 1, max: 7200 };
    for (kind, yaml, expected) in [
        (Kind::Bool, "true", Ok(json!(true))),
        (Kind::Bool, "no", Err("wrong-type")),
        (Kind::Bool, "'true'", Err("wrong-type")),
        (Kind::Text, "a b", Ok(json!("a b"))),
        (Kind::Text, "''", Err("wrong-type")),
        (Kind::Text, "1", Err("wrong-type")),
        (Kind::Text, "[a]", Err("wrong-type")),
        (Kind::OneOf(MODES), "one", Ok(json!("one"))),
        (Kind::OneOf(MODES), "TWO", Ok(json!("two"))),
        (Kind::OneOf(MODES), "ones", Err("unknown-value")),
        (Kind::OneOf(MODES), "1", Err("wrong-type")),
        (seconds, "90", Ok(json!(90))),
        (seconds, "1h30m", Ok(json!(5400))),
        (seconds, "'60'", Ok(json!(60))),
        (seconds, "0", Err("out-of-range")),
        (seconds, "7201", Err("out-of-range")),
        (seconds, "3h", Err("out-of-range")),
        (seconds, "-1", Err("wrong-type")),
        (seconds, "1.5", Err("wrong-type")),
        (seconds, "soon", Err("wrong-type")),
        (seconds, "true", Err("wrong-type")),
        (Kind::List(Item::Text), "[a, b]", Ok(json!(["a", "b"]))),
        (Kind::List(Item::Text), "[]", Ok(json!([]))),
        (Kind::List(Item::Text), "a", Err("wrong-type")),
        (Kind::List(Item::Text), "[1]", Err("wrong-type")),
        (Kind::List(Item::Text), "{a: b}", Err("wrong-type")),
        (Kind::List(Item::Variable), "[A, B_*, '*']", Ok(json!(["A", "B_*", "*"]))),
        (Kind::List(Item::Variable), "[A=1]", Err("wrong-type")),
        (Kind::List(Item::Variable), "['*A']", Err("wrong-type")),
        (Kind::List(Item::Variable), "[1A]", Err("wrong-type")),
        (Kind::List(Item::OneOf(MODES)), "[two]", Ok(json!(["two"]))),
        (Kind::List(Item::OneOf(MODES)), "[three]", Err("unknown-value")),
        (Kind::Command, "make check", Ok(json!("make check"))),
        (Kind::Command, "[sleep, 5]", Ok(json!(["sleep", "5"]))),
        (Kind::Command, "[]", Err("wrong-type")),
        (Kind::Command, "[a, [b]]", Err("wrong-type")),
        (Kind::Command, "5", Err("wrong-type")),
        (Kind::Command, "!x y", Err("wrong-type")),
    ] {
        let value = serde_yaml::from_str(yaml).unwrap();
        let read = kind.read(&value);
        assert_eq!(
            read.as_ref().map_err(|misfit| misfit.code),
            expected.as_ref().map_err(|code| *code),
            "{yaml}"
        );
        // Editors say the same, but for the reach of a duration in words.
        let in_words = read.as_ref().is_err_and(|misfit| misfit.code == "out-of-range") && value.is_string();
        if !in_words && !matches!(value, serde_yaml::Value::Tagged(_)) && yaml != "[sleep, 5]" {
            let value = serde_json::to_value(&value).unwrap();
            assert_eq!(fits(&kind.schema(), &value), read.is_ok(), "{yaml}");
        }
    }
}

#[test]
fn texts_are_read_by_the_type_of_their_setting() {
    let seconds = Kind::Seconds { min: 0, max: 7200 };
    for (kind, text, expected) in [
        (Kind::Bool, "no", Some(json!(false))),
        (Kind::Bool, "OFF", Some(json!(false))),
        (Kind::Bool, "0", Some(json!(false))),
        (Kind::Bool, "yes", Some(json!(true))),
        (Kind::Bool, "1", Some(json!(true))),
        (Kind::Bool, "maybe", None),
        (Kind::Bool, "", None),
        (Kind::Text, "1234", Some(json!("1234"))),
        (Kind::Text, "true", Some(json!("true"))),
        (Kind::Text, " ", None),
        (seconds, "0", Some(json!(0))),
        (seconds, " 10m ", Some(json!(600))),
        (seconds, "1e3", None),
        (Kind::OneOf(MODES), "two", Some(json!("two"))),
        (Kind::List(Item::Text), "a, b,", Some(json!(["a", "b"]))),
        (Kind::List(Item::Text), "", Some(json!([]))),
        (Kind::List(Item::Text), r#"["a, b", "c"]"#, Some(json!(["a, b", "c"]))),
        (Kind::List(Item::Text), "['a','b']", Some(json!(["a", "b"]))),
        (Kind::List(Item::Text), "[a", None),
        (Kind::List(Item::Text), "[1]", None),
        (Kind::Command, "make check", Some(json!("make check"))),
        (Kind::Command, r#"["make", "check"]"#, Some(json!(["make", "check"]))),
        (Kind::Command, "[ -f x ] && make", Some(json!("[ -f x ] && make"))),
    ] {
        assert_eq!(kind.parse(text).ok(), expected, "{text:?}");
    }
    let model = find("model.default").unwrap();
    assert_eq!(parse(model, ""), Ok(Json::Null));
    assert_eq!(parse(model, "null"), Ok(Json::Null));
    assert!(parse(find("client.program").unwrap(), "").is_err());
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
        ("AUTOSKILLIT_QUOTA_GUARD__ENABLED", "no"),
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
quota_guard:
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

#[test]
fn the_schema_takes_what_is_taken_and_refuses_what_is_refused() {
    let schema = schema();
    let defaults = tree(layer::defaults().into_iter().map(|entry| (entry.key, entry.value)));
    assert!(fits(&schema, &defaults));
    for (text, layer) in [
        ("", Layer::User),
        ("version: 2\nsession:\n", Layer::User),
        ("session: {permissions: dont_ask, env: {mode: minimal, pass: [A_*]}}\n", Layer::User),
        ("run_skill: {timeout: 1h, stale_threshold: 0}\n", Layer::User),
        ("test_check: {command: [make, check]}\nmodel: {default: null}\n", Layer::User),
        ("github: {token: x}\n", Layer::UserSecrets),
        (
            "quota_guard: {enabled: true}\nsubsets: {custom_tags: {a: [b]}}\nlogging: {level: INFO}\n",
            Layer::User,
        ),
        ("sesion: {}\n", Layer::User),
        ("session: 5\n", Layer::User),
        ("session: {permissions: BYPASS}\n", Layer::User),
        ("session: {env: {mood: minimal}}\n", Layer::User),
        ("run_skill: {timeout: 0}\n", Layer::User),
        ("run_skill: {timeout: null}\n", Layer::User),
        ("run_skill: {timeout: soon}\n", Layer::User),
        ("test_check: {command: []}\n", Layer::User),
        ("version: []\n", Layer::User),
    ] {
        let value = serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap()).unwrap();
        let problems = file::read("f", text, layer).problems;
        assert_eq!(fits(&schema, &value), problems.errors() == 0, "{text}: {}", told(&problems));
    }
}

/// Whether `value` fits `schema`, for the words of JSON Schema that ours uses; any other word is a failure of the test.
fn fits(schema: &Json, value: &Json) -> bool {
    schema.as_object().unwrap().iter().all(|(word, rule)| match word.as_str() {
        "description" | "default" | "deprecated" | "$schema" => true,
        "type" => {
            let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
            types.iter().any(|kind| match kind.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                "null" => value.is_null(),
                other => panic!("type {other}"),
            })
        }
        "enum" => rule.as_array().unwrap().contains(value),
        "pattern" => value
            .as_str()
            .is_none_or(|text| regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(rule, item))),
        "anyOf" => rule.as_array().unwrap().iter().any(|rule| fits(rule, value)),
        "properties" => value.as_object().is_none_or(|fields| {
            fields.iter().all(|(name, value)| rule.get(name).is_none_or(|rule| fits(rule, value)))
        }),
        "additionalProperties" => {
            assert_eq!(rule, &json!(false));
            let known = schema["properties"].as_object().unwrap();
            value.as_object().is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
        }
        other => panic!("the schema uses `{other}`"),
    })
}
