//! Questions in a terminal: which recipe, which value, yes or no.

use insta::assert_snapshot;

use crate::binary::{Kitchen, journal};
use crate::pty::Pty;

const DOWN: &str = "\u{1b}[B";
const ESC: &str = "\u{1b}";

const SOUP: &str = "\
name: soup
description: Cooks soup.
ingredients:
  dish: {description: What to cook, required: true}
  guests: {description: How many eat, type: int, required: true}
steps:
  serve: {tool: run_cmd, with: {argv: [echo, '${{ inputs.dish }}']}, on_success: served}
  served: {stop: {status: succeeded, message: 'Served ${{ inputs.dish }} for ${{ inputs.guests }}.'}}
";

const ASKING: &str = "\
name: soup
description: Cooks soup.
steps:
  peel: {tool: run_cmd, with: {argv: [echo, peeled]}, on_success: ask}
  ask:
    action: confirm
    message: Is it salted?
    on_success: served
    on_failure: bland
  served: {stop: {status: succeeded, message: Served.}}
  bland: {stop: {status: failed, message: Bland.}}
";

/// The last recipe of the list is chosen: it only runs a command.
#[test]
fn which_recipe() {
    let kitchen = Kitchen::with_recipe(
        "aaa",
        "name: aaa\ndescription: The first.\nsteps:\n  a: {stop: {status: failed, message: No.}}\n",
    );
    kitchen.recipe(
        "bbb",
        "name: bbb\ndescription: The second.\nsteps:\n  a: {stop: {status: succeeded, message: Yes.}}\n",
    );
    let mut pty = Pty::cook(&kitchen, &["cook"], 80);
    pty.asks("fix-tests");
    assert_snapshot!("picker", pty.text());
    pty.types(DOWN);
    pty.asks("❯ bbb");
    pty.types("\r");
    assert_eq!(pty.ends(), 0);
    pty.is_tidy();
    assert_snapshot!("picked", kitchen.filtered(&pty.text()));
}

#[test]
fn rather_no_recipe() {
    for (key, name) in [(ESC, "picker_left"), ("\u{3}", "picker_interrupted")] {
        let kitchen = Kitchen::repository();
        let before = kitchen.tree();
        let mut pty = Pty::cook(&kitchen, &["cook"], 80);
        pty.asks("fix-tests");
        pty.types(key);
        assert_eq!(pty.ends(), 130);
        pty.is_tidy();
        assert_snapshot!(name, pty.text());
        crate::binary::assert_same(&before, &kitchen.tree());
    }
}

#[test]
fn missing_ingredients() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let mut pty = Pty::cook(&kitchen, &["cook", "soup"], 80);
    pty.asks("What to cook");
    pty.types("borscht\r");
    pty.asks("How many eat");
    pty.types("many\r");
    pty.asks("not a whole number");
    pty.types("4\r");
    assert_eq!(pty.ends(), 0);
    pty.is_tidy();
    assert_snapshot!("ingredients_asked_for", kitchen.filtered(&pty.text()));
    assert_eq!(
        journal(&kitchen.only_run())[0]["inputs"],
        serde_json::json!({ "dish": "borscht", "guests": 4 })
    );
}

#[test]
fn rather_no_ingredient() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let mut pty = Pty::cook(&kitchen, &["cook", "soup"], 80);
    pty.asks("What to cook");
    pty.types("\u{3}");
    assert_eq!(pty.ends(), 130);
    pty.is_tidy();
    assert!(kitchen.runs().is_empty());
}

#[test]
fn yes_or_no() {
    for (key, code, name) in [("y", 0, "confirm_yes"), ("n", 1, "confirm_no")] {
        let kitchen = Kitchen::with_recipe("soup", ASKING);
        let mut pty = Pty::cook(&kitchen, &["cook", "soup"], 80);
        pty.asks("Is it salted?");
        pty.types(key);
        assert_eq!(pty.ends(), code, "{}", pty.text());
        pty.is_tidy();
        assert_snapshot!(name, kitchen.filtered(&pty.text()));
    }
}

/// A question that is not answered stops the run, and is asked again when it goes on.
#[test]
fn rather_no_answer() {
    for key in [ESC, "\u{3}"] {
        let kitchen = Kitchen::with_recipe("soup", ASKING);
        let mut pty = Pty::cook(&kitchen, &["cook", "soup"], 80);
        pty.asks("Is it salted?");
        pty.types(key);
        assert_eq!(pty.ends(), 130, "{}", pty.text());
        pty.is_tidy();
        let mut pty = Pty::cook(&kitchen, &["cook", "--resume"], 80);
        pty.asks("Is it salted?");
        pty.types("y");
        assert_eq!(pty.ends(), 0, "{}", pty.text());
        assert_eq!(kitchen.runs().len(), 1);
    }
}

const COLD: &str = "\
name: soup
description: Cooks soup.
steps:
  boil: {tool: run_cmd, with: {argv: [test, -e, hot]}, on_success: served}
  served: {stop: {status: succeeded, message: Served.}}
";

/// A command that was cut off is asked about: what a person says is done, and leaving it changes nothing.
#[test]
fn what_about_a_step_that_was_cut_off() {
    for (key, code, last) in [("\r", 0, "boil"), (DOWN, 0, "served"), (ESC, 130, "")] {
        let kitchen = Kitchen::with_recipe("soup", COLD);
        Pty::cook(&kitchen, &["cook", "soup"], 80).ends();
        let path = kitchen.only_run().join("journal.ndjson");
        let text = std::fs::read_to_string(&path).unwrap();
        let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, &cut).unwrap();
        kitchen.write("hot", "");
        let mut pty = Pty::cook(&kitchen, &["cook", "--resume"], 80);
        pty.asks("take it as done");
        pty.types(key);
        if key == DOWN {
            pty.asks("❯ take it as done");
            pty.types("\r");
        }
        assert_eq!(pty.ends(), code, "{}", pty.text());
        pty.is_tidy();
        let entries = journal(&kitchen.only_run());
        match last {
            "" => assert_eq!(std::fs::read_to_string(&path).unwrap(), cut),
            "boil" => assert!(entries.iter().any(|entry| entry["event"] == "step_ended")),
            _ => assert!(entries.iter().any(|entry| entry["event"] == "step_skipped")),
        }
    }
}
