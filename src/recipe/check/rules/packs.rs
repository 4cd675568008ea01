//! Packs that a recipe requires.

use std::collections::HashSet;

use super::{Family, Findings, Level, Rule, Subject};
use crate::catalog::PACKS;
use crate::recipe::marks::Path;
use crate::recipe::suggest;

pub(super) static FAMILY: Family = Family {
    name: "packs",
    rules: &[Rule {
        id: "unknown-required-pack",
        level: Level::Warning,
        legacy: Level::Warning,
        meaning: "A recipe requires a pack of tools or skills that does not exist.",
        why: "Nothing can be enabled by that name.",
        mend: "correct the name, or remove it",
        bad: &["requires_packs: [githb]\nsteps:\n  a: {action: stop, message: x}\n"],
        good: &["requires_packs: [github, research]\nsteps:\n  a: {action: stop, message: x}\n"],
        run: Some(unknown),
    }],
};

fn unknown(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let categories: HashSet<&str> = subject
        .sessions()
        .filter_map(|(_, step, _)| subject.contract(step))
        .flat_map(|contract| contract.categories.iter().map(String::as_str))
        .collect();
    let mut said = HashSet::new();
    for (index, pack) in subject.recipe.requires_packs.iter().enumerate() {
        let known = PACKS.iter().any(|(name, _)| name == pack) || categories.contains(pack.as_str());
        if known || !said.insert(pack) {
            continue;
        }
        let at = subject.marks().at(&Path::root().key("requires_packs").index(index));
        let found = findings.whole(at, format!("there is no pack `{pack}`"), "unknown");
        if let Some(help) = suggest::help(pack, "packs", PACKS.iter().map(|(name, _)| *name)) {
            let _ = found.help(help);
        }
    }
}
