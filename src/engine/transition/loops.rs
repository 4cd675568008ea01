//! Loops: which items begin, what the end of one means for the others, and what a loop came to.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::conclude::{concluded, routed};
use super::spot::Spot;
use super::{Decision, Todo, Walk, count, ended, no_value, record};
use crate::core::kind::ValueKind;
use crate::core::text;
use crate::engine::event::{Event, Fault, RunEnded, RunStatus};
use crate::engine::host::Outcome;
use crate::engine::state::At;
use crate::engine::strand::{ItemEnd, Loop, LoopStarted};
use crate::recipe::model::{ForEach, ItemFailure, LoopMode, Step, StepKind};

/// Items that are at work at a time when a parallel loop does not say: a session takes some hundred megabytes.
const WIDTH: u32 = 4;
/// The most items of a loop. A list of more is a mistake of whatever made it.
const MOST: usize = 1000;
/// Letters of an item as it is told.
const TOLD: usize = 80;
/// The verdict on a loop whose item ran into a limit of its steps.
pub(super) const EXHAUSTED: &str = "exhausted";

impl Walk<'_> {
    /// A loop begins, or begins again with what an earlier try of the same visit left open.
    pub(super) fn begin_loop(
        &self,
        spot: &Spot<'_>,
        step: &Step,
        each: &ForEach,
        visit: u32,
        attempt: u32,
    ) -> Decision {
        let (scope, label) = (spot.scope(step, None), spot.label(&step.name));
        let fault = |reason: String| {
            Decision::End(ended(RunStatus::Failed, reason, Some(&label), true, Some(Fault::Recipe)))
        };
        let items = match each.list.value(&scope) {
            Ok(value) => match ValueKind::List.coerce(value) {
                Ok(Value::Array(items)) => items,
                Ok(other) => vec![other],
                Err(error) => return fault(format!("`for_each` of `{label}`: {error}")),
            },
            Err(error) => return no_value(spot, step, "for_each", &error),
        };
        if items.len() > MOST {
            return fault(format!("`for_each` of `{label}` has {} items; {MOST} are the most", items.len()));
        }
        let width = match (each.mode, &each.max_parallel) {
            (LoopMode::Parallel, None) => WIDTH,
            (LoopMode::Parallel, Some(bound)) => match count(bound, &scope) {
                Ok(count) => count.max(1),
                Err(error) => return no_value(spot, step, "max_parallel", &error),
            },
            (LoopMode::Sequential, _) => 1,
        };
        let width = if self.moment.serial { 1 } else { width as usize };
        let earlier = spot.strand.broken_loop.as_deref();
        let earlier = earlier.filter(|old| attempt > 1 && old.step == step.name && old.items == items);
        let done = earlier.iter().flat_map(|old| &old.ended).filter(|(_, end)| end.ok());
        let kept: Vec<(usize, ItemEnd)> = done.map(|(item, end)| (*item, end.clone())).collect();
        let number = items.len();
        let what = match (number, width) {
            (0, _) => "no items".to_owned(),
            (1, _) => "1 item".to_owned(),
            (_, 1) => format!("{number} items, one after the other"),
            _ => format!("{number} items, {} at a time", width.min(number)),
        };
        let what = if kept.is_empty() { what } else { format!("{what}; {} are done", kept.len()) };
        let first = each.body.keys().next().cloned().unwrap_or_default();
        record(Event::LoopStarted(LoopStarted {
            step: label,
            visit,
            attempt,
            what,
            items,
            width,
            first,
            kept,
        }))
    }

    /// A loop at work.
    pub(super) fn looping(&self, spot: &Spot<'_>, each: &Loop, todo: &mut Todo) -> Option<Decision> {
        let step = match spot.step(&each.step) {
            Ok(step) => step,
            Err(decision) => return Some(decision),
        };
        let StepKind::ForEach(spec) = &step.kind else { return Some(super::lost(&spot.label(&each.step))) };
        let label = spot.label(&each.step);
        for (item, strand) in &each.strands {
            if let At::Ending(end) = &strand.at {
                let end = self.item_end(spot, spec, each, *item, end);
                return Some(record(Event::ItemEnded { step: label, item: *item, end }));
            }
        }
        let broken = each.failed().filter(|_| spec.on_item_failure == ItemFailure::Stop);
        if let Some((broken, _)) = broken {
            for item in each.strands.keys() {
                let frame = spot.frame.item(&each.step, each.round, *item);
                if self.moment.busy.iter().any(|busy| busy.is_within(&frame)) {
                    todo.give_up.push(frame);
                    continue;
                }
                let reason = format!("given up, because item {broken} failed");
                let end = ItemEnd { status: RunStatus::Stopped, reason, collected: Map::new() };
                return Some(record(Event::ItemEnded { step: label, item: *item, end }));
            }
        }
        if broken.is_none()
            && each.strands.len() < each.width
            && let Some(item) = each.waiting()
        {
            let what = told(&each.items[item]);
            return Some(record(Event::ItemStarted { step: label, item, what }));
        }
        if each.strands.is_empty() {
            return Some(record(self.loop_end(spot, step, spec, each)));
        }
        if broken.is_some() {
            return None;
        }
        each.strands.keys().find_map(|item| self.strand(spot.frame.item(&each.step, each.round, *item), todo))
    }

    /// How an item ended whose last step led to `end`.
    fn item_end(&self, spot: &Spot<'_>, spec: &ForEach, each: &Loop, item: usize, end: &RunEnded) -> ItemEnd {
        let mut ended = ItemEnd { status: end.status, reason: end.reason.clone(), collected: Map::new() };
        if !ended.ok() {
            return ended;
        }
        let frame = spot.frame.item(&each.step, each.round, item);
        let Some(inner) = Spot::at(self.recipe, self.state, &self.moment.places, &frame) else {
            return ended;
        };
        let Ok(step) = spot.step(&each.step) else { return ended };
        let scope = inner.scope(step, None);
        for (name, arg) in &spec.collect {
            match arg.value(&scope) {
                Ok(value) => drop(ended.collected.insert(name.clone(), value)),
                Err(error) => {
                    ended.status = RunStatus::Failed;
                    ended.reason = format!("`{name}` of `collect` has no value: {error}");
                    break;
                }
            }
        }
        ended
    }

    /// The end of a loop whose items are all over.
    fn loop_end(&self, spot: &Spot<'_>, step: &Step, spec: &ForEach, each: &Loop) -> Event {
        let good = each.ended.values().filter(|end| end.ok()).count();
        let failures: Vec<Value> = each
            .ended
            .iter()
            .filter(|(_, end)| !end.ok())
            .map(|(item, end)| {
                json!({ "index": item, "item": each.items[*item], "status": end.status, "reason": end.reason })
            })
            .collect();
        let mut result = json!({
            "count": each.items.len(),
            "succeeded": good,
            "failed": failures.len(),
            "failures": failures,
        });
        if let Some(fields) = result.as_object_mut() {
            for name in spec.collect.keys() {
                let values = each.ended.values().filter_map(|end| end.collected.get(name).cloned());
                fields.insert(name.clone(), values.collect());
            }
        }
        let broken = each.failed();
        let ok = broken.is_none() || spec.on_item_failure == ItemFailure::Continue;
        let label = match broken {
            None if each.items.is_empty() => "nothing to do".to_owned(),
            None => "all done".to_owned(),
            Some((_, end)) if !ok && end.status == RunStatus::Exhausted => EXHAUSTED.to_owned(),
            Some(_) => format!("{} of {} failed", failures.len(), each.items.len()),
        };
        let summary = match broken {
            None => format!("{good} of {}", each.items.len()),
            Some((item, end)) => format!("item {item} ({}): {}", told(&each.items[item]), end.reason),
        };
        let elapsed = Duration::try_from(self.moment.now.duration_since(each.since)).unwrap_or_default();
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let outcome = Outcome { ok, label, summary, result, ..routed() };
        concluded(spot, step, each.visit, each.attempt, &outcome, elapsed)
    }
}

/// An item, for people.
fn told(item: &Value) -> String {
    let whole = match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = text::first_line(&whole);
    match line.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
