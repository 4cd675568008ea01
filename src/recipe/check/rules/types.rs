//! Types of values: comparisons, operators and places that cannot work with what is known before a run.

use super::super::types::{Place, Sort};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::expr::MisfitKind;

pub(super) static FAMILY: Family = Family {
    name: "types",
    rules: &[
        Rule {
            id: "fixed-comparison",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "A comparison comes out the same in every run, because its sides are of different types.",
            why: "A route or a step is never taken, or always, and nobody sees why.",
            mend: "compare with a value of the same type; docs/recipe-language.md has the rules of comparisons",
            bad: &[
                "ingredients:\n  deep: {type: bool, default: false}\nsteps:\n  a:\n    tool: test_check\n    skip_when_false: inputs.deep == 'true'\n    on_success: done\n",
                "ingredients:\n  rounds: {default: '3'}\nsteps:\n  a:\n    tool: test_check\n    on_result:\n      - when: inputs.rounds > 2\n        route: done\n      - route: escalate\n    on_failure: escalate\n",
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: make}\n    on_result:\n      - when: result.exit_code == '0'\n        route: done\n      - route: escalate\n    on_failure: escalate\n",
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: make}\n    capture: {code: '${{ result.exit_code }}'}\n    on_success: b\n  b:\n    tool: test_check\n    skip_when_false: context.code == 'none'\n    on_success: done\n",
            ],
            good: &[
                "ingredients:\n  deep: {type: bool, default: false}\nsteps:\n  a:\n    tool: test_check\n    skip_when_false: inputs.deep\n    on_success: done\n",
                "ingredients:\n  rounds: {type: int, default: 3}\nsteps:\n  a:\n    tool: test_check\n    on_result:\n      - when: inputs.rounds > 2\n        route: done\n      - route: escalate\n    on_failure: escalate\n",
                "ingredients:\n  rounds: {type: int}\nsteps:\n  a:\n    tool: test_check\n    skip_when_false: inputs.rounds != ''\n    on_success: done\n",
            ],
            run: Some(comparisons),
        },
        Rule {
            id: "impossible-value",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "A value is compared with a text that it never is: neither a choice of the ingredient nor of the declared output.",
            why: "It is most often a typing error, and the route behind it is never taken.",
            mend: "correct the value, or add it to the choices where they are declared",
            bad: &[
                "ingredients:\n  mode: {choices: [fast, slow], default: fast}\nsteps:\n  a:\n    tool: test_check\n    skip_when_false: inputs.mode == 'fats'\n    on_success: done\n",
                "steps:\n  a:\n    skill: mend\n    on_result:\n      - when: result.verdict == 'repaird'\n        route: done\n      - when: result.verdict in ['blocked', 'repaired']\n        route: escalate\n      - route: escalate\n    on_failure: escalate\n",
            ],
            good: &[
                "ingredients:\n  mode: {choices: [fast, slow]}\nsteps:\n  a:\n    tool: test_check\n    skip_when_false: inputs.mode == 'fast' or inputs.mode == ''\n    on_success: done\n",
            ],
            run: Some(choices),
        },
        Rule {
            id: "wrong-operand",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "An operator or a filter is applied to a type that it fails on.",
            why: "The run ends there, because the expression has no value.",
            mend: "give the value its type where it is declared or captured (`type:`), or turn it with `| int` or `| string`",
            bad: &[
                "ingredients:\n  rounds: {default: '3'}\nsteps:\n  a:\n    tool: run_cmd\n    with: {argv: [echo, '${{ inputs.rounds - 1 }}']}\n    on_success: done\n",
                "steps:\n  a:\n    tool: test_check\n    on_result:\n      - when: (result.exit_code | length) > 1\n        route: done\n      - route: escalate\n    on_failure: escalate\n",
            ],
            good: &[
                "ingredients:\n  rounds: {default: '3'}\nsteps:\n  a:\n    tool: run_cmd\n    with: {argv: [echo, '${{ inputs.rounds | int - 1 }}']}\n    on_success: done\n",
            ],
            run: Some(operands),
        },
        Rule {
            id: "wrong-value-type",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "A place takes values of one type, and its expression certainly gives another: a parameter of a tool, the list of `for_each`, `max_visits`.",
            why: "The step cannot begin.",
            mend: "give the value its type where it is declared or captured (`type:`)",
            bad: &[
                "ingredients:\n  names: {type: list, default: [a]}\nsteps:\n  a:\n    tool: run_cmd\n    with: {argv: [ls], cwd: '${{ inputs.names }}'}\n    on_success: done\n",
                "ingredients:\n  names: {default: 'a, b'}\nsteps:\n  a:\n    for_each: ${{ inputs.names }}\n    as: name\n    steps:\n      b:\n        tool: run_cmd\n        with: {argv: [echo, '${{ item.name }}']}\n        on_success: done\n    on_success: done\n",
                "ingredients:\n  deep: {type: bool, default: true}\nsteps:\n  a:\n    tool: test_check\n    max_visits: ${{ inputs.deep }}\n    on_success: done\n    on_failure: a\n",
            ],
            good: &[
                "ingredients:\n  names: {type: list, default: [a]}\n  rounds: {default: '3'}\nsteps:\n  a:\n    for_each: ${{ inputs.names }}\n    as: name\n    steps:\n      b:\n        tool: run_cmd\n        with: {argv: [echo, '${{ item.name }}'], timeout: '${{ inputs.rounds }}'}\n        on_success: done\n    on_success: c\n  c:\n    tool: test_check\n    max_visits: ${{ inputs.rounds }}\n    on_success: done\n    on_failure: c\n",
            ],
            run: Some(places),
        },
    ],
};

fn comparisons(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    misfits(subject, findings, MisfitKind::Comparison, "always the same");
}

fn choices(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    misfits(subject, findings, MisfitKind::Choice, "no such value");
}

fn operands(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    misfits(subject, findings, MisfitKind::Operand, "of another type");
}

fn misfits(subject: &Subject<'_>, findings: &mut Findings<'_>, kind: MisfitKind, label: &str) {
    for place in subject.typed() {
        for misfit in place.misfits.iter().filter(|misfit| misfit.kind == kind) {
            let at = subject.marks().within(&subject.recipe.text, &place.path, &place.source, &misfit.span);
            let found = findings.at(place.step, at, misfit.message.clone(), label);
            if let Some(help) = &misfit.help {
                found.help(help.clone());
            }
        }
    }
}

fn places(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for place in subject.typed() {
        let Place { step, path, kind, sort: Some(sort), .. } = place else { continue };
        if sort.takes(kind) {
            continue;
        }
        let message = match sort {
            Sort::Param(tool, param) => {
                format!(
                    "`{}` of `{}` takes {}, and this is {}",
                    param.name,
                    tool.name,
                    sort.noun(),
                    kind.noun()
                )
            }
            Sort::Items => format!("`for_each` takes a list, and this is {}", kind.noun()),
            Sort::Visits => format!("`max_visits` takes a whole number, and this is {}", kind.noun()),
        };
        findings.at(*step, subject.marks().at(path), message, &kind.noun());
    }
}
