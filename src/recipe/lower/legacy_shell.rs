//! Shell texts of AutoSkillit 0.9, where values stand as they are: they are passed through environment variables instead, so
//! that a value never becomes code.

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Lowering, Node};
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::{Expr, Template};
use crate::recipe::model::Arg;
use crate::recipe::quoting::{Around, around};
use crate::recipe::suggest;

/// Commands that run the next quoted text as a shell text.
const NESTED: &[&str] = &["sh -c", "bash -c", "zsh -c", "dash -c", "sh -lc", "bash -lc", "eval", "ssh"];

impl Lowering<'_> {
    /// Rewrites `cmd` of a legacy recipe. What cannot be passed safely stays, and is reported as in ours.
    pub(super) fn legacy_shell(&mut self, node: &Node<'_>, with: &mut IndexMap<String, Arg>) {
        let Some(Arg::Template(template)) = with.get("cmd") else { return };
        if template.unquoted().is_empty() {
            return;
        }
        let Some(mut variables) = env(with.get("env")) else { return };
        let template = template.clone();
        let Some((text, names)) = rewrite(&template, &mut variables) else { return };
        let Some(cmd) = self.template(node, &text) else { return };
        let cmd = if cmd.is_literal() { Arg::Literal(Value::String(text)) } else { Arg::Template(cmd) };
        with.insert("cmd".to_owned(), cmd);
        with.insert("env".to_owned(), Arg::Map(variables));
        let at = self.at(&node.path);
        let message = format!(
            "values stand in a shell text as they are; they are passed as {}",
            suggest::quoted_list(&names)
        );
        let problem = Problem::warning("legacy-shell", message, at, "values in a shell text");
        self.report(problem.help("write `| sh` in each `${{ … }}`, or pass it through `env:`".to_owned()));
    }
}

/// The variables that a step sets already; `None` when they are not known before it runs.
fn env(arg: Option<&Arg>) -> Option<IndexMap<String, Arg>> {
    match arg {
        None => Some(IndexMap::new()),
        Some(Arg::Map(entries)) => Some(entries.clone()),
        Some(Arg::Literal(Value::Object(entries))) => {
            Some(entries.iter().map(|(name, value)| (name.clone(), Arg::Literal(value.clone()))).collect())
        }
        Some(_) => None,
    }
}

/// The text with variables in the place of values, and their names.
fn rewrite(template: &Template, variables: &mut IndexMap<String, Arg>) -> Option<(String, Vec<String>)> {
    let source = template.source();
    let places: Vec<Range<usize>> = template.interpolations().map(|(_, range)| range.clone()).collect();
    let around = around(source, &places);
    let mut text = String::new();
    let mut names: Vec<String> = Vec::new();
    let mut end = 0;
    for ((expr, range), around) in template.interpolations().zip(around) {
        text.push_str(&source[end..range.start]);
        end = range.end;
        if expr.is_shell_safe() {
            text.push_str(&source[range.clone()]);
            continue;
        }
        if around == Some(Around::Comment) {
            continue;
        }
        let value = match around {
            // Bash evaluates what stands in arithmetic once more; a number has nothing to evaluate.
            Some(Around::Arithmetic) => format!("${{{{ ({}) | int }}}}", expr.source()),
            _ => format!("${{{{ {} }}}}", expr.source()),
        };
        let value = Template::parse_as(&value, expr.mode()).ok()?;
        let name = variable(expr, &value, variables);
        let written = match around {
            None => format!("\"${{{name}}}\""),
            Some(Around::SingleQuotes | Around::DoubleQuotes) if is_nested(&source[..range.start]) => {
                return None;
            }
            Some(Around::SingleQuotes) => format!("'\"${{{name}}}\"'"),
            Some(Around::HereDocument) if has_quoted_document(source) => return None,
            Some(Around::DoubleQuotes | Around::HereDocument) => format!("${{{name}}}"),
            Some(Around::Arithmetic) => name.clone(),
            Some(Around::Comment | Around::Backslash | Around::Backticks | Around::Unclear) => return None,
        };
        text.push_str(&written);
        if !names.contains(&name) {
            names.push(name.clone());
        }
        variables.insert(name, Arg::Template(value));
    }
    text.push_str(&source[end..]);
    Some((text, names))
}

/// The name of the variable for an expression: after what it reads, with a number when that is taken by another.
fn variable(expr: &Expr, value: &Template, taken: &IndexMap<String, Arg>) -> String {
    let read = expr.references().first().map_or_else(|| "value".to_owned(), ToString::to_string);
    let word: String = read
        .chars()
        .map(|other| if other.is_ascii_alphanumeric() { other.to_ascii_uppercase() } else { '_' })
        .collect();
    let base = format!("AS_{word}");
    let is_free = |name: &str| match taken.get(name) {
        None => true,
        Some(Arg::Template(other)) => other == value,
        Some(_) => false,
    };
    let mut name = base.clone();
    let mut number = 2;
    while !is_free(&name) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

/// Whether the quotes that are open at the end of `before` hold a shell text of its own.
fn is_nested(before: &str) -> bool {
    let words: Vec<&str> = before.split_whitespace().collect();
    let text = words.join(" ");
    NESTED.iter().any(|command| {
        text.match_indices(command).any(|(at, _)| {
            let starts = !text[..at].ends_with(|other: char| other.is_alphanumeric() || other == '_');
            let rest = text[at + command.len()..].trim_start();
            // A command that ended before says nothing, unless its quotes hold the signs that end it.
            starts && (rest.starts_with(['\'', '"']) || !rest.contains([';', '|', '&']))
        })
    })
}

/// Whether a here-document stands in the text whose variables are not read.
fn has_quoted_document(text: &str) -> bool {
    text.match_indices("<<")
        .any(|(at, _)| text[at + 2..].trim_start_matches('-').trim_start().starts_with(['\'', '"', '\\']))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::json;

    use super::*;
    use crate::recipe::expr::Mode;

    fn rewritten(text: &str) -> Option<(String, IndexMap<String, Arg>)> {
        let template = Template::parse_as(text, Mode::Legacy).unwrap();
        let mut variables = IndexMap::new();
        rewrite(&template, &mut variables).map(|(text, _)| (text, variables))
    }

    #[test]
    fn values_become_variables() {
        for (text, expected) in [
            ("ls ${{ context.dir }}", Some("ls \"${AS_CONTEXT_DIR}\"")),
            ("ls \"${{ context.dir }}/x\"", Some("ls \"${AS_CONTEXT_DIR}/x\"")),
            ("grep '${{ inputs.a }}' f", Some("grep ''\"${AS_INPUTS_A}\"'' f")),
            ("cat <<EOF\n${{ inputs.a }}\nEOF", Some("cat <<EOF\n${AS_INPUTS_A}\nEOF")),
            ("cat <<'EOF'\n${{ inputs.a }}\nEOF", None),
            ("echo $((${{ inputs.a }} + 1))", Some("echo $((AS_INPUTS_A + 1))")),
            ("ls # ${{ inputs.a }}", Some("ls # ")),
            ("echo `ls ${{ inputs.a }}`", None),
            ("bash -c 'ls ${{ inputs.a }}'", None),
            ("x=1; bash -c \"ls ${{ inputs.a }}\"", None),
            ("eval \"ls ${{ inputs.a }}\"", None),
            (
                "ls ${{ inputs.a }} ${{ inputs.a | trim }} ${{ inputs.a }}",
                Some("ls \"${AS_INPUTS_A}\" \"${AS_INPUTS_A_2}\" \"${AS_INPUTS_A}\""),
            ),
            ("ls ${{ inputs.a | sh }} ${{ inputs.b }}", Some("ls ${{ inputs.a | sh }} \"${AS_INPUTS_B}\"")),
        ] {
            assert_eq!(rewritten(text).map(|(text, _)| text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_real_shell_runs_no_value() {
        let hostile = [
            "$(touch hurt)",
            "`touch hurt`",
            "'; touch hurt; '",
            "\"; touch hurt; \"",
            "\nEOF\ntouch hurt\n",
            "a[$(touch hurt)]",
        ];
        for text in [
            "printf %s ${{ inputs.a }}",
            "printf %s \"x ${{ inputs.a }}\"",
            "printf %s 'x ${{ inputs.a }}'",
            "cat <<EOF\n${{ inputs.a }}\nEOF",
            "printf %s \"$(printf %s ${{ inputs.a }})\"",
            "echo $((${{ inputs.a }} + 1))",
        ] {
            let (shell, variables) = rewritten(text).unwrap();
            for value in hostile {
                let folder = tempfile::tempdir().unwrap();
                let scope = json!({ "inputs": { "a": value } }).as_object().unwrap().clone();
                let values: Result<Vec<_>, _> = variables
                    .iter()
                    .map(|(name, arg)| {
                        arg.value(&scope).map(|value| (name, crate::recipe::expr::text(&value)))
                    })
                    .collect();
                // What is no number does not come to a shell at all.
                let Ok(values) = values else { continue };
                let mut command = Command::new("bash");
                command.args(["-c", &shell]).envs(values).current_dir(folder.path());
                command.output().unwrap();
                assert!(!folder.path().join("hurt").exists(), "{shell} with {value}");
            }
        }
    }
}
