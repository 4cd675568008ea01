//! A recipe as a picture. A compiled recipe enters; its steps and routes with words for each leave ([`Chart`]), and from them the
//! rails of a terminal ([`rails`]) or the text of a drawing program ([`mermaid`], [`dot`]).

mod dot;
mod mermaid;
mod rails;
#[cfg(test)]
mod tests;

pub use dot::dot;
pub use mermaid::mermaid;
pub use rails::{Cell, Part, Rails, Row, rails};

use indexmap::IndexMap;

use super::expr;
use super::model::{Arg, Recipe, Step, StepKind, StopStatus, Target};

/// Steps with their routes, in the order of the text.
#[derive(Debug)]
pub struct Chart<'r> {
    /// The recipe's name.
    pub name: &'r str,
    /// The steps; the first is where a run begins.
    pub nodes: Vec<Node<'r>>,
    /// The steps of `finally`, when there are any.
    pub finally: Option<Box<Chart<'r>>>,
    /// What the names of its nodes begin with in texts for other programs.
    prefix: String,
}

/// One step.
#[derive(Debug)]
pub struct Node<'r> {
    /// The step.
    pub step: &'r Step,
    /// What kind of step it is.
    pub shape: Shape,
    /// What it does, in a few words.
    pub does: String,
    /// Its routes, each place that it leads to once.
    pub links: Vec<Link>,
    /// The steps that run for each item of a loop.
    pub body: Option<Chart<'r>>,
}

/// What kind of step it is, as far as a picture tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Calls something.
    Call,
    /// Asks a person.
    Question,
    /// Only routes.
    Fork,
    /// Ends the run.
    End(StopStatus),
}

/// All routes from a step to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub to: To,
    /// When it is taken.
    pub when: Vec<String>,
    /// The most important kind of these routes.
    pub class: Class,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// A step, by its index.
    Step(usize),
    /// A clean end.
    Done,
    /// A failed end that asks for a person.
    Escalate,
}

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The way of things going well, or of a decision.
    Normal,
    /// The step is passed over.
    Skip,
    /// Something failed.
    Failure,
    /// A limit was reached.
    Limit,
}

impl<'r> Chart<'r> {
    /// The ends that some route leads to and that are no steps: name of the node, and what it is called.
    fn ends(&self) -> impl Iterator<Item = (String, &'static str)> {
        let leads = |end: &To| self.nodes.iter().flat_map(|node| &node.links).any(|link| link.to == *end);
        let ends = [(To::Done, "done"), (To::Escalate, "escalate")].into_iter();
        ends.filter(move |(to, _)| leads(to)).map(|(to, word)| (self.id(to), word))
    }

    /// The name of a place in texts for other programs.
    fn id(&self, to: To) -> String {
        let prefix = &self.prefix;
        match to {
            To::Step(index) => format!("{prefix}s{index}"),
            To::Done => format!("{prefix}done"),
            To::Escalate => format!("{prefix}escalate"),
        }
    }

    /// The picture of a recipe.
    #[must_use]
    pub fn of(recipe: &'r Recipe) -> Self {
        let finally = (!recipe.finally.is_empty())
            .then(|| Box::new(Self::of_steps("finally", &recipe.finally, "finally_".to_owned())));
        Self { finally, ..Self::of_steps(&recipe.name, &recipe.steps, String::new()) }
    }

    fn of_steps(name: &'r str, steps: &'r IndexMap<String, Step>, prefix: String) -> Self {
        let nodes = steps.values().enumerate().map(|(index, step)| Node {
            step,
            shape: shape(step),
            does: does(step),
            links: links(steps, step),
            body: match &step.kind {
                StepKind::ForEach(each) => {
                    Some(Self::of_steps(&each.name, &each.body, format!("{prefix}s{index}_")))
                }
                _ => None,
            },
        });
        Self { name, nodes: nodes.collect(), finally: None, prefix }
    }

    /// What a place is called.
    #[must_use]
    pub fn label(&self, to: To) -> &str {
        match to {
            To::Step(index) => self.nodes.get(index).map_or("", |node| &node.step.name),
            To::Done => "done",
            To::Escalate => "escalate",
        }
    }
}

fn shape(step: &Step) -> Shape {
    match &step.kind {
        StepKind::Confirm { .. } => Shape::Question,
        StepKind::Route => Shape::Fork,
        StepKind::Stop { status, .. } => Shape::End(*status),
        _ => Shape::Call,
    }
}

fn links(steps: &IndexMap<String, Step>, step: &Step) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for (target, when, class) in routes(step) {
        let to = match target {
            Target::Done => To::Done,
            Target::Escalate => To::Escalate,
            Target::Step(name) => match steps.get_index_of(name) {
                Some(index) => To::Step(index),
                None => continue,
            },
        };
        match links.iter_mut().find(|link| link.to == to) {
            Some(link) => {
                link.class = link.class.min(class);
                link.when.push(when);
            }
            None => links.push(Link { to, when: vec![when], class }),
        }
    }
    links
}

/// Every route of a step with the words for when it is taken, the most usual first.
#[must_use]
pub fn routes(step: &Step) -> Vec<(&Target, String, Class)> {
    let mut routes: Vec<(&Target, String, Class)> = Vec::new();
    if matches!(step.kind, StepKind::Stop { .. }) {
        return routes;
    }
    for route in &step.on_result {
        let when = match &route.when {
            Some(when) => format!("if {}", when.written()),
            None => "otherwise".to_owned(),
        };
        routes.push((&route.to, when, Class::Normal));
    }
    if let StepKind::Confirm { choice: Some(choice), .. } = &step.kind {
        routes.extend(choice.options.iter().map(|(answer, to)| (to, format!("`{answer}`"), Class::Normal)));
    }
    let asks = matches!(step.kind, StepKind::Confirm { .. });
    let (well, badly) = if asks { ("yes", "no") } else { ("success", "failure") };
    let badly_is = if asks { Class::Normal } else { Class::Failure };
    routes.extend(step.on_success.iter().map(|to| (to, well.to_owned(), Class::Normal)));
    routes.extend(step.on_failure.iter().map(|to| (to, badly.to_owned(), badly_is)));
    routes.extend(step.on_context_limit.iter().map(|to| (to, "out of context".to_owned(), Class::Limit)));
    // Escalation after spent tries is the default: it says nothing about this recipe.
    if step.retries > 0 && step.on_exhausted != Target::Escalate {
        routes.push((&step.on_exhausted, "tries spent".to_owned(), Class::Limit));
    }
    if step.skip_when_false.is_some() {
        let skipped = step.on_skip.as_ref().or(step.on_success.as_ref());
        routes.extend(skipped.map(|to| (to, "skipped".to_owned(), Class::Skip)));
    }
    routes.extend(step.on_exceeded.iter().map(|to| (to, "visited too often".to_owned(), Class::Limit)));
    routes
}

/// What a step does, in a few words.
#[must_use]
pub fn does(step: &Step) -> String {
    match &step.kind {
        StepKind::Tool { tool, with } => {
            let argument = |name: &str| with.get(name).map(argument_text);
            match tool.name {
                "run_skill" => format!(
                    "skill {}",
                    argument("skill").or_else(|| argument("skill_command")).unwrap_or_default()
                ),
                "run_cmd" => {
                    format!("$ {}", argument("argv").or_else(|| argument("cmd")).unwrap_or_default())
                }
                other => other.to_owned(),
            }
        }
        StepKind::Confirm { .. } => "asks".to_owned(),
        StepKind::Route => "routes".to_owned(),
        StepKind::Constant(value) => format!("gives {}", argument_text(value)),
        StepKind::ForEach(each) => {
            format!("for each {} of {}", each.name, argument_text(&each.list))
        }
        StepKind::Call(call) => format!("recipe {}", call.recipe),
        StepKind::Stop { status, .. } => format!("ends: {}", format!("{status:?}").to_lowercase()),
    }
}

fn argument_text(arg: &Arg) -> String {
    match arg {
        Arg::Literal(serde_json::Value::Array(items)) => {
            items.iter().map(expr::text).collect::<Vec<_>>().join(" ")
        }
        Arg::Literal(value) => expr::text(value),
        Arg::Template(template) => template.source().to_owned(),
        Arg::List(items) => items.iter().map(argument_text).collect::<Vec<_>>().join(" "),
        Arg::Choice { value, .. } => argument_text(value),
        Arg::Map(_) => "…".to_owned(),
    }
}

/// A text on one line, at most `most` characters long: pictures have little room.
fn short(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() > most {
        true => line.chars().take(most - 1).chain(['…']).collect(),
        false => line,
    }
}
