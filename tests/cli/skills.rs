//! Skills: which there are, and what is wrong with them.

use insta::assert_snapshot;

use crate::binary::Kitchen;

fn kitchen() -> Kitchen {
    let kitchen = Kitchen::repository();
    let skill = |name: &str, text: &str| {
        kitchen.write(&format!(".autoskillit/skills/{name}/SKILL.md"), text);
    };
    skill("plan", "---\nname: plan\ndescription: Plans.\noutputs:\n  plan_path: {type: path}\n---\nPlan.\n");
    skill("look-around", "---\ndescription: Our own.\n---\nLook.\n");
    skill(
        "faulty",
        "---\nname: faulty\ndescription: Does it.\ninputs:\n  plan: {type: file, required: sometimes}\noutputs:\n  verdict: {choices: {a: b}}\nexpected_output_patterns: ['verdict = (GO', 'verdict = GO']\npattern_examples: ['verdict = NO']\n---\n",
    );
    skill("open", "---\nname: open\n");
    skill("folder/SKILL.md/x", "");
    kitchen
}

#[test]
fn skills() {
    let kitchen = kitchen();
    assert_snapshot!("skills_list", kitchen.run(["skills", "list"]).exits(0));
    assert_snapshot!("skills_check", kitchen.run(["skills", "check"]).exits(1));
    assert_snapshot!("skills_check_one", kitchen.run(["skills", "check", "plan"]).exits(0));
    let file = kitchen.path().join(".autoskillit/skills/open/SKILL.md");
    let found = kitchen.run(["skills", "check", file.to_str().unwrap(), "--json"]).exits(1).json();
    assert_eq!((&found[0]["checked"], &found[0]["errors"]), (&1.into(), &1.into()));
    assert_eq!(found[0]["problems"][0]["code"], "no-frontmatter");
    assert_snapshot!("skills_check_unknown", kitchen.refused(&["skills", "check", "plann"]).exits(2));
    let list = kitchen.run(["skills", "list", "--json"]).exits(0).json();
    let ours: Vec<_> = list[0]["skills"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|skill| skill["name"] == "look-around")
        .map(|skill| format!("{} {}", skill["source"], skill["shadowed"]))
        .collect();
    assert_eq!(ours, [r#""project" false"#, r#""bundled" true"#]);
    assert_eq!(Kitchen::empty().run(["skills", "check"]).exits(0).out, "");
}
