//! Text to checked recipe: all stages in a row.

use std::path::PathBuf;

use super::check::{File, Policy, SkillLookup, before_parts, check, check_whole, same, settle};
use super::compose::{self, PartLookup};
use super::diagnostic::{Problem, ProblemReport, Problems, Severity};
use super::lower::{Lowered, lower_in};
use super::marks::{Marks, Path};
use super::model::{Recipe, RecipeSource};
use super::{dialect, suggest, yaml};

/// A recipe that can run, and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The recipe.
    pub recipe: Recipe,
    /// Warnings only.
    pub warnings: Problems,
    /// Warnings of its sub-recipes, by file.
    pub part_warnings: Vec<Problems>,
}

impl Loaded {
    /// What is odd about it, by file, without files that have nothing.
    pub fn odd(&self) -> impl Iterator<Item = &Problems> {
        std::iter::once(&self.warnings).chain(&self.part_warnings).filter(|problems| !problems.is_empty())
    }

    /// The same in the form of machine output.
    #[must_use]
    pub fn report(&self) -> Vec<ProblemReport> {
        self.odd().flat_map(Problems::report).collect()
    }
}

/// Where a text comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The file as people are shown it.
    pub file: String,
    /// The name of the file without extension, which the recipe must have as its name.
    pub stem: String,
    /// The kind of place.
    pub source: RecipeSource,
    /// The file, when it is one.
    pub path: Option<PathBuf>,
}

/// What a compilation needs from the world.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The skills there are.
    pub skills: &'a dyn SkillLookup,
    /// The folder for files that steps pass to each other, which legacy recipes name with a placeholder.
    pub temp: &'a str,
    /// Variables of the environment that expressions may read, beside those that they always may.
    pub env: &'a [String],
    /// The sub-recipes there are; without them, calls stay calls.
    pub parts: Option<&'a dyn PartLookup>,
    /// What settings say about rules.
    pub policy: &'a Policy,
}

impl<'a> Setting<'a> {
    /// Everything but the skills as it is without settings.
    #[must_use]
    pub fn of(skills: &'a dyn SkillLookup) -> Self {
        Self { skills, temp: yaml::DEFAULT_TEMP, env: &[], parts: None, policy: Policy::none() }
    }
}

/// Compiles and checks a text without settings of its own.
///
/// # Errors
/// As [`compile_in`].
pub fn compile(text: &str, origin: &Origin, skills: &dyn SkillLookup) -> Result<Loaded, Problems> {
    compile_in(text, origin, &Setting::of(skills))
}

/// Compiles and checks a text.
///
/// # Errors
/// Every problem of the text, warnings included, when one of them is an error; of a sub-recipe's when that is the first faulty.
pub fn compile_in(text: &str, origin: &Origin, setting: &Setting<'_>) -> Result<Loaded, Problems> {
    let (recipe, warnings, part_warnings) = compile_all(text, origin, setting);
    match recipe {
        Some(recipe) => Ok(Loaded { recipe, warnings, part_warnings }),
        None if warnings.errors() > 0 => Err(warnings),
        None => Err(part_warnings.into_iter().find(|problems| problems.errors() > 0).unwrap_or(warnings)),
    }
}

/// Compiles and checks a text with its sub-recipes. Gives the recipe when nothing is an error, the problems of its file, and those of
/// each sub-recipe's that has any.
pub fn compile_all(
    text: &str,
    origin: &Origin,
    setting: &Setting<'_>,
) -> (Option<Recipe>, Problems, Vec<Problems>) {
    let document = match yaml::read_in(text, setting.temp) {
        Ok(document) => document,
        Err(problems) => {
            return (None, Problems::new(&origin.file, &without_mark(text), problems), Vec::new());
        }
    };
    let mut lowered = lower_in(&document, setting.env);
    // Checks see a file by itself, so that everything that they say has its place there.
    let with_calls = compose::has_calls(&lowered.recipe).then(|| lowered.recipe.clone());
    if with_calls.is_some() {
        compose::opaque(&mut lowered.recipe);
    }
    let before = (with_calls.is_some() && setting.parts.is_some()).then(|| before_parts(setting.policy));
    let mut problems =
        check(&lowered, &document.marks, setting.skills, before.as_ref().unwrap_or(setting.policy));
    let Lowered { mut recipe, problems: found, .. } = lowered;
    problems.extend(check_name(&recipe, &document.marks, &origin.stem));
    problems.iter_mut().for_each(|problem| dialect::soften(recipe.dialect, problem));
    problems.extend(found);
    settle(&mut problems, &recipe, &document.marks, setting.policy);
    let mut parts = Vec::new();
    if let Some(whole) = with_calls {
        recipe = match setting.parts {
            Some(lookup) if !problems.iter().any(is_error) => {
                let composed = compose::compose(whole, &document.marks, setting, lookup);
                problems.extend(composed.problems);
                parts = composed.parts;
                let good = !problems.iter().any(is_error) && parts.iter().all(|part| part.errors() == 0);
                if good && !compose::has_calls(&composed.recipe) {
                    let own = File { name: &origin.file, text: &document.text, marks: &document.marks };
                    let files = composed.files.iter();
                    let files =
                        files.map(|file| File { name: &file.name, text: &file.text, marks: &file.marks });
                    let files: Vec<File<'_>> = std::iter::once(own).chain(files).collect();
                    for (file, problem) in
                        check_whole(&composed.recipe, &files, setting.skills, setting.policy)
                    {
                        match file {
                            0 if problems.iter().any(|known| same(known, &problem)) => {}
                            0 => problems.push(problem),
                            _ => add(&mut parts, &files[file], problem),
                        }
                    }
                }
                composed.recipe
            }
            _ => whole,
        };
    }
    recipe.source = origin.source;
    recipe.path.clone_from(&origin.path);
    let good = !problems.iter().any(is_error) && parts.iter().all(|problems| problems.errors() == 0);
    (good.then_some(recipe), Problems::new(&origin.file, &document.text, problems), parts)
}

/// Adds a problem to those of a sub-recipe's file, unless they say it already.
fn add(parts: &mut Vec<Problems>, file: &File<'_>, problem: Problem) {
    let index = parts.iter().position(|part| part.file() == file.name);
    let mut list = index.map(|index| parts[index].list().to_vec()).unwrap_or_default();
    if list.iter().any(|known| same(known, &problem)) {
        return;
    }
    list.push(problem);
    let all = Problems::new(file.name, file.text, list);
    match index {
        Some(index) => parts[index] = all,
        None => parts.push(all),
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

pub(super) fn check_name(recipe: &Recipe, marks: &Marks, stem: &str) -> Option<Problem> {
    if recipe.name.is_empty() || recipe.name == stem {
        return None;
    }
    let at = marks.at(&Path::root().key("name"));
    let message = format!("the recipe is called `{}`, its file `{stem}`", recipe.name);
    let help = match suggest::closest(&recipe.name, [stem]) {
        Some(_) => format!("did you mean `{stem}`?"),
        None => format!("write `name: {stem}`, or rename the file to `{}.yaml`", recipe.name),
    };
    Some(Problem::error("name-mismatch", message, at, "not the name of the file").help(help))
}

fn without_mark(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()
}
