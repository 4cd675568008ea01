use super::frontmatter::read;
use super::*;
use crate::core::kind::ValueKind;

const TEXT: &str = "---\nname: x\ndescription: Does x.\ninputs:\n  plan:\n    type: path\n    description: What to do.\n    required: true\n  notes:\n    recommended: true\noutputs:\n  verdict:\n    description: How it went.\n    choices: [done, blocked]\n  count:\n    type: int\n    description: How many.\n    optional: true\n  reason:\n    description: Why.\n    required_when: { verdict: blocked }\nwrites: conditional\nwrites_when: { verdict: [done] }\ncommits: true\n---\n\n# X\n";

fn contract(text: &str) -> Contract {
    read("x", "x/SKILL.md", text).unwrap().contract
}

/// Line, severity and message of everything that is said about a text.
fn said(text: &str) -> Vec<String> {
    let problems = match read("x", "x/SKILL.md", text) {
        Ok(read) => read.warnings,
        Err(problems) => problems,
    };
    let report = problems.report().into_iter();
    report
        .map(|found| {
            let help = found.help.map(|help| format!(" ({help})")).unwrap_or_default();
            format!(
                "{} {:?} {}: {}{help}",
                found.line.unwrap_or_default(),
                found.severity,
                found.code,
                found.message
            )
        })
        .collect()
}

#[test]
fn the_contract_gives_schema_and_body() {
    let read = read("x", "x/SKILL.md", TEXT).unwrap();
    assert_eq!((read.body.as_str(), read.contract.writes), ("# X\n", Writes::Conditional));
    assert!(read.warnings.is_empty());
    let inputs = read.contract.inputs.as_ref().unwrap();
    assert_eq!(inputs.keys().collect::<Vec<_>>(), ["plan", "notes"]);
    assert_eq!((inputs["plan"].kind, inputs["plan"].required), (ValueKind::Path, true));
    insta::assert_json_snapshot!(read.contract.schema(), @r#"
    {
      "type": "object",
      "properties": {
        "verdict": {
          "type": "string",
          "description": "How it went.",
          "enum": [
            "done",
            "blocked"
          ]
        },
        "count": {
          "type": "integer",
          "description": "How many."
        },
        "reason": {
          "type": "string",
          "description": "Why. Required when `verdict` is blocked."
        }
      },
      "required": [
        "verdict"
      ],
      "additionalProperties": false
    }
    "#);
}

#[test]
fn byte_order_marks_and_carriage_returns_change_nothing() {
    let plain = read("x", "x/SKILL.md", TEXT).unwrap();
    let windows = read("x", "x/SKILL.md", &format!("\u{feff}{}", TEXT.replace('\n', "\r\n"))).unwrap();
    assert_eq!((plain.contract, plain.body), (windows.contract, windows.body));
}

#[test]
fn a_fence_is_a_whole_line_and_a_text_without_fences_declares_nothing() {
    let contract = contract("---\ndescription: \"a --- b\"\nargument-hint: [task]\n---\nbody\n---\n");
    assert_eq!(contract.description, "a --- b");
    assert_eq!(contract.argument_hint.as_deref(), Some("[task]"));
    let bare = read("x", "x/SKILL.md", "# X\n\nDoes things.\n").unwrap();
    assert_eq!(
        bare.contract,
        Contract { description: "Does things.".to_owned(), ..Contract::undeclared("x") }
    );
    assert_eq!(bare.body, "# X\n\nDoes things.\n");
}

#[test]
fn a_skill_of_0_9_is_taken() {
    let text = "---\nname: x\ncategories: [github]\nactivate_deps: [arch-lens]\nhooks:\n  PreToolUse: []\ntriggers: [now]\ndisable-model-invocation: true\ninputs:\n  - name: plan_path\n    type: file_path\n    required: true\noutputs:\n  - name: verdict\n    type: string\n    allowed_values: [GO, NO GO]\n  - name: parts\n    type: file_path_list\nexpected_output_patterns: ['verdict\\s*=\\s*(GO|NO GO)']\nwrite_behavior: always\n---\n# X\n\nSays whether to go.\n";
    let read = contract(text);
    assert_eq!(said(text), Vec::<String>::new());
    assert_eq!(read.description, "Says whether to go.");
    assert_eq!(read.outputs["verdict"].choices, ["GO", "NO GO"]);
    assert_eq!(read.outputs["parts"].kind, ValueKind::List);
    assert_eq!((read.writes, read.categories.as_slice()), (Writes::Always, &["github".to_owned()][..]));
}

#[test]
fn what_is_wrong_has_its_line_and_a_mend() {
    let text = "---\nname: y\noutputs:\n  verdict:\n    choices: [done]\n    tpye: int\n  reason:\n    required_when: { verdit: done }\nwrites: sometimes\nwrites_when: { verdict: dome }\ncommits: maybe\nwrite: never\n---\n";
    insta::assert_snapshot!(said(text).join("\n"), @r"
    2 Warning name-mismatch: the skill is called `y`, its folder `x` (write `name: x`: a recipe calls it by its folder)
    6 Warning unknown-key: unknown key `tpye` in an output (did you mean `type`?)
    8 Error unknown-output: there is no output `verdit` (did you mean `verdict`?)
    9 Error bad-value: `sometimes` is not possible here (possible: `never`, `conditional`, `always`)
    10 Error unknown-value: `verdict` is never `dome` (did you mean `done`?)
    11 Error wrong-type: expected `true` or `false`
    12 Warning unknown-key: unknown key `write` in the frontmatter of a skill (did you mean `writes`?)
    ");
    insta::assert_snapshot!(said("---\nname: x\n  bad: [\n---\n").join("\n"), @"3 Error syntax: this is no YAML: mapping values are not allowed in this context");
    insta::assert_snapshot!(said("---\nname: x\n").join("\n"), @"1 Error no-frontmatter: the frontmatter has no end (write a line `---` after its last key)");
    insta::assert_snapshot!(said("---\n- a\n---\n").join("\n"), @"2 Error wrong-type: the frontmatter of a skill is a mapping (it starts with `name: …`)");
}

#[test]
fn the_interface_is_what_callers_depend_on() {
    let hash = contract(TEXT).interface_hash();
    assert_eq!(hash, contract(&TEXT.replace("How it went.", "How it ended.")).interface_hash());
    for (from, to) in [
        ("choices: [done, blocked]", "choices: [done, blocked, lost]"),
        ("type: int", "type: number"),
        ("required: true", "required: false"),
        ("commits: true", "commits: false"),
    ] {
        assert_ne!(hash, contract(&TEXT.replace(from, to)).interface_hash(), "{to}");
    }
}

#[test]
fn a_faulty_skill_is_not_an_unknown_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("odd/SKILL.md")).unwrap();
    std::fs::create_dir(dir.path().join("bad")).unwrap();
    std::fs::write(dir.path().join("bad/SKILL.md"), "---\nwrites: sometimes\n---\n").unwrap();
    let store = SkillStore::new([dir.path().to_owned()]);
    let error = store.find("bad").unwrap_err().to_string();
    assert!(error.contains("bad/SKILL.md:2: `sometimes` is not possible here"), "{error}");
    assert!(matches!(store.find("odd"), Err(SkillError::Unreadable { .. })));
}

/// Whatever stands where a skill is looked for, the answer is quick and names the file.
#[test]
fn files_of_skills_are_read_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        dir.path().join(name).join("SKILL.md")
    };
    std::fs::File::create(file("huge")).unwrap().set_len(50 << 20).unwrap();
    std::fs::write(file("latin"), b"---\nname: caf\xe9\n---\n").unwrap();
    nix::unistd::mkfifo(&file("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::create_dir(file("folder")).unwrap();
    let mut laughs = "---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let names = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{names}]\n"));
    }
    std::fs::write(file("laughs"), format!("{laughs}---\n")).unwrap();
    std::fs::write(file("self"), "---\nallow: &a [*a]\n---\n").unwrap();
    let store = SkillStore::new([dir.path().to_owned()]);
    for (name, words) in [
        ("huge", "it has 52428800 bytes"),
        ("latin", "not UTF-8: byte 13 in line 2"),
        ("pipe", "it is no regular file"),
        ("folder", "it is a directory"),
        ("laughs", "aliases"),
        ("self", "self/SKILL.md:2"),
    ] {
        let error = store.find(name).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&format!("{name}/SKILL.md")), "{name}: {error}");
    }
}

#[test]
fn a_session_gets_its_skill_with_the_folder_for_passing_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("skills/x");
    std::fs::create_dir_all(&path).unwrap();
    let text = "---\nname: x\ndescription: d\n---\nWrite {{AUTOSKILLIT_TEMP}}/x/plan.md.\n";
    std::fs::write(path.join("SKILL.md"), text).unwrap();
    let skill = SkillStore::new([dir.path().join("skills")]).find("x").unwrap();
    write_plugin(&dir.path().join("plugin"), &skill, "build/passing").unwrap();
    let written = std::fs::read_to_string(dir.path().join("plugin/skills/x/SKILL.md")).unwrap();
    assert!(written.ends_with("\nWrite build/passing/x/plan.md.\n"), "{written}");
}
