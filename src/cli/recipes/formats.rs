//! Findings in the formats of other programs.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::check::Findings;
use crate::recipe::{ProblemReport, Problems, Severity};

/// A SARIF 2.1.0 log.
pub(super) fn sarif(found: &Findings) -> Value {
    let reports: Vec<ProblemReport> = found.files.iter().flat_map(Problems::report).collect();
    let codes: BTreeSet<&str> = reports.iter().map(|report| report.code).collect();
    let mut rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    let mut results: Vec<Value> = reports.iter().map(|report| result(report, &codes)).collect();
    if !found.unreadable.is_empty() {
        rules.push(json!({ "id": "unreadable" }));
        results.extend(found.unreadable.iter().map(
            |message| json!({ "ruleId": "unreadable", "level": "error", "message": { "text": message } }),
        ));
    }
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

fn result(report: &ProblemReport, codes: &BTreeSet<&str>) -> Value {
    let level = match report.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
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
        "ruleIndex": codes.iter().position(|code| *code == report.code),
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
