//! What is printed is read again as the same recipe.

use super::*;
use crate::recipe::model::Recipe;
use crate::recipe::print::print;

/// Everything of a recipe but its text and the places in it.
pub(super) fn essence(recipe: &Recipe) -> String {
    let recipe = Recipe { text: String::new(), hash: String::new(), ..recipe.clone() };
    let debug = format!("{recipe:#?}");
    let is_place = |line: &&str| !line.trim_start().starts_with("line: ");
    debug.lines().filter(is_place).collect::<Vec<_>>().join("\n")
}

/// Prints a recipe and reads that again.
pub(super) fn again(recipe: &Recipe) -> Recipe {
    let text = print(recipe);
    match load_form(&text, &AnySkill) {
        Ok(loaded) => loaded.recipe,
        Err(problems) => panic!("{}\n{text}", render(&problems)),
    }
}

#[test]
fn a_recipe_is_the_same_after_printing() {
    for text in [super::accept::WHOLE, super::features::WHOLE] {
        let recipe =
            load_form(text, &AnySkill).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
        let second = again(&recipe);
        assert_eq!(essence(&recipe), essence(&second), "{}", print(&recipe));
        assert_eq!(print(&recipe), print(&second));
    }
}

#[test]
fn a_printed_recipe_reads_well() {
    let recipe = load_form(super::features::WHOLE, &AnySkill).unwrap().recipe;
    insta::assert_snapshot!(print(&recipe));
}

#[test]
fn a_legacy_recipe_keeps_its_meaning() {
    let text = with_steps(
        "  a:\n    tool: run_cmd\n    with:\n      cmd: ls ${{ inputs.task }}\n    capture_list: {all: result.stdout}\n    \
         on_result:\n      - when: ${{ result.stdout | trim }} == NO GO\n        route: b\n      - route: done\n  \
         b:\n    tool: run_skill\n    with: {skill_command: '/make-plan {x}', hint: 3}\n    optional_context_refs: [all]\n    on_success: done\n",
    );
    let recipe =
        load_form(&text, &AnySkill).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    let second = again(&recipe);
    assert_eq!(essence(&recipe), essence(&second), "{}", print(&recipe));
    let warned = load_form(&print(&recipe), &AnySkill).unwrap().warnings;
    assert!(warned.list().iter().all(|problem| problem.code != "legacy-recipe"), "it is said on purpose");
}
