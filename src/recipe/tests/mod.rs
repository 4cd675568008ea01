//! The language from text to recipe.

mod accept;
mod dialects;
mod features;
mod legacy;
mod library;
mod print;
mod properties;
mod refuse;
mod rules;
mod scopes;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::check::SkillLookup;
use super::load::{Loaded, Origin, compile};
use super::model::RecipeSource;
use super::*;

/// Skills with and without declared outputs.
struct Skills;

impl SkillLookup for Skills {
    fn exists(&self, name: &str) -> bool {
        self.names().iter().any(|known| known == name)
    }

    fn names(&self) -> Vec<String> {
        ["repair-tests", "make-plan"].map(str::to_owned).to_vec()
    }

    fn outputs(&self, name: &str) -> Option<Vec<String>> {
        (name == "make-plan").then(|| vec!["plan_path".to_owned(), "verdict".to_owned()])
    }
}

fn load(text: &str) -> Result<Loaded, Problems> {
    load_with(text, &Skills)
}

fn load_with(text: &str, skills: &dyn SkillLookup) -> Result<Loaded, Problems> {
    let origin = Origin {
        file: "demo.yaml".to_owned(),
        stem: "demo".to_owned(),
        source: RecipeSource::Path,
        path: None,
    };
    compile(text, &origin, skills)
}

/// As [`load_with`], with the rules off that judge how a recipe works; loops are looked at.
fn load_form(text: &str, skills: &dyn SkillLookup) -> Result<Loaded, Problems> {
    let origin = Origin {
        file: "demo.yaml".to_owned(),
        stem: "demo".to_owned(),
        source: RecipeSource::Path,
        path: None,
    };
    let off: Vec<String> = check::rules()
        .filter(|rule| rule.id != "unbounded-cycle")
        .map(|rule| format!("{}=off", rule.id))
        .collect();
    let policy = check::Policy::of(&off, &[]).unwrap();
    load::compile_in(text, &origin, &load::Setting { policy: &policy, ..load::Setting::of(skills) })
}

/// A recipe whose steps are given.
fn with_steps(steps: &str) -> String {
    format!("name: demo\ndescription: a demo\ningredients:\n  task: {{}}\nsteps:\n{steps}")
}

/// What a person is shown.
fn render(problems: &Problems) -> String {
    let mut out = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut out, problems)
        .unwrap();
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The codes of all problems, in the order of their places.
fn codes(text: &str) -> Vec<&'static str> {
    match load(text) {
        Ok(loaded) => loaded.warnings.list().iter().map(|problem| problem.code).collect(),
        Err(problems) => problems.list().iter().map(|problem| problem.code).collect(),
    }
}
