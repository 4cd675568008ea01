//! The texts that a session is given beside its skill, from `templates/`.

use std::sync::LazyLock;

use minijinja::{Environment, context};

use super::Toolkit;
use crate::engine::host::Call;
use crate::execution::verdict::Declared;
use crate::recipe::executable;
use crate::recipe::model::Recipe;
use crate::skills::Contract;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    for (name, source) in [
        ("session", include_str!("../../templates/session.md")),
        ("continue", include_str!("../../templates/continue.md")),
        ("missing", include_str!("../../templates/missing.md")),
        ("orchestrate", include_str!("../../templates/orchestrate.md")),
        ("driving", include_str!("../../templates/driving.md")),
    ] {
        #[expect(clippy::expect_used, reason = "the templates are constants, rendered by a test")]
        env.add_template(name, source).expect("an embedded template is valid");
    }
    env
});

/// Our directives for a session.
pub(super) fn system(
    kit: &Toolkit,
    call: &Call,
    cwd: &std::path::Path,
    contract: &Contract,
) -> Result<String, String> {
    let outputs: Vec<_> = contract
        .outputs
        .iter()
        .map(|(name, output)| context! { name, description => output.told() })
        .collect();
    render(
        "session",
        context! { recipe => kit.recipe.clone(), step => call.step.clone(), visit => call.visit, cwd => cwd.display().to_string(), outputs },
    )
}

/// What a session that was cut off is told.
pub(super) fn continued() -> Result<String, String> {
    render("continue", context! {})
}

/// What a session is told whose answer lacks some of its outputs: what its verdict found, in sentences.
pub(super) fn missing(found: &[String], outputs: &[Declared]) -> Result<String, String> {
    let outputs: Vec<_> = outputs
        .iter()
        .map(|output| {
            context! { name => output.name.clone(), required => output.required, choices => output.choices.clone() }
        })
        .collect();
    render("missing", context! { found => found.to_vec(), outputs })
}

/// The rules for whoever drives a run of `recipe` through our tools, which its client knows under names that begin with `prefix`; `asks`
/// when it puts the questions of steps to a person.
///
/// # Errors
/// Never: the template is a constant, rendered by a test.
pub fn driving(recipe: &Recipe, tools: &[&'static str], prefix: &str, asks: bool) -> Result<String, String> {
    let (rules, judges) = (&recipe.kitchen_rules, executable::may_ask(recipe));
    render(
        "driving",
        context! { recipe => recipe.name.clone(), tools => tools.to_vec(), prefix, asks, judges, rules },
    )
}

/// What the session that drives is told first.
pub(super) fn orchestrate(number: u32, standing: &str, told: &str) -> Result<String, String> {
    render("orchestrate", context! { number, standing, told })
}

fn render(name: &str, values: minijinja::Value) -> Result<String, String> {
    let template = TEMPLATES.get_template(name).map_err(|error| error.to_string())?;
    template.render(values).map_err(|error| format!("the template `{name}` cannot be rendered: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directives_name_step_place_and_outputs() {
        let outputs = vec![
            context! { name => "verdict", description => "How it went.\n" },
            context! { name => "summary", description => "What was done." },
        ];
        let values =
            context! { recipe => "fix-tests", step => "repair", visit => 2, cwd => "/repo", outputs };
        insta::assert_snapshot!(render("session", values).unwrap());
        let plain = context! { recipe => "r", step => "s", visit => 1, cwd => "/repo", outputs => Vec::<String>::new() };
        assert!(!render("session", plain).unwrap().contains("StructuredOutput"));
        assert!(!continued().unwrap().is_empty());
    }

    #[test]
    fn the_rules_of_driving_name_recipe_tools_and_house_rules() {
        let values = |asks| {
            let rules = if asks { vec!["A repair never weakens a test.", "Be kind."] } else { vec![] };
            context! { recipe => "fix-tests", tools => vec!["test_check", "run_skill"], prefix => "mcp__autoskillit__", asks, judges => asks, rules }
        };
        insta::assert_snapshot!(format!(
            "{}\n=====\n{}",
            render("driving", values(true)).unwrap(),
            render("driving", values(false)).unwrap()
        ));
    }
}
