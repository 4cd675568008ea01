//! Plans as tables: what is there and what is wished against what is written.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::mcp::{McpEdit, McpError, add};
use super::*;
use crate::config::schema::{EDITOR_LINE, file_text};
use crate::config::{Layer, file};
use crate::workspace::detect::{BaseBranch, BranchReason, Detected, Hosted, Project};

/// A project of which everything is known.
fn project() -> Project {
    Project {
        languages: vec![],
        test_command: Some(Detected { command: "cargo test".to_owned(), because: "Cargo.toml" }),
        base_branch: Some(BaseBranch {
            name: "main".to_owned(),
            because: BranchReason::RemoteHead("origin".to_owned()),
        }),
        remote: Some(("origin".to_owned(), Hosted::GitHub("owner/name".to_owned()))),
    }
}

fn facts(project: Project, config: Option<&str>) -> Facts {
    let there = There { config: config.map(str::to_owned), ..There::default() };
    Facts { top: "/r".into(), below: "".into(), project, there, ignored: false }
}

fn fill() -> Wishes {
    Wishes { fill: true, ..Wishes::default() }
}

/// The facts as they are once a plan was carried out.
fn afterwards(facts: &Facts, plan: &Plan) -> Facts {
    let mut facts = facts.clone();
    for file in plan.files.iter().filter(|file| file.is_written()) {
        let text = Some(file.after.clone());
        match file.path {
            plan::CONFIG => facts.there.config = text,
            plan::SCHEMA => facts.there.schema = text,
            plan::IGNORE => facts.there.ignore = text,
            _ => facts.there.mcp = text,
        }
    }
    facts
}

fn config_of(plan: &Plan) -> &str {
    &plan.files[0].after
}

/// What a settings file says, without complaint.
#[track_caller]
fn said(text: &str) -> Vec<(&'static str, Json)> {
    let read = file::read("config.yaml", text, Layer::Project);
    assert!(read.problems.is_empty(), "{text}\n{:?}", read.problems.report());
    read.entries.into_iter().map(|entry| (entry.key.name, entry.value)).collect()
}

#[test]
fn a_new_file_says_what_was_found() {
    let facts = facts(project(), None);
    let planned = plan(&facts, &fill()).unwrap();
    insta::assert_snapshot!("new_file", config_of(&planned));
    assert_eq!(
        said(config_of(&planned)),
        [
            ("test_check.command", json!("cargo test")),
            ("github.default_repo", json!("owner/name")),
            ("branching.default_base_branch", json!("main")),
        ]
    );
    let paths: Vec<_> = planned.files.iter().map(|file| (file.path, file.action)).collect();
    let new = |path| (path, Action::Create);
    assert_eq!(paths, [new(plan::CONFIG), new(plan::SCHEMA), new(plan::IGNORE)]);
}

#[test]
fn what_is_not_known_stays_a_sample() {
    let facts = facts(Project::default(), None);
    let planned = plan(&facts, &fill()).unwrap();
    insta::assert_snapshot!("new_file_of_an_unknown_project", config_of(&planned));
    assert!(said(config_of(&planned)).is_empty() && !planned.tested());
}

/// An editor finds nothing wrong with a new file, also with its samples in use, and sees what is wrong with another.
#[test]
fn editors_take_what_is_written() {
    let schema: Json = serde_json::from_str(&file_text()).unwrap();
    let judge = jsonschema::draft202012::new(&schema).unwrap();
    let takes = |text: &str| judge.is_valid(&serde_json::to_value(yaml(text)).unwrap());
    for project in [project(), Project::default()] {
        let planned = plan(&facts(project, None), &fill()).unwrap();
        let text = config_of(&planned);
        assert!(takes(text) && takes(&in_use(text)), "{text}");
        assert!(text.starts_with("# yaml-language-server: $schema=./config.schema.json\n"));
        assert!(
            plan::SCHEMA.ends_with("/config.schema.json")
                && plan::CONFIG.rsplit_once('/').unwrap().0 == ".autoskillit"
        );
        for wrong in [
            text.replace("test_check:", "test_chek:"),
            in_use(text).replace("dont_ask", "everything"),
            in_use(text).replace("timeout: 1h", "timeout: soon"),
            in_use(text).replace("owner/name", "https://github.com/owner/name"),
        ] {
            assert!(!takes(&wrong), "{wrong}");
        }
    }
}

fn yaml(text: &str) -> serde_yaml::Value {
    serde_yaml::from_str(text).unwrap()
}

/// A new file with its samples in use.
fn in_use(text: &str) -> String {
    let sample = regex::Regex::new(r"(?m)^( *)# ((?:  )*[a-z_]+:( .*)?)$").unwrap();
    sample.replace_all(text, "$1$2").into_owned()
}

/// With the signs before them taken away, the samples are settings, and the file is still a good one.
#[test]
fn samples_can_be_used() {
    for project in [project(), Project::default()] {
        let planned = plan(&facts(project, None), &fill()).unwrap();
        let text = in_use(config_of(&planned));
        let before = said(config_of(&planned));
        let after = said(&text);
        assert!(after.len() >= 6 && before.iter().all(|entry| after.contains(entry)), "{text}");
    }
}

#[test]
fn a_second_setup_has_nothing_to_do() {
    for project in [project(), Project::default()] {
        for mcp in [false, true] {
            let facts = facts(project.clone(), None);
            let wishes = Wishes { mcp, ..fill() };
            let first = plan(&facts, &wishes).unwrap();
            let second = plan(&afterwards(&facts, &first), &wishes).unwrap();
            assert!(second.files.iter().all(|file| file.action == Action::Same), "{second:#?}");
        }
    }
}

#[test]
fn values_and_comments_of_a_person_stay() {
    let text = "# ours\ntest_check:\n  command: make check  # not cargo\nmodel: {default: opus}\n";
    let facts = facts(project(), Some(text));
    let known = known(&facts, &fill()).unwrap();
    let lacking = lacks(&facts, &known);
    let names: Vec<_> = lacking.settings.iter().map(|known| known.key.name).collect();
    assert_eq!(
        (names, lacking.editor_line),
        (vec!["github.default_repo", "branching.default_base_branch"], true)
    );
    let filled = plan(&facts, &fill()).unwrap();
    assert_eq!(
        config_of(&filled),
        format!(
            "{EDITOR_LINE}\n{text}github:\n  default_repo: owner/name\nbranching:\n  default_base_branch: main\n"
        )
    );
    // Who does not want that keeps the file; a schema that nothing points to is not written either.
    let left = plan(&facts, &Wishes::default()).unwrap();
    assert_eq!((config_of(&left), left.files.len()), (text, 2));
}

#[test]
fn the_persons_word_wins() {
    let told = |config, wishes: Wishes| {
        let planned = plan(&facts(project(), config), &Wishes { fill: true, ..wishes }).unwrap();
        let said = said(config_of(&planned));
        let command = said.into_iter().find(|(name, _)| *name == "test_check.command");
        (command.map(|(_, value)| value), planned.tested())
    };
    let given = |command| Wishes { test_command: Some(json!(command)), ..Wishes::default() };
    assert_eq!(told(None, given("make")), (Some(json!("make")), true));
    assert_eq!(told(Some("test_check: {command: old}\n"), given("new")), (Some(json!("new")), true));
    let none = Wishes { no_test_command: true, ..Wishes::default() };
    assert_eq!(told(None, none), (None, false));
    // `null` is a word, too.
    let null = "github: {default_repo: null}\n";
    let planned = plan(&facts(project(), Some(null)), &fill()).unwrap();
    assert!(said(config_of(&planned)).contains(&("github.default_repo", Json::Null)));
}

/// What the files of a project say is not always fit for a setting.
#[test]
fn odd_names_are_not_proposed() {
    let mut odd = project();
    odd.base_branch = Some(BaseBranch { name: "-rf".to_owned(), because: BranchReason::Current });
    let planned = plan(&facts(odd, None), &fill()).unwrap();
    assert!(!said(config_of(&planned)).iter().any(|(name, _)| name.starts_with("branching")));
    let mut quoted = project();
    quoted.test_command = Some(Detected { command: "a: 'b' # \"c\"\n".to_owned(), because: "Makefile" });
    quoted.base_branch = Some(BaseBranch { name: "1.0".to_owned(), because: BranchReason::Current });
    let planned = plan(&facts(quoted, None), &fill()).unwrap();
    let said = said(config_of(&planned));
    assert_eq!(
        (&said[0].1, &said[2].1),
        (&json!("a: 'b' # \"c\"\n"), &json!("1.0")),
        "{}",
        config_of(&planned)
    );
}

#[test]
fn a_faulty_file_is_left_and_told_with_its_place() {
    for text in ["test_check: [\n", "sesion: {}\n", "test_check: {timeout: soon}\n", "github: {token: x}\n"] {
        let error = plan(&facts(project(), Some(text)), &fill()).unwrap_err();
        assert!(error.message.contains("/r/.autoskillit/config.yaml"), "{error:?}");
        assert!(error.diagnostic.is_some(), "{text}");
    }
    // Only loosely faulty: keys without a meaning are no reason to stop.
    assert!(plan(&facts(project(), Some("quota_guard: {enabled: true}\n")), &fill()).is_ok());
    // It cannot be changed in one place.
    let shared = "github: &all {default_repo: null}\nbranching: *all\n";
    let wishes = Wishes { test_command: Some(json!("x")), ..Wishes::default() };
    let stuck = plan(&facts(project(), Some(shared)), &wishes);
    assert!(stuck.is_err(), "{stuck:?}");
}

#[test]
fn the_line_for_editors() {
    let own = "# yaml-language-server: $schema=https://example.com/x.json\nmodel: {}\n";
    for (text, expected) in [
        ("model: {}\n", format!("{EDITOR_LINE}\nmodel: {{}}\n")),
        ("\u{feff}model: {}\r\n", format!("\u{feff}{EDITOR_LINE}\r\nmodel: {{}}\r\n")),
        ("", format!("{EDITOR_LINE}\n")),
        (own, own.to_owned()),
        ("# $schema: ./x.json\nmodel: {}\n", "# $schema: ./x.json\nmodel: {}\n".to_owned()),
    ] {
        let facts = facts(Project::default(), Some(text));
        let planned = plan(&facts, &fill()).unwrap();
        assert_eq!(config_of(&planned), expected);
        let schema = planned.files.iter().any(|file| file.path == plan::SCHEMA);
        assert_eq!(schema, expected.contains(EDITOR_LINE), "a schema is written where it is named");
    }
}

#[test]
fn a_schema_is_renewed_unless_somebody_changed_it() {
    let older = file_text().replace("\"version\"", "\"versions\"");
    let older = {
        let mut value: Json = serde_json::from_str(&older).unwrap();
        let mark = value.as_object_mut().unwrap().shift_remove("$comment").unwrap();
        let print = crate::core::ids::fingerprint(&format!("{value:#}"));
        let mark = mark.as_str().unwrap();
        value["$comment"] = json!(format!("{}{print}", &mark[..mark.len() - print.len()]));
        value.to_string()
    };
    for (text, action) in [
        (file_text(), Action::Same),
        (older.clone(), Action::Change),
        (
            older.replace("versions", "edition"),
            Action::Keep("somebody changed it; remove it to have it renewed"),
        ),
        ("not json".to_owned(), Action::Keep("somebody changed it; remove it to have it renewed")),
    ] {
        let mut facts = facts(project(), None);
        facts.there.schema = Some(text);
        let planned = plan(&facts, &fill()).unwrap();
        assert_eq!(planned.files[1].action, action);
    }
}

#[test]
fn a_server_is_added_in_the_manner_of_the_file() {
    let written = |text: &str| match add(Some(text)) {
        Ok(McpEdit::Write(after)) => after,
        other => panic!("{text}: {other:?}"),
    };
    insta::assert_snapshot!("mcp_new", written(""));
    let texts = [
        "{}",
        "{\"mcpServers\": {}}\n",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}, \"other\": 1}\n",
        "{\n  \"mcpServers\": {\n    \"z\": { \"command\": \"x\", \"args\": [\"-y\", \"y\"] },\n    \"a\": {\"url\": \"}{\"}\n  }\n}\n",
        "{\n\t\"other\": [1.0, 1e3],\n\t\"mcpServers\": {\n\t}\n}",
        "{\n    \"inputs\": []\n}\n",
        "{\r\n  \"mcpServers\": {\r\n    \"a\": {}\r\n  }\r\n}\r\n",
    ];
    let all: Vec<String> = texts.iter().map(|text| format!("{text}\n=>\n{}", written(text))).collect();
    insta::assert_snapshot!("mcp_added", all.join("\n----\n").replace('\r', "␍").replace('\t', "→   "));
}

#[test]
fn a_server_that_is_there_stays() {
    let same = r#"{"mcpServers":{"autoskillit":{"type":"stdio","command":"autoskillit","args":["serve"],"env":{"A":"b"}}}}"#;
    assert_eq!(add(Some(same)), Ok(McpEdit::Same));
    let theirs = r#"{"mcpServers":{"autoskillit":{"command":"/opt/autoskillit","args":["serve"]}}}"#;
    assert_eq!(add(Some(theirs)), Ok(McpEdit::Theirs));
    let message = "expected value".to_owned();
    assert_eq!(add(Some("{\"a\":\n x}")), Err(McpError::Syntax { line: 2, column: 2, message }));
    assert_eq!(add(Some("[]")), Err(McpError::NoObject("it")));
    assert_eq!(add(Some(r#"{"mcpServers":[]}"#)), Err(McpError::NoObject("`mcpServers`")));
    // Of two of the same name, the last one counts to whoever reads the file.
    assert_eq!(
        add(Some(r#"{"mcpServers":{"a":{}},"mcpServers":{"b":{}}}"#)),
        Ok(McpEdit::Write(r#"{"mcpServers":{"a":{}},"mcpServers":{"b":{}, "autoskillit": {"command":"autoskillit","args":["serve"]}}}"#.to_owned()))
    );
}

fn json_value() -> impl Strategy<Value = Json> {
    let leaf =
        prop_oneof![any::<bool>().prop_map(Json::from), "\\PC{0,6}".prop_map(Json::from), Just(Json::Null)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::hash_map("[a-z\"{}]{1,4}", inner, 0..3)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever else a file holds, and however it is laid out, it holds afterwards, in the same order.
    #[test]
    fn nothing_else_changes(
        servers in prop::collection::hash_map("[a-z]{1,6}", json_value(), 0..4),
        rest in prop::collection::hash_map("[A-Z]{1,6}", json_value(), 0..3),
        has_servers: bool,
        pretty: bool,
    ) {
        let mut top: serde_json::Map<String, Json> = rest.into_iter().collect();
        if has_servers {
            top.insert("mcpServers".to_owned(), Json::Object(servers.into_iter().collect()));
        }
        let before = Json::Object(top);
        let text = if pretty { format!("{before:#}\n") } else { before.to_string() };
        let Ok(McpEdit::Write(after)) = add(Some(&text)) else { return Err(TestCaseError::fail(text)) };
        let read: Json = serde_json::from_str(&after).unwrap();
        let mut expected = before;
        expected["mcpServers"]["autoskillit"] = json!({"command": "autoskillit", "args": ["serve"]});
        // As texts, so that the order counts.
        prop_assert_eq!(read.to_string(), expected.to_string());
        prop_assert_eq!(add(Some(&after)), Ok(McpEdit::Same));
        // A pretty file stays as a pretty printer would write it.
        if pretty {
            prop_assert_eq!(after, format!("{read:#}\n"));
        }
    }

    /// A settings file of any text is either refused or keeps what it says.
    #[test]
    fn no_text_panics_or_loses_anything(text in "[a-z_:{}\\[\\],#|&*'\" \\n-]{0,60}") {
        let facts = facts(project(), Some(&text));
        if let Ok(planned) = plan(&facts, &fill()) {
            let entries = |text: &str| file::read("f", text, Layer::Project).entries.len();
            prop_assert!(entries(config_of(&planned)) >= entries(&text));
        }
    }
}
