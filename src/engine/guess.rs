//! Results that nobody gave: of the types that a tool and a skill declare, and with the fields that the recipe reads.

mod values;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::host::Outcome;
use super::transition::Try;
use crate::catalog::ResultDecl;
use crate::core::kind::ValueKind;
use crate::execution::player::schema;
use crate::execution::verdict::RetryReason;
use crate::recipe::SkillLookup;
use crate::recipe::expr::Expr;
use crate::recipe::model::{Ingredient, Recipe, Step, StepKind};
use crate::skills::Contract;

pub(super) use values::{asks_items, combined, deciding, inputs_of, item, of_ingredient, read_by, successes};

/// What is made up for the calls of a recipe.
pub(super) struct Guess<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) skills: &'a dyn SkillLookup,
}

/// What is known of a field of a result before the call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    /// What is made up for it.
    pub(super) value: Value,
    /// Its type, where something declares it.
    pub(super) kind: Option<ValueKind>,
    /// All values that it can have, where they are known.
    pub(super) choices: Vec<Value>,
    /// Whether a call that failed has it as well.
    pub(super) always: bool,
    /// Whether a success may be without it, unless another field has one of these values.
    pub(super) optional: Option<Vec<(String, Vec<String>)>>,
}

impl Field {
    /// Whether a success with this result may be without it.
    pub(super) fn may_lack(&self, result: &Map<String, Value>) -> bool {
        let required = |(name, values): &(String, Vec<String>)| {
            let value = result.get(name).map(crate::recipe::expr::text);
            value.is_some_and(|value| values.contains(&value))
        };
        self.optional.as_ref().is_some_and(|when| !when.iter().any(required))
    }
}

impl Guess<'_> {
    /// The fields of what the call of a step gives when it succeeds, or when it does not.
    pub(super) fn fields(&self, step: &Step, tried: &Try, ok: bool) -> Vec<Field> {
        let mut fields: Vec<Field> = tried.tool.results.iter().map(|decl| of_tool(decl, ok)).collect();
        let mut add = |field: Field| {
            if !fields.iter().any(|known| known.name == field.name) {
                fields.push(field);
            }
        };
        if let Some(contract) = self.contract(tried) {
            let made = schema::made_up(&contract.schema().unwrap_or_default(), &step.name);
            for (name, output) in &contract.outputs {
                add(Field {
                    name: name.clone(),
                    value: made.get(name).cloned().unwrap_or_else(|| of_kind(output.kind, name)),
                    kind: Some(output.kind),
                    choices: output.choices.iter().map(|choice| json!(choice)).collect(),
                    always: false,
                    optional: (!output.is_required())
                        .then(|| output.required_when.clone().into_iter().collect()),
                });
            }
        }
        for (name, kind) in read_fields(step) {
            let value =
                kind.map_or_else(|| self.shape(&["result", &name], step), |kind| of_kind(kind, &name));
            add(Field { name, value, kind, choices: Vec::new(), always: false, optional: None });
        }
        fields
    }

    /// A successful outcome that says nothing in particular.
    pub(super) fn success(&self, step: &Step, tried: &Try) -> Outcome {
        let fields = self.fields(step, tried, true).into_iter().map(|field| (field.name, field.value));
        outcome(true, fields.collect())
    }

    /// A failed outcome that says nothing in particular.
    pub(super) fn failure(&self, step: &Step, tried: &Try) -> Outcome {
        let fields = self.fields(step, tried, false).into_iter().filter(|field| field.always);
        outcome(false, fields.map(|field| (field.name, field.value)).collect())
    }

    fn contract(&self, tried: &Try) -> Option<Arc<Contract>> {
        if tried.tool.name != "run_skill" {
            return None;
        }
        let text = |name: &str| tried.params.get(name).and_then(Value::as_str).map(str::to_owned);
        let word = text("skill").or_else(|| text("skill_command"))?;
        let word = word.split_whitespace().next()?.trim_start_matches('/');
        self.skills.contract(word.rsplit_once(':').map_or(word, |(_, name)| name))
    }

    /// A value with the parts that the recipe reads of the chain `path`.
    pub(super) fn shape(&self, path: &[&str], step: &Step) -> Value {
        let mut chains: Vec<Vec<String>> = Vec::new();
        let all = self.recipe.all_steps();
        for expr in all.iter().flat_map(|step| expressions(step)) {
            chains.extend(expr.chains().map(<[String]>::to_vec));
        }
        // A variable that is captured from a field is read where the field is.
        let names = step.captures.iter().filter(|(_, capture)| {
            let single = capture.value.templates().first().and_then(|template| template.single());
            single.is_some_and(|expr| is_chain(expr, path))
        });
        let mut places = vec![path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()];
        places.extend(names.map(|(name, _)| vec!["context".to_owned(), name.clone()]));
        let below: Vec<&[String]> = places
            .iter()
            .flat_map(|place| chains.iter().filter_map(|chain| chain.strip_prefix(place.as_slice())))
            .filter(|rest| !rest.is_empty())
            .collect();
        nested(&below, path.last().copied().unwrap_or_default())
    }
}

fn nested(chains: &[&[String]], name: &str) -> Value {
    let mut fields = Map::new();
    for chain in chains {
        let Some((first, _)) = chain.split_first() else { continue };
        if !fields.contains_key(first) {
            let below: Vec<&[String]> = chains
                .iter()
                .filter_map(|other| other.split_first().filter(|(word, _)| *word == first))
                .map(|(_, rest)| rest)
                .filter(|rest| !rest.is_empty())
                .collect();
            fields.insert(first.clone(), nested(&below, first));
        }
    }
    if fields.is_empty() { json!(format!("made-up {name}")) } else { Value::Object(fields) }
}

/// An outcome of which nothing but its result is known.
pub(super) fn outcome(ok: bool, result: Map<String, Value>) -> Outcome {
    Outcome {
        ok,
        label: if ok { "success" } else { "failure" }.to_owned(),
        summary: if ok { String::new() } else { "it failed".to_owned() },
        result: Value::Object(result),
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: false,
    }
}

/// Whether an expression is this chain of names and nothing else.
pub(super) fn is_chain(expr: &Expr, path: &[&str]) -> bool {
    use crate::recipe::expr::{Operand, Test};
    matches!(expr.test(), Test::Truth(Operand::Path { segments, filters }) if segments == path && filters.is_empty())
}

/// Fields of `result` that a step reads, with the type that a capture takes one as.
fn read_fields(step: &Step) -> Vec<(String, Option<ValueKind>)> {
    let mut fields: Vec<(String, Option<ValueKind>)> = Vec::new();
    for capture in step.captures.values() {
        let single = capture.value.templates().first().and_then(|template| template.single());
        let chain =
            single.and_then(|expr| expr.chains().find(|chain| chain.len() == 2).map(|chain| (expr, chain)));
        if let (Some(kind), Some((expr, [space, name]))) = (capture.kind, chain)
            && space == "result"
            && is_chain(expr, &["result", name])
        {
            fields.push((name.clone(), Some(kind)));
        }
    }
    for expr in expressions(step) {
        for found in expr.references().iter().filter(|found| found.namespace == "result") {
            if let Some(name) = &found.name
                && !fields.iter().any(|(known, _)| known == name)
            {
                fields.push((name.clone(), None));
            }
        }
    }
    fields
}

/// Every expression of a step, without those of steps inside of it.
pub(super) fn expressions(step: &Step) -> Vec<&Expr> {
    let mut all: Vec<&Expr> = conditions(step);
    let mut args = Vec::new();
    let mut texts = Vec::new();
    match &step.kind {
        StepKind::Tool { with, .. } => args.extend(with.values()),
        StepKind::Constant(value) => args.push(value),
        StepKind::ForEach(each) => {
            args.push(&each.list);
            args.extend(each.collect.values());
        }
        StepKind::Confirm { message, .. } | StepKind::Stop { message, .. } => texts.push(message),
        StepKind::Route | StepKind::Call(_) => {}
    }
    args.extend(step.captures.values().map(|capture| &capture.value));
    if let Some(crate::recipe::model::OutputsFrom::File(file)) = &step.outputs_from {
        texts.push(file);
    }
    for arg in args {
        texts.extend(arg.templates());
        all.extend(arg.conditions());
    }
    all.extend(texts.into_iter().flat_map(|text| text.interpolations().map(|(expr, _)| expr)));
    all
}

/// The expressions of a step that decide where a run goes.
pub(super) fn conditions(step: &Step) -> Vec<&Expr> {
    use crate::recipe::model::Bound;
    let mut all: Vec<&Expr> = step.on_result.iter().filter_map(|route| route.when.as_ref()).collect();
    all.extend(&step.skip_when_false);
    all.extend(step.poll.as_ref().map(|poll| &poll.until));
    if let Some(Bound::Expr(expr)) = &step.max_visits {
        all.push(expr);
    }
    all
}

/// What is made up for an ingredient without a value.
pub(super) fn ingredient(name: &str, ingredient: &Ingredient) -> Value {
    match ingredient.choices.first() {
        Some(choice) => choice.clone(),
        None if ingredient.required => of_kind(ingredient.kind, name),
        None => json!(""),
    }
}

/// What is made up for a value of a type.
pub(super) fn of_kind(kind: ValueKind, name: &str) -> Value {
    match kind {
        ValueKind::String => json!(format!("made-up {name}")),
        ValueKind::Path => json!(format!("/made-up/{name}")),
        ValueKind::Bool => json!(true),
        ValueKind::Int | ValueKind::Number => json!(1),
        ValueKind::List => json!([format!("made-up {name}")]),
        ValueKind::Json => json!({}),
    }
}

/// A field that a tool declares. What says whether it succeeded says that.
fn of_tool(decl: &ResultDecl, ok: bool) -> Field {
    let fixed = match decl.name {
        "success" | "passed" => Some(json!(ok)),
        "exit_code" => Some(json!(i32::from(!ok))),
        "timed_out" | "is_error" | "needs_retry" => Some(json!(false)),
        "retry_reason" => Some(json!("none")),
        "subtype" => Some(json!(if ok { "success" } else { "failure" })),
        _ => None,
    };
    let mut choices: Vec<Value> = decl.choices.iter().map(|choice| json!(choice)).collect();
    if let Some(fixed) = &fixed {
        choices = vec![fixed.clone()];
    }
    let value = fixed.or_else(|| choices.first().cloned()).unwrap_or_else(|| of_kind(decl.kind, decl.name));
    Field { name: decl.name.to_owned(), value, kind: Some(decl.kind), choices, always: true, optional: None }
}
