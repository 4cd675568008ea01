//! The rules: each finds what its failing examples show and nothing in its passing ones.

use std::sync::Arc;

use indexmap::IndexMap;
use insta::assert_snapshot;

use super::super::check::{
    ALIASES, BESIDE, CODES, Known, Level, Levels, Policy, Shadowed, family_of, known, rule, rules,
};
use super::super::load::{Setting, compile_in};
use super::*;
use crate::core::kind::ValueKind;
use crate::skills::{Contract, Edits, Input, Output, Writes};

/// Skills with contracts, as the examples use them.
struct Store;

fn output(kind: ValueKind, choices: &[&str]) -> Output {
    Output { kind, choices: choices.iter().map(|choice| (*choice).to_owned()).collect(), ..Output::default() }
}

fn inputs(names: &[(&str, bool, bool)]) -> Option<IndexMap<String, Input>> {
    let input = |(name, required, recommended): &(&str, bool, bool)| {
        ((*name).to_owned(), Input { required: *required, recommended: *recommended, ..Input::default() })
    };
    Some(names.iter().map(input).collect())
}

fn contract(name: &str) -> Option<Contract> {
    let mut contract = Contract::undeclared(name);
    match name {
        "repair-tests" => {}
        "draft" => contract.categories = vec!["drafts".to_owned()],
        "make-plan" => {
            contract.edits = Edits::Temp;
            contract.outputs.insert("plan_path".to_owned(), output(ValueKind::Path, &[]));
        }
        "rectify" => {
            contract.edits = Edits::Temp;
            contract.outputs.insert("plan_path".to_owned(), output(ValueKind::Path, &[]));
            contract.outputs.insert("plan_parts".to_owned(), output(ValueKind::List, &[]));
        }
        "implement" | "resolve-failures" => contract.writes = Writes::Always,
        "implement-worktree" => {
            contract.writes = Writes::Always;
            contract.creates_worktree = true;
            contract.commits = true;
        }
        "mend" => {
            let verdict = output(ValueKind::String, &["repaired", "blocked"]);
            contract.outputs.insert("verdict".to_owned(), verdict);
            contract.writes_when.insert("verdict".to_owned(), vec!["repaired".to_owned()]);
        }
        "with-patterns" | "no-pattern" | "wrong-pattern" | "no-example" | "bold" => {
            let pattern = if name == "wrong-pattern" { "path = (" } else { "path = .+" };
            contract
                .outputs
                .insert("path".to_owned(), Output { optional: true, ..output(ValueKind::Path, &[]) });
            if name != "no-pattern" {
                contract.patterns.expected.push(pattern.to_owned());
            }
            if name != "no-example" {
                contract.patterns.examples.push("path = a/b".to_owned());
            }
        }
        "scribble" => contract.edits = Edits::Temp,
        "study" => {
            let input = Input { kind: ValueKind::Path, ..Input::default() };
            contract.inputs = Some(IndexMap::from([("notes".to_owned(), input)]));
        }
        "replaced" => {}
        "idle" => contract.writes = Writes::Always,
        "explained" | "unexplained" | "unexplained-origin" | "importing" => {}
        "retry-worktree" => contract.continues_worktree = true,
        "audit-impl" => contract.writes = Writes::Never,
        "resolve-merge-conflicts" => {
            contract.rebases = true;
            contract.inputs = inputs(&[
                ("worktree_path", true, false),
                ("plan_path", true, false),
                ("base_branch", true, false),
            ]);
        }
        "review-pr" => {
            contract.writes = Writes::Never;
            contract.inputs = inputs(&[("pr_number", true, false), ("diff", false, true)]);
            let choices = ["approved", "changes_requested", "needs_human"];
            contract.outputs.insert("verdict".to_owned(), output(ValueKind::String, &choices));
        }
        _ => return None,
    }
    Some(contract)
}

impl SkillLookup for Store {
    fn exists(&self, name: &str) -> bool {
        contract(name).is_some()
    }

    fn names(&self) -> Vec<String> {
        ["repair-tests", "make-plan", "review-pr"].map(str::to_owned).to_vec()
    }

    fn outputs(&self, name: &str) -> Option<Vec<String>> {
        let outputs = contract(name)?.outputs;
        (!outputs.is_empty()).then(|| outputs.into_keys().collect())
    }

    fn contract(&self, name: &str) -> Option<Arc<Contract>> {
        contract(name).map(Arc::new)
    }

    fn text(&self, name: &str) -> Option<Arc<str>> {
        let text = match name {
            "explained" => {
                "## Arguments\n`branch`\n\n```bash\nTOP=$(pwd)\ngit log {branch} ${x} '{y}' {top} {NAME}\n```\n{other}, import autoskillit"
            }
            "unexplained" => "```bash\ngit log {branch}\n```\n",
            "unexplained-origin" => "```sh\ngit fetch origin\n```\n",
            "importing" => "```python\nfrom autoskillit.core import x\n```\n",
            "idle" => "# Work\nNever say nothing to do.\nWhen there is nothing to do, say so.\n",
            "bold" => "## Output\nSay where it is.\n",
            "with-patterns" => "## Output\nNo Markdown formatting.\n",
            _ => return None,
        };
        Some(text.into())
    }

    fn shadowed(&self, name: &str) -> Option<Shadowed> {
        let mut ours = contract(name).filter(|_| name == "replaced")?;
        ours.outputs.insert("verdict".to_owned(), output(ValueKind::String, &[]));
        Some(Shadowed { ours: Arc::new(ours), by: ".claude/skills/replaced/SKILL.md".to_owned() })
    }

    fn fault(&self, name: &str) -> Option<String> {
        (name == "faulty").then(|| "line 3: unknown key".to_owned())
    }
}

fn problems(body: &str, levels: &Levels) -> Problems {
    let text = format!("name: demo\ndescription: A demo.\nlanguage: 1\n{body}");
    let origin = Origin {
        file: "demo.yaml".to_owned(),
        stem: "demo".to_owned(),
        source: RecipeSource::Path,
        path: None,
    };
    let policy =
        Policy { levels: levels.clone(), disabled: vec!["telemetry".to_owned(), "drafts".to_owned()] };
    match compile_in(&text, &origin, &Setting { policy: &policy, ..Setting::of(&Store) }) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

fn found(body: &str) -> Vec<&'static str> {
    problems(body, &Levels::default()).list().iter().map(|problem| problem.code).collect()
}

#[test]
fn each_rule_finds_what_its_examples_show() {
    let mut wrong = Vec::new();
    for rule in rules() {
        assert!(!rule.bad.is_empty() && !rule.good.is_empty(), "{} has no examples", rule.id);
        for bad in rule.bad.iter().filter(|_| !BESIDE.contains(&rule.id)) {
            let problems = problems(bad, &Levels::default());
            let mut codes: Vec<_> = problems.list().iter().map(|problem| problem.code).collect();
            codes.dedup();
            let placed =
                problems.list().iter().all(|problem| problem.labels.iter().any(|(at, _)| !at.is_empty()));
            if codes != [rule.id] || !placed {
                wrong.push(format!("{} finds {codes:?} in\n{bad}", rule.id));
            }
            let severities = problems.list().iter().map(|problem| problem.severity == Severity::Error);
            if severities.collect::<Vec<_>>().contains(&(rule.level != Level::Error)) {
                wrong.push(format!("{} has another severity in\n{bad}", rule.id));
            }
        }
        for good in rule.good {
            let codes = found(good);
            if !codes.is_empty() {
                wrong.push(format!("{} has a passing example with {codes:?}:\n{good}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique_and_belong_to_a_family() {
    let mut ids: Vec<&str> = rules().map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(ids.iter().all(|id| rule(id).is_some() && family_of(id).is_some()));
}

/// The rules of AutoSkillit 0.9 that are not here, with the reason.
const ABSENT: &[(&str, &str)] = &[];

/// Rules that are ours alone.
const OURS: &[&str] = &[
    "may-be-unset",
    "faulty-skill",
    "stale-contract",
    "fixed-comparison",
    "impossible-value",
    "wrong-operand",
    "wrong-value-type",
];

/// Names of AutoSkillit 0.9 that are names of problems here.
const PROBLEMS: &[&str] = &["unknown-sub-recipe", "circular-sub-recipe"];

#[test]
fn every_rule_of_the_reference_is_here_or_accounted_for() {
    let here = rules().filter(|rule| !OURS.contains(&rule.id)).count();
    assert!(ABSENT.iter().all(|(id, reason)| known(id).is_none() && !reason.is_empty()));
    assert!(PROBLEMS.iter().all(|id| matches!(known(id), Some(Known::Code(_)))));
    // One of them told three things under names of their own.
    let parts = ALIASES.iter().filter(|alias| alias.means == "multipart-iteration-notes").count();
    assert_eq!(parts, 3);
    assert_eq!(here + ALIASES.len() - parts + PROBLEMS.len() + ABSENT.len(), 69 + 5);
}

#[test]
fn names_of_the_reference_reach_what_is_told_here() {
    let mut wrong = Vec::new();
    for alias in ALIASES {
        assert_eq!(known(alias.id).map(Known::id), Some(alias.means), "{}", alias.id);
        for bad in alias.bad.iter().filter(|bad| !found(bad).contains(&alias.means)) {
            wrong.push(format!("{} finds {:?} in\n{bad}", alias.id, found(bad)));
        }
        for good in alias.good.iter().filter(|good| !found(good).is_empty()) {
            wrong.push(format!("{} has a passing example with {:?}:\n{good}", alias.id, found(good)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every code that the sources give to a problem.
#[test]
fn every_code_can_be_explained() {
    let code = regex::Regex::new(
        r#"(?:Problem::(?:error|warning|whole)|\.error)\(\s*"([a-z0-9-]+)"|code: "([a-z0-9-]+)"|(?m)^\s*\(?"([a-z0-9]+(?:-[a-z0-9]+)+)",$"#,
    )
    .unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let pattern = |folder: &str| format!("{}/{folder}/**/*.rs", root.display());
    let files = [pattern("recipe"), pattern("core/yaml")];
    let mut count = 0;
    for path in files.iter().flat_map(|pattern| glob::glob(pattern).unwrap()).map(Result::unwrap) {
        let place = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if place.contains("tests") || place.contains("check/rules/") {
            continue;
        }
        for found in code.captures_iter(&std::fs::read_to_string(&path).unwrap()) {
            let id = found.iter().skip(1).flatten().next().unwrap().as_str();
            assert!(known(id).is_some(), "{place} has `{id}`, which nothing explains");
            count += 1;
        }
    }
    assert!(count > 60, "the sources are read");
    assert!(known("prose-routing").is_some() && known("not-executable").is_some());
    assert!(CODES.iter().all(|code| rule(code.id).is_none() && code.meaning.ends_with('.')));
}

#[test]
fn warnings_of_the_text_can_be_allowed_and_get_another_level() {
    let idle = "steps:\n  a: {tool: test_check, on_exceeded: done, on_success: done}\n";
    assert_eq!(found(idle), ["no-effect"]);
    assert_eq!(found(&format!("allow: {{no-effect: it is kept for later}}\n{idle}")), Vec::<&str>::new());
    let step = idle.replace("{tool", "{allow: {no-effect: it is kept for later}, tool");
    assert_eq!(found(&step), Vec::<&str>::new());
    let other = step.replace("on_success: done", "on_success: b")
        + "  b: {tool: test_check, on_exceeded: done, on_success: done}\n";
    assert_eq!(found(&other), ["no-effect"]);
    assert_eq!(problems(idle, &Levels::parse(["no-effect=off"]).unwrap()).list().len(), 0);
    assert_eq!(problems(idle, &Levels::parse(["no-effect=error"]).unwrap()).errors(), 1);
    // Errors stay.
    let wrong = "steps:\n  a: {tool: test_check, with: {x: 1}, on_success: done}\n";
    let off = Levels::parse(["dead-with-param=off"]).unwrap();
    assert_eq!(problems(wrong, &off).errors(), 1);
    assert_eq!(
        found(&format!("allow: {{dead-with-param: it is harmless}}\n{wrong}")),
        ["unused-allow", "unknown-parameter"]
    );
}

#[test]
fn an_allow_may_have_the_name_of_the_reference() {
    let bad = rule("missing-ingredient").unwrap().bad[0];
    assert!(found(bad).contains(&"missing-ingredient"));
    assert_eq!(found(&format!("allow: {{shadowed-required-input: an example}}\n{bad}")), Vec::<&str>::new());
    let off = Levels::parse(["shadowed-required-input=off"]).unwrap();
    assert!(problems(bad, &off).is_empty());
}

const LOOP: &str = "steps:\n  test:\n    tool: test_check\n    on_success: done\n    on_failure: repair\n  repair:\n    skill: repair-tests\n    on_success: test\n";

#[test]
fn findings_can_be_allowed_with_a_reason() {
    assert_eq!(found(LOOP), ["unbounded-cycle"]);
    assert_eq!(found(&format!("allow: {{unbounded-cycle: a person watches}}\n{LOOP}")), Vec::<&str>::new());
    let step = LOOP
        .replace("tool: test_check\n", "tool: test_check\n    allow: {unbounded-cycle: a person watches}\n");
    assert_eq!(found(&step), Vec::<&str>::new());
    // It holds for the step that it stands at.
    let other = LOOP
        .replace("on_success: test\n", "on_success: test\n    allow: {unbounded-cycle: a person watches}\n");
    assert_eq!(found(&other), ["unbounded-cycle", "unused-allow"]);
}

#[test]
fn an_allow_that_means_nothing_is_told() {
    let stop = "steps:\n  a: {action: stop, message: x}\n";
    assert_eq!(found(&format!("allow: {{dead-output: it is read}}\n{stop}")), ["unused-allow"]);
    assert_snapshot!(render(&problems(
        &format!("allow: {{dead-outputs: it is read}}\n{stop}"),
        &Levels::default()
    )));
}

#[test]
fn levels_come_from_the_settings() {
    let levels = Levels::parse(["unbounded-cycle=warning"]).unwrap();
    assert_eq!(problems(LOOP, &levels).errors(), 0);
    assert_eq!(problems(LOOP, &levels).list().len(), 1);
    let off = Levels::parse(["unbounded-cycle=off"]).unwrap();
    assert!(problems(LOOP, &off).is_empty());
    for (text, said) in [
        ("unbounded-loop=off", "there is no rule `unbounded-loop`: did you mean `unbounded-cycle`?"),
        ("unbounded-cycle=never", "`never` is no level of `unbounded-cycle`: `error`, `warning` or `off`"),
        ("unbounded-cycle", "`unbounded-cycle` is no `rule=level`"),
    ] {
        let error = Levels::parse([text]).unwrap_err();
        assert!(
            error == said || text == "unbounded-loop=off" && error.starts_with("there is no rule"),
            "{error}"
        );
    }
}

#[test]
fn routes_of_a_legacy_recipe_are_read() {
    let codes = |routes: &str| {
        let text = format!(
            "name: demo\ndescription: A demo.\nlanguage: 0\nsteps:\n  review:\n    tool: run_skill\n    with: {{skill_command: /autoskillit:review-pr 7 x}}\n    on_result:\n{routes}    on_failure: escalate\n"
        );
        match load_with(&text, &Store) {
            Ok(loaded) => loaded.warnings.list().iter().map(|problem| problem.code).collect::<Vec<_>>(),
            Err(problems) => problems.list().iter().map(|problem| problem.code).collect(),
        }
    };
    let approved = "      - {when: '${{ result.verdict }} == approved', route: done}\n";
    let changes = "      - {when: '${{ result.verdict }} == changes_requested', route: done}\n";
    let rest = "      - {route: escalate}\n";
    assert_eq!(codes(&format!("{approved}{rest}")), ["unrouted-verdict-value"]);
    assert_eq!(codes(&format!("{approved}{changes}{rest}")), Vec::<&str>::new());
}

#[test]
fn bundled_recipes_have_no_findings() {
    let library = Library::new(LibraryPaths { builtin: builtin::BUILTIN, ..LibraryPaths::default() });
    for (name, _) in builtin::BUILTIN {
        let loaded = library.load(name, &AnySkill).unwrap();
        assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings.list());
    }
}
