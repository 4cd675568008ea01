//! What is kept beside a recipe, and no longer fits it.

use super::{Family, Level, Rule};

pub(super) static FAMILY: Family = Family {
    name: "records",
    rules: &[
        Rule {
            id: "outdated-recipe-version",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A recipe has forms of an older version than the one that it states, or states none, and code can bring them up to date.",
            why: "Old forms are read as they were meant, and some of them only a model could follow. Later versions may cease to read them.",
            mend: "look at what would change, then write it: autoskillit migrate",
            bad: &[
                "autoskillit_version: \"0.1.0\"\nconstraints: [be quick]\nsteps:\n  a: {action: stop, message: x}\n",
            ],
            good: &[
                "autoskillit_version: \"0.1.0\"\nkitchen_rules: [be quick]\nsteps:\n  a: {action: stop, message: x}\n",
            ],
            run: None,
        },
        Rule {
            id: "stale-contract",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A recipe was locked, and since then a skill that it runs changed or went away, or its calls did; or its contract card cannot be used. A recipe without a card is never told.",
            why: "A skill is edited for one recipe, and another that runs it as well does something else from then on.",
            mend: "see whether the recipe is right with the change, then: autoskillit recipes lock",
            bad: &[
                "# Locked, and then the skill's outputs were changed.\nsteps:\n  a: {skill: repair-tests, on_success: done}\n",
            ],
            good: &["steps:\n  a: {skill: repair-tests, on_success: done}\n"],
            run: None,
        },
    ],
};
