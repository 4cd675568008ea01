//! Notes about how a skill is called and tried again: changed where the text makes the meaning certain, else left to somebody who can
//! judge.

use std::ops::Range;

use serde_yaml::Value as Yaml;

use super::notes::{scalar, steps};
use super::{Edit, Found};
use crate::catalog;
use crate::recipe::marks::Path;
use crate::recipe::yaml::Document;

/// `skill_command: /name a b` is `skill: name` and `args: [a, b]`.
pub(super) fn skill_and_args(document: &Document) -> Found {
    let mut found = Found::default();
    for (path, step) in steps(document) {
        let Some(with) = step.get("with") else { continue };
        let Some(command) = with.get("skill_command") else { continue };
        if step.get("tool").and_then(Yaml::as_str) != Some("run_skill") {
            continue;
        }
        let (with_at, at) = (path.key("with"), path.key("with").key("skill_command"));
        let new = command.as_str().filter(|_| plain_call(step, with)).and_then(call);
        let place = on_one_line(document, &at);
        match (new, place) {
            (Some((name, args)), Some(place)) => {
                let mut entries = vec![format!("skill: {name}")];
                if !args.is_empty() {
                    let args: Vec<String> = args.iter().map(|arg| item(arg)).collect();
                    entries.push(format!("args: [{}]", args.join(", ")));
                }
                found.edits.push(Edit { text: joined(document, &with_at, &place, &entries), at: place });
            }
            _ => {
                let what = "name the skill with `skill:`, and give each argument an entry of `args:`";
                found.left.push((document.marks.key(&at), what.to_owned()));
            }
        }
    }
    found
}

/// `retry: {max_attempts: 2, on_exhausted: x}` is `retries: 2` and `on_exhausted: x`.
pub(super) fn retries(document: &Document) -> Found {
    let mut found = Found::default();
    for (path, step) in steps(document) {
        let Some(Yaml::Mapping(retry)) = step.get("retry") else { continue };
        let Some(most) = retry.get("max_attempts") else { continue };
        let at = path.key("retry");
        let known = retry.iter().all(|(key, value)| match key.as_str() {
            Some("max_attempts" | "on_exhausted") => true,
            Some("on") => value.as_str() == Some("needs_retry"),
            _ => false,
        });
        let taken = ["retries", "on_exhausted"].iter().any(|key| step.get(*key).is_some());
        let exhausted = retry.get("on_exhausted").map(Yaml::as_str);
        let key = document.marks.key(&at);
        let extent = document.marks.extent(&at).map(|extent| key.start..extent.end);
        // A comment inside has no place in what comes instead.
        let bare = extent.filter(|extent| !document.text[extent.clone()].contains('#'));
        match (most.as_u64(), exhausted, bare) {
            (Some(most), Some(Some(_)) | None, Some(place)) if known && !taken => {
                let mut entries = vec![format!("retries: {most}")];
                entries.extend(exhausted.flatten().map(|to| format!("on_exhausted: {}", scalar(to))));
                found.edits.push(Edit { text: joined(document, &path, &place, &entries), at: place });
            }
            _ => found.left.push((key, "write `retries` and `on_exhausted`".to_owned())),
        }
    }
    found
}

/// Whether everything that a call is given stands in its command: no hints beside it, no variables that may be missing.
fn plain_call(step: &Yaml, with: &Yaml) -> bool {
    let params = catalog::tool("run_skill").map(|tool| tool.params).unwrap_or_default();
    let keys = with.as_mapping().into_iter().flat_map(serde_yaml::Mapping::keys);
    let mut hints = keys.filter(|key| !params.iter().any(|param| key.as_str() == Some(param.name)));
    let named = |of: &Yaml| ["skill", "args"].iter().any(|key| of.get(*key).is_some());
    let hinted = hints.any(|key| key.as_str() != Some("step_name"));
    let lenient = step.get("optional_context_refs").is_some();
    !hinted && !lenient && !named(step) && !named(with)
}

/// The skill and the arguments of a command; `None` when quotes, placeholders or prose in it could mean something else.
fn call(command: &str) -> Option<(&str, Vec<String>)> {
    let command = command.trim();
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let name = word.strip_prefix('/')?;
    let name = name.strip_prefix("autoskillit:").unwrap_or(name);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_name || command.contains('\n') {
        return None;
    }
    let mut args: Vec<String> = Vec::new();
    let mut rest = rest.trim_start();
    while !rest.is_empty() {
        let end = end_of_word(rest)?;
        let word = &rest[..end];
        let shouted = word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if shouted {
            // `CURRENT_FILE`: a model was to put something there.
            return None;
        }
        args.push(word.to_owned());
        rest = rest[end..].trim_start();
    }
    Some((name, args))
}

/// Where the first word ends. Interpolations are part of it with their spaces.
fn end_of_word(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        if text[at..].starts_with("${{") {
            at += text[at..].find("}}")? + 2;
            continue;
        }
        match next {
            next if next.is_whitespace() => return Some(at),
            '\'' | '"' | '\\' | '`' | '{' | '}' | '$' => return None,
            _ => at += next.len_utf8(),
        }
    }
    Some(at)
}

/// A text as an item of a list in brackets.
fn item(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    match plain {
        true => scalar(text),
        false => serde_json::Value::from(text).to_string(),
    }
}

/// From the key to the end of its value, when the value is one scalar on the key's line.
fn on_one_line(document: &Document, path: &Path) -> Option<Range<usize>> {
    let (key, value) = (document.marks.key(path), document.marks.value(path));
    let place = key.start..value.end.max(key.end);
    let written = &document.text[value];
    (!document.text[place.clone()].contains('\n') && !written.starts_with(['|', '>', '*', '&', '!']))
        .then_some(place)
}

/// Entries of the mapping at `mapping`, one of which stands at `place`, as they are written there.
fn joined(document: &Document, mapping: &Path, place: &Range<usize>, entries: &[String]) -> String {
    let braces =
        document.marks.extent(mapping).is_some_and(|extent| document.text[extent.start..].starts_with('{'));
    if braces {
        return entries.join(", ");
    }
    let line = document.text[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = if document.text.contains("\r\n") { "\r\n" } else { "\n" };
    let indent = " ".repeat(document.text[line..place.start].chars().count());
    entries.join(&format!("{end}{indent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_taken_apart() {
        let args = |command: &str| call(command).map(|(name, args)| format!("{name} {args:?}"));
        for (command, expected) in [
            ("/autoskillit:plan", Some("plan []")),
            ("/plan now", Some(r#"plan ["now"]"#)),
            (
                "/plan ${{ inputs.a  }} b=${{ context.b }} pr-${{ c }}x",
                Some(r#"plan ["${{ inputs.a  }}", "b=${{ context.b }}", "pr-${{ c }}x"]"#),
            ),
            ("/plan --fast ./x", Some(r#"plan ["--fast", "./x"]"#)),
            ("plan now", None),
            ("/other:plan now", None),
            ("/${{ inputs.skill }} now", None),
            ("/plan-{slug}", None),
            ("/plan {file}", None),
            ("/plan \"${{ inputs.a }}\"", None),
            ("/plan CURRENT_FILE", None),
            ("/plan ${{ inputs.a", None),
            ("/plan a\nb", None),
            ("/", None),
        ] {
            assert_eq!(args(command).as_deref(), expected, "{command}");
        }
    }
}
