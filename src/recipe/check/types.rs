//! The types of names in a recipe, and of every expression at its place.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::Subject;
use super::facts::tool;
use crate::catalog::{ParamDecl, ParamKind, ToolDecl};
use crate::recipe::expr::{Expr, Misfit, Template, Type, text};
use crate::recipe::marks::Path;
use crate::recipe::model::{Arg, Bound, CaptureMode, Dialect, Ingredient, OutputsFrom, Step, StepKind};

/// One expression, or one text with expressions, where it stands.
#[derive(Debug)]
pub(super) struct Place {
    /// The step, by its number.
    pub(super) step: Option<usize>,
    /// The value that holds it.
    pub(super) path: Path,
    /// The text that the spans of misfits count in.
    pub(super) source: String,
    /// The type of its value.
    pub(super) kind: Type,
    /// What is wrong in it.
    pub(super) misfits: Vec<Misfit>,
    /// What its place takes.
    pub(super) sort: Option<Sort>,
}

/// What a place takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sort {
    /// The values of a parameter.
    Param(&'static ToolDecl, &'static ParamDecl),
    /// A list.
    Items,
    /// A whole number, or a text of one.
    Visits,
}

impl Sort {
    /// Whether a value of this type may fit: false only when none can.
    pub(super) fn takes(&self, kind: &Type) -> bool {
        let kind = &kind.clone().present();
        let (bool, number, text, list, map) =
            (&Type::BOOL, &Type::NUMBER, &Type::TEXT, &Type::LIST, &Type::MAP);
        let only = |kinds: &[&Type]| kind.is_only(kinds);
        match self {
            Self::Items => !only(&[bool, number, text, map]),
            Self::Visits => {
                let words = kind
                    .choices()
                    .is_some_and(|all| all.iter().all(|word| word.trim().parse::<u32>().is_err()));
                !(only(&[bool, list, map]) || words)
            }
            Self::Param(_, param) => match param.kind {
                ParamKind::String | ParamKind::Path | ParamKind::Shell => !only(&[list, map]),
                ParamKind::Bool => {
                    let word = |word: &String| {
                        matches!(
                            word.trim().to_ascii_lowercase().as_str(),
                            "" | "true" | "false" | "yes" | "no"
                        )
                    };
                    !(only(&[number, list, map]) || kind.choices().is_some_and(|all| !all.iter().any(word)))
                }
                ParamKind::Number | ParamKind::Seconds => !only(&[bool, list, map]),
                ParamKind::StringList | ParamKind::List => !only(&[map]),
                ParamKind::StringMap => !only(&[bool, number, list]),
                ParamKind::Any => true,
            },
        }
    }

    /// What it takes, in words.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Items => "a list",
            Self::Visits => "a whole number",
            Self::Param(_, param) => match param.kind {
                ParamKind::String | ParamKind::Shell => "a text",
                ParamKind::Path => "a path",
                ParamKind::Bool => "true or false",
                ParamKind::Number => "a number",
                ParamKind::Seconds => "seconds",
                ParamKind::StringList | ParamKind::List => "a list",
                ParamKind::StringMap => "a mapping",
                ParamKind::Any => "any value",
            },
        }
    }
}

/// What the names around a step mean.
#[derive(Clone, Default)]
struct Names {
    inputs: HashMap<String, Type>,
    context: HashMap<String, Type>,
    /// Items of the loops around it.
    items: HashMap<String, Type>,
}

impl Names {
    fn of(&self, segments: &[String], result: &dyn Fn(&str) -> Type) -> Type {
        let [namespace, name] = segments else { return Type::UNKNOWN };
        let known = |all: &HashMap<String, Type>| all.get(name).cloned().unwrap_or(Type::UNKNOWN);
        match namespace.as_str() {
            "inputs" => known(&self.inputs),
            "context" => known(&self.context),
            "result" => result(name),
            "run" if name == "resumable" => Type::BOOL,
            "run" if name == "ended_at" => Type::TEXT.or(Type::NULL),
            "run" => Type::TEXT,
            "env" => Type::TEXT.or(Type::NULL),
            "item" => known(&self.items),
            _ => Type::UNKNOWN,
        }
    }
}

impl Subject<'_> {
    /// Every expression of the recipe with its type.
    pub(super) fn typed(&self) -> &[Place] {
        self.types.get_or_init(|| {
            let mut look = Look { subject: self, names: self.names(), places: Vec::new() };
            look.steps(&self.recipe.steps, &Path::root().key("steps"));
            look.steps(&self.recipe.finally, &Path::root().key("finally"));
            look.places
        })
    }

    fn names(&self) -> Names {
        let recipe = self.recipe;
        let inputs =
            recipe.ingredients.iter().map(|(name, ingredient)| (name.clone(), of_ingredient(ingredient)));
        let mut names = Names { inputs: inputs.collect(), ..Names::default() };
        let captured = recipe.all_steps();
        let all = captured.iter().flat_map(|step| step.captures.keys());
        names.context = all.map(|name| (name.clone(), Type::NEVER)).collect();
        // A variable may be made of others, so this goes on until nothing changes: types only grow.
        for _ in 0..=names.context.len() {
            let mut next = names.context.clone();
            for step in &captured {
                for (name, capture) in &step.captures {
                    let kind = match (&step.kind, capture.mode, capture.kind) {
                        // What a sub-recipe gives is known when it is put in.
                        (StepKind::Call(_), ..) => Type::UNKNOWN,
                        (_, CaptureMode::Append, _) => Type::LIST,
                        (_, _, Some(kind)) => Type::of(kind),
                        (_, _, None) => self.of_arg(&capture.value, &names, step).0,
                    };
                    // A text that is built from itself could take for ever.
                    let before = next.get(name).cloned().unwrap_or(Type::NEVER);
                    let grown = before.or(kind);
                    let few = grown.choices().is_none_or(|all| all.len() <= 64);
                    next.insert(name.clone(), if few { grown } else { grown.among([]) });
                }
            }
            if next == names.context {
                break;
            }
            names.context = next;
        }
        if recipe.dialect == Dialect::Legacy {
            // What is missing is nothing there.
            let spaces = names.inputs.values_mut().chain(names.context.values_mut());
            spaces.for_each(|kind| *kind = kind.clone().or(Type::NULL));
        }
        names
    }

    fn of_result(&self, step: &Step, name: &str) -> Type {
        let plain = matches!(step.outputs_from, None | Some(OutputsFrom::Text));
        let (Some(tool), true) = (tool(step), plain) else { return Type::UNKNOWN };
        let declared = tool.result(name).map(|result| {
            Type::of(result.kind)
                .among(result.choices.iter().map(|choice| (*choice).to_owned()))
                .or(Type::NULL)
        });
        let output = self
            .contract(step)
            .and_then(|contract| contract.outputs.get(name))
            .map(|output| Type::of(output.kind).among(output.choices.iter().cloned()).or(Type::NULL));
        match (declared, output) {
            (Some(one), Some(other)) => one.or(other),
            (None, Some(output)) => output,
            // A skill whose outputs are not known may have one of this name.
            (Some(declared), None) if !tool.open_result || self.contract(step).is_some() => declared,
            _ => Type::UNKNOWN,
        }
    }

    fn of_arg(&self, arg: &Arg, names: &Names, step: &Step) -> (Type, Vec<Misfit>) {
        match arg {
            Arg::Literal(value) => (Type::value(value), Vec::new()),
            Arg::Template(template) => self.of_template(template, names, step),
            Arg::List(_) => (Type::LIST, Vec::new()),
            Arg::Map(_) => (Type::MAP, Vec::new()),
            Arg::Choice { value, .. } => self.of_arg(value, names, step),
        }
    }

    fn of_template(&self, template: &Template, names: &Names, step: &Step) -> (Type, Vec<Misfit>) {
        let mut found = Vec::new();
        let mut single = Type::TEXT;
        for (expr, range) in template.interpolations() {
            let (kind, misfits) = self.of_expr(expr, names, step);
            // Where the expression stands in the text, blanks aside.
            let inner = template.source().get(range.clone()).unwrap_or_default();
            let start = range.start + inner.find(expr.source()).unwrap_or(0);
            found.extend(
                misfits.into_iter().map(|misfit| Misfit {
                    span: misfit.span.start + start..misfit.span.end + start,
                    ..misfit
                }),
            );
            if template.single().is_some() {
                single = kind;
            }
        }
        (single, found)
    }

    fn of_expr(&self, expr: &Expr, names: &Names, step: &Step) -> (Type, Vec<Misfit>) {
        expr.infer(&|segments| names.of(segments, &|name| self.of_result(step, name)))
    }
}

/// An ingredient that nobody gives is an empty text, whatever its type.
fn of_ingredient(ingredient: &Ingredient) -> Type {
    let kind = Type::of(ingredient.kind).among(ingredient.choices.iter().map(text));
    match ingredient.required || ingredient.default.is_some() {
        true => kind,
        false => kind.or(Type::TEXT.among([String::new()])),
    }
}

struct Look<'s, 'a> {
    subject: &'s Subject<'a>,
    names: Names,
    places: Vec<Place>,
}

impl Look<'_, '_> {
    fn steps(&mut self, steps: &IndexMap<String, Step>, at: &Path) {
        for step in steps.values().filter(|step| !self.subject.broken.contains(&step.name)) {
            self.step(step, &at.key(&step.name));
        }
    }

    fn step(&mut self, step: &Step, base: &Path) {
        match &step.kind {
            StepKind::Tool { tool, with } => {
                for (name, arg) in with {
                    let (under, beside) = (base.key("with").key(name), base.key(name));
                    let path = if self.subject.marks().has(&under) { under } else { beside };
                    let sort = tool.param(name).map(|param| Sort::Param(tool, param));
                    self.arg(step, arg, &path, sort);
                }
            }
            StepKind::Confirm { message, .. } | StepKind::Stop { message, .. } => {
                let (own, under) = (base.key("message"), base.key("stop").key("message"));
                let path = if self.subject.marks().has(&own) { own } else { under };
                self.template(step, message, &path, None);
            }
            StepKind::Constant(value) => self.arg(step, value, &base.key("constant"), None),
            StepKind::ForEach(each) => {
                self.arg(step, &each.list, &base.key("for_each"), Some(Sort::Items));
                let outer = self.names.clone();
                let items = match &each.list {
                    Arg::Literal(serde_json::Value::Array(items)) => {
                        items.iter().map(Type::value).fold(Type::NEVER, Type::or)
                    }
                    _ => Type::UNKNOWN,
                };
                self.names.items.insert(each.name.clone(), items);
                self.names.items.insert(format!("{}_index", each.name), Type::NUMBER);
                self.steps(&each.body, &base.key("steps"));
                for (name, arg) in &each.collect {
                    self.arg(step, arg, &base.key("collect").key(name), None);
                }
                self.names = outer;
            }
            StepKind::Call(call) => {
                if let Some(gate) = &call.gate {
                    self.expr(step, gate, &base.key("gate"), None);
                }
                for (name, arg) in &call.inputs {
                    self.arg(step, arg, &base.key("inputs").key(name), None);
                }
            }
            StepKind::Route => {}
        }
        if let Some(expr) = &step.skip_when_false {
            self.expr(step, expr, &base.key("skip_when_false"), None);
        }
        if let Some(Bound::Expr(expr)) = &step.max_visits {
            self.expr(step, expr, &base.key("max_visits"), Some(Sort::Visits));
        }
        if let Some(poll) = &step.poll {
            self.expr(step, &poll.until, &base.key("poll").key("until"), None);
        }
        for (name, capture) in &step.captures {
            let [one, list] = ["capture", "capture_list"].map(|key| base.key(key).key(name));
            let path = if self.subject.marks().has(&one) { one } else { list };
            let inner = ["value", "from"].map(|key| path.key(key));
            let path = inner.into_iter().find(|inner| self.subject.marks().has(inner)).unwrap_or(path);
            self.arg(step, &capture.value, &path, None);
        }
        for (index, route) in step.on_result.iter().enumerate() {
            if let Some(expr) = &route.when {
                let routes = base.key("on_result");
                let path = match self.subject.marks().has(&routes.key("field")) {
                    true => routes.key("routes"),
                    false => routes.index(index).key("when"),
                };
                self.expr(step, expr, &path, None);
            }
        }
    }

    fn arg(&mut self, step: &Step, arg: &Arg, path: &Path, sort: Option<Sort>) {
        match arg {
            Arg::Literal(_) => {
                // What is written out was checked when it was read; a list of a loop was not.
                if let Some(Sort::Items) = sort {
                    let (kind, misfits) = self.subject.of_arg(arg, &self.names, step);
                    self.put(step, path, "", (kind, misfits), sort);
                }
            }
            Arg::Template(template) => self.template(step, template, path, sort),
            Arg::List(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| self.arg(step, item, &path.index(index), None));
            }
            Arg::Map(entries) => {
                entries.iter().for_each(|(key, item)| self.arg(step, item, &path.key(key), None));
            }
            Arg::Choice { when, value } => {
                self.expr(step, when, &path.key("when"), None);
                self.arg(step, value, &path.key("value"), None);
            }
        }
    }

    fn template(&mut self, step: &Step, template: &Template, path: &Path, sort: Option<Sort>) {
        let found = self.subject.of_template(template, &self.names, step);
        self.put(step, path, template.source(), found, sort);
    }

    fn expr(&mut self, step: &Step, expr: &Expr, path: &Path, sort: Option<Sort>) {
        let found = self.subject.of_expr(expr, &self.names, step);
        self.put(step, path, expr.source(), found, sort);
    }

    fn put(
        &mut self,
        step: &Step,
        path: &Path,
        source: &str,
        found: (Type, Vec<Misfit>),
        sort: Option<Sort>,
    ) {
        let (kind, misfits) = found;
        if sort.is_none() && misfits.is_empty() {
            return;
        }
        let (step, source) = (self.subject.nodes.number(step), source.to_owned());
        self.places.push(Place { step, path: path.clone(), source, kind, misfits, sort });
    }
}
