use proptest::prelude::*;
use serde_json::json;

use super::*;

fn scope() -> Scope {
    let Value::Object(scope) = json!({
        "inputs": { "task": "it's", "count": 3, "ratio": 1.5, "whole": 2.0, "flag": true, "nothing": null },
        "context": { "files": ["a", "b"], "report": { "verdict": "GO" } },
        "result": { "stdout": " x \n" },
        "run": { "id": "r1" },
    }) else {
        panic!("an object")
    };
    scope
}

#[test]
fn values_keep_their_types() {
    for (source, value) in [
        ("inputs.count", json!(3)),
        ("inputs.ratio", json!(1.5)),
        ("inputs.whole", json!(2.0)),
        ("inputs.flag", json!(true)),
        ("inputs.nothing", json!(null)),
        ("context.files", json!(["a", "b"])),
        ("context.report", json!({ "verdict": "GO" })),
        ("context['report'].verdict == 'GO'", json!(true)),
        ("inputs.count + 1", json!(4)),
        ("result.stdout | trim", json!("x")),
        ("context.gone is defined", json!(false)),
        ("context.gone | default('d')", json!("d")),
        ("context.gone is defined and context.gone == 1", json!(false)),
        ("inputs.flag or context.gone == 1", json!(true)),
        ("context.report.none is defined", json!(false)),
        ("inputs", scope()["inputs"].clone()),
    ] {
        assert_eq!(Expr::parse(source).unwrap().eval(&scope()).as_ref(), Ok(&value), "{source}");
    }
}

#[test]
fn missing_names_are_errors_that_name_them() {
    for (source, name) in [
        ("context.gone", "`context.gone` is not set"),
        ("context.gone == 'x'", "`context.gone` is not set"),
        ("context.report.gone == 'x'", "`context.report.gone` is not set"),
        ("gone == 'x'", "`gone` is not set"),
        ("not context.gone", "`context.gone` is not set"),
        ("context.gone | sh", "`context.gone` is not set"),
        ("context.gone | default", ""),
    ] {
        match Expr::parse(source).unwrap().eval(&scope()) {
            Ok(value) => assert_eq!((name, value), ("", json!(""))),
            Err(error) => assert_eq!(error.message, name, "{source}"),
        }
    }
}

#[test]
fn templates_render_and_keep_types() {
    for (source, value) in [
        ("plain", json!("plain")),
        ("${{ inputs.count }}", json!(3)),
        ("${{ inputs.count }}\n", json!("3\n")),
        ("a ${{ inputs.count }} b ${{ inputs.nothing }}.", json!("a 3 b .")),
        ("${{ context.files }}!", json!(r#"["a","b"]!"#)),
        ("${{ inputs.flag }}${{ inputs.whole }}", json!("true2.0")),
        ("${{ {'a': {'b': 1}} }}", json!({ "a": { "b": 1 } })),
        ("${{ '}}' }}", json!("}}")),
        ("x ${{- inputs.count -}} y", json!("x3y")),
        ("${#arr} {%cI} {{ x }} {# c #}\n", json!("${#arr} {%cI} {{ x }} {# c #}\n")),
        ("${{ '${{' }}", json!("${{")),
    ] {
        assert_eq!(Template::parse(source).unwrap().value(&scope()).as_ref(), Ok(&value), "{source}");
    }
}

#[test]
fn errors_say_where() {
    for (source, at, message) in [
        ("a ${{ b", "${{", "`${{` is never closed"),
        ("a ${{ x | trmi }}", "trmi", "there is no filter `trmi`"),
        ("a ${{ x is dfined }}", "dfined", "there is no test `is dfined`"),
        ("${{ f(1) }}", "f(1)", "there is no function `f`"),
        ("${{ inputs.x.strip() }}", ".strip()", "values have no methods"),
        ("${{ context[inputs.x] }}", "context[inputs.x]", "a name in `context` must be written out"),
    ] {
        let error = Template::parse(source).unwrap_err();
        assert_eq!((&source[error.span.clone()], error.message.as_str()), (at, message));
    }
    for source in ["", " ", "a b", "a ==", "(", "'", "a }}"] {
        let error = Expr::parse(source).unwrap_err();
        assert!(error.span.end <= source.len() && !error.message.is_empty(), "{source}: {error:?}");
    }
}

#[test]
fn references_are_found_with_their_places() {
    let source = "é ${{ inputs.task | default(context.a.b) }} ${{ result['x'] if run.id else word }}";
    let template = Template::parse(source).unwrap();
    let found: Vec<_> = template
        .references()
        .iter()
        .map(|found| (found.to_string(), found.guarded, &source[found.span.clone()]))
        .collect();
    assert_eq!(
        found,
        [
            ("inputs.task".to_owned(), true, "inputs.task"),
            ("context.a".to_owned(), false, "context.a.b"),
            ("run.id".to_owned(), false, "run.id"),
            ("result.x".to_owned(), false, "result['x']"),
            ("word".to_owned(), false, "word"),
        ]
    );
}

#[test]
fn shell_texts_need_a_last_filter() {
    let loose = |source: &str| Template::parse(source).unwrap().unquoted().len();
    assert_eq!(loose("echo ${{ inputs.task | sh }} ${{ inputs.count | raw }}"), 0);
    assert_eq!(loose("echo ${{ inputs.task | sh if inputs.flag else '' | raw }}"), 0);
    assert_eq!(loose("echo ${{ inputs.task }} ${{ inputs.task | sh | trim }}"), 2);
    assert_eq!(loose("echo ${{ inputs.task | sh ~ inputs.task }}"), 1);
    let template = Template::parse("echo ${{ inputs.task | sh }}").unwrap();
    assert_eq!(template.shell(&scope()).as_deref(), Ok(r"echo 'it'\''s'"));
    assert!(Template::parse("echo ${{ inputs.task }}").unwrap().shell(&scope()).is_err());
}

#[test]
fn evaluation_is_bounded() {
    for source in ["'a' * 1000000000", "range(100000) | list | map('upper') | list", "1 / 0", "2 ** 5000"] {
        assert!(Expr::parse(source).unwrap().eval(&scope()).is_err(), "{source}");
    }
    for link in ["|d", ".b", "+a", "[0]", " and a", "==a", " if a else a"] {
        assert!(Expr::parse(&format!("a{}", link.repeat(90))).is_ok(), "{link}");
        assert!(Expr::parse(&format!("a{}", link.repeat(100_000))).is_err(), "{link}");
    }
    assert!(Expr::parse(&"(".repeat(400)).is_err());
    assert!(Template::parse(&"\n".repeat(70_000)).is_ok());
}

proptest! {
    #[test]
    fn text_without_interpolation_renders_to_itself(text in "[^\u{1}]{0,60}") {
        prop_assume!(!text.contains("${{"));
        prop_assert_eq!(Template::parse(&text).unwrap().render(&scope()).unwrap(), text);
    }

    #[test]
    fn no_text_panics(text in any::<String>(), inner in "[a-z.|'(){}\\[\\] ${}=+-]{0,40}") {
        let _ = Template::parse(&text).map(|template| template.render(&scope()));
        let _ = Template::parse(&inner).map(|template| template.render(&scope()));
        let _ = Template::parse(&format!("x${{{{{inner}}}}}")).map(|template| template.value(&scope()));
        let _ = Expr::parse(&inner).map(|expr| expr.is_true(&scope()));
    }

    #[test]
    fn quoted_texts_reach_a_real_shell_unchanged(text in "[^\u{0}]{0,40}") {
        let mut scope = scope();
        scope["inputs"]["task"] = json!(text);
        let shell = Template::parse("printf %s ${{ inputs.task | sh }}").unwrap().shell(&scope).unwrap();
        let output = std::process::Command::new("sh").args(["-c", &shell]).output().unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    }
}

#[test]
fn a_predicate_can_be_asked_what_it_asks() {
    let test = |source: &str| Expr::parse(source).unwrap().test().clone();
    let path = |name: &str| Operand::Path {
        segments: name.split('.').map(str::to_owned).collect(),
        filters: Vec::new(),
    };
    let literal = |value: Value| Operand::Literal(value);
    let same = |name: &str, value: &str| Test::Compare(path(name), Op::Equal, literal(json!(value)));
    for (source, expected) in [
        ("true", Test::Always),
        ("false", Test::Never),
        ("result.a", Test::Truth(path("result.a"))),
        ("not result.a", Test::Not(Box::new(Test::Truth(path("result.a"))))),
        ("result.a == 'x'", same("result.a", "x")),
        ("result.a != 'x'", Test::Not(Box::new(same("result.a", "x")))),
        ("result.a | is_same('x')", Test::Compare(path("result.a"), Op::Same, literal(json!("x")))),
        ("result.n > 3", Test::Compare(path("result.n"), Op::Greater, literal(json!(3)))),
        (
            "result.a in ['x', 'y']",
            Test::In(path("result.a"), vec![literal(json!("x")), literal(json!("y"))]),
        ),
        (
            "result.a == 'x' and result.b == 'y' and context.c == 'z'",
            Test::And(vec![same("result.a", "x"), same("result.b", "y"), same("context.c", "z")]),
        ),
        ("result.a == 'x' or result.b == 'y'", Test::Or(vec![same("result.a", "x"), same("result.b", "y")])),
        ("result.a + 1", Test::Opaque),
    ] {
        assert_eq!(test(source), expected, "{source}");
    }
    let either = test("result.a == 'x' or result.a in ['y', 'z'] or result.b == 'w'");
    assert_eq!(either.values_of(&["result", "a"]), [&json!("x"), &json!("y"), &json!("z")]);
    let a: &[&str] = &["result", "a"];
    for (source, value, may, must) in [
        ("result.a == 'x'", "x", true, true),
        ("result.a == 'x'", "y", false, false),
        ("result.a != 'x'", "y", true, true),
        ("result.a == 'x' and result.b == 'y'", "x", true, false),
        ("result.a == 'x' and result.b == 'y'", "z", false, false),
        ("result.a == 'x' or result.b == 'y'", "z", true, false),
        ("result.a | trim == 'x'", "x", true, true),
        ("result.a | upper == 'x'", "y", true, false),
        ("result.a in ['x', 'y']", "y", true, true),
        ("true", "y", true, true),
    ] {
        let test = test(source);
        assert_eq!(
            (test.can_hold(a, &json!(value)), test.must_hold(a, &json!(value))),
            (may, must),
            "{source} {value}"
        );
    }
}

#[test]
fn what_is_missing_is_nothing_in_the_old_language() {
    let read = |source: &str| Template::parse_as(source, Mode::Legacy).unwrap().value(&scope());
    for (source, value) in [
        ("${{ context.gone }}", json!(null)),
        ("${{ gone.name }}", json!(null)),
        ("${{ context.gone.deep }}", json!(null)),
        ("${{ context.files.deep }}", json!(null)),
        ("x ${{ context.gone }}", json!("x ")),
        ("${{ context.gone | trim }}", json!("")),
        ("${{ result.my-key }}", json!(null)),
        ("${{ inputs.count - 1 }}", json!(2)),
        ("${{ inputs.count-1 }}", json!(2)),
    ] {
        assert_eq!(read(source), Ok(value), "{source}");
    }
}

proptest! {
    /// An expression is compiled when it is first evaluated; what was read as one does not fail then.
    #[test]
    fn what_is_an_expression_compiles(text in "([a-z.']{1,6}|[-+*/%~<>=!|,:()\\[\\]{} 0-9]|and|or|not|in|is|if|else| ){1,12}") {
        if Expr::parse(&text).is_ok() {
            prop_assert!(machine::compile(text.trim()).is_ok(), "{}", text);
        }
    }
}
