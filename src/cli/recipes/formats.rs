//! Findings in the formats of other programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::check::Findings;
use crate::recipe::check::{Level, family_of, rule};
use crate::recipe::{ProblemReport, Problems, Severity};

/// What a file that cannot be read is reported as.
const UNREADABLE: &str = "unreadable";

/// A SARIF 2.1.0 log.
pub(super) fn sarif(found: &Findings) -> Value {
    let reports: Vec<ProblemReport> = found.files.iter().flat_map(Problems::report).collect();
    let mut codes: BTreeMap<&str, Severity> = BTreeMap::new();
    for report in &reports {
        let worst = codes.entry(report.code).or_insert(report.severity);
        *worst = if *worst == Severity::Error { *worst } else { report.severity };
    }
    if !found.unreadable.is_empty() {
        codes.insert(UNREADABLE, Severity::Error);
    }
    let index = |code: &str| codes.keys().position(|known| *known == code);
    let mut results: Vec<Value> = reports.iter().map(|report| result(report, index(report.code))).collect();
    results.extend(found.unreadable.iter().map(|message| {
        json!({
            "ruleId": UNREADABLE,
            "ruleIndex": index(UNREADABLE),
            "level": "error",
            "message": { "text": message },
        })
    }));
    let rules: Vec<Value> = codes.iter().map(|(code, severity)| descriptor(code, *severity)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "autoskillit", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What a rule is about. What is told while a recipe is read has no rule of its own, only a name.
fn descriptor(code: &str, severity: Severity) -> Value {
    let Some(rule) = rule(code) else {
        let words = code.replace('-', " ");
        return json!({
            "id": code,
            "shortDescription": { "text": format!("Told when a recipe is read: {words}.") },
            "help": { "text": "The message of each finding says what to write instead; docs/recipe-language.md has the language." },
            "defaultConfiguration": { "level": level(severity) },
        });
    };
    let level = match rule.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Off => "none",
    };
    let mut descriptor = json!({
        "id": code,
        "shortDescription": { "text": rule.meaning },
        "fullDescription": { "text": rule.why },
        "help": { "text": format!("To mend it: {}. More: autoskillit recipes check --explain {code}", rule.mend) },
        "defaultConfiguration": { "level": level },
    });
    if let Some(family) = family_of(code) {
        descriptor["properties"] = json!({ "tags": [family.name] });
    }
    descriptor
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result(report: &ProblemReport, index: Option<usize>) -> Value {
    let level = level(report.severity);
    let mut location = json!({ "artifactLocation": { "uri": uri(&report.file) } });
    if let Some(line) = report.line {
        location["region"] = json!({
            "startLine": line,
            "startColumn": report.column,
            "endLine": report.end_line,
            "endColumn": report.end_column,
        });
    }
    json!({
        "ruleId": report.code,
        "ruleIndex": index,
        "level": level,
        "message": { "text": message(report) },
        "locations": [{ "physicalLocation": location }],
    })
}

fn message(report: &ProblemReport) -> String {
    match &report.help {
        Some(help) => format!("{}. Help: {help}", report.message),
        None => report.message.clone(),
    }
}

/// A path as a URI: relative ones stay relative, to the top of the repository.
fn uri(file: &str) -> String {
    let mut uri = if file.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in file.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// Workflow commands of GitHub Actions, one a line.
pub(super) fn github(found: &Findings) -> String {
    let mut lines = Vec::new();
    for report in found.files.iter().flat_map(Problems::report) {
        let level = match report.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut facts = vec![format!("file={}", property(&report.file))];
        let numbers = [
            ("line", report.line),
            ("endLine", report.end_line),
            ("col", report.column),
            ("endColumn", report.end_column),
        ];
        facts.extend(numbers.iter().filter_map(|(name, number)| Some(format!("{name}={}", (*number)?))));
        facts.push(format!("title={}", property(report.code)));
        lines.push(format!("::{level} {}::{}", facts.join(","), data(&message(&report))));
    }
    lines.extend(
        found.unreadable.iter().map(|message| format!("::error title=unreadable::{}", data(message))),
    );
    lines.join("\n")
}

/// The text of a command: a line end would begin another.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_cannot_break_a_format() {
        assert_eq!(uri("a b/ü%.yaml"), "a%20b/%C3%BC%25.yaml");
        assert_eq!(uri("/x.yaml"), "file:///x.yaml");
        assert_eq!(property("a,b:c\nd%"), "a%2Cb%3Ac%0Ad%25");
    }
}
