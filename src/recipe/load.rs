//! Text to checked recipe: all stages in a row.

use std::path::PathBuf;

use super::check::{Levels, SkillLookup, check_with};
use super::diagnostic::{Problem, Problems};
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
    /// The levels of the rules, where they are not the usual ones.
    pub levels: Option<&'a Levels>,
}

impl<'a> Setting<'a> {
    /// Everything but the skills as it is without settings.
    #[must_use]
    pub fn of(skills: &'a dyn SkillLookup) -> Self {
        Self { skills, temp: yaml::DEFAULT_TEMP, env: &[], levels: None }
    }
}

/// Compiles and checks a text without settings of its own.
///
/// # Errors
/// As [`compile_in`].
pub fn compile(text: &str, origin: &Origin, skills: &dyn SkillLookup) -> Result<Loaded, Problems> {
    compile_in(text, origin, &Setting::of(skills))
}

/// Compiles and checks a text, with these levels of the rules.
///
/// # Errors
/// As [`compile_in`].
pub fn compile_with(
    text: &str,
    origin: &Origin,
    skills: &dyn SkillLookup,
    levels: &Levels,
) -> Result<Loaded, Problems> {
    compile_in(text, origin, &Setting { levels: Some(levels), ..Setting::of(skills) })
}

/// Compiles and checks a text.
///
/// # Errors
/// Every problem of the text, warnings included, when one of them is an error.
pub fn compile_in(text: &str, origin: &Origin, setting: &Setting<'_>) -> Result<Loaded, Problems> {
    let document = yaml::read_in(text, setting.temp)
        .map_err(|problems| Problems::new(&origin.file, &without_mark(text), problems))?;
    let lowered = lower_in(&document, setting.env);
    let usual = Levels::default();
    let levels = setting.levels.unwrap_or(&usual);
    let mut problems = check_with(&lowered, &document.marks, setting.skills, levels);
    let Lowered { mut recipe, problems: found, .. } = lowered;
    problems.extend(check_name(&recipe, &document.marks, &origin.stem));
    problems.iter_mut().for_each(|problem| dialect::soften(recipe.dialect, problem));
    problems.extend(found);
    recipe.source = origin.source;
    recipe.path.clone_from(&origin.path);
    let problems = Problems::new(&origin.file, &document.text, problems);
    match problems.errors() {
        0 => Ok(Loaded { recipe, warnings: problems }),
        _ => Err(problems),
    }
}

fn check_name(recipe: &Recipe, marks: &Marks, stem: &str) -> Option<Problem> {
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
