//! Recipes in the forms of AutoSkillit 0.9 load without errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::print::{again, essence};
use super::*;
use crate::recipe::executable::gaps;
use crate::recipe::model::Dialect;

/// The recipes of the corpus, by name.
fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/recipes/legacy");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    assert!(all.len() >= 8, "the corpus is there");
    all
}

fn read(name: &str, text: &str) -> Loaded {
    let origin = Origin {
        file: format!("{name}.yaml"),
        stem: name.to_owned(),
        source: RecipeSource::Path,
        path: None,
    };
    compile(text, &origin, &AnySkill).unwrap_or_else(|problems| panic!("{}", render(&problems)))
}

#[test]
fn recipes_of_the_old_language_load_without_errors() {
    let mut told = String::new();
    for (name, text) in corpus() {
        let loaded = read(&name, &text);
        assert_eq!(loaded.recipe.dialect, Dialect::Legacy, "{name}");
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for problem in loaded.warnings.list() {
            *counts.entry(problem.code).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(code, count)| format!("  {count} {code}\n")).collect();
        let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for gap in gaps(&loaded.recipe) {
            missing.entry(gap.kind).or_default().push(gap.step);
        }
        let missing: Vec<_> =
            missing.iter().map(|(kind, steps)| format!("  {kind}: {}\n", steps.join(", "))).collect();
        told.push_str(&format!("{name}\n{}  not for the engine\n{}", counts.concat(), missing.concat()));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn they_keep_their_meaning_when_they_are_printed() {
    for (name, text) in corpus() {
        let recipe = read(&name, &text).recipe;
        // The name of the file has no part in it.
        let recipe = crate::recipe::model::Recipe { name: "demo".to_owned(), ..recipe };
        assert_eq!(essence(&recipe), essence(&again(&recipe)), "{name}");
    }
}

#[test]
fn a_shell_text_gets_its_values_through_variables() {
    let text = corpus().into_iter().find(|(name, _)| name == "batch").unwrap().1;
    let recipe = read("batch", &text).recipe;
    let printed = crate::recipe::print::print(&recipe);
    let list =
        printed.split("\n  list:\n").nth(1).and_then(|rest| rest.split("\n  analyze:").next()).unwrap();
    insta::assert_snapshot!(list);
}
