//! Verdicts and where they lead.

use super::super::facts::{arms, names, tool};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::expr::Test;
use crate::recipe::suggest::quoted_list;

pub(super) static FAMILY: Family = Family {
    name: "verdict",
    rules: &[Rule {
        id: "unrouted-verdict-value",
        level: Level::Error,
        legacy: Level::Error,
        meaning: "Routes ask for a field with a few possible values, and leave several of them, or one without a default, unnamed.",
        why: "A value that nobody thought of takes the last route, or none: `needs_human` was once treated as `approved`.",
        mend: "name each value in a `when`; one may be left to an entry without `when`",
        bad: &[
            "steps:\n  review:\n    skill: review-pr\n    args: [\"7\", x]\n    on_result:\n      - {when: result.verdict == 'approved', route: done}\n      - {route: escalate}\n    on_failure: escalate\n",
        ],
        good: &[
            "steps:\n  review:\n    skill: review-pr\n    args: [\"7\", x]\n    on_result:\n      - {when: \"result.verdict in ['approved', 'changes_requested']\", route: done}\n      - {route: escalate}\n    on_failure: escalate\n",
            "steps:\n  review:\n    skill: review-pr\n    args: [\"7\", x]\n    on_result:\n      - {when: result.verdict != 'approved', route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
        ],
        run: Some(unrouted),
    }],
};

fn unrouted(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps().filter(|(_, step)| !step.on_result.is_empty()) {
        let arms = arms(step);
        // Fields of tools have rules of their own, or a success by which they are told.
        if tool(step).is_none_or(|tool| tool.name != "run_skill") {
            continue;
        }
        let Some(contract) = subject.contract(step) else { continue };
        for (name, output) in contract.outputs.iter().filter(|(_, output)| !output.choices.is_empty()) {
            let path = ["result", name.as_str()];
            if !arms.iter().any(|(test, _)| test.asks(&path)) {
                continue;
            }
            let negated = arms.iter().any(|(test, _)| denies(test, &path));
            // `v != 'a'` as the only question names both sides.
            let open: Vec<&str> = output
                .choices
                .iter()
                .map(String::as_str)
                .filter(|value| !negated && !names(&arms, &path, value))
                .collect();
            let default = arms.iter().any(|(test, _)| **test == Test::Always);
            let unknown = arms.iter().any(|(test, _)| !test.is_understood());
            if unknown || open.is_empty() || (default && open.len() == 1) {
                continue;
            }
            let message = match default {
                true => format!("{} of `{name}` take the last route without being named", quoted_list(&open)),
                false => format!("no route is taken when `{name}` is {}", quoted_list(&open)),
            };
            let at = subject.key_of(step, "on_result");
            findings.add(step, at, message, "not all values are routed");
        }
    }
}

/// Whether a condition names values by what they are not.
fn denies(test: &Test, path: &[&str]) -> bool {
    test.values_of(path).into_iter().any(|value| !test.can_hold(path, value))
}
