//! Values read by the types of their settings.

use serde_json::{Value as Json, json};

use super::schema::fits;
use crate::config::kind::{Choice, Item, Kind};
use crate::config::pairs::parse;
use crate::config::table::find;

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
        (Kind::Count { min: 1, max: 9 }, "9", Ok(json!(9))),
        (Kind::Count { min: 1, max: 9 }, "0", Err("out-of-range")),
        (Kind::Count { min: 1, max: 9 }, "2.5", Err("wrong-type")),
        (Kind::Count { min: 1, max: 9 }, "2d", Err("wrong-type")),
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
        (Kind::Dollars, "5", Ok(json!(5))),
        (Kind::Dollars, "0.5", Ok(json!(0.5))),
        (Kind::Dollars, "0", Err("out-of-range")),
        (Kind::Dollars, "-1", Err("out-of-range")),
        (Kind::Dollars, ".inf", Err("out-of-range")),
        (Kind::Dollars, "'5'", Err("wrong-type")),
        (Kind::Percent, "85", Ok(json!(85))),
        (Kind::Percent, "99.5", Ok(json!(99.5))),
        (Kind::Percent, "0", Ok(json!(0))),
        (Kind::Percent, "100.1", Err("out-of-range")),
        (Kind::Percent, "-1", Err("out-of-range")),
        (Kind::Percent, ".nan", Err("out-of-range")),
        (Kind::Percent, "'85'", Err("wrong-type")),
        (Kind::Percent, "85 %", Err("wrong-type")),
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
        (Kind::Repository, "owner/name", Ok(json!("owner/name"))),
        (Kind::Repository, "https://github.com/owner/name", Err("wrong-type")),
        (Kind::Repository, "name", Err("wrong-type")),
        (Kind::Branch, "release/1.2", Ok(json!("release/1.2"))),
        (Kind::Branch, "1.2", Err("wrong-type")),
        (Kind::Branch, "a b", Err("wrong-type")),
        (Kind::Branch, "--force", Err("wrong-type")),
        (Kind::Folder, ".autoskillit/temp", Ok(json!(".autoskillit/temp"))),
        (Kind::Folder, "/var/tmp/a-b", Ok(json!("/var/tmp/a-b"))),
        (Kind::Folder, "''", Err("wrong-type")),
        (Kind::Folder, "a b", Err("wrong-type")),
        (Kind::Folder, "$HOME/x", Err("wrong-type")),
        (Kind::Folder, "../x", Err("wrong-type")),
        (Kind::Folder, "a/./b", Err("wrong-type")),
        (Kind::Folder, "-x", Err("wrong-type")),
        (Kind::Folder, "/", Err("wrong-type")),
        (Kind::Folder, "a=b", Err("wrong-type")),
        (Kind::Folder, "..a/b/", Ok(json!("..a/b/"))),
        (Kind::Folder, "/-x", Ok(json!("/-x"))),
        (Kind::Folder, "3", Err("wrong-type")),
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
        (Kind::Dollars, " $12.50 ", Some(json!(12.5))),
        (Kind::Dollars, "12", Some(json!(12))),
        (Kind::Dollars, "much", None),
        (Kind::Percent, " 97.5 ", Some(json!(97.5))),
        (Kind::Percent, "97", Some(json!(97))),
        (Kind::Percent, "101", None),
        (Kind::Percent, "most", None),
        (Kind::Count { min: 0, max: 9 }, " 3 ", Some(json!(3))),
        (Kind::Count { min: 0, max: 9 }, "10", None),
        (Kind::Count { min: 0, max: 9 }, "-1", None),
        (Kind::OneOf(MODES), "two", Some(json!("two"))),
        (Kind::List(Item::Text), "a, b,", Some(json!(["a", "b"]))),
        (Kind::List(Item::Text), "", Some(json!([]))),
        (Kind::List(Item::Text), r#"["a, b", "c"]"#, Some(json!(["a, b", "c"]))),
        (Kind::List(Item::Text), "['a','b']", Some(json!(["a", "b"]))),
        (Kind::List(Item::Text), "[a", None),
        (Kind::List(Item::Text), "[1]", None),
        (Kind::Repository, " owner/name ", Some(json!("owner/name"))),
        (Kind::Branch, "2024", Some(json!("2024"))),
        (Kind::Branch, "-x", None),
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
