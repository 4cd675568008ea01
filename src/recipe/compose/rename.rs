//! Names of a sub-recipe as names of the recipe that it becomes a part of.

use indexmap::IndexMap;

use crate::recipe::expr::{Expr, ExprError, Mode, Reference, Template};
use crate::recipe::model::{Arg, Bound, Capture, OutputsFrom, Route, Step, StepKind, SubCall};

/// What a reference becomes: namespace and name; `None` leaves it.
pub(super) type Names<'n> = &'n dyn Fn(&Reference) -> Option<(&'static str, String)>;

/// Why a step cannot be renamed, as a sentence.
pub(super) type Refused = String;

/// Renames everything that a step reads and the variables that it captures. Names of steps stay.
pub(super) fn step(
    step: &mut Step,
    names: Names<'_>,
    variable: &dyn Fn(&str) -> String,
) -> Result<(), Refused> {
    match &mut step.kind {
        StepKind::Tool { with, .. } => arguments(with, names)?,
        StepKind::Confirm { message, .. } | StepKind::Stop { message, .. } => {
            *message = template(message, names)?
        }
        StepKind::Constant(value) => *value = arg(value, names)?,
        StepKind::ForEach(each) => {
            each.list = arg(&each.list, names)?;
            if let Some(bound) = &mut each.max_parallel {
                self::bound(bound, names)?;
            }
            for inner in each.body.values_mut() {
                self::step(inner, names, variable)?;
            }
            let collect = std::mem::take(&mut each.collect);
            for (name, value) in collect {
                each.collect.insert(variable(&name), arg(&value, names)?);
            }
        }
        StepKind::Call(call) => {
            let SubCall { gate, inputs, outputs, .. } = &mut **call;
            if let Some(gate) = gate {
                *gate = expr(gate, names)?;
            }
            arguments(inputs, names)?;
            *outputs =
                std::mem::take(outputs).into_iter().map(|(name, value)| (variable(&name), value)).collect();
        }
        StepKind::Route => {}
    }
    for Route { when, .. } in &mut step.on_result {
        if let Some(when) = when {
            *when = expr(when, names)?;
        }
    }
    if let Some(bound) = &mut step.max_visits {
        self::bound(bound, names)?;
    }
    if let Some(condition) = &mut step.skip_when_false {
        *condition = expr(condition, names)?;
    }
    if let Some(poll) = &mut step.poll {
        poll.until = expr(&poll.until, names)?;
    }
    if let Some(OutputsFrom::File(path)) = &mut step.outputs_from {
        *path = template(path, names)?;
    }
    arguments(&mut step.hints, names)?;
    step.lenient.iter_mut().for_each(|name| *name = variable(name));
    let captures = std::mem::take(&mut step.captures);
    for (name, capture) in captures {
        let value = arg(&capture.value, names)?;
        step.captures.insert(variable(&name), Capture { value, ..capture });
    }
    Ok(())
}

fn arguments(all: &mut IndexMap<String, Arg>, names: Names<'_>) -> Result<(), Refused> {
    for value in all.values_mut() {
        *value = arg(value, names)?;
    }
    Ok(())
}

fn bound(bound: &mut Bound, names: Names<'_>) -> Result<(), Refused> {
    if let Bound::Expr(count) = bound {
        *count = expr(count, names)?;
    }
    Ok(())
}

/// An argument with its references renamed.
pub(super) fn arg(value: &Arg, names: Names<'_>) -> Result<Arg, Refused> {
    Ok(match value {
        Arg::Literal(_) => value.clone(),
        Arg::Template(text) => Arg::Template(template(text, names)?),
        Arg::Choice { when, value } => {
            Arg::Choice { when: expr(when, names)?, value: Box::new(arg(value, names)?) }
        }
        Arg::List(items) => Arg::List(items.iter().map(|item| arg(item, names)).collect::<Result<_, _>>()?),
        Arg::Map(entries) => {
            let renamed =
                entries.iter().map(|(name, value)| Ok::<_, Refused>((name.clone(), arg(value, names)?)));
            Arg::Map(renamed.collect::<Result<_, _>>()?)
        }
    })
}

fn template(text: &Template, names: Names<'_>) -> Result<Template, Refused> {
    let mut source = text.source().to_owned();
    let mut mode = Mode::Strict;
    let inside: Vec<_> = text.interpolations().collect();
    for (part, range) in inside.into_iter().rev() {
        mode = part.mode();
        if let Some(new) = new_source(part, names)? {
            source.replace_range(range.clone(), &format!("${{{{ {new} }}}}"));
        }
    }
    match source == text.source() {
        true => Ok(text.clone()),
        false => Template::parse_as(&source, mode).map_err(|error| unexpected(&error)),
    }
}

fn expr(condition: &Expr, names: Names<'_>) -> Result<Expr, Refused> {
    match new_source(condition, names)? {
        Some(source) => {
            Expr::made(&source, condition.mode(), condition.written()).map_err(|error| unexpected(&error))
        }
        None => Ok(condition.clone()),
    }
}

/// The text of an expression with its names renamed; `None` when there is nothing to rename.
fn new_source(condition: &Expr, names: Names<'_>) -> Result<Option<String>, Refused> {
    // What a `${{ … }}` holds was read with its blanks: its places do not fit the text without them.
    let bare = Expr::made(condition.source(), condition.mode(), condition.written())
        .map_err(|error| unexpected(&error))?;
    renamed(bare.source(), bare.references(), names)
}

fn unexpected(error: &ExprError) -> Refused {
    format!("its names cannot be kept apart: {error}")
}

/// The text with each reference renamed; `None` when there is nothing to rename.
fn renamed(source: &str, references: &[Reference], names: Names<'_>) -> Result<Option<String>, Refused> {
    let mut changes = Vec::new();
    for reference in references {
        if !matches!(reference.namespace.as_str(), "context" | "inputs") {
            continue;
        }
        let Some(name) = &reference.name else {
            return Err(format!("`{}` as a whole cannot be read in a sub-recipe", reference.namespace));
        };
        let Some((namespace, new)) = names(reference) else { continue };
        let written = source.get(reference.span.clone()).unwrap_or_default();
        // `context.name.field`, perhaps with blanks around the dot.
        let after = written.strip_prefix(reference.namespace.as_str()).map(str::trim_start);
        let after = after.and_then(|rest| rest.strip_prefix('.')).map(str::trim_start);
        let Some(rest) = after.and_then(|rest| rest.strip_prefix(name.as_str())) else {
            return Err(format!("`{written}` cannot be read in a sub-recipe: write `{reference}`"));
        };
        let end = reference.span.end - rest.len();
        changes.push((reference.span.start..end, format!("{namespace}.{new}")));
    }
    if changes.is_empty() {
        return Ok(None);
    }
    changes.sort_by_key(|(range, _)| range.start);
    changes.dedup_by(|second, first| second.0 == first.0);
    let mut text = source.to_owned();
    for (range, new) in changes.into_iter().rev() {
        text.replace_range(range, &new);
    }
    Ok(Some(text))
}
