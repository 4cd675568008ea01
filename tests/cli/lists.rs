//! Lists, single recipes and runs, help, and how output is chosen.

use insta::assert_snapshot;

use crate::binary::{Kitchen, journal};

const SOUP: &str = "\
name: soup
description: Cooks soup.
ingredients:
  salt: {description: How salty, choices: [little, much], default: little}
  dish: {description: For whom, required: true}
steps:
  peel:
    description: Peels
    tool: run_cmd
    with: {argv: [echo, '${{ inputs.dish }}']}
    on_success: taste
    on_failure: burnt
  taste:
    action: confirm
    message: Good?
    default: true
    on_success: served
    on_failure: peel
    max_visits: 3
    on_exceeded: burnt
  served: {stop: {status: succeeded, message: Served.}}
  burnt: {stop: {status: failed, message: Burnt.}}
";

const DEAR: &str = "\
name: dear
description: Costs something.
limits: {budget_usd: 12.5, quota_share: 20, wall_clock: 90m, sessions: 1, max_visits: 4}
steps:
  plan:
    skill: repair-tests
    args: [make, '']
    with: {budget_usd: 2.50}
    on_success: build
  build:
    skill: repair-tests
    args: [make, '']
    with: {budget_usd: \"${{ run.id }}\"}
    on_success: done
";

fn kitchen() -> Kitchen {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    kitchen.recipe(
        "hello",
        "name: hello\ndescription: Our own hello.\nsteps:\n  a: {stop: {status: succeeded, message: Hi.}}\n",
    );
    kitchen.recipe("broken", "name: broken\nsteps: {a: {action: route\nother: x\n");
    kitchen
}

#[test]
fn recipes() {
    let kitchen = kitchen();
    assert_snapshot!("recipes_list", kitchen.run(["recipes", "list"]).exits(0));
    assert_snapshot!("recipes_show", kitchen.run(["recipes", "show", "soup"]).exits(0));
    assert_snapshot!("recipes_show_bundled", kitchen.run(["recipes", "show", "fix-tests"]).exits(0));
    kitchen.recipe("dear", DEAR);
    assert_snapshot!("recipes_show_limits", kitchen.run(["recipes", "show", "dear"]).exits(0));
    assert_snapshot!("recipes_show_unknown", kitchen.refused(&["recipes", "show", "stew"]).exits(2));
    assert_snapshot!("recipes_check", kitchen.refused(&["recipes", "check"]).exits(2));
    assert_snapshot!("recipes_check_one", kitchen.run(["recipes", "check", "soup"]).exits(0));
    let file = kitchen.path().join(".autoskillit/recipes/broken.yaml");
    let file = file.to_str().unwrap();
    assert_snapshot!("recipes_check_file", kitchen.refused(&["recipes", "check", file]).exits(2));
    assert_snapshot!("recipes_list_nowhere", Kitchen::empty().run(["recipes", "list"]).exits(0));
}

#[test]
fn recipes_as_json() {
    let kitchen = kitchen();
    let list = kitchen.run(["recipes", "list", "--json"]).exits(0).json();
    let facts: Vec<_> = list[0]["recipes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|recipe| format!("{} {} {}", recipe["name"], recipe["source"], recipe["shadowed_by"]))
        .collect();
    assert_eq!(
        facts,
        [
            r#""broken" "project" null"#,
            r#""hello" "project" null"#,
            r#""soup" "project" null"#,
            r#""fix-tests" "builtin" null"#,
            r#""hello" "builtin" "project""#,
        ]
    );
    let shown = kitchen.run(["recipes", "show", "soup", "--json"]).exits(0).json();
    assert_eq!(shown[0]["schema_version"], 1);
    assert_eq!(shown[0]["ingredients"]["dish"]["required"], true);
    assert_eq!(shown[0]["steps"][1]["name"], "taste");
    let checked = kitchen.run(["recipes", "check", "--json"]).exits(2).json();
    assert_eq!((&checked[0]["checked"], &checked[0]["errors"]), (&4.into(), &1.into()));
    assert_eq!(checked[0]["problems"][0]["code"], "syntax");
    kitchen.run(["recipes", "check", "soup", "--json"]).exits(0);
}

/// A project recipe is used instead of a bundled one, also when it is faulty.
#[test]
fn the_project_comes_first() {
    let kitchen = kitchen();
    assert!(kitchen.run(["recipes", "show", "hello"]).exits(0).out.contains("Our own hello"));
    kitchen.run(["cook", "hello"]).exits(0);
}

#[test]
fn runs() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    assert_snapshot!("runs_list_empty", kitchen.run(["runs", "list"]).exits(0));
    kitchen.run(["cook", "soup", "dish=x"]).exits(0);
    assert_snapshot!("runs_list", kitchen.run(["runs", "list"]).exits(0));
    assert_snapshot!("runs_show", kitchen.run(["runs", "show"]).exits(0));

    // The process went away in the middle: the last line that it wrote is the start of a step.
    let run = kitchen.only_run();
    let text = std::fs::read_to_string(run.join("journal.ndjson")).unwrap();
    let lines: Vec<&str> = text.lines().take(2).collect();
    std::fs::write(run.join("journal.ndjson"), lines.join("\n") + "\n").unwrap();
    assert_snapshot!("runs_list_crashed", kitchen.run(["runs", "list"]).exits(0));
    assert_snapshot!("runs_show_crashed", kitchen.run(["runs", "show"]).exits(0));

    let list = kitchen.run(["runs", "list", "--json"]).exits(0).json();
    assert_eq!(
        (&list[0]["runs"][0]["status"], &list[0]["runs"][0]["resumable"]),
        (&"crashed".into(), &true.into())
    );
    assert_eq!(kitchen.run(["runs", "show", "--json"]).exits(0).json(), journal(&run));
}

#[test]
fn runs_of_a_rehearsal() {
    let kitchen = Kitchen::empty();
    kitchen.run(["cook", "fix-tests", "--rehearse", "--pace", "0"]).exits(0);
    let stage = kitchen.stage();
    let stage = stage.to_str().unwrap();
    assert_snapshot!("rehearsal_runs_list", kitchen.run(["-C", stage, "runs", "list"]).exits(0));
    assert_snapshot!("rehearsal_runs_show", kitchen.run(["-C", stage, "runs", "show"]).exits(0));
}

#[test]
fn help() {
    let kitchen = Kitchen::empty();
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help_short", &["-h"]),
        ("help_cook", &["cook", "--help"]),
        ("help_cook_short", &["cook", "-h"]),
        ("help_init", &["init", "-h"]),
        ("help_recipes", &["recipes", "-h"]),
        ("help_recipes_list", &["recipes", "list", "-h"]),
        ("help_recipes_show", &["recipes", "show", "-h"]),
        ("help_recipes_check", &["recipes", "check", "-h"]),
        ("help_recipes_test", &["recipes", "test", "-h"]),
        ("help_recipes_simulate", &["recipes", "simulate", "-h"]),
        ("help_runs", &["runs", "-h"]),
        ("help_runs_list", &["runs", "list", "-h"]),
        ("help_runs_show", &["runs", "show", "-h"]),
        ("help_config", &["config", "-h"]),
        ("help_config_set", &["config", "set", "-h"]),
        ("help_doctor", &["doctor", "-h"]),
    ] {
        let screen = kitchen.run(args).exits(0);
        assert_eq!(screen.err, "");
        assert_snapshot!(name, screen);
    }
    assert_eq!(
        kitchen.run(["--version"]).exits(0).out,
        format!("autoskillit {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(kitchen.run(["order", "-h"]).exits(0).out, kitchen.run(["cook", "-h"]).exits(0).out);
}

#[test]
fn order_is_cook_and_a_directory_can_be_named() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    kitchen.write("deep/down/x", "");
    let mut command = kitchen.command(["-C", "deep/down", "order", "soup", "dish=x"]);
    kitchen.screen(&mut command).exits(0);
    assert_eq!(kitchen.runs().len(), 1);
    let mut command = kitchen.command(["cook", "soup", "dish=x", "-C", kitchen.path().to_str().unwrap()]);
    kitchen.screen(command.current_dir("/")).exits(0);
    assert_eq!(kitchen.runs().len(), 2);
}

#[test]
fn quiet_says_only_how_it_ended() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    assert_snapshot!("quiet", kitchen.run(["cook", "soup", "dish=x", "--quiet"]).exits(0));
    assert_snapshot!("verbose", kitchen.run(["cook", "soup", "dish=x", "--verbose"]).exits(0));
}

#[test]
fn colours_are_the_users_choice() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let args = ["cook", "soup", "dish=x"];
    let colour = |screen: crate::binary::Screen| screen.exits(0).err.contains('\u{1b}');
    assert!(!colour(kitchen.run(args)), "none into a pipe");
    assert!(colour(kitchen.run([&args[..], &["--color", "always"]].concat())));
    let always = |name, value, choice: &str| {
        colour(kitchen.screen(kitchen.command(args).args(["--color", choice]).env(name, value)))
    };
    assert!(always("NO_COLOR", "1", "always"), "what was typed counts more");
    assert!(!always("NO_COLOR", "1", "auto"));
    assert!(always("CLICOLOR_FORCE", "1", "auto"));
    assert!(!always("CLICOLOR_FORCE", "1", "never"));
}

/// A reader that has seen enough is no failure.
#[test]
fn a_closed_pipe_is_no_failure() {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let mut child = kitchen.command(["cook", "soup", "dish=x", "--json"]).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(journal(&kitchen.only_run()).last().unwrap()["status"], "succeeded");
}

#[test]
fn recipes_new_and_drawn() {
    let kitchen = kitchen();
    let made = kitchen.run(["recipes", "new", "mine", "--from", "fix-tests"]).exits(0);
    assert_eq!(made.out.trim(), ".autoskillit/recipes/mine.yaml");
    kitchen.run(["recipes", "check", "mine", "--json"]).exits(0);
    assert_snapshot!("recipes_new_twice", kitchen.refused(&["recipes", "new", "mine"]).exits(2));
    assert_snapshot!("recipes_new_bad_name", kitchen.refused(&["recipes", "new", "../mine"]).exits(2));
    assert_snapshot!("recipes_render", kitchen.run(["recipes", "render", "soup"]).exits(0));
    let dot = kitchen.run(["recipes", "render", "soup", "--format", "dot"]).exits(0).out;
    assert!(dot.starts_with("digraph \"soup\" {"), "{dot}");
    let schema: serde_json::Value =
        serde_json::from_str(&kitchen.run(["recipes", "schema"]).exits(0).out).unwrap();
    assert_eq!(schema["title"], "autoskillit recipe");
}

#[test]
fn findings_in_the_formats_of_others() {
    let kitchen = kitchen();
    let recipe = "name: odd\nsteps:\n  a: {tool: run_cmd, with: {cmd: ls}, retries: 2, on_success: b, on_failure: b}\n  b: {stop: {status: succeeded, message: Hi.}}\n  c: {stop: {status: succeeded, message: Hi.}}\n";
    kitchen.recipe("odd", recipe);
    assert_snapshot!("check_github", kitchen.run(["recipes", "check", "odd", "--format", "github"]).exits(0));
    let sarif = kitchen.run(["recipes", "check", "--format", "sarif"]).exits(2).out;
    let mut sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    sarif["runs"][0]["tool"]["driver"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("check_sarif", sarif);
    let validator = jsonschema::validator_for(&sarif_shape()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&sarif).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let run = &sarif["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"], "{result}");
    }
    kitchen.run(["recipes", "check", "odd"]).exits(0);
    kitchen.run(["recipes", "check", "odd", "--deny", "warnings"]).exits(2);
    let form = kitchen.run(["recipes", "check", "odd", "--structure-only", "--json"]).exits(0).json();
    assert_eq!(form[0]["warnings"], 0);
    let pattern = format!("{}/.autoskillit/recipes/[os]*.yaml", kitchen.path().display());
    let found = kitchen.run(["recipes", "check", &pattern, "hello", "nothing", "--json"]).exits(2).json();
    assert_eq!(
        (&found[0]["checked"], &found[0]["unreadable"][0]),
        (&4.into(), &"there is no recipe `nothing`".into())
    );
    assert_snapshot!("check_no_match", kitchen.refused(&["recipes", "check", "no/*.yaml"]).exits(2));
}

#[test]
fn recipes_of_older_versions_are_migrated() {
    let kitchen = Kitchen::repository();
    let old = "\
name: old
description: Looks.
constraints: [be good] # always
steps:
  look:
    tool: run_cmd
    with: {argv: [ls]}
    on_result:
      - when: ${{ result.exit_code }} == 0
        route: done
      - route: escalate
    on_failure: escalate
";
    let path = kitchen.recipe("old", old);
    assert_snapshot!("migrate_shown", kitchen.run(["migrate"]).exits(0));
    kitchen.run(["migrate", "old", "--check"]).exits(1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    let written = kitchen.run(["migrate", "--write", "--json"]).exits(0).json();
    let backup = written[0]["recipes"][0]["backup"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(backup).unwrap(), old);
    let new = std::fs::read_to_string(&path).unwrap();
    assert!(new.contains("language: 1") && new.contains("kitchen_rules: [be good] # always"), "{new}");
    kitchen.run(["recipes", "check", "old", "--deny", "warnings"]).exits(0);
    kitchen.run(["migrate", "--check"]).exits(0);
    assert_snapshot!("migrate_bundled", kitchen.refused(&["migrate", "hello"]).exits(2));
}

#[test]
fn what_code_cannot_migrate_becomes_a_task_and_a_recipe_for_it() {
    let kitchen = Kitchen::repository();
    let old = "\
name: old
autoskillit_version: \"0.1.0\"
description: Looks.
constraints: [be good]
steps:
  look:
    tool: run_skill
    with: {skill_command: \"/autoskillit:look-around {what} now\"}
    note: Look at what the issue names.
    on_success: done
    on_failure: escalate
";
    kitchen.recipe("old", old);
    assert_snapshot!("check_outdated", kitchen.run(["recipes", "check", "old"]).exits(0));
    let written = kitchen.run(["migrate", "old", "--write"]).exits(0).to_string();
    // The name of the backup holds the time.
    let written: Vec<&str> = written.lines().filter(|line| !line.contains("/backups/")).collect();
    assert_snapshot!("migrate_with_task", written.join("\n"));
    let folder = ".autoskillit/temp/migrations";
    assert_snapshot!("migrate_task", kitchen.filtered(&kitchen.read(&format!("{folder}/old.task.md"))));
    let finish = kitchen.path().join(folder).join("finish-old.yaml");
    kitchen.run(["recipes", "check", finish.to_str().unwrap(), "--engine", "--deny", "warnings"]).exits(0);
    // Once nothing is left, neither are they.
    kitchen.recipe("old", "name: old\nlanguage: 1\nsteps: {a: {stop: {status: succeeded, message: Hi.}}}\n");
    kitchen.run(["migrate", "old", "--write"]).exits(0);
    assert!(!finish.exists());
}

#[test]
fn locked_recipes_tell_when_their_skills_change() {
    let kitchen = Kitchen::repository();
    let skill = |text: &str| kitchen.write(".autoskillit/skills/peel/SKILL.md", text);
    let file = "---\nname: peel\ndescription: Peels.\noutputs: {peels: {type: int}}\n---\nPeel.\n";
    skill(file);
    let soup = "name: soup\nlanguage: 1\ndescription: Cooks.\nsteps:\n  peel: {skill: peel, capture: {n: '${{ result.peels }}'}, on_success: served, on_failure: escalate}\n  served: {stop: {status: succeeded, message: '${{ context.n }}'}}\n";
    kitchen.recipe("soup", soup);
    kitchen.recipe(
        "plain",
        "name: plain\nlanguage: 1\ndescription: X.\nsteps: {a: {stop: {status: succeeded, message: Hi.}}}\n",
    );
    let check = ["recipes", "check", "soup", "--deny", "warnings"];
    kitchen.run(check).exits(0);
    assert_snapshot!("lock_check", kitchen.run(["recipes", "lock", "--check"]).exits(1));
    assert_snapshot!("lock", kitchen.run(["recipes", "lock"]).exits(0));
    let card = ".autoskillit/recipes/contracts/soup.yaml";
    let locked = kitchen.read(card);
    kitchen.run(check).exits(0);
    kitchen.run(["recipes", "lock", "--check"]).exits(0);
    assert!(!kitchen.path().join(".autoskillit/recipes/contracts/plain.yaml").exists());
    assert!(!kitchen.run(["recipes", "list"]).exits(0).out.contains("contracts"));

    skill(&file.replace("type: int", "type: number"));
    assert_snapshot!("check_stale", kitchen.run(check).exits(2));
    assert_eq!(kitchen.read(card), locked, "a check writes nothing");
    kitchen.run(["recipes", "lock", "--check"]).exits(1);
    let written = kitchen.run(["recipes", "lock", "soup", "--json"]).exits(0).json();
    assert_eq!(written[0]["recipes"][0]["recipe"], "soup");
    kitchen.run(check).exits(0);

    let accepted = soup.replace("steps:", "allow: {stale-contract: it is watched}\nsteps:");
    skill(file);
    kitchen.recipe("soup", &accepted);
    kitchen.run(check).exits(0);
    kitchen.recipe("soup", soup);
    std::fs::remove_dir_all(kitchen.path().join(".autoskillit/skills/peel")).unwrap();
    let gone = kitchen.run(["recipes", "check", "soup", "--json"]).exits(2).json();
    let said: Vec<_> = gone[0]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["message"].as_str().unwrap())
        .collect();
    assert!(said.contains(&"the skill `peel` is gone since the recipe was locked"), "{said:?}");
    assert_snapshot!("lock_bundled", kitchen.refused(&["recipes", "lock", "hello"]).exits(2));
}

#[test]
fn what_is_no_card_is_told_and_left_alone() {
    let kitchen = Kitchen::repository();
    kitchen.recipe("soup", "name: soup\nlanguage: 1\ndescription: Cooks.\nsteps:\n  look: {skill: look-around, on_success: done, on_failure: escalate}\n");
    let card = kitchen.path().join(".autoskillit/recipes/contracts/soup.yaml");
    let put = |bytes: &[u8]| {
        let _ = std::fs::remove_dir_all(&card);
        let _ = std::fs::remove_file(&card);
        kitchen.write(".autoskillit/recipes/contracts/soup.yaml", bytes);
    };
    let told = |words: &str| {
        let found = kitchen.run(["recipes", "check", "soup", "--json"]).exits(0).json();
        let problem = &found[0]["problems"][0];
        assert_eq!(problem["code"], "stale-contract");
        assert!(problem["message"].as_str().unwrap().contains(words), "{problem}");
        let refused = kitchen.run(["recipes", "lock", "soup", "--json"]).exits(1).json();
        assert_eq!(refused[0]["recipes"][0]["status"], "refused");
    };
    for (bytes, words) in [
        (&b"mine: true\n"[..], "`card: 1` is missing"),
        (b"skill_hashes: {}\ndataflow: []\n", "written by AutoSkillit 0.9"),
        (b"card: [\n", "no YAML"),
        (b"card: 1 # caf\xe9\n", "not UTF-8"),
    ] {
        put(bytes);
        told(words);
        assert_eq!(std::fs::read(&card).unwrap(), bytes);
    }
    put(b"");
    std::fs::File::options().write(true).open(&card).unwrap().set_len(50 << 20).unwrap();
    told("52428800 bytes");
    std::fs::remove_file(&card).unwrap();
    std::fs::create_dir(&card).unwrap();
    told("it is a directory");
    std::fs::remove_dir(&card).unwrap();
    std::os::unix::fs::symlink("nowhere", &card).unwrap();
    told("No such file");
}

#[test]
fn rules_are_explained_and_gaps_of_the_engine_named() {
    let kitchen = Kitchen::repository();
    assert_snapshot!(
        "check_explain",
        kitchen.run(["recipes", "check", "--explain", "unreachable-step"]).exits(0)
    );
    kitchen.refused(&["recipes", "check", "--explain", "unreachable-steps"]).exits(2);
    kitchen.recipe(
        "claim",
        "\
name: claim
language: 0
description: Claims.
steps:
  claim: {tool: claim_issue, with: {issue_url: x}, on_success: done, on_failure: escalate}
",
    );
    kitchen.run(["recipes", "check", "claim"]).exits(0);
    assert_snapshot!("check_engine", kitchen.refused(&["recipes", "check", "claim", "--engine"]).exits(2));
    kitchen.recipe("tools", "name: tools\nsteps:\n  a: {tool: clone_repo, with: {source_dir: ., run_name: x}, on_success: done, on_failure: escalate}\n");
    let unbuilt = kitchen.run(["recipes", "check", "tools", "--engine", "--json"]);
    assert!(unbuilt.out.contains("not-executable"), "{}", unbuilt.out);
}

/// What SARIF 2.1.0 requires of the parts that we write, as its schema has it.
fn sarif_shape() -> serde_json::Value {
    let message = serde_json::json!({
        "type": "object", "required": ["text"], "properties": { "text": { "type": "string", "minLength": 1 } },
    });
    let level = serde_json::json!({ "enum": ["none", "note", "warning", "error"] });
    let count = |least: i32| serde_json::json!({ "type": "integer", "minimum": least });
    let unique = |items: serde_json::Value| serde_json::json!({ "type": "array", "uniqueItems": true, "items": items });
    let region = serde_json::json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "startLine": count(1), "startColumn": count(1), "endLine": count(1), "endColumn": count(1),
        },
    });
    let location = serde_json::json!({
        "type": "object",
        "required": ["physicalLocation"],
        "properties": { "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": false,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": { "uri": { "type": "string", "format": "uri-reference" } },
                },
                "region": region,
            },
        }},
    });
    let descriptor = serde_json::json!({
        "type": "object",
        "required": ["id", "shortDescription", "help", "defaultConfiguration"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string" },
            "shortDescription": message,
            "fullDescription": message,
            "help": message,
            "defaultConfiguration": { "type": "object", "properties": { "level": level } },
            "properties": { "type": "object", "properties": { "tags": unique(serde_json::json!({ "type": "string" })) } },
        },
    });
    let result = serde_json::json!({
        "type": "object",
        "required": ["message", "ruleId", "ruleIndex"],
        "additionalProperties": false,
        "properties": {
            "ruleId": { "type": "string" },
            "ruleIndex": count(0),
            "level": level,
            "message": message,
            "locations": { "type": "array", "items": location },
        },
    });
    let driver = serde_json::json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string" }, "version": { "type": "string" }, "rules": unique(descriptor),
        },
    });
    serde_json::json!({
        "type": "object",
        "required": ["version", "runs"],
        "additionalProperties": false,
        "properties": {
            "$schema": { "type": "string", "format": "uri" },
            "version": { "enum": ["2.1.0"] },
            "runs": { "type": "array", "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": false,
                "properties": {
                    "tool": { "type": "object", "required": ["driver"], "properties": { "driver": driver } },
                    "columnKind": { "enum": ["utf16CodeUnits", "unicodeCodePoints"] },
                    "results": { "type": "array", "items": result },
                },
            }},
        },
    })
}
