//! The values that the fields of a result are tried with: those that conditions compare them with, and one that is none of these.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Field, Guess, conditions, expressions, outcome};
use crate::core::kind::ValueKind;
use crate::engine::host::Outcome;
use crate::engine::transition::Try;
use crate::recipe::expr::Expr;
use crate::recipe::model::{Arg, Ingredient, Recipe, Step, StepKind};

/// The most successful outcomes of one call.
const MOST: usize = 48;

/// The successful outcomes of a call that can lead to different places, and whether there are more combinations of them than are given: then each
/// field was varied by itself.
pub(in crate::engine) fn successes(guess: &Guess<'_>, step: &Step, tried: &Try) -> (Vec<Outcome>, bool) {
    let fields = guess.fields(step, tried, true);
    let base: Map<String, Value> =
        fields.iter().map(|field| (field.name.clone(), field.value.clone())).collect();
    let varied: Vec<(String, Vec<Value>)> = fields
        .iter()
        .map(|field| (field.name.clone(), values(guess.recipe, step, field)))
        .filter(|(_, values)| values.len() > 1)
        .collect();
    let (mut all, cut) = combined(&base, &varied, MOST);
    // What a skill may leave out counts where the step reads it.
    let read: Vec<&Field> = fields
        .iter()
        .filter(|field| field.optional.is_some())
        .filter(|field| expressions(step).iter().any(|expr| reads(expr, &["result", &field.name])))
        .collect();
    let mut lacking: Vec<Map<String, Value>> = all
        .iter()
        .map(|result| {
            let mut less = result.clone();
            less.retain(|name, _| !read.iter().any(|field| field.name == *name && field.may_lack(result)));
            less
        })
        .collect();
    lacking.retain(|less| !all.contains(less));
    lacking.dedup();
    all.extend(lacking);
    (all.into_iter().map(|result| outcome(true, result)).collect(), cut)
}

/// All combinations of values; when these are too many, each field by itself.
pub(in crate::engine) fn combined(
    base: &Map<String, Value>,
    varied: &[(String, Vec<Value>)],
    most: usize,
) -> (Vec<Map<String, Value>>, bool) {
    let number = varied.iter().try_fold(1_usize, |number, (_, values)| number.checked_mul(values.len()));
    if number.is_none_or(|number| number > most) {
        let mut all = vec![base.clone()];
        for (name, values) in varied {
            all.extend(values.iter().map(|value| with(base, name, value)));
        }
        return (all, true);
    }
    let mut all = vec![base.clone()];
    for (name, values) in varied {
        all = all.iter().flat_map(|base| values.iter().map(|value| with(base, name, value))).collect();
    }
    (all, false)
}

fn with(base: &Map<String, Value>, name: &str, value: &Value) -> Map<String, Value> {
    let mut fields = base.clone();
    fields.insert(name.to_owned(), value.clone());
    fields
}

/// What a field is tried with.
fn values(recipe: &Recipe, step: &Step, field: &Field) -> Vec<Value> {
    let mut asked: Vec<&Expr> = reading(conditions(step), &["result", &field.name]);
    for (name, capture) in &step.captures {
        let reads = capture.value.references();
        if reads.iter().any(|found| found.namespace == "result" && found.name.as_deref() == Some(&field.name))
        {
            asked.extend(asked_of(recipe, &["context", name]));
        }
    }
    if asked.is_empty() {
        return vec![field.value.clone()];
    }
    if !field.choices.is_empty() {
        return field.choices.clone();
    }
    tried(field.kind, &field.value, &asked)
}

/// What an ingredient is tried with.
pub(in crate::engine) fn of_ingredient(recipe: &Recipe, name: &str, ingredient: &Ingredient) -> Vec<Value> {
    let base = ingredient.default.clone().unwrap_or_else(|| super::ingredient(name, ingredient));
    let asked = asked_of(recipe, &["inputs", name]);
    // A bound is what its author set it to.
    let bounds = recipe.all_steps().into_iter().any(|step| match &step.max_visits {
        Some(crate::recipe::model::Bound::Expr(expr)) => reads(expr, &["inputs", name]),
        _ => false,
    });
    if asked.is_empty() || bounds {
        return vec![base];
    }
    if !ingredient.choices.is_empty() {
        return ingredient.choices.clone();
    }
    tried(Some(ingredient.kind), &base, &asked)
}

/// The conditions of a recipe that read something.
fn asked_of<'r>(recipe: &'r Recipe, path: &[&str]) -> Vec<&'r Expr> {
    let steps = recipe.all_steps();
    reading(steps.into_iter().flat_map(conditions).collect(), path)
}

fn reading<'e>(exprs: Vec<&'e Expr>, path: &[&str]) -> Vec<&'e Expr> {
    exprs.into_iter().filter(|expr| reads(expr, path)).collect()
}

fn reads(expr: &Expr, path: &[&str]) -> bool {
    expr.chains().any(|chain| chain == path)
}

fn tried(kind: Option<ValueKind>, base: &Value, asked: &[&Expr]) -> Vec<Value> {
    let mut all = vec![base.clone()];
    match kind {
        Some(ValueKind::Bool) => all.extend([json!(true), json!(false)]),
        Some(ValueKind::Int | ValueKind::Number) => all.extend([json!(0), json!(1)]),
        Some(ValueKind::List) => all.push(json!([])),
        Some(ValueKind::String | ValueKind::Path) => all.push(json!("")),
        Some(ValueKind::Json) | None => {}
    }
    for expr in asked {
        for literal in literals(expr.source()) {
            let fits = match kind {
                None | Some(ValueKind::Json) => Some(literal),
                // A text stays one, and a list is made of what it may have to hold.
                Some(ValueKind::List) => Some(json!([literal])),
                Some(kind) => kind.coerce(literal).ok(),
            };
            all.extend(fits);
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|value| seen.insert(value.to_string()));
    all
}

/// The texts and numbers that stand in an expression; of a number also its neighbours.
fn literals(source: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(|sign: char| sign == '\'' || sign == '"' || sign.is_ascii_digit()) {
        let before = rest[..at].chars().next_back();
        let sign = rest[at..].chars().next().unwrap_or_default();
        if sign.is_ascii_digit() {
            let length = rest[at..].find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len() - at);
            let is_name = before.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
            if let (false, Ok(number)) = (is_name, rest[at..at + length].parse::<i64>()) {
                found.extend(
                    [number, number.saturating_sub(1), number.saturating_add(1)].map(|number| json!(number)),
                );
            }
            rest = &rest[at + length..];
        } else {
            let Some(length) = rest[at + 1..].find(sign) else { break };
            found.push(json!(&rest[at + 1..at + 1 + length]));
            rest = &rest[at + length + 2..];
        }
    }
    found
}

/// Variables of `context` whose values decide where a run goes; of the others it counts whether they are there. `None` when that is not known.
pub(in crate::engine) fn deciding(recipe: &Recipe) -> Option<BTreeSet<String>> {
    let steps = recipe.all_steps();
    let mut names = BTreeSet::new();
    for step in &steps {
        for expr in conditions(step) {
            read_variables(expr, &mut names)?;
        }
        if let StepKind::ForEach(each) = &step.kind {
            for template in each.list.templates() {
                template.interpolations().try_for_each(|(expr, _)| read_variables(expr, &mut names))?;
            }
        }
    }
    loop {
        let before = names.len();
        for step in &steps {
            let captured = step
                .captures
                .iter()
                .filter(|(name, _)| names.contains(*name))
                .map(|(_, capture)| &capture.value);
            let mut args: Vec<&Arg> = captured.collect();
            if let (StepKind::ForEach(each), false) = (&step.kind, args.is_empty()) {
                args.extend(each.collect.values());
            }
            if let (StepKind::Constant(value), false) = (&step.kind, args.is_empty()) {
                args.push(value);
            }
            for arg in args {
                for template in arg.templates() {
                    template.interpolations().try_for_each(|(expr, _)| read_variables(expr, &mut names))?;
                }
            }
        }
        if names.len() == before {
            return Some(names);
        }
    }
}

/// Adds the variables that an expression reads; nothing when it takes all of them as one.
fn read_variables(expr: &Expr, names: &mut BTreeSet<String>) -> Option<()> {
    for found in expr.references().iter().filter(|found| found.namespace == "context") {
        names.insert(found.name.clone()?);
    }
    Some(())
}

/// Variables that a step reads, with the steps inside of it; `None` when it takes all of them as one.
pub(in crate::engine) fn read_by(step: &Step) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for expr in expressions(step) {
        read_variables(expr, &mut names)?;
    }
    // What a variable held before is part of what it holds after.
    let kept =
        step.captures.iter().filter(|(_, capture)| capture.mode != crate::recipe::model::CaptureMode::Set);
    names.extend(kept.map(|(name, _)| name.clone()));
    if let StepKind::ForEach(each) = &step.kind {
        for inner in each.body.values() {
            names.extend(read_by(inner)?);
        }
    }
    Some(names)
}

/// Ingredients that a step reads, with the steps inside of it; `None` when it takes all of them as one.
pub(in crate::engine) fn inputs_of(step: &Step) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for expr in expressions(step) {
        for found in expr.references().iter().filter(|found| found.namespace == "inputs") {
            names.insert(found.name.clone()?);
        }
    }
    if let StepKind::ForEach(each) = &step.kind {
        for inner in each.body.values() {
            names.extend(inputs_of(inner)?);
        }
    }
    Some(names)
}

/// Whether a recipe compares something of the items of its loops, which are all alike when they are made up.
pub(in crate::engine) fn asks_items(recipe: &Recipe) -> bool {
    let steps = recipe.all_steps();
    let asked: Vec<&Expr> = steps.into_iter().flat_map(conditions).collect();
    asked.iter().any(|expr| expr.references().iter().any(|found| found.namespace == "item"))
        && recipe.all_steps().iter().any(
            |step| matches!(&step.kind, StepKind::ForEach(each) if !matches!(each.list, Arg::Literal(_))),
        )
}

/// The item of a loop over a list that is not known before a run.
pub(in crate::engine) fn item(guess: &Guess<'_>, step: &Step, name: &str, seen: Option<&Value>) -> Value {
    let made = guess.shape(&["item", name], step);
    match seen {
        Some(seen) if seen.is_object() || !made.is_object() => seen.clone(),
        _ => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_wherever_they_stand() {
        let found = literals("result.v2 == 'GO' or result.n > 3 and \"x y\" in result.list");
        assert_eq!(found, [json!("GO"), json!(3), json!(2), json!(4), json!("x y")]);
    }

    #[test]
    fn too_many_combinations_are_varied_one_by_one() {
        let base: Map<String, Value> =
            [("a".to_owned(), json!(0)), ("b".to_owned(), json!(0))].into_iter().collect();
        let varied = ["a", "b"].map(|name| (name.to_owned(), vec![json!(0), json!(1), json!(2)]));
        assert_eq!(combined(&base, &varied, 9).0.len(), 9);
        let (all, cut) = combined(&base, &varied, 8);
        assert_eq!((all.len(), cut), (7, true));
    }
}
