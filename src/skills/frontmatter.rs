//! A `SKILL.md` as text: fences, keys and types of its frontmatter. What cannot be understood has its place in the file.

use std::ops::Range;

use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use super::contract::{Contract, Edits, Input, Output, Patterns, Writes};
use crate::core::kind::ValueKind;
use crate::core::text::{quoted_list, suggestion};
use crate::core::yaml::diagnostic::{Problem, Problems, Severity};
use crate::core::yaml::marks::{Marks, Path};
use crate::core::yaml::{self, Document, FileKind};

pub(super) const KIND: FileKind =
    FileKind {
        name: "the frontmatter of a skill", example: "it starts with `name: …`", may_be_empty: true
    };

/// Keys with a meaning here.
const KNOWN: &[&str] = &[
    "name",
    "description",
    "argument-hint",
    "inputs",
    "outputs",
    "writes",
    "writes_when",
    "edits",
    "commits",
    "rebases",
    "creates_worktree",
    "continues_worktree",
    "categories",
    "allow",
    "expected_output_patterns",
    "pattern_examples",
    "write_behavior",
    "write_expected_when",
];

/// Keys of the client and of AutoSkillit 0.9 without a meaning here.
const IGNORED: &[&str] = &[
    "activate_deps",
    "hooks",
    "triggers",
    "tier",
    "version",
    "license",
    "metadata",
    "compatibility",
    "when_to_use",
    "allowed-tools",
    "disallowed-tools",
    "disable-model-invocation",
    "user-invocable",
    "model",
    "effort",
    "context",
    "agent",
    "paths",
    "shell",
];

/// A `SKILL.md`, read.
#[derive(Debug)]
pub(super) struct Read {
    /// What its frontmatter says.
    pub(super) contract: Contract,
    /// The rest, with plain line ends.
    pub(super) body: String,
    /// What is odd about it.
    pub(super) warnings: Problems,
}

/// Reads the text of the skill in the folder `name`; `file` is what people are shown. A text without frontmatter declares nothing.
pub(super) fn read(name: &str, file: &str, text: &str) -> Result<Read, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let fences = match fences(&text) {
        Ok(fences) => fences,
        Err(problem) => return Err(Problems::new(file, &text, vec![problem])),
    };
    let Some((front, body)) = fences else {
        let contract = Contract { description: first_sentence(&text), ..Contract::undeclared(name) };
        return Ok(Read { contract, body: text.clone(), warnings: Problems::new(file, &text, Vec::new()) });
    };
    let body = text[body..].trim_start_matches('\n').to_owned();
    let offset = front.start;
    let (contract, mut problems) = match yaml::read(&text[front], KIND) {
        Ok(document) => Reader::new(&document).contract(name, &body),
        Err(problems) => (Contract::undeclared(name), problems),
    };
    for problem in &mut problems {
        for (range, _) in &mut problem.labels {
            *range = range.start + offset..range.end + offset;
        }
    }
    let problems = Problems::new(file, &text, problems);
    match problems.errors() {
        0 => Ok(Read { contract, body, warnings: problems }),
        _ => Err(problems),
    }
}

/// Where the frontmatter stands and where the body begins; `None` without frontmatter. A fence is a whole line.
fn fences(text: &str) -> Result<Option<(Range<usize>, usize)>, Problem> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if first.trim_end() != "---" {
        return Ok(None);
    }
    let start = first.len();
    let mut at = start;
    for line in lines {
        if line.trim_end() == "---" {
            return Ok(Some((start..at, at + line.len())));
        }
        at += line.len();
    }
    let problem = Problem::error("no-frontmatter", "the frontmatter has no end", 0..3, "it begins here");
    Err(problem.help("write a line `---` after its last key".to_owned()))
}

/// What a skill without description is told as: its first line of prose.
fn first_sentence(body: &str) -> String {
    let prose =
        body.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', '<', '`', '-']));
    prose.unwrap_or_default().to_owned()
}

struct Reader<'d> {
    value: &'d Yaml,
    marks: &'d Marks,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    fn new(document: &'d Document) -> Self {
        Self { value: &document.value, marks: &document.marks, problems: Vec::new() }
    }

    fn contract(mut self, folder: &str, body: &str) -> (Contract, Vec<Problem>) {
        let root = Path::root();
        let entries = self.entries(self.value, &root);
        let mut contract = Contract::undeclared(folder);
        let mut edits = None;
        let mut inputs = None;
        for (key, value, path) in entries {
            match key.as_str() {
                _ if value.is_null() => {}
                "name" => self.name(value, &path, folder),
                "description" => contract.description = self.text(value, &path).trim().to_owned(),
                "argument-hint" => contract.argument_hint = Some(self.hint(value, &path)),
                "inputs" => inputs = Some(self.named(value, &path, Self::input)),
                "outputs" => contract.outputs = self.named(value, &path, Self::output).into_iter().collect(),
                "writes" => contract.writes = self.word(value, &path, &WRITES).unwrap_or_default(),
                "writes_when" => contract.writes_when = self.conditions(value, &path),
                "write_behavior" => {
                    let read: Option<Writes> = self.word(value, &path, &WRITES);
                    contract.writes = read.unwrap_or_default();
                }
                "edits" => edits = self.word(value, &path, &EDITS),
                "commits" => contract.commits = self.flag(value, &path),
                "rebases" => contract.rebases = self.flag(value, &path),
                "creates_worktree" => contract.creates_worktree = self.flag(value, &path),
                "continues_worktree" => contract.continues_worktree = self.flag(value, &path),
                "categories" => contract.categories = self.texts(value, &path),
                "allow" => contract.allow = self.allow(value, &path),
                "expected_output_patterns" => contract.patterns.expected = self.patterns(value, &path),
                "pattern_examples" => contract.patterns.examples = self.texts(value, &path),
                "write_expected_when" => contract.patterns.writes_when = self.patterns(value, &path),
                key if IGNORED.contains(&key) => {}
                key => self.unknown(key, "the frontmatter of a skill", KNOWN, &path),
            }
        }
        contract.inputs = inputs.map(|inputs| inputs.into_iter().collect());
        contract.edits = edits.unwrap_or(match contract.writes {
            Writes::Never => Edits::Nothing,
            _ => Edits::Checkout,
        });
        if contract.description.is_empty() {
            contract.description = first_sentence(body);
        }
        self.hold_together(&contract);
        self.samples(&contract.patterns);
        (contract, self.problems)
    }

    /// Conditions speak of outputs that are declared, with values that they can have.
    fn hold_together(&mut self, contract: &Contract) {
        let root = Path::root();
        let mut conditions: Vec<(Path, &IndexMap<String, Vec<String>>)> =
            vec![(root.key("writes_when"), &contract.writes_when)];
        for (name, output) in &contract.outputs {
            conditions.push((root.key("outputs").key(name).key("required_when"), &output.required_when));
        }
        for (path, condition) in conditions {
            for (name, values) in condition {
                let at = self.marks.key(&path.key(name));
                let Some(output) = contract.outputs.get(name) else {
                    let help = suggestion(name, "outputs", contract.outputs.keys().map(String::as_str));
                    let message = format!("there is no output `{name}`");
                    self.problems
                        .push(Problem::error("unknown-output", message, at, "not declared").help(help));
                    continue;
                };
                for value in values
                    .iter()
                    .filter(|value| !output.choices.is_empty() && !output.choices.contains(value))
                {
                    let message = format!("`{name}` is never `{value}`");
                    let help = suggestion(value, "its values", output.choices.iter().map(String::as_str));
                    let at = self.marks.at(&path.key(name));
                    self.problems.push(
                        Problem::error("unknown-value", message, at, "not among its choices").help(help),
                    );
                }
            }
        }
        if !contract.writes_when.is_empty() && contract.writes != Writes::Conditional {
            let at = self.marks.key(&root.key("writes_when"));
            let message = "`writes_when` has a meaning only with `writes: conditional`";
            self.problems.push(Problem::warning("no-effect", message, at, "no effect"));
        }
    }

    /// Each pattern matches one of the samples, where there are samples.
    fn samples(&mut self, patterns: &Patterns) {
        if patterns.examples.is_empty() {
            return;
        }
        for (index, pattern) in patterns.expected.iter().enumerate() {
            let Ok(regex) = regex::Regex::new(pattern) else { continue };
            if !patterns.examples.iter().any(|example| regex.is_match(example)) {
                let at = self.marks.at(&Path::root().key("expected_output_patterns").index(index));
                let message = "this pattern matches none of `pattern_examples`";
                let problem = Problem::warning("pattern-examples-match", message, at, "matches no sample");
                self.problems
                    .push(problem.help("mend the pattern, or add a sample that it matches".to_owned()));
            }
        }
    }

    fn name(&mut self, value: &Yaml, path: &Path, folder: &str) {
        let name = self.text(value, path);
        if !name.is_empty() && name != folder {
            let message = format!("the skill is called `{name}`, its folder `{folder}`");
            let problem =
                Problem::warning("name-mismatch", message, self.marks.at(path), "not the name of the folder");
            self.problems
                .push(problem.help(format!("write `name: {folder}`: a recipe calls it by its folder")));
        }
    }

    /// The entries of a mapping whose keys are texts.
    fn entries(&mut self, value: &'d Yaml, path: &Path) -> Vec<(String, &'d Yaml, Path)> {
        let Yaml::Mapping(mapping) = value else {
            self.wrong(path, "a mapping");
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (key, value) in mapping {
            match key.as_str() {
                Some(key) => entries.push((key.to_owned(), value, path.key(key))),
                None => self.wrong(path, "a mapping whose keys are texts"),
            }
        }
        entries
    }

    /// A mapping of names to declarations; the list that AutoSkillit 0.9 wrote, with `name` in each entry, is taken as well.
    fn named<T>(
        &mut self,
        value: &'d Yaml,
        path: &Path,
        read: fn(&mut Self, &'d Yaml, &Path) -> T,
    ) -> Vec<(String, T)> {
        let Yaml::Sequence(items) = value else {
            let entries = self.entries(value, path);
            return entries.into_iter().map(|(name, value, path)| (name, read(self, value, &path))).collect();
        };
        let mut named: Vec<(String, T)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            let Some(name) = item.get("name").and_then(Yaml::as_str) else {
                self.wrong(&path, "a mapping with `name`");
                continue;
            };
            if named.iter().any(|(known, _)| known == name) {
                let at = self.marks.at(&path.key("name"));
                self.problems.push(Problem::error(
                    "duplicate-key",
                    format!("`{name}` is declared twice"),
                    at,
                    "again here",
                ));
            }
            let declared = read(self, item, &path);
            named.push((name.to_owned(), declared));
        }
        named
    }

    fn input(&mut self, value: &'d Yaml, path: &Path) -> Input {
        let mut input = Input::default();
        for (key, value, path) in self.entries(value, path) {
            match key.as_str() {
                "name" => {}
                "type" => input.kind = self.kind(value, &path),
                "description" => input.description = self.text(value, &path),
                "required" => input.required = self.flag(value, &path),
                "recommended" => input.recommended = self.flag(value, &path),
                key => {
                    self.unknown(key, "an input", &["type", "description", "required", "recommended"], &path)
                }
            }
        }
        input
    }

    fn output(&mut self, value: &'d Yaml, path: &Path) -> Output {
        let known = ["type", "description", "choices", "optional", "required_when"];
        let mut output = Output::default();
        for (key, value, path) in self.entries(value, path) {
            match key.as_str() {
                "name" => {}
                "type" => output.kind = self.kind(value, &path),
                "description" => output.description = self.text(value, &path),
                "choices" | "allowed_values" => output.choices = self.texts(value, &path),
                "optional" => output.optional = self.flag(value, &path),
                "required_when" => output.required_when = self.conditions(value, &path),
                key => self.unknown(key, "an output", &known, &path),
            }
        }
        output
    }

    fn kind(&mut self, value: &Yaml, path: &Path) -> ValueKind {
        let kinds = [
            ("string", ValueKind::String),
            ("bool", ValueKind::Bool),
            ("int", ValueKind::Int),
            ("number", ValueKind::Number),
            ("path", ValueKind::Path),
            ("list", ValueKind::List),
            ("json", ValueKind::Json),
            // What contracts of AutoSkillit 0.9 call them.
            ("boolean", ValueKind::Bool),
            ("integer", ValueKind::Int),
            ("file_path", ValueKind::Path),
            ("directory_path", ValueKind::Path),
            ("file_path_list", ValueKind::List),
        ];
        match value.as_str().and_then(|word| kinds.iter().find(|(name, _)| *name == word)) {
            Some((_, kind)) => *kind,
            None => {
                let names: Vec<&str> = kinds[..7].iter().map(|(name, _)| *name).collect();
                self.bad_word(value, path, &names);
                ValueKind::default()
            }
        }
    }

    fn word<T: Copy>(&mut self, value: &Yaml, path: &Path, words: &[(&str, T)]) -> Option<T> {
        let found = value.as_str().and_then(|word| words.iter().find(|(name, _)| *name == word));
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            self.bad_word(value, path, &names);
        }
        found.map(|(_, value)| *value)
    }

    fn bad_word(&mut self, value: &Yaml, path: &Path, words: &[&str]) {
        let Some(word) = value.as_str() else {
            self.wrong(path, &format!("one of {}", quoted_list(words)));
            return;
        };
        let help = suggestion(word, "possible", words.iter().copied());
        let problem = Problem::error(
            "bad-value",
            format!("`{word}` is not possible here"),
            self.marks.at(path),
            "unknown",
        );
        self.problems.push(problem.help(help));
    }

    fn text(&mut self, value: &Yaml, path: &Path) -> String {
        match value {
            Yaml::String(text) => text.clone(),
            Yaml::Number(number) => number.to_string(),
            Yaml::Bool(flag) => flag.to_string(),
            Yaml::Null => String::new(),
            _ => {
                self.wrong(path, "a text");
                String::new()
            }
        }
    }

    /// `[task] [notes]` without quotes is a list for YAML; people write it that way, and the client takes it.
    fn hint(&mut self, value: &Yaml, path: &Path) -> String {
        match value {
            Yaml::Sequence(items) => {
                let words: Vec<&str> = items.iter().filter_map(Yaml::as_str).collect();
                format!("[{}]", words.join(", "))
            }
            other => self.text(other, path),
        }
    }

    fn texts(&mut self, value: &Yaml, path: &Path) -> Vec<String> {
        match value {
            Yaml::Sequence(items) => {
                items.iter().enumerate().map(|(index, item)| self.text(item, &path.index(index))).collect()
            }
            Yaml::Mapping(_) => {
                self.wrong(path, "a list of texts");
                Vec::new()
            }
            one => vec![self.text(one, path)],
        }
    }

    fn patterns(&mut self, value: &Yaml, path: &Path) -> Vec<String> {
        let patterns = self.texts(value, path);
        for (index, pattern) in patterns.iter().enumerate() {
            if let Err(error) = regex::Regex::new(pattern) {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim();
                let message =
                    format!("this is no regular expression: {}", reason.trim_start_matches("error: "));
                let at = self.marks.at(&path.index(index));
                self.problems.push(Problem::warning("bad-pattern", message, at, "never matches"));
            }
        }
        patterns
    }

    fn conditions(&mut self, value: &'d Yaml, path: &Path) -> IndexMap<String, Vec<String>> {
        let entries = self.entries(value, path);
        entries.into_iter().map(|(name, value, path)| (name, self.texts(value, &path))).collect()
    }

    fn allow(&mut self, value: &'d Yaml, path: &Path) -> IndexMap<String, String> {
        let entries = self.entries(value, path);
        entries.into_iter().map(|(rule, value, path)| (rule, self.text(value, &path))).collect()
    }

    fn flag(&mut self, value: &Yaml, path: &Path) -> bool {
        match value {
            Yaml::Bool(flag) => *flag,
            _ => {
                self.wrong(path, "`true` or `false`");
                false
            }
        }
    }

    fn wrong(&mut self, path: &Path, expected: &str) {
        let at = self.marks.at(path);
        self.problems.push(Problem::error(
            "wrong-type",
            format!("expected {expected}"),
            at,
            "this is something else",
        ));
    }

    fn unknown(&mut self, key: &str, what: &str, known: &[&str], path: &Path) {
        let help = suggestion(key, "known keys", known.iter().copied());
        let message = format!("unknown key `{key}` in {what}");
        self.problems
            .push(Problem::warning("unknown-key", message, self.marks.key(path), "ignored").help(help));
    }
}

const WRITES: [(&str, Writes); 3] =
    [("never", Writes::Never), ("conditional", Writes::Conditional), ("always", Writes::Always)];
const EDITS: [(&str, Edits); 3] =
    [("nothing", Edits::Nothing), ("temp", Edits::Temp), ("checkout", Edits::Checkout)];

/// The first error of a file in a line: where, what, and the mend.
pub(super) fn in_a_line(problems: &Problems) -> String {
    let reports = problems.report();
    let Some(first) = reports.iter().find(|report| report.severity == Severity::Error) else {
        return problems.to_string();
    };
    let line = first.line.map(|line| format!(":{line}")).unwrap_or_default();
    let help = first.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{}{line}: {}{help}", first.file, first.message)
}
