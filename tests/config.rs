//! `autoskillit config` as a user runs it.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made should stop the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A repository and a home of its own.
struct House {
    dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        // Messages with paths are wrapped: their length must not depend on the machine.
        let house = Self { dir: tempfile::tempdir_in("/tmp").unwrap() };
        fs::create_dir_all(house.path("repo/src/deep")).unwrap();
        fs::create_dir_all(house.path("home")).unwrap();
        let made = Command::new("git").args(["init", "-q"]).current_dir(house.path("repo")).status();
        assert!(made.unwrap().success());
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoskillit"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
        command.env("HOME", self.path("home")).current_dir(self.path("repo/src/deep")).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().unwrap(), self.dir.path())
    }
}

#[derive(Debug, PartialEq)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn of(output: Output, dir: &Path) -> Self {
        let dir = dir.canonicalize().unwrap().display().to_string();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&dir, "[DIR]");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const FILE: &str = "repo/.autoskillit/config.yaml";
const SECRETS: &str = "repo/.autoskillit/.secrets.yaml";
const USER: &str = "home/.config/autoskillit/config.yaml";

#[test]
fn what_is_set_is_read_back_from_anywhere_in_the_repository() {
    let house = House::new();
    house.run(&["config", "set", "run_skill.timeout", "1h"]).good();
    house.run(&["config", "set", "--user", "model.default", "opus"]).good();
    assert_eq!(house.read(FILE), "run_skill:\n  timeout: 3600\n");
    assert_eq!(house.read(USER), "model:\n  default: opus\n");
    assert_eq!(house.run(&["config", "get", "run_skill.timeout"]).good(), "3600\n");
    assert_eq!(house.run(&["config", "get", "model.override"]).good(), "");
    let shown = house.run(&["config", "show", "--origin"]).good();
    insta::assert_snapshot!(shown);
}

#[test]
fn stronger_layers_win_and_say_so() {
    let house = House::new();
    house.write(USER, "model: {default: user}\n");
    house.write(FILE, "model: {default: project}\n");
    let get = ["config", "get", "model.default", "--json"];
    let project = house.run(&get).json();
    assert_eq!(
        project,
        json!({
            "schema_version": 1,
            "key": "model.default",
            "value": "project",
            "layer": "project",
            "place": "[DIR]/repo/.autoskillit/config.yaml:1",
        })
    );
    let with = |args: &[&str]| {
        let output = house.command(args).env("AUTOSKILLIT_MODEL__DEFAULT", "variable").output().unwrap();
        Said::of(output, house.dir.path())
    };
    assert_eq!(with(&get).json()["value"], "variable");
    let flag: Vec<&str> = get
        .iter()
        .copied()
        .chain(["--config", "model.default=a", "--config", "model.default=flag"])
        .collect();
    assert_eq!(with(&flag).json()["value"], "flag");
    let set = with(&["config", "set", "model.default", "x"]);
    assert!(set.err.contains("AUTOSKILLIT_MODEL__DEFAULT says something else"), "{set:?}");
}

#[test]
fn setting_a_value_keeps_everything_else() {
    let house = House::new();
    let file = house.write(FILE, "# ours\nsession:   # why\n  permissions: bypass   # for now\n\n# end\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    house.run(&["config", "set", "session.permissions", "dont_ask"]).good();
    house.run(&["config", "set", "session.allowed_tools", "Edit,Bash(cargo test:*)"]).good();
    insta::assert_snapshot!(house.read(FILE));
    assert_eq!(mode(&file), 0o640);
    let before = house.read(FILE);
    for args in
        [["session.permissions", "bypas"], ["run_skill.timeout", "-1"], ["sesion.permissions", "bypass"]]
    {
        let refused = house.run(&["config", "set", args[0], args[1]]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    assert_eq!(house.read(FILE), before);
}

#[test]
fn a_linked_file_stays_a_link() {
    let house = House::new();
    let real = house.write("dotfiles/autoskillit.yaml", "model: {default: a}\n");
    fs::create_dir_all(house.path(USER).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, house.path(USER)).unwrap();
    house.run(&["config", "set", "--user", "model.default", "b"]).good();
    assert!(fs::symlink_metadata(house.path(USER)).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(real).unwrap(), "model: {default: b}\n");
}

#[test]
fn secrets_go_into_the_private_file_and_are_masked() {
    let house = House::new();
    let typed = fs::File::open(house.write("typed", "s3cr3t\n")).unwrap();
    let set = house.command(&["config", "set", "github.token", "-"]).stdin(typed).output().unwrap();
    assert_eq!(set.status.code(), Some(0));
    assert_eq!(house.read(SECRETS), "github:\n  token: s3cr3t\n");
    assert_eq!(mode(&house.path(SECRETS)), 0o600);
    assert!(!house.path(FILE).exists());
    let ignored = Command::new("git")
        .args(["check-ignore", "-q", ".autoskillit/.secrets.yaml"])
        .current_dir(house.path("repo"))
        .status();
    assert!(ignored.unwrap().success());
    for args in [&["config", "show"][..], &["config", "show", "--json"], &["config", "get", "github.token"]] {
        assert!(!house.run(args).good().contains("s3cr3t"));
    }
    assert_eq!(house.run(&["config", "get", "github.token", "--reveal"]).good(), "s3cr3t\n");
    fs::set_permissions(house.path(SECRETS), fs::Permissions::from_mode(0o644)).unwrap();
    let open = house.run(&["config", "show"]);
    assert!(open.code == Some(0) && open.err.contains("chmod 600"), "{open:?}");
    house.write(FILE, "github:\n  token: s3cr3t\n");
    let misplaced = house.run(&["config", "validate"]);
    assert!(misplaced.code == Some(2) && !misplaced.err.contains("s3cr3t"), "{misplaced:?}");
    assert!(misplaced.err.contains(".secrets.yaml"), "{misplaced:?}");
    let flag = house.run(&["config", "get", "model.default", "--config", "github.token=s3cr3t"]);
    assert!(flag.code == Some(2) && !flag.err.contains("s3cr3t"), "{flag:?}");
}

#[test]
fn a_secret_that_git_would_commit_is_warned_about() {
    let house = House::new();
    house.write("repo/.autoskillit/.gitignore", "/runs/\n");
    let set = house.run(&["config", "set", "github.token", "s3cr3t"]);
    assert!(set.code == Some(0) && set.err.contains("git does not ignore"), "{set:?}");
    assert_eq!(house.read("repo/.autoskillit/.gitignore"), "/runs/\n");
}

#[test]
fn a_test_command_of_words_runs_without_a_shell() {
    let house = House::new();
    house.write(
        "repo/.autoskillit/recipes/check.yaml",
        "name: check\ndescription: Runs the tests.\nsteps:\n  test:\n    tool: test_check\n    on_success: done\n",
    );
    house.write(FILE, "test_check:\n  command: [printf, '%s', '$HOME; exit 1']\n");
    let words = house.run(&["cook", "check"]);
    assert_eq!(words.code, Some(0), "{words:?}");
    let shell = house.run(&["cook", "check", "--config", "test_check.command=echo $HOME; exit 1"]);
    assert_eq!(shell.code, Some(1), "{shell:?}");
}

#[test]
fn a_malformed_file_stops_only_what_needs_settings() {
    let house = House::new();
    house.write(USER, "model:\n  defualt: opus\n");
    house.write(FILE, "session:\n  permissions: bypas\n  env: 5\npacks:\n  enabled: true\n");
    let cook = house.run(&["cook", "hello"]);
    assert_eq!((cook.code, cook.out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(cook.err);
    for args in [&["config", "path"][..], &["config", "schema"], &["recipes", "list"], &["runs", "list"]] {
        house.run(args).good();
    }
    let checked = house.run(&["config", "validate", "--json"]);
    assert_eq!(checked.code, Some(2));
    let report: Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!((&report["errors"], &report["warnings"]), (&json!(3), &json!(1)));
    assert_eq!(report["problems"][1]["line"], 2);
}

#[test]
fn keys_without_a_meaning_are_warned_about() {
    let house = House::new();
    house.write(FILE, "version: 1\npacks:\n  enabled: true\n");
    let shown = house.run(&["config", "validate"]);
    assert_eq!((shown.code, shown.out.as_str()), (Some(0), ""));
    insta::assert_snapshot!(shown.err);
    assert_eq!(house.run(&["config", "get", "packs.enabled"]).code, Some(2));
}

#[test]
fn outside_a_repository_there_are_the_users_settings() {
    let house = House::new();
    let home = house.path("home");
    let home = home.to_str().unwrap();
    let refused = house.run(&["-C", home, "config", "set", "model.default", "x"]);
    assert!(refused.code == Some(2) && refused.err.contains("--user"), "{refused:?}");
    house.run(&["-C", home, "config", "set", "--user", "model.default", "x"]).good();
    assert_eq!(house.run(&["-C", home, "config", "get", "model.default"]).good(), "x\n");
    let files = house.run(&["-C", home, "config", "path", "--json"]).json();
    let layers: Vec<_> =
        files["files"].as_array().unwrap().iter().map(|file| (&file["layer"], &file["exists"])).collect();
    assert_eq!(layers, [(&json!("user"), &json!(true)), (&json!("user_secrets"), &json!(false))]);
}
