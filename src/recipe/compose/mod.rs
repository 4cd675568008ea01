//! Sub-recipes, put together when a recipe is compiled. A lowered recipe enters; the same recipe leaves with the steps of its
//! sub-recipes in place of the steps that call them, and the problems of every file that took part.
//!
//! A step `call` becomes an entry of that name, which gives the sub-recipe its inputs, the sub-recipe's steps as `call.step`, and,
//! when there are outputs, an exit `call.@done`. Variables of the sub-recipe are `call__name`.

mod call;
mod rename;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::call::{Call, Scope};
use super::check::{before_parts, check, settle};
use super::diagnostic::{Problem, Problems};
use super::load::{Setting, check_name};
use super::lower::lower_in;
use super::marks::{Marks, Path};
use super::model::{Arg, Capture, CaptureMode, Ingredient, Recipe, Step, StepKind, Target};
use super::{dialect, suggest, yaml};

/// How deep sub-recipes may call others.
const MAX_DEPTH: usize = 16;
/// How many steps a recipe may have with those of its sub-recipes.
const MAX_STEPS: usize = 2_000;

/// The text of a sub-recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartText {
    /// Its name.
    pub name: String,
    /// Its file, as people are shown it.
    pub file: String,
    /// The text.
    pub text: String,
}

/// Where sub-recipes are found.
pub trait PartLookup {
    /// The sub-recipe `name`; `None` when there is none.
    ///
    /// # Errors
    /// Why its file cannot be read.
    fn find(&self, name: &str) -> Result<Option<PartText>, String>;
    /// The names of all, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// Sub-recipes that are known beforehand, such as those that a run keeps.
impl PartLookup for Vec<PartText> {
    fn find(&self, name: &str) -> Result<Option<PartText>, String> {
        Ok(self.iter().find(|part| part.name == name).cloned())
    }

    fn names(&self) -> Vec<String> {
        self.iter().map(|part| part.name.clone()).collect()
    }
}

/// What composition leaves.
#[derive(Debug)]
pub(super) struct Composed {
    /// The recipe; it calls no sub-recipes any more when there is no error.
    pub(super) recipe: Recipe,
    /// Problems of the recipe's own file.
    pub(super) problems: Vec<Problem>,
    /// Problems of the sub-recipes, by file.
    pub(super) parts: Vec<Problems>,
    /// The files of the sub-recipes.
    pub(super) files: Vec<PartFile>,
}

/// The file of a sub-recipe as it was read.
#[derive(Debug)]
pub(super) struct PartFile {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) marks: Marks,
}

/// Whether a step of the recipe calls a sub-recipe.
pub(super) fn has_calls(recipe: &Recipe) -> bool {
    recipe.all_steps().into_iter().any(|step| matches!(step.kind, StepKind::Call(_)))
}

/// The recipe as checks of its own file see it: a call sets its outputs.
pub(super) fn opaque(recipe: &mut Recipe) {
    fn each(steps: &mut IndexMap<String, Step>) {
        for step in steps.values_mut() {
            match &mut step.kind {
                StepKind::Call(call) => {
                    let outputs: Vec<String> = call.outputs.keys().cloned().collect();
                    for name in outputs {
                        step.captures.insert(name, set(Arg::Literal(Value::Null)));
                    }
                }
                StepKind::ForEach(inner) => each(&mut inner.body),
                _ => {}
            }
        }
    }
    each(&mut recipe.steps);
    each(&mut recipe.finally);
}

/// Puts the sub-recipes of `recipe` in.
pub(super) fn compose(
    recipe: Recipe,
    marks: &Marks,
    setting: &Setting<'_>,
    lookup: &dyn PartLookup,
) -> Composed {
    let mut composer = Composer {
        setting,
        lookup,
        done: HashMap::new(),
        parts: Vec::new(),
        files: Vec::new(),
        texts: Vec::new(),
        chain: Vec::new(),
    };
    let (mut recipe, problems) = composer.expand(recipe, marks);
    let mut identity = Sha256::new();
    identity.update(&recipe.hash);
    for part in &composer.texts {
        identity.update(format!("\n{} {} ", part.name, part.text.len()));
        identity.update(&part.text);
    }
    recipe.hash = identity.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    recipe.parts = composer.texts;
    Composed { recipe, problems, parts: composer.parts, files: composer.files }
}

struct Composer<'a> {
    setting: &'a Setting<'a>,
    lookup: &'a dyn PartLookup,
    /// Each sub-recipe with its own put in; `None` when it cannot be used.
    done: HashMap<String, Option<Ready>>,
    parts: Vec<Problems>,
    files: Vec<PartFile>,
    texts: Vec<PartText>,
    /// The sub-recipes that are being put together, the outermost first.
    chain: Vec<String>,
}

/// A sub-recipe that can be put in.
#[derive(Debug, Clone)]
struct Ready {
    recipe: Recipe,
    file: String,
    /// How deep it calls others.
    depth: usize,
}

/// What a recipe gains beside steps.
#[derive(Default)]
struct Gains {
    ingredients: IndexMap<String, Ingredient>,
    kitchen_rules: Vec<String>,
    requires_packs: Vec<String>,
}

impl Composer<'_> {
    /// A recipe with its calls replaced, and what is wrong with them in its own file.
    fn expand(&mut self, mut recipe: Recipe, marks: &Marks) -> (Recipe, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut gains = Gains::default();
        let root = Path::root();
        let taken = variables(&recipe);
        let scope = Scope { marks, dialect: recipe.dialect, ingredients: recipe.ingredients.clone(), taken };
        let steps = std::mem::take(&mut recipe.steps);
        recipe.steps = self.steps(steps, &root.key("steps"), &scope, &mut gains, &mut problems);
        let finally = std::mem::take(&mut recipe.finally);
        recipe.finally = self.steps(finally, &root.key("finally"), &scope, &mut gains, &mut problems);
        for (name, ingredient) in gains.ingredients {
            recipe.ingredients.entry(name).or_insert(ingredient);
        }
        extend(&mut recipe.kitchen_rules, gains.kitchen_rules);
        extend(&mut recipe.requires_packs, gains.requires_packs);
        (recipe, problems)
    }

    fn steps(
        &mut self,
        steps: IndexMap<String, Step>,
        path: &Path,
        scope: &Scope<'_>,
        gains: &mut Gains,
        problems: &mut Vec<Problem>,
    ) -> IndexMap<String, Step> {
        let names: Vec<String> = steps.keys().cloned().collect();
        let mut all: IndexMap<String, Step> = IndexMap::new();
        for (index, (name, mut step)) in steps.into_iter().enumerate() {
            let here = path.key(&name);
            if let StepKind::ForEach(each) = &mut step.kind {
                let body = std::mem::take(&mut each.body);
                each.body = self.steps(body, &here.key("steps"), scope, gains, problems);
            }
            let StepKind::Call(call) = step.kind.clone() else {
                all.insert(name, step);
                continue;
            };
            let at = scope.marks.at(&here.key("sub_recipe"));
            let ready = match self.part(&call.recipe) {
                Ok(Some(ready)) => ready,
                Ok(None) => continue,
                Err(Fault { code, message, help }) => {
                    problems.push(Problem::error(code, message, at, "called here").help(help));
                    continue;
                }
            };
            let next = names.get(index + 1).map_or(Target::Done, |next| Target::Step(next.clone()));
            let size = all.len() + ready.recipe.all_steps().len();
            if size > MAX_STEPS {
                let message = format!("with its sub-recipes, the recipe has more than {MAX_STEPS} steps");
                problems.push(Problem::error("too-many-steps", message, at, "with these"));
                return all;
            }
            let before = problems.len();
            let put = Call { step: &step, call: &call, ready: &ready, next, scope, path: &here }
                .put_in(gains, problems);
            if problems[before..].iter().any(|problem| problem.severity == super::Severity::Error) {
                continue;
            }
            for step in put {
                if names.contains(&step.name) && step.name != name || all.contains_key(&step.name) {
                    let message = format!("the sub-recipe brings a step `{}`, and there is one", step.name);
                    let help = "rename one of them".to_owned();
                    let at = scope.marks.key(&here);
                    problems.push(Problem::error("step-collision", message, at, "in this call").help(help));
                    continue;
                }
                all.insert(step.name.clone(), step);
            }
        }
        all
    }

    /// The sub-recipe `name`, put together; `None` when its own file says what is wrong.
    fn part(&mut self, name: &str) -> Result<Option<Ready>, Fault> {
        if self.chain.iter().any(|open| open == name) {
            let from = self.chain.iter().position(|open| open == name).unwrap_or_default();
            let chain: Vec<&str> = self.chain[from..].iter().map(String::as_str).chain([name]).collect();
            let message = format!("the sub-recipe calls itself: {}", suggest::arrows(&chain));
            let help = Some("use `max_visits` and a route back for a loop".to_owned());
            return Err(Fault { code: "circular-sub-recipe", message, help });
        }
        let too_deep = || Fault {
            code: "sub-recipe-depth",
            message: format!("sub-recipes call each other more than {MAX_DEPTH} deep"),
            help: None,
        };
        if let Some(done) = self.done.get(name) {
            return match done {
                Some(ready) if self.chain.len() + ready.depth >= MAX_DEPTH => Err(too_deep()),
                done => Ok(done.clone()),
            };
        }
        if self.chain.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        let found =
            self.lookup.find(name).map_err(|message| Fault { code: "unreadable", message, help: None })?;
        let Some(text) = found else {
            let names = self.lookup.names();
            let help = match names.is_empty() {
                true => Some(format!("write it to `.autoskillit/recipes/sub-recipes/{name}.yaml`")),
                false => suggest::help(name, "sub-recipes", names.iter().map(String::as_str)),
            };
            return Err(Fault {
                code: "unknown-sub-recipe",
                message: format!("there is no sub-recipe `{name}`"),
                help,
            });
        };
        self.chain.push(name.to_owned());
        let ready = self.put_together(&text);
        self.chain.pop();
        self.done.insert(name.to_owned(), ready.clone());
        self.texts.push(text);
        Ok(ready)
    }

    /// Compiles the text of a sub-recipe; its problems are told under its own file.
    fn put_together(&mut self, part: &PartText) -> Option<Ready> {
        let document = match yaml::read_in(&part.text, self.setting.temp) {
            Ok(document) => document,
            Err(problems) => {
                self.parts.push(Problems::new(&part.file, &part.text, problems));
                return None;
            }
        };
        let mut lowered = lower_in(&document, self.setting.env);
        let recipe = lowered.recipe.clone();
        opaque(&mut lowered.recipe);
        let mut policy = self.setting.policy.for_part();
        if has_calls(&recipe) {
            policy = before_parts(&policy);
        }
        let mut problems = check(&lowered, &document.marks, self.setting.skills, &policy);
        problems.extend(check_name(&recipe, &document.marks, &part.name));
        if !recipe.finally.is_empty() {
            let at = document.marks.key(&Path::root().key("finally"));
            let problem =
                Problem::warning("no-effect", "`finally` of a sub-recipe never runs", at, "no effect");
            problems.push(problem.help("move it to the recipe that calls this one".to_owned()));
        }
        problems.iter_mut().for_each(|problem| dialect::soften(recipe.dialect, problem));
        problems.extend(lowered.problems);
        settle(&mut problems, &recipe, &document.marks, self.setting.policy);
        let is_whole = !problems.iter().any(|problem| problem.severity == super::Severity::Error);
        let mut ready = None;
        if is_whole {
            let (recipe, found) = self.expand(recipe, &document.marks);
            problems.extend(found);
            let depth = self.depth_of(&recipe);
            ready = Some(Ready { recipe, file: part.file.clone(), depth });
        }
        let problems = Problems::new(&part.file, &document.text, problems);
        let failed = problems.errors() > 0;
        if !problems.is_empty() {
            self.parts.push(problems);
        }
        self.files.push(PartFile { name: part.file.clone(), text: document.text, marks: document.marks });
        ready.filter(|ready| !failed && !has_calls(&ready.recipe))
    }

    /// How deep a sub-recipe that was just put together calls others.
    fn depth_of(&self, recipe: &Recipe) -> usize {
        let called: HashSet<&str> = recipe
            .all_steps()
            .into_iter()
            .filter_map(|step| step.origin.as_ref())
            .map(|part| part.recipe.as_str())
            .collect();
        let depths =
            called.iter().filter_map(|name| self.done.get(*name)?.as_ref()).map(|ready| ready.depth + 1);
        depths.max().unwrap_or_default()
    }
}

struct Fault {
    code: &'static str,
    message: String,
    help: Option<String>,
}

fn set(value: Arg) -> Capture {
    Capture { value, kind: None, mode: CaptureMode::Set }
}

fn extend(all: &mut Vec<String>, more: Vec<String>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Every variable that a recipe sets by itself.
fn variables(recipe: &Recipe) -> HashSet<String> {
    let mut names = HashSet::new();
    for step in recipe.all_steps() {
        names.extend(step.captures.keys().cloned());
        if let StepKind::Call(call) = &step.kind {
            names.extend(call.outputs.keys().cloned());
        }
    }
    names
}
