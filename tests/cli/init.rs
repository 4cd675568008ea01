//! `autoskillit init`: what is written, and what is left alone.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use insta::assert_snapshot;
use serde_json::json;

use crate::binary::{Kitchen, READ_ONLY, Screen, Tree, assert_same, can_mount};

const CONFIG: &str = ".autoskillit/config.yaml";
const SCHEMA: &str = ".autoskillit/config.schema.json";

/// A project in Rust with a repository on GitHub.
fn project() -> Kitchen {
    let kitchen = Kitchen::repository();
    kitchen.write("Cargo.toml", "[package]\nname = \"soup\"\n");
    kitchen.write("src/main.rs", "fn main() {}\n");
    kitchen.git(["remote", "add", "origin", "https://cook:s3cr3t@github.com/kitchen/soup.git"]);
    kitchen.git(["add", "--all"]);
    kitchen.git(["commit", "--quiet", "--message", "Start"]);
    kitchen
}

/// The tree without what git keeps for itself.
fn own(kitchen: &Kitchen) -> Tree {
    kitchen
        .tree()
        .into_iter()
        .filter(|(path, _)| !path.components().any(|part| part.as_os_str() == ".git"))
        .collect()
}

/// The names of the files that are in one tree and not in the other, or differ.
fn changed(before: &Tree, kitchen: &Kitchen) -> Vec<String> {
    let after = own(kitchen);
    assert!(before.keys().all(|path| after.contains_key(path)), "nothing is removed");
    after
        .iter()
        .filter(|(path, text)| path.is_file() && before.get(*path) != Some(text))
        .map(|(path, _)| path.strip_prefix(kitchen.path()).unwrap().display().to_string())
        .collect()
}

#[test]
fn a_project_is_set_up() {
    let kitchen = project();
    let before = own(&kitchen);
    let screen = kitchen.run(["init"]).exits(0);
    assert_snapshot!("init", screen);
    assert_eq!(changed(&before, &kitchen), [".autoskillit/.gitignore", SCHEMA, CONFIG]);
    assert_snapshot!("init_config", kitchen.read(CONFIG));
    // What is written is what a person would commit, and nothing was committed for them.
    assert_eq!(
        kitchen.git(["status", "--porcelain", "--untracked-files=all"]),
        format!("?? {SCHEMA}\n?? {CONFIG}\n")
    );
    for path in [CONFIG, SCHEMA] {
        let mode = std::fs::metadata(kitchen.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o044, 0o044, "others who share the folder can read {path}");
    }
    let shown = kitchen.run(["config", "get", "github.default_repo"]).exits(0);
    assert_eq!(shown.out, "kitchen/soup\n");
    kitchen.run(["config", "validate"]).exits(0);
}

/// What a second run finds is what the first one wrote: it writes nothing, not even the same.
#[test]
fn a_second_time_changes_nothing() {
    let kitchen = project();
    kitchen.run(["init", "--yes", "--mcp"]).exits(0);
    let times = |kitchen: &Kitchen| -> Vec<(u64, i64, i64)> {
        own(kitchen)
            .keys()
            .map(|path| std::fs::symlink_metadata(path).unwrap())
            .map(|facts| (facts.ino(), facts.mtime(), facts.mtime_nsec()))
            .collect()
    };
    let (before, tree) = (times(&kitchen), kitchen.tree());
    for args in [&["init"][..], &["init", "--yes", "--mcp"], &["init", "--test-command", "cargo test"]] {
        let screen = kitchen.run(args).exits(0);
        assert!(screen.err.contains("set up already"), "{screen}");
        assert_eq!(times(&kitchen), before);
        assert_same(&tree, &kitchen.tree());
    }
    assert_snapshot!("init_again", kitchen.run(["init", "--yes"]).exits(0));
}

/// The diff of a dry run is what the real one does, word for word.
#[test]
fn a_dry_run_shows_what_would_happen() {
    let kitchen = project();
    kitchen.write(".mcp.json", "{\n  \"mcpServers\": {\n    \"other\": { \"command\": \"x\" }\n  }\n}\n");
    kitchen.write(CONFIG, "# ours\nmodel: {default: opus} # for now");
    let before = kitchen.tree();
    let args = ["init", "--mcp", "--test-command", "make check", "--dry-run"];
    let dry = kitchen.run(args).exits(0);
    assert_same(&before, &kitchen.tree());
    let schema = dry.out.find("diff --git a/.autoskillit/config.schema.json").unwrap();
    let rest = dry.out.find("diff --git a/.autoskillit/.gitignore").unwrap();
    assert_snapshot!(
        "init_dry_run",
        kitchen.filtered(&format!("{}[…]\n{}\n{}", &dry.out[..schema], &dry.out[rest..], dry.err))
    );

    let patch = kitchen.root().join("patch");
    std::fs::write(&patch, &dry.out).unwrap();
    kitchen.run(&args[..4]).exits(0);
    let written = own(&kitchen);
    kitchen.git(["apply", "--reverse", patch.to_str().unwrap()]);
    let files = |tree: &Tree| -> Tree {
        tree.iter().filter(|(path, _)| path.is_file()).map(|(a, b)| (a.clone(), b.clone())).collect()
    };
    let without_git = |tree: Tree| -> Tree {
        tree.into_iter()
            .filter(|(path, _)| !path.components().any(|part| part.as_os_str() == ".git"))
            .collect()
    };
    assert_same(&files(&without_git(before)), &files(&own(&kitchen)));
    kitchen.git(["apply", patch.to_str().unwrap()]);
    assert_same(&files(&written), &files(&own(&kitchen)));
    assert_eq!(
        kitchen.run(["init", "--dry-run", "--mcp"]).exits(0).out,
        "",
        "and then there is nothing to do"
    );
}

#[test]
fn what_a_person_wrote_stays() {
    let kitchen = project();
    let text = "# Our settings.\n\ntest_check:   # slow\n    timeout: 20m   # on the old machine\n    command: make check\n\n# The end.\n";
    let file = kitchen.write(CONFIG, text);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    kitchen.write(".autoskillit/.gitignore", "/runs/\n");
    assert_snapshot!("init_fills", kitchen.run(["init"]).exits(0));
    assert_snapshot!("init_keeps_comments", kitchen.read(CONFIG));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(kitchen.read(".autoskillit/.gitignore"), "/runs/\n");
    // A test command that was said is what counts; the rest of the file does not move.
    let before = kitchen.read(CONFIG);
    kitchen.run(["init", "--test-command", "make 'quick check'"]).exits(0);
    assert_eq!(
        kitchen.read(CONFIG),
        before.replace("command: make check", "command: \"make 'quick check'\"")
    );
}

#[test]
fn a_linked_settings_file_stays_a_link() {
    let kitchen = project();
    let real = kitchen.root().join("dotfile.yaml");
    std::fs::write(&real, "model: {default: opus}\n").unwrap();
    std::fs::create_dir(kitchen.path().join(".autoskillit")).unwrap();
    let link = kitchen.path().join(CONFIG);
    std::os::unix::fs::symlink(&real, &link).unwrap();
    kitchen.run(["init", "--yes"]).exits(0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().contains("default_repo: kitchen/soup"));
    std::fs::remove_file(&real).unwrap();
    assert_snapshot!("init_dangling_link", kitchen.refused(&["init", "--yes"]).exits(4));
}

#[test]
fn the_mcp_server_is_registered_when_asked_for() {
    let kitchen = project();
    kitchen.run(["init", "--yes"]).exits(0);
    assert!(!kitchen.path().join(".mcp.json").exists(), "not without being asked");
    assert_snapshot!("init_mcp", kitchen.run(["init", "--mcp"]).exits(0));
    let written: serde_json::Value = serde_json::from_str(&kitchen.read(".mcp.json")).unwrap();
    let server = json!({ "command": "autoskillit", "args": ["serve"] });
    assert_eq!(written, json!({ "mcpServers": { "autoskillit": server } }));

    let others = "{\n\t\"mcpServers\": {\n\t\t\"z\": {\"command\": \"z\", \"args\": [ \"-y\" ]},\n\t\t\"a\": {}\n\t},\n\t\"x\": 1.0\n}\n";
    kitchen.write(".mcp.json", others);
    kitchen.run(["init", "--mcp"]).exits(0);
    assert_eq!(
        kitchen.read(".mcp.json").replace(
            ",\n\t\t\"autoskillit\": {\n\t\t\t\"command\": \"autoskillit\",\n\t\t\t\"args\": [\n\t\t\t\t\"serve\"\n\t\t\t]\n\t\t}",
            ""
        ),
        others
    );

    let theirs = "{\"mcpServers\": {\"autoskillit\": {\"command\": \"/opt/autoskillit\"}}}";
    kitchen.write(".mcp.json", theirs);
    assert_snapshot!("init_mcp_of_theirs", kitchen.run(["init", "--mcp"]).exits(0));
    assert_eq!(kitchen.read(".mcp.json"), theirs);
}

/// Whatever is wrong is said before anything is written.
#[test]
fn faulty_files() {
    let said = |path: &str, text: &[u8], args: &[&str]| {
        let kitchen = project();
        kitchen.write(path, text);
        kitchen.refused(args).exits(2).to_string()
    };
    assert_snapshot!("init_broken_yaml", said(CONFIG, b"test_check: [\n", &["init", "--yes"]));
    assert_snapshot!("init_unknown_key", said(CONFIG, b"test_chek:\n  command: x\n", &["init", "--yes"]));
    assert_snapshot!("init_not_utf8", said(CONFIG, b"model:\n  default: \xe8\n", &["init", "--yes"]));
    assert_snapshot!(
        "init_broken_mcp",
        said(".mcp.json", b"{\n  \"mcpServers\": {\n    \"a\": {},\n  }\n}\n", &["init", "--mcp"])
    );
    assert_snapshot!(
        "init_odd_mcp",
        said(".mcp.json", b"{\"mcpServers\": []}", &["init", "--mcp", "--dry-run"])
    );
    // Who does not ask for the entry is not bothered with its file.
    let kitchen = project();
    kitchen.write(".mcp.json", "not json");
    kitchen.run(["init", "--yes"]).exits(0);
}

#[test]
fn folders_that_cannot_be_set_up() {
    let outside = Kitchen::empty();
    assert_snapshot!("init_outside", outside.refused(&["init"]).exits(4));
    let bare = Kitchen::empty();
    bare.git(["init", "--quiet", "--bare"]);
    assert_snapshot!("init_bare", bare.refused(&["init", "--yes"]).exits(4));
    let taken = Kitchen::repository();
    taken.write(".autoskillit", "a file\n");
    assert_snapshot!("init_folder_taken", taken.refused(&["init", "--yes"]).exits(4));
    let folder = Kitchen::repository();
    std::fs::create_dir_all(folder.path().join(CONFIG)).unwrap();
    assert_snapshot!("init_config_is_a_folder", folder.refused(&["init", "--yes"]).exits(4));
}

#[test]
fn options_that_make_no_sense() {
    let kitchen = project();
    assert_snapshot!("init_empty_test_command", kitchen.refused(&["init", "--test-command", " "]).exits(2));
    assert_snapshot!(
        "init_with_config",
        kitchen.refused(&["init", "--config", "model.default=opus"]).exits(2)
    );
}

/// Whatever a disk refuses, nothing is left half done.
#[test]
fn disks_that_cannot_be_written_to() {
    if !can_mount() {
        return;
    }
    let kitchen = project();
    let before = kitchen.tree();
    let screen = kitchen.screen(&mut kitchen.mounted(&format!("{READ_ONLY} && exec \"$0\" init --yes")));
    assert_snapshot!("init_read_only", screen.exits(4));
    assert_same(&before, &kitchen.tree());
    let full = "
mkdir ../small && mount -t tmpfs -o size=512k none ../small && cp -R . ../small && cd ../small || exit 99
cat /dev/zero > water 2>/dev/null
\"$0\" init --yes; echo \"init: $?\"
ls -A";
    let screen = kitchen.screen(&mut kitchen.mounted(full));
    assert_eq!(screen.out, "init: 4\n.git\nCargo.toml\nREADME.md\nsrc\nwater\n", "{screen}");
    assert!(screen.err.contains("the disk is full"), "{screen}");
    // With an .mcp.json that cannot be replaced, what was written before it is taken back.
    let stuck = "
echo '{}' > .mcp.json && touch ../lid && mount --bind ../lid .mcp.json || exit 99
\"$0\" init --yes --mcp; echo \"init: $?\"
ls -A";
    let screen = kitchen.screen(&mut kitchen.mounted(stuck));
    assert_eq!(screen.out, "init: 4\n.git\n.mcp.json\nCargo.toml\nREADME.md\nsrc\n", "{screen}");
}

/// Below the top, in a further worktree and in a submodule, the checkout that one stands in is meant.
#[test]
fn which_checkout() {
    let kitchen = project();
    let screen = kitchen.screen(kitchen.command(["init", "--yes"]).current_dir(kitchen.path().join("src")));
    assert_snapshot!("init_below_the_top", screen.exits(0));
    assert!(!kitchen.path().join("src/.autoskillit").exists());

    let kitchen = project();
    let worktree = kitchen.root().join("worktree");
    kitchen.git(["worktree", "add", "--quiet", "-b", "broth", worktree.to_str().unwrap()]);
    kitchen.screen(kitchen.command(["init", "--yes"]).current_dir(&worktree)).exits(0);
    assert!(worktree.join(CONFIG).is_file() && !kitchen.path().join(CONFIG).exists());
    // The branch that work starts from is not the one of the worktree.
    assert!(std::fs::read_to_string(worktree.join(CONFIG)).unwrap().contains("default_base_branch: main\n"));

    let kitchen = project();
    let from = kitchen.path().to_str().unwrap().to_owned();
    kitchen.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &from, "part"]);
    let part = kitchen.path().join("part");
    kitchen.screen(kitchen.command(["init", "--yes", "-C", "part"]).current_dir(kitchen.path())).exits(0);
    assert!(part.join(CONFIG).is_file() && !kitchen.path().join(CONFIG).exists());
}

/// What the remote says of its branch, and where it is.
#[test]
fn what_is_found_about_the_remote() {
    let found = |url: &str| {
        let kitchen = project();
        kitchen.git(["remote", "set-url", "origin", url]);
        let screen = kitchen.run(["init", "--dry-run"]).exits(0);
        assert!(!format!("{screen}").contains("s3cr3t"), "{screen}");
        screen.err.lines().find(|line| line.contains("GitHub")).unwrap().trim().to_owned()
    };
    let all = [
        "git@github.com:kitchen/soup.git",
        "ssh://git@ssh.github.com:443/kitchen/soup",
        "https://cook:s3cr3t@github.example.com/kitchen/soup.git",
        "https://github.com/kitchen",
        "/srv/soup.git",
    ]
    .map(found);
    assert_snapshot!("init_remotes", all.join("\n"));

    let upstream = project();
    upstream.git(["branch", "--move", "main", "trunk"]);
    let clone = Kitchen::named("clone");
    let from = upstream.path().to_str().unwrap().to_owned();
    clone.git(["clone", "--quiet", &from, "."]);
    clone.git(["checkout", "--quiet", "-b", "broth"]);
    clone.run(["init", "--yes"]).exits(0);
    assert!(clone.read(CONFIG).contains("  # Where work starts from and goes back to (what origin has checked out).\n  default_base_branch: trunk\n"));
}

#[test]
fn a_settings_file_that_git_ignores() {
    let kitchen = project();
    kitchen.write(".gitignore", ".autoskillit\n");
    assert_snapshot!("init_ignored", kitchen.run(["init", "--yes"]).exits(0));
}

#[test]
fn nothing_is_known_of_it() {
    let kitchen = Kitchen::empty();
    kitchen.git(["init", "--quiet", "--initial-branch=main"]);
    assert_snapshot!("init_unknown_project", kitchen.run(["init"]).exits(0));
    assert!(kitchen.read(CONFIG).contains("  # command: make check\n"), "{}", kitchen.read(CONFIG));
    kitchen.run(["config", "validate"]).exits(0);
}

/// A repository may be called anything.
#[test]
fn odd_folder_names() {
    for name in ["with blanks", "it's \"quoted\"", "Küche", "-rf", "$(touch x);#", "line\nbreak"] {
        let kitchen = Kitchen::named(name).with_commit();
        kitchen.run(["init", "--yes"]).exits(0);
        assert!(kitchen.read(CONFIG).contains("default_base_branch: main"), "{name:?}");
        // The commands that are proposed are ones that a shell takes, also from elsewhere.
        let elsewhere = kitchen
            .screen(kitchen.command(["init", "--json", "-C"]).arg(kitchen.path()).current_dir("/"))
            .exits(0);
        let report = &elsewhere.json()[0];
        assert_eq!(report["repository"], kitchen.path().to_str().unwrap(), "{name:?}");
        let command = report["next"][0]["command"].as_str().unwrap();
        let said = command.replace("config set test_check.command 'make check'", "config path");
        let bin = std::path::Path::new(env!("CARGO_BIN_EXE_autoskillit")).parent().unwrap();
        let mut shell = Command::new("sh");
        kitchen
            .quiet_env(&mut shell)
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .args(["-c", &said]);
        assert!(shell.current_dir("/").output().unwrap().status.success(), "{said}");
    }
}

#[test]
fn the_result_for_programs() {
    let kitchen = project();
    let dry = kitchen.run(["init", "--dry-run", "--json"]).exits(0);
    assert_eq!(dry.err, "");
    let report = &dry.json()[0];
    assert_eq!(report["dry_run"], true);
    assert!(report["files"][0]["after"].as_str().unwrap().contains("command: cargo test\n"));
    assert!(!kitchen.path().join(".autoskillit").exists());
    let screen = kitchen.run(["init", "--json", "--mcp"]).exits(0);
    assert_snapshot!("init_json", kitchen.filtered(&format!("{:#}", screen.json()[0])));
    let quiet: Screen = project().run(["init", "--quiet"]).exits(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

/// Of two programs, each finds nothing, the files that it would write itself, or a mix, which it says.
#[test]
fn two_at_once() {
    let kitchen = project();
    let both = [
        kitchen.command(["init", "--yes"]).spawn().unwrap(),
        kitchen.command(["init", "--yes"]).spawn().unwrap(),
    ];
    let ends: Vec<Screen> = both.into_iter().map(|child| kitchen.finish(child)).collect();
    assert!(ends.iter().any(|screen| screen.code == Some(0)), "{}{}", ends[0], ends[1]);
    for screen in ends.iter().filter(|screen| screen.code != Some(0)) {
        assert!(screen.err.contains("was changed meanwhile"), "{screen}");
    }
    kitchen.run(["config", "validate"]).exits(0);
    assert!(kitchen.run(["init"]).exits(0).err.contains("set up already"));
}
