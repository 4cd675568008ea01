//! The file of the tests of a recipe.

use serde_json::{Map, Value};
use serde_yaml::Value as Yaml;

use super::{Case, Expect, Given, Key, labels};
use crate::core::text::suggestion;
use crate::core::yaml::diagnostic::{Problem, Problems};
use crate::core::yaml::marks::{Marks, Path};
use crate::core::yaml::{self, FileKind};
use crate::engine::place::any_item;
use crate::engine::transition::YES_NO;
use crate::recipe::model::{Recipe, Step, StepKind};

const KIND: FileKind = FileKind {
    name: "a file of tests",
    example: "it starts with `cases:`, below it a list of cases with `name:` and `expect:`",
    may_be_empty: false,
};

const CASE: &[&str] = &["name", "inputs", "outcomes", "answers", "expect"];
const OUTCOME: &[&str] =
    &["ok", "result", "label", "summary", "retry", "fault", "stdout", "stderr", "exit_code"];
const EXPECT: &[&str] = &["end", "at", "reason", "path", "path_includes", "captures", "calls"];

/// Fields of a result that may stand in an outcome itself.
const SUGAR: &[&str] = &["stdout", "stderr", "exit_code"];

/// The tests in `text`, the file shown as `file`.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read(recipe: &Recipe, file: &str, text: &str) -> Result<Vec<Case>, Problems> {
    let document = yaml::read(text, KIND)
        .map_err(|problems| Problems::new(file, text.trim_start_matches('\u{feff}'), problems))?;
    let mut reader = Reader { recipe, steps: labels(recipe), marks: &document.marks, problems: Vec::new() };
    let cases = reader.file(&document.value);
    match reader.problems.is_empty() {
        true => Ok(cases),
        false => Err(Problems::new(file, &document.text, reader.problems)),
    }
}

struct Reader<'a> {
    recipe: &'a Recipe,
    steps: Vec<(String, &'a Step)>,
    marks: &'a Marks,
    problems: Vec<Problem>,
}

/// An entry of a mapping.
type Entry<'y> = (String, &'y Yaml, Path);

impl<'a> Reader<'a> {
    fn file(&mut self, top: &Yaml) -> Vec<Case> {
        let root = Path::root();
        let mut cases = Vec::new();
        let mut found = false;
        for (_, value, path) in self.fields(top, &root, "a file of tests", &["cases"]) {
            found = true;
            for (index, item) in self.list(value, &path, "a list of cases").iter().enumerate() {
                let at = path.index(index);
                if let Some(case) = self.case(item, &at) {
                    cases.push(case);
                }
            }
        }
        if !found {
            self.problems
                .push(Problem::whole("missing-key", "`cases` is missing").help(KIND.example.to_owned()));
        }
        cases
    }

    fn case(&mut self, value: &Yaml, path: &Path) -> Option<Case> {
        let start = self.marks.value(path).start;
        let mut case = Case {
            name: String::new(),
            line: self.marks.line(start),
            inputs: Map::new(),
            outcomes: Vec::new(),
            answers: Vec::new(),
            expect: Expect::default(),
        };
        for (key, value, at) in self.fields(value, path, "a case", CASE) {
            match key.as_str() {
                "name" => case.name = self.text(value, &at).unwrap_or_default(),
                "inputs" => case.inputs = self.inputs(value, &at),
                "outcomes" => case.outcomes = self.outcomes(value, &at),
                "answers" => case.answers = self.answers(value, &at),
                _ => case.expect = self.expect(value, &at),
            }
        }
        if case.name.is_empty() {
            self.report(
                "missing-key",
                path,
                "`name` is missing".to_owned(),
                Some("say what the case shows".to_owned()),
            );
        } else if case.expect.is_empty() {
            let message = format!("the case `{}` expects nothing", case.name);
            self.report("missing-key", path, message, Some("add `expect:`, with `end:` at least".to_owned()));
        }
        Some(case)
    }

    fn inputs(&mut self, value: &Yaml, path: &Path) -> Map<String, Value> {
        let recipe = self.recipe;
        let known: Vec<&str> = recipe.ingredients.keys().map(String::as_str).collect();
        let mut inputs = Map::new();
        for (name, value, at) in self.fields(value, path, "the recipe's ingredients", &known) {
            let Some(ingredient) = recipe.ingredients.get(&name) else { continue };
            let Some(given) = self.json(value, &at) else { continue };
            match ingredient.kind.coerce(given) {
                Ok(given) if ingredient.choices.is_empty() || ingredient.choices.contains(&given) => {
                    inputs.insert(name, given);
                }
                Ok(given) => {
                    let choices = Value::Array(ingredient.choices.clone());
                    self.report(
                        "bad-value",
                        &at,
                        format!("`{name}` is {given}, which is none of {choices}"),
                        None,
                    );
                }
                Err(error) => self.report("wrong-type", &at, format!("`{name}`: {error}"), None),
            }
        }
        inputs
    }

    fn outcomes(&mut self, value: &Yaml, path: &Path) -> Vec<(Key, Vec<Given>)> {
        let mut all = Vec::new();
        for (key, value, at) in self.entries(value, path) {
            let Some((key, step)) = self.key(&key, &at) else { continue };
            if !matches!(step.kind, StepKind::Tool { .. }) {
                let help = match step.kind {
                    StepKind::Confirm { .. } => "its answer stands in `answers:`",
                    _ => "what it does follows from the recipe",
                };
                let message = format!("`{}` calls nothing, so it has no outcome", key.step);
                self.report_key("no-call", &at, message, Some(help.to_owned()));
                continue;
            }
            let given = match value {
                Yaml::Sequence(items) => items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.outcome(item, &at.index(index)))
                    .collect(),
                other => self.outcome(other, &at).into_iter().collect::<Vec<_>>(),
            };
            if !given.is_empty() {
                all.push((key, given));
            }
        }
        all
    }

    fn outcome(&mut self, value: &Yaml, path: &Path) -> Option<Given> {
        if let Yaml::String(word) = value {
            return match word.as_str() {
                "ok" => Some(Given { ok: Some(true), ..Given::default() }),
                "failed" => Some(Given { ok: Some(false), ..Given::default() }),
                other => {
                    let help = suggestion(other, "write", ["ok", "failed"]);
                    self.report("bad-value", path, format!("there is no outcome `{other}`"), help);
                    None
                }
            };
        }
        let mut given = Given::default();
        for (key, value, at) in self.fields(value, path, "an outcome", OUTCOME) {
            let Some(json) = self.json(value, &at) else { continue };
            match (key.as_str(), json) {
                ("ok", Value::Bool(ok)) => given.ok = Some(ok),
                ("ok", _) => self.wrong(&at, "`true` or `false`"),
                ("result", Value::Object(fields)) => given.result.extend(fields),
                ("result", _) => self.wrong(&at, "a mapping"),
                ("label", _) => given.label = self.text(value, &at),
                ("summary", _) => given.summary = self.text(value, &at),
                ("retry", json) => given.retry = self.word(json, &at, "reasons", REASONS).unwrap_or_default(),
                ("fault", json) => given.fault = self.word(json, &at, "faults", FAULTS),
                ("exit_code", json) if !json.is_i64() => self.wrong(&at, "a whole number"),
                (sugar, json) => {
                    debug_assert!(SUGAR.contains(&sugar));
                    given.result.insert(sugar.to_owned(), json);
                }
            }
        }
        Some(given)
    }

    fn answers(&mut self, value: &Yaml, path: &Path) -> Vec<(Key, Vec<String>)> {
        let mut all = Vec::new();
        for (key, value, at) in self.entries(value, path) {
            let Some((key, step)) = self.key(&key, &at) else { continue };
            let StepKind::Confirm { choice, .. } = &step.kind else {
                let message = format!("`{}` asks nothing, so it has no answer", key.step);
                self.report_key("no-question", &at, message, None);
                continue;
            };
            let options: Vec<&str> =
                choice.iter().flat_map(|choice| choice.options.keys().map(String::as_str)).collect();
            let options = if options.is_empty() { YES_NO.to_vec() } else { options };
            let items: Vec<(&Yaml, Path)> = match value {
                Yaml::Sequence(items) => {
                    items.iter().enumerate().map(|(index, item)| (item, at.index(index))).collect()
                }
                other => vec![(other, at.clone())],
            };
            let mut given = Vec::new();
            for (item, at) in items {
                let answer = match item {
                    Yaml::Bool(yes) => Some(YES_NO[usize::from(!yes)].to_owned()),
                    other => self.text(other, &at),
                };
                let Some(answer) = answer else { continue };
                if options.contains(&answer.as_str()) {
                    given.push(answer);
                } else {
                    let help = suggestion(&answer, "answers", options.iter().copied());
                    self.report("bad-value", &at, format!("`{answer}` is no answer of `{}`", key.step), help);
                }
            }
            if !given.is_empty() {
                all.push((key, given));
            }
        }
        all
    }

    fn expect(&mut self, value: &Yaml, path: &Path) -> Expect {
        let mut expect = Expect::default();
        for (key, value, at) in self.fields(value, path, "`expect`", EXPECT) {
            match key.as_str() {
                "end" => {
                    let json = self.json(value, &at).unwrap_or_default();
                    expect.end =
                        self.word(json, &at, "ends", &["succeeded", "failed", "exhausted", "stopped"]);
                }
                "at" => expect.at = self.step(value, &at),
                "reason" => expect.reason = self.text(value, &at),
                "path" => expect.path = Some(self.steps(value, &at)),
                "path_includes" => expect.path_includes = self.steps(value, &at),
                "captures" => match self.json(value, &at) {
                    Some(Value::Object(fields)) => expect.captures = fields,
                    _ => self.wrong(&at, "a mapping of variables"),
                },
                _ => {
                    for (key, value, at) in self.entries(value, &at) {
                        let Some((key, _)) = self.key(&key, &at) else { continue };
                        if let Some(params) = self.json(value, &at) {
                            expect.calls.push((key, params));
                        }
                    }
                }
            }
        }
        expect
    }

    fn steps(&mut self, value: &Yaml, path: &Path) -> Vec<String> {
        let items = self.list(value, path, "a list of steps");
        items.iter().enumerate().filter_map(|(index, item)| self.step(item, &path.index(index))).collect()
    }

    fn step(&mut self, value: &Yaml, path: &Path) -> Option<String> {
        let name = self.text(value, path)?;
        self.known(&name, path, false).map(|_| name)
    }

    /// `step`, `step#visit` or `step#visit.try`.
    fn key(&mut self, written: &str, path: &Path) -> Option<(Key, &'a Step)> {
        let (step, numbers) = match written.split_once('#') {
            Some((step, numbers)) => (step, Some(numbers)),
            None => (written, None),
        };
        let found = self.known(step, path, true)?;
        let mut key = Key { step: step.to_owned(), visit: None, attempt: None };
        if let Some(numbers) = numbers {
            let (visit, attempt) =
                numbers.split_once('.').map_or((numbers, None), |(one, two)| (one, Some(two)));
            key.visit = count(visit);
            key.attempt = attempt.and_then(count);
            if key.visit.is_none() || key.attempt.is_none() && attempt.is_some() {
                let help = Some(format!(
                    "write `{step}#2` for its second visit, `{step}#2.1` for the first try of that"
                ));
                self.report_key("bad-value", path, format!("`{numbers}` is no visit"), help);
                return None;
            }
        }
        Some((key, found))
    }

    fn known(&mut self, name: &str, path: &Path, is_key: bool) -> Option<&'a Step> {
        let any = any_item(name);
        if let Some((_, step)) = self.steps.iter().find(|(label, _)| *label == any) {
            return Some(step);
        }
        let help = suggestion(name, "steps", self.steps.iter().map(|(label, _)| label.as_str()));
        let message = format!("the recipe has no step `{name}`");
        match is_key {
            true => self.report_key("unknown-step", path, message, help),
            false => self.report("unknown-step", path, message, help),
        }
        None
    }

    /// The entries of a mapping that has these keys.
    fn fields<'y>(&mut self, value: &'y Yaml, path: &Path, what: &str, known: &[&str]) -> Vec<Entry<'y>> {
        let mut entries = self.entries(value, path);
        entries.retain(|(key, _, at)| {
            let is_known = known.contains(&key.as_str());
            if !is_known {
                let help = suggestion(key, "known keys", known.iter().copied());
                self.report_key("unknown-key", at, format!("unknown key `{key}` in {what}"), help);
            }
            is_known
        });
        entries
    }

    fn entries<'y>(&mut self, value: &'y Yaml, path: &Path) -> Vec<Entry<'y>> {
        let Yaml::Mapping(entries) = value else {
            self.wrong(path, "a mapping");
            return Vec::new();
        };
        let entries = entries.iter().map(|(key, value)| {
            let key = match key {
                Yaml::String(key) => key.clone(),
                Yaml::Number(number) => number.to_string(),
                Yaml::Bool(flag) => flag.to_string(),
                _ => "?".to_owned(),
            };
            let at = path.key(&key);
            (key, value, at)
        });
        entries.collect()
    }

    fn list<'y>(&mut self, value: &'y Yaml, path: &Path, what: &str) -> &'y [Yaml] {
        match value {
            Yaml::Sequence(items) => items,
            _ => {
                self.wrong(path, what);
                &[]
            }
        }
    }

    fn text(&mut self, value: &Yaml, path: &Path) -> Option<String> {
        match value {
            Yaml::String(text) => Some(text.clone()),
            _ => {
                self.wrong(path, "a text");
                None
            }
        }
    }

    fn json(&mut self, value: &Yaml, path: &Path) -> Option<Value> {
        serde_json::to_value(value)
            .map_err(|error| {
                self.report("bad-value", path, format!("this is no value of JSON: {error}"), None)
            })
            .ok()
    }

    /// One of some words, as the type that they stand for.
    fn word<T: serde::de::DeserializeOwned>(
        &mut self,
        value: Value,
        path: &Path,
        what: &str,
        words: &[&str],
    ) -> Option<T> {
        let text = value.as_str().unwrap_or_default().to_owned();
        if words.contains(&text.as_str())
            && let Ok(found) = serde_json::from_value(value.clone())
        {
            return Some(found);
        }
        let help = suggestion(&text, what, words.iter().copied());
        self.report("bad-value", path, format!("{value} is none of the {what}"), help);
        None
    }

    fn wrong(&mut self, path: &Path, expected: &str) {
        self.report("wrong-type", path, format!("expected {expected}"), None);
    }

    fn report(&mut self, code: &'static str, path: &Path, message: String, help: Option<String>) {
        self.problems.push(Problem::error(code, message, self.marks.at(path), "here").help(help));
    }

    fn report_key(&mut self, code: &'static str, path: &Path, message: String, help: Option<String>) {
        self.problems.push(Problem::error(code, message, self.marks.key(path), "here").help(help));
    }
}

/// A number from 1.
fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0)
}

const REASONS: &[&str] = &[
    "none",
    "resume",
    "stale",
    "empty_output",
    "early_stop",
    "contract_recovery",
    "zero_writes",
    "path_contamination",
    "budget_exhausted",
    "drain_race",
];

const FAULTS: &[&str] = &["environment", "settings", "recipe", "service", "budget", "quota"];
