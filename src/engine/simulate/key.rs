//! What of a state decides how a run can go on: the places of its strands, the visits that bound something ahead, which variables that
//! are read ahead are set, and the values of those that routes depend on.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use indexmap::IndexMap;

use crate::engine::guess::{deciding, inputs_of, read_by};
use crate::engine::place::{Frame, any_item};
use crate::engine::state::{At, State};
use crate::engine::strand::Strand;
use crate::recipe::model::{Recipe, Step, StepKind, Target};

/// Two states with the same key go on in the same ways.
pub(super) type Key = [u64; 2];

/// Variables by name; `None` means all of them.
type Names = Option<BTreeSet<String>>;

/// What is ahead of each step.
pub(super) struct Sight {
    /// By the step's name in every item.
    ahead: HashMap<String, Ahead>,
    /// Variables whose values count.
    deciding: Names,
    /// Variables that `finally` reads.
    closing: Names,
    /// Ingredients that it reads.
    closing_inputs: Names,
    sessions: bool,
}

struct Ahead {
    /// Steps with a bound that can be entered from here, by their plain names.
    bounded: Vec<String>,
    /// Steps whose failures in a row can be read.
    counted: Vec<String>,
    /// Variables that are read.
    reads: Names,
    /// Ingredients that are read.
    inputs: Names,
}

impl Sight {
    pub(super) fn of(recipe: &Recipe) -> Self {
        let mut ahead = HashMap::new();
        look(recipe, &recipe.steps, "", &mut ahead);
        look(recipe, &recipe.finally, "finally:", &mut ahead);
        let closing = recipe.finally.values().map(read_by).try_fold(BTreeSet::new(), union);
        let closing_inputs = recipe.finally.values().map(inputs_of).try_fold(BTreeSet::new(), union);
        Self {
            ahead,
            deciding: deciding(recipe),
            closing,
            closing_inputs,
            sessions: recipe.limits.sessions.is_some(),
        }
    }

    pub(super) fn key(&self, state: &State) -> Key {
        let mut text = String::new();
        if self.sessions {
            let _ = write!(text, "{} sessions;", state.sessions);
        }
        // What runs begin with differs in some ingredients, of which those count that are read ahead.
        let inputs = match (&state.closing, &state.main.at) {
            (Some(_), _) => self.closing_inputs.clone(),
            (
                None,
                At::Enter(step)
                | At::Retry { step, .. }
                | At::Running { step, .. }
                | At::Choosing { step, .. },
            ) => self.inputs(step),
            (None, At::Looping(each)) => self.inputs(&each.step),
            (None, At::Before | At::Ending(_) | At::Ended { .. }) => None,
        };
        for (name, value) in state.started.iter().flat_map(|started| &started.inputs) {
            if inputs.as_ref().is_none_or(|inputs| inputs.contains(name)) {
                let _ = write!(text, "{name}={value},");
            }
        }
        match &state.closing {
            Some(closing) => {
                let end = &closing.end;
                let _ = write!(text, "closing {:?} {:?} {};", end.status, end.step, end.resumable);
                self.context(&mut text, &state.main, &self.closing);
                self.strand(&mut text, &closing.strand, &Frame::finally(), None);
            }
            None => self.strand(&mut text, &state.main, &Frame::default(), None),
        }
        [0_u8, 1].map(|seed| {
            let mut hasher = DefaultHasher::new();
            (seed, &text).hash(&mut hasher);
            hasher.finish()
        })
    }

    fn inputs(&self, step: &str) -> Names {
        both(self.ahead.get(step).and_then(|ahead| ahead.inputs.clone()), &self.closing_inputs)
    }

    fn strand(&self, text: &mut String, strand: &Strand, frame: &Frame, around: Option<&Names>) {
        let (name, place) = match &strand.at {
            At::Enter(step) => (step.as_str(), "enter".to_owned()),
            At::Retry { step, attempt, .. } => (step.as_str(), format!("try {attempt}")),
            At::Running { step, attempt, .. } => (step.as_str(), format!("at work {attempt}")),
            At::Choosing { step, .. } => (step.as_str(), "choice".to_owned()),
            At::Looping(each) => (each.step.as_str(), format!("loop {}", each.attempt)),
            At::Before | At::Ending(_) | At::Ended { .. } => {
                let _ = write!(text, "{:?};", strand.at);
                return;
            }
        };
        let _ = write!(text, "{name} {place}(");
        let ahead = self.ahead.get(&any_item(&frame.label(name)));
        if let Some(ahead) = ahead {
            for step in &ahead.bounded {
                let _ = write!(text, "{},", strand.visits(step));
            }
            for step in &ahead.counted {
                let _ = write!(
                    text,
                    "f{},",
                    strand.failures.get(step).map_or(0, |failing| failing.retriable.min(4))
                );
            }
        }
        let mut reads = ahead.and_then(|ahead| ahead.reads.clone());
        if frame.holds().is_empty() {
            reads = both(reads, &self.closing);
        }
        if let Some(around) = around {
            reads = both(reads, around);
        }
        self.context(text, strand, &reads);
        if let At::Retry { .. } = &strand.at
            && let Some(broken) = &strand.broken_loop
        {
            let done: Vec<(usize, bool)> = broken.ended.iter().map(|(item, end)| (*item, end.ok())).collect();
            let _ = write!(text, "broken {} {done:?}", broken.step);
        }
        if let At::Looping(each) = &strand.at {
            let _ = write!(text, "{}", serde_json::Value::Array(each.items.clone()));
            for (item, end) in &each.ended {
                let _ = write!(text, "{item} {:?} {}", end.status, serde_json::json!(end.collected));
            }
            for (item, inner) in &each.strands {
                let _ = write!(text, "[{item}]");
                self.strand(text, inner, &frame.item(&each.step, 1, *item), Some(&reads));
            }
        }
        text.push(')');
    }

    fn context(&self, text: &mut String, strand: &Strand, reads: &Names) {
        let mut names: Vec<&String> = strand
            .context
            .keys()
            .filter(|name| reads.as_ref().is_none_or(|reads| reads.contains(*name)))
            .collect();
        names.sort();
        for name in names {
            let _ = write!(text, "{name}");
            if self.deciding.as_ref().is_none_or(|deciding| deciding.contains(name)) {
                let _ = write!(text, "={}", strand.context[name.as_str()]);
            }
            text.push(',');
        }
    }
}

fn both(one: Names, other: &Names) -> Names {
    union(one?, other.clone())
}

fn union(mut all: BTreeSet<String>, more: Names) -> Names {
    all.extend(more?);
    Some(all)
}

fn look(recipe: &Recipe, steps: &IndexMap<String, Step>, before: &str, ahead: &mut HashMap<String, Ahead>) {
    for name in steps.keys() {
        let reached = reach(steps, name);
        let reached: Vec<&Step> = reached.iter().filter_map(|name| steps.get(name)).collect();
        let bounded = |step: &&&Step| step.max_visits.is_some() || recipe.limits.max_visits.is_some();
        let counted = |step: &&&Step| {
            let reads = step.captures.values().flat_map(|capture| capture.value.references());
            reads
                .into_iter()
                .any(|found| matches!(found.name.as_deref(), Some("needs_retry" | "retry_reason")))
        };
        let named = |steps: Vec<&&Step>| steps.into_iter().map(|step| step.name.clone()).collect::<Vec<_>>();
        let of = Ahead {
            bounded: named(reached.iter().filter(bounded).collect()),
            counted: named(reached.iter().filter(counted).collect()),
            reads: reached.iter().map(|step| read_by(step)).try_fold(BTreeSet::new(), union),
            inputs: reached.iter().map(|step| inputs_of(step)).try_fold(BTreeSet::new(), union),
        };
        ahead.insert(format!("{before}{name}"), of);
    }
    for (name, step) in steps {
        if let StepKind::ForEach(each) = &step.kind {
            look(recipe, &each.body, &format!("{before}{name}[]."), ahead);
        }
    }
}

/// Steps that can be entered from `from` on, itself included.
fn reach(steps: &IndexMap<String, Step>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let Some(step) = steps.get(name).filter(|_| reached.insert(name.to_owned())) else { continue };
        let named =
            [&step.on_success, &step.on_failure, &step.on_context_limit, &step.on_skip, &step.on_exceeded];
        let options = match &step.kind {
            StepKind::Confirm { choice: Some(choice), .. } => choice.options.values().collect(),
            _ => Vec::new(),
        };
        let targets = named.into_iter().flatten().chain([&step.on_exhausted]).chain(options);
        let targets = targets.chain(step.on_result.iter().map(|route| &route.to));
        open.extend(targets.filter_map(|target| match target {
            Target::Step(step) => Some(step.as_str()),
            Target::Done | Target::Escalate => None,
        }));
    }
    reached
}
