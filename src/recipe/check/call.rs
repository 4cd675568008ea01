//! How a skill is called: which of its inputs the arguments are.

use std::collections::HashSet;

use super::facts::arg;
use crate::recipe::model::{Arg, Step};

/// The inputs (by index into `names`) that a call gives; `None` when it cannot be told from the text.
pub(super) fn given(step: &Step, names: &[&str]) -> Option<HashSet<usize>> {
    let words: Vec<String> = match (arg(step, "args"), arg(step, "skill_command")) {
        (Some(Arg::Literal(serde_json::Value::Array(items))), _) => {
            items.iter().map(crate::recipe::expr::text).collect()
        }
        (Some(Arg::List(items)), _) => items
            .iter()
            .map(|item| match item {
                Arg::Literal(value) => Some(crate::recipe::expr::text(value)),
                Arg::Template(template) => Some(template.source().to_owned()),
                Arg::List(_) | Arg::Map(_) | Arg::Choice { .. } => None,
            })
            .collect::<Option<_>>()?,
        // The list is only known at run time.
        (Some(_), _) => return None,
        (None, Some(Arg::Literal(value))) => words(value.as_str()?).split_off(1),
        // A value may be several words here, or none.
        (None, Some(_)) => return None,
        (None, None) => Vec::new(),
    };
    // A place for a model to fill in.
    if words.iter().any(|word| word.starts_with('{') && word.ends_with('}')) {
        return None;
    }
    let mut given = HashSet::new();
    let mut next = 0;
    for word in words {
        let by_name =
            word.split_once('=').and_then(|(name, _)| names.iter().position(|known| *known == name));
        match by_name {
            Some(index) => {
                given.insert(index);
            }
            None if word.starts_with("--") => {}
            None => {
                given.insert(next);
                next += 1;
            }
        }
    }
    Some(given)
}

fn words(text: &str) -> Vec<String> {
    let all = super::shellwords::commands(&text.replace(['\n', ';', '&', '|', '(', ')', '`', '#'], " "));
    all.into_iter().next().map(|command| command.words).unwrap_or_else(|| vec![String::new()])
}
