//! A path in words: what each step came to and where that led, by going it once more.

use std::collections::BTreeSet;

use super::ways::{is_open, ways};
use super::{Finding, Search};
use crate::engine::dry::{Dry, Need};
use crate::engine::event::{Event, Next};

/// The beginning that a path starts from, and the way that it takes at each state.
pub(super) struct Route {
    beginning: usize,
    ways: Vec<u32>,
}

impl Search<'_> {
    /// The route to where a way leads: from a state, or that beginning itself.
    pub(super) fn ways_to(&self, last: Option<(Option<u32>, u32)>) -> Route {
        let mut ways = Vec::new();
        let (mut node, mut way) = last.unwrap_or((None, 0));
        while let Some(at) = node {
            ways.push(way);
            let before = &self.nodes[at as usize];
            (node, way) = (before.before, before.way);
        }
        ways.reverse();
        Route { beginning: way as usize, ways }
    }

    /// The route to a state.
    fn route_to(&self, node: u32) -> Route {
        let at = &self.nodes[node as usize];
        self.ways_to(Some((at.before, at.way)))
    }

    /// A path that goes round: the way to its first state, and once around.
    pub(super) fn endless(&self, cycle: &[u32]) -> Finding {
        let mut route = self.route_to(cycle[0]);
        let start = self.trace(&route).len();
        let next = cycle.iter().skip(1).chain(cycle.first());
        for to in next {
            let Some(way) = self.way_between(&route, *to) else { break };
            route.ways.push(way);
        }
        let trace = self.trace(&route);
        let message = "a run need not end: it can go round in circles for ever".to_owned();
        let repeats_from = Some(start.min(trace.len().saturating_sub(1)));
        Finding { kind: "endless", message, trace, repeats_from }
    }

    /// The way that leads from the end of a route to a state.
    fn way_between(&self, route: &Route, to: u32) -> Option<u32> {
        let (run, need) = self.walk(route, &mut |_, _| ());
        let all = ways(&run, &self.guess, &need, &mut BTreeSet::new());
        (0..all.len()).find_map(|index| {
            let mut next = run.clone();
            if all[index].take(&mut next, &mut |_| ()).is_some() {
                return None;
            }
            let recipe = self.recipe;
            let need = next.go_on(&|event| is_open(recipe, event), &mut |_| ());
            let there = !matches!(need, Need::Nothing(_) | Need::Circles)
                && self.known.get(&self.sight.key(&next.state)) == Some(&to);
            there.then_some(index as u32)
        })
    }

    /// Goes a route once more. `told` hears each event, with what its step came to where the route says that.
    fn walk(&self, route: &Route, told: &mut dyn FnMut(&Event, Option<&str>)) -> (Dry<'_>, Need) {
        let (mut beginnings, _) = self.beginnings();
        let inputs = beginnings.swap_remove(route.beginning.min(beginnings.len().saturating_sub(1)));
        let mut run = Dry::start(self.recipe, inputs);
        let recipe = self.recipe;
        let mut need = run.go_on(&|event| is_open(recipe, event), &mut |event| told(event, None));
        for way in &route.ways {
            let all = ways(&run, &self.guess, &need, &mut BTreeSet::new());
            let Some(way) = all.get(*way as usize) else { break };
            if let Some(end) = way.take(&mut run, &mut |event| told(event, Some(&way.told))) {
                return (run, Need::Nothing(end));
            }
            need = run.go_on(&|event| is_open(recipe, event), &mut |event| told(event, None));
        }
        (run, need)
    }

    pub(super) fn trace(&self, route: &Route) -> Vec<String> {
        let mut lines = Vec::new();
        let (beginnings, _) = self.beginnings();
        if let (true, Some(inputs)) = (beginnings.len() > 1, beginnings.get(route.beginning)) {
            let base = &beginnings[0];
            let given = inputs
                .iter()
                .filter(|(name, _)| beginnings.iter().any(|other| other.get(*name) != base.get(*name)));
            let given: Vec<String> = given.map(|(name, value)| format!("{name} = {value}")).collect();
            lines.push(format!("begins with {}", given.join(", ")));
        }
        let (_, need) = self.walk(route, &mut |event, came| lines.extend(line(event, came)));
        match need {
            Need::Nothing(end) => {
                // The last step may have said so already.
                let is_told = lines.last().is_some_and(|line| line.ends_with(&format!("({})", end.reason)));
                if !is_told {
                    let at = end.step.map(|step| format!(" at `{step}`")).unwrap_or_default();
                    lines.push(format!(
                        "ends {}{at}: {}",
                        crate::engine::cases::word(end.status),
                        end.reason
                    ));
                }
            }
            Need::Circles => lines.push("goes round in circles from here".to_owned()),
            Need::Outcome(_) | Need::Answer(_) | Need::Word(_) => {}
        }
        lines
    }
}

/// What an event says of a path; `came` is what the step came to.
fn line(event: &Event, came: Option<&str>) -> Option<String> {
    let leads = |next: &Next| match next {
        Next::Retry => "it is tried again".to_owned(),
        Next::Step(step) => format!("goes to `{step}`"),
        Next::Choice(_) => "goes where a model says".to_owned(),
        Next::End(status) => format!("ends {}", crate::engine::cases::word(*status)),
    };
    Some(match event {
        Event::StepEnded { step, visit, next, why, ok, .. } => {
            let number = if *visit > 1 { format!(" (visit {visit})") } else { String::new() };
            let came = came.unwrap_or(if *ok { "is done" } else { "fails" });
            format!("`{step}`{number} {came}; {} ({why})", leads(next))
        }
        Event::StepSkipped { step, why, next } => format!("`{step}` is skipped; {} ({why})", leads(next)),
        Event::StepExceeded { step, visits, next } => {
            format!("`{step}` has had its {visits} visits; {}", leads(next))
        }
        Event::LoopStarted(begun) => format!("`{}` {}", begun.step, came.unwrap_or(&begun.what)),
        Event::FinallyStarted { end, .. } => {
            let at = end.step.as_deref().map(|step| format!(" at `{step}`")).unwrap_or_default();
            format!("the end is decided: {}{at}; `finally` begins", crate::engine::cases::word(end.status))
        }
        _ => return None,
    })
}
