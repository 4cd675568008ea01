//! A call whose skill command is not whole: blanks that whoever drives fills in, and hints that it may heed. Pure functions; nothing
//! else of a command can be changed.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::text::quoted_list;
use crate::recipe::blank::{self, Piece};
use crate::recipe::expr::{self, EvalError, Scope};
use crate::recipe::model::{Recipe, Step, StepKind};

/// The parameter that a call may be given.
const COMMAND: &str = "skill_command";

/// A skill command that is not whole before somebody has judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Open {
    /// The command, with its blanks.
    pub skill_command: String,
    /// The blanks: words in it that are to be replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fill_in: Vec<String>,
    /// What the recipe's author tells beside the command. What of it the skill needs may follow the command.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub hints: Map<String, Value>,
    #[serde(skip)]
    pieces: Vec<Rendered>,
}

#[derive(Debug, Clone, PartialEq)]
enum Rendered {
    Text(String),
    Blank(String),
}

/// What is open in the call of a step; `None` when the engine has all of it.
///
/// # Errors
/// When an expression in it has no value.
pub fn open(recipe: &Recipe, step: &Step, scope: &Scope) -> Result<Option<Open>, EvalError> {
    let StepKind::Tool { tool, with } = &step.kind else { return Ok(None) };
    if tool.name != "run_skill" {
        return Ok(None);
    }
    let mut hints = Map::new();
    for (name, hint) in &step.hints {
        let value = hint.value(scope)?;
        // A hint about something that there is not says nothing.
        if !expr::text(&value).trim().is_empty() {
            hints.insert(name.clone(), value);
        }
    }
    let found = blank::pieces(step, recipe.dialect);
    if found.is_empty() && hints.is_empty() {
        return Ok(None);
    }
    let mut pieces: Vec<Rendered> = Vec::new();
    if found.is_empty() {
        let whole = with.get(COMMAND).map(|command| command.value(scope)).transpose()?;
        pieces.push(Rendered::Text(whole.as_ref().map(expr::text).unwrap_or_default()));
    }
    for piece in found {
        let text = match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Value(value) => expr::text(&value.eval(scope)?),
            Piece::Blank(word) => {
                match pieces.last_mut() {
                    // Nothing stands between them, so they are one.
                    Some(Rendered::Blank(before)) => before.push_str(word),
                    _ => pieces.push(Rendered::Blank(word.to_owned())),
                }
                continue;
            }
        };
        match pieces.last_mut() {
            Some(Rendered::Text(before)) => before.push_str(&text),
            _ => pieces.push(Rendered::Text(text)),
        }
    }
    // Space around a command mean nothing, and nobody repeats them.
    if let Some(Rendered::Text(first)) = pieces.first_mut() {
        *first = first.trim_start().to_owned();
    }
    if let Some(Rendered::Text(last)) = pieces.last_mut() {
        *last = last.trim_end().to_owned();
    }
    pieces.retain(|piece| !matches!(piece, Rendered::Text(text) if text.is_empty()));
    let text = |piece: &Rendered| match piece {
        Rendered::Text(text) | Rendered::Blank(text) => text.clone(),
    };
    let mut fill_in = Vec::new();
    for piece in &pieces {
        if let Rendered::Blank(word) = piece
            && !fill_in.contains(word)
        {
            fill_in.push(word.clone());
        }
    }
    Ok(Some(Open { skill_command: pieces.iter().map(text).collect(), fill_in, hints, pieces }))
}

impl Open {
    /// The arguments of the call as they are used: `rendered` with the command as `given`, which may differ only in what is open.
    ///
    /// # Errors
    /// What is wrong with them, and what to give instead.
    pub fn filled(&self, rendered: &Value, given: &Map<String, Value>) -> Result<Value, String> {
        let mut params = rendered.as_object().cloned().unwrap_or_default();
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            let fits = || params.get(name).is_some_and(|own| expr::text(own) == expr::text(value));
            if name != COMMAND && !fits() {
                return Err(format!(
                    "`{name}` is the recipe's own here: leave it out; only `{COMMAND}` is open"
                ));
            }
        }
        let command = match given.get(COMMAND).filter(|value| !value.is_null()) {
            Some(command) => self.command(expr::text(command).trim())?,
            None if self.fill_in.is_empty() => return Ok(Value::Object(params)),
            None => {
                let words = quoted_list(&self.fill_in);
                return Err(format!("give `{COMMAND}`: `{}` with {words} replaced", self.skill_command));
            }
        };
        params.insert(COMMAND.to_owned(), Value::String(command));
        Ok(Value::Object(params))
    }

    /// A command that was given, with every blank of ours filled and nothing else changed.
    fn command(&self, given: &str) -> Result<String, String> {
        let other = || {
            let ending = if self.hints.is_empty() { "" } else { ", and what the hints add after it" };
            let words = match self.fill_in.is_empty() {
                true => String::new(),
                false => format!(" with {} replaced and nothing else changed", quoted_list(&self.fill_in)),
            };
            format!("this is not the step's command: give `{}`{words}{ending}", self.skill_command)
        };
        let (mut rest, mut command) = (given, String::new());
        for (at, piece) in self.pieces.iter().enumerate() {
            let text = match piece {
                Rendered::Text(text) => text.as_str(),
                Rendered::Blank(word) => {
                    let last = at + 2 == self.pieces.len();
                    let end = match self.pieces.get(at + 1) {
                        Some(Rendered::Text(next)) if last && self.hints.is_empty() => {
                            rest.strip_suffix(next.as_str()).map(str::len)
                        }
                        Some(Rendered::Text(next)) => rest.find(next.as_str()),
                        // What replaces a last word cannot be told from what the hints add after it.
                        _ => Some(rest.len()),
                    };
                    let value = &rest[..end.ok_or_else(other)?];
                    if value.trim().is_empty() || value.contains(word.as_str()) {
                        return Err(format!("`{word}` is not replaced: put what it stands for in its place"));
                    }
                    value
                }
            };
            rest = rest.strip_prefix(text).ok_or_else(other)?;
            command.push_str(text);
        }
        let added = !rest.is_empty() && !self.hints.is_empty() && rest.starts_with(char::is_whitespace);
        if !rest.is_empty() && !added {
            return Err(other());
        }
        command.push_str(rest);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::recipe;

    /// What is open in the only step of a recipe with these arguments, and the command as it is rendered.
    fn of(with: &str, inputs: &Value) -> (Option<Open>, Value) {
        let recipe = recipe(&format!(
            "ingredients: {{task: {{}}, into: {{}}, path: {{}}}}\nsteps:\n  a: {{tool: run_skill, with: {{{with}}}, on_success: done}}\n"
        ));
        let step = &recipe.steps["a"];
        let scope =
            Scope::from_iter([("inputs".to_owned(), inputs.clone()), ("context".to_owned(), json!({}))]);
        let StepKind::Tool { with, .. } = &step.kind else { panic!("a tool step") };
        let rendered = with.iter().map(|(name, arg)| (name.clone(), arg.value(&scope).unwrap())).collect();
        (open(&recipe, step, &scope).unwrap(), Value::Object(rendered))
    }

    /// The command that a call comes to which is given `given`.
    fn filled(with: &str, given: &Value) -> Result<String, String> {
        let (open, rendered) =
            of(with, &json!({ "task": "fix {it} and CURRENT_PR", "into": "main", "path": "" }));
        let params = open.expect("something is open").filled(&rendered, given.as_object().unwrap())?;
        Ok(params["skill_command"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_command_is_given_with_its_blanks_filled_and_nothing_else_changed() {
        const LENS: &str = "skill_command: '/lens-{slug} {path} ${{ inputs.into }}', cwd: .";
        const PR: &str = "skill_command: 'merge-pr CURRENT_PR ${{ inputs.into }}'";
        const LAST: &str = "skill_command: '/plan ${{ inputs.task }} {part}'";
        const HINT: &str =
            "skill_command: '/plan ${{ inputs.task }}', review: 'r.md', none: '${{ inputs.path }}'";
        const BOTH: &str = "skill_command: '/plan {part} ${{ inputs.into }}', review: r.md";
        let command = |text: &str| json!({ "skill_command": text });
        for (with, given, expected) in [
            (LENS, command("/lens-c4 /tmp/x main"), Ok("/lens-c4 /tmp/x main")),
            (LENS, command("  /lens-c4 /tmp/x y main "), Ok("/lens-c4 /tmp/x y main")),
            (LENS, json!({ "skill_command": "/lens-c4 p main", "cwd": "." }), Ok("/lens-c4 p main")),
            (LENS, json!({ "skill_command": "/lens-c4 p main", "cwd": null }), Ok("/lens-c4 p main")),
            (LENS, json!({ "skill_command": "/lens-c4 p main", "cwd": "/" }), Err("leave it out")),
            (LENS, json!({ "skill_command": "/lens-c4 p main", "model": "opus" }), Err("leave it out")),
            (LENS, json!({}), Err("`{slug}`, `{path}` replaced")),
            (LENS, command("/lens-{slug} p main"), Err("`{slug}` is not replaced")),
            (LENS, command("/lens-c4 {path} main"), Err("`{path}` is not replaced")),
            (LENS, command("/lens- p main"), Err("`{slug}` is not replaced")),
            (LENS, command("/lens-c4 p other"), Err("nothing else changed")),
            (LENS, command("/lens-c4 p main --force"), Err("nothing else changed")),
            (LENS, command("/other-c4 p main"), Err("nothing else changed")),
            (PR, command("merge-pr 12 main"), Ok("merge-pr 12 main")),
            (PR, command("merge-pr CURRENT_PR main"), Err("`CURRENT_PR` is not replaced")),
            // What a value holds is no blank.
            (
                LAST,
                command("/plan fix {it} and CURRENT_PR 2 of 3"),
                Ok("/plan fix {it} and CURRENT_PR 2 of 3"),
            ),
            (LAST, command("/plan fix it and 7 2"), Err("nothing else changed")),
            (HINT, json!({}), Ok("/plan fix {it} and CURRENT_PR")),
            (HINT, command("/plan fix {it} and CURRENT_PR"), Ok("/plan fix {it} and CURRENT_PR")),
            (HINT, command("/plan fix {it} and CURRENT_PR r.md"), Ok("/plan fix {it} and CURRENT_PR r.md")),
            (HINT, command("/plan fix {it} and CURRENT_PRs"), Err("what the hints add")),
            (HINT, command("/plan r.md"), Err("what the hints add")),
            (BOTH, command("/plan p1 main r.md"), Ok("/plan p1 main r.md")),
            (BOTH, json!({}), Err("`{part}` replaced")),
        ] {
            match (filled(with, &given), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{given}: {found}"),
                (found, expected) => panic!("{given}: {found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn hints_about_nothing_leave_nothing_open() {
        let with = "skill_command: '/plan ${{ inputs.task }}', review: '${{ inputs.path }}'";
        let (closed, _) = of(with, &json!({ "task": "x", "path": " " }));
        let (open, _) = of(with, &json!({ "task": "x", "path": "r.md" }));
        assert_eq!(closed, None);
        assert_eq!(json!(open), json!({ "skill_command": "/plan x", "hints": { "review": "r.md" } }));
    }
}
