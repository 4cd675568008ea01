//! `doctor` says what is wrong and how to mend it, and changes nothing unless told to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::binary::{Kitchen, Screen, can_mount, skipped};
use crate::checkup::{self, client, healthy, make_healthy};
use crate::disks::within;

fn command(kitchen: &Kitchen, args: &[&str]) -> Command {
    checkup::command(kitchen, args)
}

fn doctor(kitchen: &Kitchen, args: &[&str]) -> Screen {
    kitchen.screen(&mut command(kitchen, args))
}

fn tidy(kitchen: &Kitchen, screen: &Screen) -> String {
    checkup::tidy(kitchen, &screen.to_string())
}

/// The check of this name in the machine output.
fn check(screen: &Screen, id: &str) -> Value {
    let report = &screen.json()[0];
    let checks = report["checks"].as_array().unwrap();
    let found: Vec<&Value> = checks.iter().filter(|check| check["id"] == id).collect();
    assert_eq!(found.len(), 1, "{id} in {screen}");
    found[0].clone()
}

fn status(screen: &Screen, id: &str) -> String {
    check(screen, id)["status"].as_str().unwrap().to_owned()
}

/// Everything below a folder with what tells a change: kind and mode, times, size, content.
fn state(root: &Path) -> BTreeMap<PathBuf, (u32, (i64, i64), (i64, i64), Vec<u8>)> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(|entry| {
        let entry = entry.unwrap();
        let facts = entry.path().symlink_metadata().unwrap();
        let content = if facts.is_file() { fs::read(entry.path()).unwrap() } else { vec![] };
        let times = ((facts.mtime(), facts.mtime_nsec()), (facts.ctime(), facts.ctime_nsec()));
        (entry.path().to_owned(), (facts.mode(), times.0, times.1, content))
    });
    entries.collect()
}

/// The variable that is told is the one that counts.
#[test]
fn of_two_tokens_the_one_that_counts_is_told() {
    let kitchen = healthy();
    let mut command = command(&kitchen, &["--json"]);
    let screen =
        kitchen.screen(command.envs([("GITHUB_TOKEN", "b".repeat(20)), ("GH_TOKEN", "a".repeat(20))]));
    let told = check(&screen, "github.token")["message"].as_str().unwrap().to_owned();
    assert!(told.starts_with("in GH_TOKEN"), "{told}");
}

#[test]
fn nothing_is_wrong() {
    let kitchen = healthy();
    let screen = doctor(&kitchen, &[]).exits(0);
    assert_eq!(screen.err, "");
    assert_snapshot!("doctor_healthy", tidy(&kitchen, &screen));
    let quiet = doctor(&kitchen, &["--quiet"]).exits(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let verbose = doctor(&kitchen, &["--verbose"]).exits(0).out;
    assert!(verbose.contains("ANTHROPIC_API_KEY") && !verbose.contains("sk-ant-not"), "{verbose}");
}

#[test]
fn machine_output() {
    let kitchen = healthy();
    let screen = doctor(&kitchen, &["--json"]).exits(0);
    let report = &screen.json()[0];
    assert_eq!((&report["schema_version"], &report["summary"]["errors"]), (&json!(1), &json!(0)), "{screen}");
    let checks = report["checks"].as_array().unwrap();
    let mut ids: Vec<&str> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(report["summary"]["ok"], json!(ids.len()));
    for check in checks {
        assert!(check["id"].as_str().unwrap().starts_with(&format!("{}.", check["group"].as_str().unwrap())));
        assert!(!check["message"].as_str().unwrap().is_empty(), "{check}");
    }
    let identity = check(&screen, "git.identity");
    assert_eq!(
        identity,
        json!({
            "id": "git.identity",
            "group": "git",
            "name": "identity",
            "status": "ok",
            "message": "Cook <cook@localhost>",
            "meaning": null,
            "mend": [],
            "details": [],
            "fixable": false,
            "fixed": null,
        })
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), checks.len(), "each topic is told once");
}

#[test]
fn an_empty_folder_and_an_empty_repository() {
    let kitchen = Kitchen::empty();
    make_healthy(&kitchen);
    let outside = doctor(&kitchen, &["--quiet"]).exits(0);
    assert_snapshot!("doctor_outside", tidy(&kitchen, &outside));
    kitchen.git(["init", "--quiet", "--initial-branch=main"]);
    let empty = doctor(&kitchen, &["--quiet"]).exits(0);
    assert_snapshot!("doctor_empty_repository", tidy(&kitchen, &empty));
    let bare = Kitchen::empty();
    make_healthy(&bare);
    bare.git(["init", "--quiet", "--bare"]);
    assert_eq!(status(&doctor(&bare, &["--json"]).exits(0), "repository.checkout"), "warning");
}

#[test]
fn clients_that_are_missing_old_or_broken() {
    let kitchen = healthy();
    fs::remove_file(kitchen.root().join("bin/claude")).unwrap();
    let screen = kitchen.screen(command(&kitchen, &["--quiet"]).env_remove("ANTHROPIC_API_KEY")).exits(4);
    assert_snapshot!("doctor_no_client", tidy(&kitchen, &screen));
    for (version, code, name) in [
        ("2.0.44", 4, "doctor_client_too_old"),
        ("2.1.190", 0, "doctor_client_older"),
        ("none", 0, "doctor_client_odd"),
    ] {
        client(&kitchen, version);
        assert_snapshot!(name, tidy(&kitchen, &doctor(&kitchen, &["--quiet"]).exits(code)));
    }
    kitchen.program("claude", "#!/bin/no-such-interpreter\n");
    assert_eq!(status(&doctor(&kitchen, &["--json"]).exits(4), "client.version"), "error");
    kitchen.program("claude", "#!/bin/sh\necho 'node: command not found' >&2\nexit 127\n");
    let broken = doctor(&kitchen, &["--json"]).exits(4);
    assert_eq!(
        check(&broken, "client.version")["message"],
        "`--version` ended with code 127: node: command not found"
    );
    let elsewhere = doctor(&kitchen, &["--json", "--config", "client.program=/opt/none/claude"]).exits(4);
    assert_eq!(
        check(&elsewhere, "client.program")["message"],
        "`client.program` is /opt/none/claude, which is no program"
    );
}

#[test]
fn nobody_commits() {
    let kitchen = healthy();
    kitchen.git(["config", "--unset", "user.email"]);
    let screen = doctor(&kitchen, &["--quiet"]).exits(0);
    assert_snapshot!("doctor_no_identity", tidy(&kitchen, &screen));
    let by_variables = kitchen
        .screen(command(&kitchen, &["--json"]).envs([
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@localhost"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@localhost"),
        ]))
        .exits(0);
    assert_eq!(check(&by_variables, "git.identity")["message"], "Ada <ada@localhost>");
    // Sessions would not see them.
    let minimal = kitchen
        .screen(
            command(&kitchen, &["--json", "--config", "session.env.mode=minimal"])
                .env("GIT_AUTHOR_EMAIL", "ada@localhost")
                .env("GIT_COMMITTER_EMAIL", "ada@localhost"),
        )
        .exits(0);
    assert_eq!(status(&minimal, "git.identity"), "warning");
}

#[test]
fn no_git() {
    let kitchen = healthy();
    kitchen.write(".autoskillit/config.yaml", "model:\n  defualt: opus\n");
    let path = kitchen.root().join("bin");
    // The client of this test is a shell text, which needs nothing else on PATH.
    let screen = kitchen.screen(command(&kitchen, &["--quiet"]).env("PATH", path)).exits(4);
    assert_snapshot!("doctor_no_git", tidy(&kitchen, &screen));
}

/// All other checks are made as if there were no settings.
#[test]
fn malformed_settings() {
    let kitchen = healthy();
    kitchen.write(".autoskillit/config.yaml", "session:\n  permissions: bypas\nmodel:\n  defualt: opus\n");
    let screen = doctor(&kitchen, &[]).exits(4);
    assert_snapshot!("doctor_malformed_settings", tidy(&kitchen, &screen));
    kitchen.write(".autoskillit/config.yaml", "session: [\n");
    let broken = doctor(&kitchen, &["--json"]).exits(4);
    assert_eq!(check(&broken, "settings.files")["details"].as_array().unwrap().len(), 1, "{broken}");
    kitchen.write(".autoskillit/config.yaml", "packs:\n  enabled: true\n");
    assert_eq!(status(&doctor(&kitchen, &["--json"]).exits(0), "settings.files"), "warning");
    let flag = doctor(&kitchen, &["--json", "--config", "session.permissions=x"]).exits(4);
    assert_eq!(status(&flag, "settings.files"), "error");
}

#[test]
fn settings_of_the_client_that_are_broken() {
    let kitchen = healthy();
    kitchen.write(".claude/settings.json", "{\"env\": {");
    let screen = doctor(&kitchen, &["--quiet"]).exits(0);
    assert_snapshot!("doctor_broken_client_settings", tidy(&kitchen, &screen));
    let others = doctor(&kitchen, &["--json", "--config", "session.setting_sources=local"]).exits(0);
    assert_eq!(status(&others, "session.sources"), "ok", "what sessions do not read is no matter");
}

#[test]
fn logins() {
    let kitchen = healthy();
    let login = |change: &dyn Fn(&mut Command)| {
        let mut command = command(&kitchen, &["--json"]);
        command.env_remove("ANTHROPIC_API_KEY");
        change(&mut command);
        let check = check(&kitchen.screen(&mut command), "client.login");
        (check["status"].as_str().unwrap().to_owned(), check["message"].as_str().unwrap().to_owned())
    };
    if !cfg!(target_os = "macos") {
        assert_eq!(login(&|_| ()), ("error".into(), "there is none".into()));
    }
    let provider = login(&|command| {
        command.env("CLAUDE_CODE_USE_BEDROCK", "1");
    });
    assert_eq!(provider.0, "ok");
    let kept = login(&|command| {
        command.env("ANTHROPIC_API_KEY", "x").args(["--config", "session.env.drop=ANTHROPIC_*"]);
    });
    assert_eq!(kept.1, "there is none: `session.env` keeps ANTHROPIC_API_KEY from sessions");
    kitchen.write(".claude/settings.json", "{\"env\": {\"ANTHROPIC_API_KEY\": \"x\"}}");
    assert_eq!(login(&|_| ()).1, "with ANTHROPIC_API_KEY");
}

#[test]
fn root_outside_a_sandbox() {
    if !nix::unistd::geteuid().is_root() {
        skipped("these tests do not run as root");
        return;
    }
    let kitchen = healthy();
    let screen = kitchen.screen(command(&kitchen, &["--quiet"]).env_remove("IS_SANDBOX")).exits(4);
    assert_snapshot!("doctor_root", tidy(&kitchen, &screen));
}

/// A repository, a home and programs may be anywhere.
#[test]
fn odd_folder_names() {
    for name in ["with blanks", "it's \"quoted\"", "Küche", "-rf", "$(touch x);#", "line\nbreak"] {
        let kitchen = Kitchen::named(name).with_commit();
        make_healthy(&kitchen);
        let before = state(kitchen.root());
        let screen = doctor(&kitchen, &["--json"]).exits(0);
        let found = check(&screen, "repository.checkout");
        assert_eq!(found["message"], kitchen.path().to_str().unwrap(), "{name:?}");
        assert_eq!(screen.json()[0]["summary"]["warnings"], 0, "{name:?}: {screen}");
        assert_eq!(before, state(kitchen.root()), "{name:?}");
    }
}

#[test]
fn a_read_only_home_and_a_read_only_repository() {
    if !can_mount() {
        return;
    }
    let kitchen = healthy();
    let read_only = |place: &str| {
        let script = format!(
            "mount --bind {place} {place} && mount -o remount,bind,ro {place} && cd \"$PWD\" && ANTHROPIC_API_KEY=x exec \"$0\" doctor --quiet"
        );
        within(&kitchen, &script)
    };
    assert_snapshot!("doctor_read_only_home", tidy(&kitchen, &read_only("../home").exits(0)));
    assert_snapshot!("doctor_read_only_repository", tidy(&kitchen, &read_only(".").exits(4)));
}

#[test]
fn a_disk_that_is_nearly_full() {
    if !can_mount() {
        return;
    }
    let kitchen = healthy();
    let script = "mount -t tmpfs -o size=512k none ../tmp && ANTHROPIC_API_KEY=x exec \"$0\" doctor --json";
    let screen = within(&kitchen, script).exits(0);
    let temp = check(&screen, "folders.temp");
    assert_eq!(temp["status"], "warning", "{temp}");
    assert!(temp["message"].as_str().unwrap().contains("kB are free"), "{temp}");
}

/// A place where everything that can be mended is wrong.
fn neglected() -> Kitchen {
    let kitchen = healthy();
    let secrets = kitchen.write(".autoskillit/.secrets.yaml", "github:\n  token: s3cr3t\n");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o644)).unwrap();
    let stage = kitchen.root().join("tmp/autoskillit-rehearsal-old");
    fs::create_dir_all(stage.join("repository")).unwrap();
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    fs::File::open(&stage).unwrap().set_modified(yesterday).unwrap();
    kitchen
}

#[test]
fn without_fix_nothing_changes() {
    for kitchen in [healthy(), Kitchen::empty(), neglected()] {
        kitchen.root().join("home/.claude").exists().then(|| panic!("the client was run"));
        let before = state(kitchen.root());
        for args in [&[][..], &["--json"], &["--quiet"], &["--verbose"]] {
            doctor(&kitchen, args);
        }
        assert_eq!(before, state(kitchen.root()));
    }
}

#[test]
fn migrations_that_failed_are_told() {
    let kitchen = healthy();
    assert!(!doctor(&kitchen, &["--json"]).exits(0).out.contains(r#""migrations""#), "nothing was migrated");
    let store = ".autoskillit/temp/migrations/failures.json";
    kitchen.recipe("old", "name: old\n");
    let failure = |name: &str| {
        format!(
            r#""{name}":{{"file":".autoskillit/recipes/{name}.yaml","time":"2026-01-02T03:04:05Z","error":"it would have 1 errors instead of 0"}}"#
        )
    };
    kitchen.write(store, format!("{{{},{}}}", failure("old"), failure("gone")));
    let told = check(&doctor(&kitchen, &["--json"]).exits(0), "migrations");
    insta::assert_json_snapshot!("doctor_migrations", told);
    kitchen.write(store, format!("{{{}}}", failure("gone")));
    assert_eq!(status(&doctor(&kitchen, &["--json"]).exits(0), "migrations"), "ok");
    kitchen.write(store, "{");
    assert_eq!(status(&doctor(&kitchen, &["--json"]).exits(0), "migrations"), "warning");
    assert_eq!(kitchen.read(store), "{");
}

#[test]
fn fix_mends_what_is_ours_and_says_what_it_changed() {
    let kitchen = neglected();
    assert_snapshot!("doctor_neglected", tidy(&kitchen, &doctor(&kitchen, &[]).exits(4)));
    let users = state(&kitchen.path().join(".git"));
    let fixed = doctor(&kitchen, &["--fix", "--quiet"]).exits(0);
    assert_snapshot!("doctor_fixed", tidy(&kitchen, &fixed));
    let secrets = kitchen.path().join(".autoskillit/.secrets.yaml");
    assert_eq!(fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(kitchen.read(".autoskillit/.secrets.yaml"), "github:\n  token: s3cr3t\n");
    assert!(kitchen.read(".autoskillit/.gitignore").contains(".secrets.yaml"));
    assert!(!kitchen.root().join("tmp/autoskillit-rehearsal-old").exists());
    assert_eq!(users, state(&kitchen.path().join(".git")));
    // All is well now, and nothing is claimed to be mended any more.
    let again = doctor(&kitchen, &["--fix", "--json"]).exits(0);
    assert_eq!(again.json()[0]["summary"]["fixed"], 0, "{again}");
}

/// What is altered is never just ok.
#[test]
fn fixed_is_told_to_machines_too() {
    let screen = doctor(&neglected(), &["--fix", "--json"]).exits(0);
    let report = &screen.json()[0];
    assert_eq!(report["summary"]["fixed"], 4, "{screen}");
    let fixed: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| !check["fixed"].is_null())
        .map(|check| check["id"].as_str().unwrap())
        .collect();
    assert_eq!(fixed, ["repository.ignored", "repository.secrets", "settings.secrets", "folders.scratch"]);
}

/// What the user wrote is told about and left alone.
#[test]
fn what_is_the_users_is_not_mended() {
    let kitchen = healthy();
    kitchen.write(".autoskillit/.gitignore", "# mine\n");
    kitchen.write(".autoskillit/.secrets.yaml", "github:\n  token: s3cr3t\n");
    let secrets = kitchen.path().join(".autoskillit/.secrets.yaml");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).unwrap();
    let before = state(kitchen.root());
    let screen = doctor(&kitchen, &["--fix", "--quiet"]).exits(4);
    assert_snapshot!("doctor_users_ignore_file", tidy(&kitchen, &screen));
    assert_eq!(before, state(kitchen.root()));
    kitchen.git(["add", "--force", ".autoskillit/.secrets.yaml"]);
    let tracked = doctor(&kitchen, &["--json"]).exits(4);
    assert_eq!(
        check(&tracked, "repository.secrets")["message"],
        ".autoskillit/.secrets.yaml is in the repository"
    );
    assert!(!tracked.out.contains("s3cr3t"));
}

#[test]
fn worktrees_without_a_folder() {
    let kitchen = healthy();
    let tree = kitchen.root().join("tree");
    kitchen.git(["worktree", "add", "--quiet", tree.to_str().unwrap()]);
    fs::remove_dir_all(&tree).unwrap();
    let screen = doctor(&kitchen, &["--json"]).exits(0);
    assert_eq!(check(&screen, "git.worktrees")["mend"], json!(["git worktree prune"]), "{screen}");
}
