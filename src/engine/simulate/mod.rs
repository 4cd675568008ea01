//! Every way that a run of a recipe can go. The decisions of the engine are taken for each outcome of each step; states that go on alike are
//! one. A recipe enters; what was found leaves: where runs end, how many sessions they can take, and the shortest path to each thing that is wrong.

mod graph;
mod key;
mod trace;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value};

use self::graph::Paths;
use self::key::{Key, Sight};
use self::ways::{is_open, ways};
use super::cases::labels;
use super::dry::{Dry, Need};
use super::event::{Event, Fault, RunEnded, RunStatus};
use super::guess::{Guess, asks_items, combined, of_ingredient};
use super::place::any_item;
use crate::recipe::SkillLookup;
use crate::recipe::model::{LoopMode, Recipe, StepKind};

/// The most combinations of inputs that runs begin with.
const BEGINNINGS: usize = 64;

/// The most paths that are shown of one kind.
const SHOWN: usize = 5;

/// When a simulation is given up.
pub struct Limits<'a> {
    /// At so many states.
    pub states: usize,
    /// When this says so.
    pub over: &'a dyn Fn() -> bool,
}

/// What a simulation found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The recipe.
    pub recipe: String,
    /// States that differ in how they go on.
    pub states: usize,
    /// Ways from one to another.
    pub transitions: usize,
    /// Why not all of them were looked at, if they were not.
    pub cut: Option<String>,
    /// The most sessions on any path; `None` when there is no bound.
    pub sessions: Option<u32>,
    /// How runs end.
    pub ends: Vec<Ending>,
    /// What is wrong, each with the shortest path to it.
    pub findings: Vec<Finding>,
    /// Steps that no path comes to.
    pub unreached: Vec<String>,
    /// What is not as exact as in a run.
    pub assumed: Vec<String>,
}

/// A way that runs end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ending {
    /// The kind of end.
    pub status: String,
    /// The step that it follows from.
    pub step: String,
    /// From how many states.
    pub ways: usize,
}

/// Something wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// `fault`: a run ends because the recipe says no way on; `endless`: it need not end; `finally`: what runs on every exit does not.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
    /// How a run comes there, line by line.
    pub trace: Vec<String>,
    /// The line of `trace`, from 0, from which on an endless path repeats.
    pub repeats_from: Option<usize>,
}

/// A state that was found.
struct Node {
    /// The state before it and which way from there; `None` for the beginnings.
    before: Option<u32>,
    way: u32,
}

/// Explores all runs of `recipe`.
#[must_use]
pub fn simulate(recipe: &Recipe, skills: &dyn SkillLookup, limits: &Limits<'_>) -> Report {
    let mut search = Search {
        recipe,
        guess: Guess { recipe, skills },
        sight: Sight::of(recipe),
        known: HashMap::new(),
        nodes: Vec::new(),
        edges: Vec::new(),
        ends: HashMap::new(),
        entered: BTreeSet::new(),
        faults: Vec::new(),
        assumed: BTreeSet::new(),
    };
    search.approximations();
    let cut = search.explore(limits);
    search.report(cut)
}

struct Search<'a> {
    recipe: &'a Recipe,
    guess: Guess<'a>,
    sight: Sight,
    known: HashMap<Key, u32>,
    nodes: Vec<Node>,
    /// Where each state leads, and how many sessions begin on the way.
    edges: Vec<Vec<(u32, u32)>>,
    ends: HashMap<(String, String), usize>,
    entered: BTreeSet<String>,
    faults: Vec<Broken>,
    assumed: BTreeSet<String>,
}

/// The end of a path that should not be.
struct Broken {
    kind: &'static str,
    message: String,
    node: Option<u32>,
    way: u32,
}

impl<'a> Search<'a> {
    /// The inputs that runs begin with.
    fn beginnings(&self) -> (Vec<Map<String, Value>>, bool) {
        let mut base = Map::new();
        let mut varied = Vec::new();
        for (name, ingredient) in &self.recipe.ingredients {
            let values = of_ingredient(self.recipe, name, ingredient);
            base.insert(name.clone(), values.first().cloned().unwrap_or_default());
            if values.len() > 1 {
                varied.push((name.clone(), values));
            }
        }
        combined(&base, &varied, BEGINNINGS)
    }

    fn approximations(&mut self) {
        let recipe = self.recipe;
        let steps = recipe.all_steps();
        let mut add = |text: &str| self.assumed.insert(text.to_owned());
        let loops: Vec<_> = steps
            .iter()
            .filter_map(|step| match &step.kind {
                StepKind::ForEach(each) => Some(each),
                _ => None,
            })
            .collect();
        if loops.iter().any(|each| !matches!(each.list, crate::recipe::model::Arg::Literal(_))) {
            add("lists that are only known in a run have 0, 1 or 2 items");
        }
        if loops.iter().any(|each| each.mode == LoopMode::Parallel) {
            add("items of parallel loops follow each other");
        }
        if asks_items(recipe) {
            add("items of a list that is only known in a run are all alike");
        }
        if steps.iter().any(|step| matches!(step.kind, StepKind::Tool { .. })) {
            add("each failure looks unlike the one before it, so `limits.same_failure` ends no path");
        }
        if recipe.limits.wall_clock.is_some() || recipe.limits.budget_usd.is_some() {
            add("time and money are never used up");
        }
        if !recipe.env.is_empty() {
            add("variables of the environment are not set");
        }
    }

    /// Breadth first, so that the path to each state is the shortest. Gives why not everything was seen.
    fn explore(&mut self, limits: &Limits<'_>) -> Option<String> {
        let (beginnings, cut) = self.beginnings();
        if cut {
            self.assumed
                .insert("there are too many combinations of inputs: each was varied by itself".to_owned());
        }
        let mut open = VecDeque::new();
        for (index, inputs) in beginnings.into_iter().enumerate() {
            let run = Dry::start(self.recipe, inputs);
            self.arrive(run, None, index as u32, None, 0, &mut open);
        }
        while let Some((node, run, need)) = open.pop_front() {
            if self.nodes.len() >= limits.states {
                return Some(format!("only the first {} states were looked at", limits.states));
            }
            if (limits.over)() {
                return Some(format!("the time was up after {} states", self.nodes.len()));
            }
            let all = ways(&run, &self.guess, &need, &mut self.assumed);
            for (index, way) in all.iter().enumerate() {
                let mut next = run.clone();
                let entered = &mut self.entered;
                let end = way.take(&mut next, &mut |event| note(event, entered));
                let sessions = next.state.sessions - run.state.sessions;
                self.arrive(next, Some(node), index as u32, end, sessions, &mut open);
            }
        }
        None
    }

    /// A run goes on to where it needs something again.
    fn arrive(
        &mut self,
        mut run: Dry<'a>,
        from: Option<u32>,
        way: u32,
        end: Option<RunEnded>,
        sessions: u32,
        open: &mut VecDeque<(u32, Dry<'a>, Need)>,
    ) {
        let (recipe, entered) = (self.recipe, &mut self.entered);
        let need = match end {
            Some(end) => Need::Nothing(end),
            None => run.go_on(&|event| is_open(recipe, event), &mut |event| note(event, entered)),
        };
        match &need {
            Need::Nothing(end) => {
                if let Some(step) = &end.step {
                    self.entered.insert(any_item(step));
                }
                self.ended(&run, end, from, way);
                return;
            }
            Need::Circles => {
                let message = "the run goes round in circles without doing anything".to_owned();
                self.broken("endless", message, from, way);
                return;
            }
            Need::Outcome(_) | Need::Answer(_) | Need::Word(_) => {}
        }
        // What only tells of the past is not carried along.
        run.state.done.clear();
        run.state.captured.clear();
        let key = self.sight.key(&run.state);
        let next = self.nodes.len() as u32;
        let node = *self.known.entry(key).or_insert(next);
        if node == next {
            self.nodes.push(Node { before: from, way });
            self.edges.push(Vec::new());
            open.push_back((node, run, need));
        }
        if let Some(from) = from
            && let Some(edges) = self.edges.get_mut(from as usize)
            && !edges.contains(&(node, sessions))
        {
            edges.push((node, sessions));
        }
    }

    fn ended(&mut self, run: &Dry<'_>, end: &RunEnded, from: Option<u32>, way: u32) {
        let step = end.step.as_deref().map(any_item).unwrap_or_default();
        *self.ends.entry((super::cases::word(end.status), step)).or_default() += 1;
        if end.fault == Some(Fault::Recipe) || end.status == RunStatus::Crashed {
            // How `finally` went after it is another matter.
            let decided = run.state.closing.as_ref().map(|closing| &closing.end.reason);
            let reason = decided.filter(|reason| end.reason.starts_with(*reason)).unwrap_or(&end.reason);
            self.broken("fault", reason.clone(), from, way);
        } else if !self.recipe.finally.is_empty() && run.state.closing.is_none() {
            self.broken("finally", "the run ends, and `finally` has not run".to_owned(), from, way);
        }
    }

    fn broken(&mut self, kind: &'static str, message: String, node: Option<u32>, way: u32) {
        let known = self.faults.iter().any(|known| known.kind == kind && known.message == message);
        let shown = self.faults.iter().filter(|known| known.kind == kind).count();
        if !known && shown < SHOWN {
            self.faults.push(Broken { kind, message, node, way });
        }
    }

    fn report(mut self, cut: Option<String>) -> Report {
        let paths = Paths::of(&self.edges);
        let mut findings: Vec<Finding> = self
            .faults
            .iter()
            .map(|broken| {
                let way = Some((broken.node, broken.way));
                let trace = self.trace(&self.ways_to(way));
                Finding { kind: broken.kind, message: broken.message.clone(), trace, repeats_from: None }
            })
            .collect();
        if let Some(cycle) = paths.shortest_cycle(&self.edges, |node| self.depth(node)) {
            findings.push(self.endless(&cycle));
        }
        let sessions = paths.most;
        let mut ends: Vec<Ending> = std::mem::take(&mut self.ends)
            .into_iter()
            .map(|((status, step), ways)| Ending { status, step, ways })
            .collect();
        ends.sort();
        let all = labels(self.recipe);
        let unreached =
            all.iter().map(|(label, _)| label.clone()).filter(|label| !self.entered.contains(label));
        Report {
            recipe: self.recipe.name.clone(),
            states: self.nodes.len(),
            transitions: self.edges.iter().map(Vec::len).sum(),
            sessions,
            ends,
            findings,
            unreached: if cut.is_some() { Vec::new() } else { unreached.collect() },
            cut,
            assumed: self.assumed.into_iter().collect(),
        }
    }

    fn depth(&self, node: u32) -> usize {
        std::iter::successors(Some(node), |node| self.nodes[*node as usize].before).count()
    }
}

/// Notes the step that an event tells of.
fn note(event: &Event, entered: &mut BTreeSet<String>) {
    if matches!(event, Event::StepStarted { .. } | Event::StepEnded { .. } | Event::LoopStarted(_))
        && let Some(step) = event.step()
    {
        entered.insert(any_item(step));
    }
    if let Event::FinallyStarted { end, .. } = event
        && let Some(step) = &end.step
    {
        entered.insert(any_item(step));
    }
}
