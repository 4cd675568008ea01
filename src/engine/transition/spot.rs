//! A place in a run: the strand that stands there, its steps, and what their expressions see.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Decision, Places, lost};
use crate::engine::place::{Frame, Hold};
use crate::engine::state::{At, State};
use crate::engine::strand::Strand;
use crate::recipe::expr::Scope;
use crate::recipe::model::{Recipe, Step, StepKind};

/// A strand and everything around it.
pub(super) struct Spot<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) state: &'a State,
    pub(super) places: &'a Places,
    pub(super) frame: Frame,
    pub(super) strand: &'a Strand,
    steps: &'a IndexMap<String, Step>,
    /// What each loop around it calls its item, the item and its number.
    items: Vec<(&'a str, &'a Value, usize)>,
    /// Outermost first, its own last.
    strands: Vec<&'a Strand>,
}

impl<'a> Spot<'a> {
    pub(super) fn at(
        recipe: &'a Recipe,
        state: &'a State,
        places: &'a Places,
        frame: &Frame,
    ) -> Option<Self> {
        let (mut strand, mut steps, mut holds) = (&state.main, &recipe.steps, frame.holds());
        let (mut strands, mut items) = (vec![strand], Vec::new());
        if let [Hold::Finally, rest @ ..] = holds {
            (strand, steps, holds) = (&state.closing.as_ref()?.strand, &recipe.finally, rest);
            strands.push(strand);
        }
        for hold in holds {
            let Hold::Item { step, round, item } = hold else { return None };
            let (StepKind::ForEach(spec), At::Looping(each)) = (&steps.get(step)?.kind, &strand.at) else {
                return None;
            };
            if each.round != *round {
                return None;
            }
            items.push((spec.name.as_str(), each.items.get(*item)?, *item));
            (strand, steps) = (each.strands.get(item)?, &spec.body);
            strands.push(strand);
        }
        Some(Self { recipe, state, places, frame: frame.clone(), strand, steps, items, strands })
    }

    /// The step that is called `label`, and where it stands.
    pub(super) fn of(
        recipe: &'a Recipe,
        state: &'a State,
        places: &'a Places,
        label: &str,
    ) -> Option<(&'a Step, Self)> {
        let (frame, name) = Frame::of(label);
        let spot = Self::at(recipe, state, places, &frame)?;
        Some((spot.step(name).ok()?, spot))
    }

    pub(super) fn step(&self, name: &str) -> Result<&'a Step, Decision> {
        self.steps.get(name).ok_or_else(|| lost(&self.label(name)))
    }

    pub(super) fn label(&self, name: &str) -> String {
        self.frame.label(name)
    }

    /// Whether it is one of the steps that run on every exit.
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.frame.holds().first(), Some(Hold::Finally))
    }

    /// What expressions of `step` see: variables of the strand hide those around it.
    pub(super) fn scope(&self, step: &Step, result: Option<&Value>) -> Scope {
        let mut scope = Scope::new();
        let started = self.state.started.as_ref();
        let inputs = started.map(|started| started.inputs.clone()).unwrap_or_default();
        scope.insert("inputs".to_owned(), Value::Object(inputs));
        let mut context = self.strands.first().map(|strand| strand.context.clone()).unwrap_or_default();
        for strand in self.strands.iter().skip(1) {
            context.extend(strand.context.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        scope.insert("context".to_owned(), Value::Object(context));
        let mut run = json!({
            "id": started.map(|started| started.run_id.as_str()),
            "recipe": self.recipe.name,
            "step": step.name,
            "dir": self.places.dir,
            "repository": self.places.repository,
        });
        if let (true, Some(closing), Some(run)) =
            (self.is_closing(), &self.state.closing, run.as_object_mut())
        {
            run.insert("status".to_owned(), json!(closing.end.status));
            run.insert("reason".to_owned(), json!(closing.end.reason));
            run.insert("ended_at".to_owned(), json!(closing.end.step));
            run.insert("resumable".to_owned(), json!(closing.end.resumable));
        }
        scope.insert("run".to_owned(), run);
        if !self.items.is_empty() {
            let mut all = Scope::new();
            for (name, item, number) in &self.items {
                all.insert((*name).to_owned(), (*item).clone());
                all.insert(format!("{name}_index"), json!(number));
            }
            scope.insert("item".to_owned(), Value::Object(all));
        }
        let env = started.and_then(|started| started.env.as_deref().cloned()).unwrap_or_default();
        scope.insert("env".to_owned(), Value::Object(env));
        if let Some(result) = result {
            scope.insert("result".to_owned(), result.clone());
        }
        scope
    }
}
