//! `autoskillit init` with a person at the terminal.

use insta::assert_snapshot;

use crate::binary::{Kitchen, READ_ONLY, assert_same, can_mount};
use crate::pty::Pty;

const CTRL_C: &str = "\u{3}";
const ESC: &str = "\u{1b}";
const QUESTION: &str = "? Test command › ";

const CONFIG: &str = ".autoskillit/config.yaml";

/// A project in Go.
fn project() -> Kitchen {
    stocked(Kitchen::repository())
}

fn stocked(kitchen: Kitchen) -> Kitchen {
    kitchen.write("go.mod", "module soup\n");
    kitchen.write("soup.go", "package soup\n");
    kitchen
}

/// Answers both questions with what is proposed, and gives the screen.
#[track_caller]
fn agreed(kitchen: &Kitchen, mut pty: Pty) -> String {
    pty.asks("Test command");
    pty.types("\r");
    pty.asks("Register it?");
    pty.types("\r");
    assert_eq!(pty.ends(), 0, "{}", pty.text());
    pty.is_tidy();
    kitchen.filtered(&pty.text())
}

#[test]
fn what_is_proposed_is_taken() {
    for columns in [100, 40] {
        let kitchen = project();
        let text = agreed(&kitchen, Pty::cook(&kitchen, &["init"], columns));
        assert_snapshot!(format!("init_{columns}"), text);
        assert!(kitchen.read(CONFIG).contains("  command: go test ./...\n"));
        assert!(!kitchen.path().join(".mcp.json").exists());
    }
}

#[test]
fn another_answer_is_typed() {
    let kitchen = project();
    let mut pty = Pty::cook(&kitchen, &["init"], 80);
    pty.asks("› go test ./...");
    let kept = format!("{QUESTION}go test ");
    pty.erases(&kept, "./...");
    pty.writes(&kept, "-race ./...");
    pty.types("\r");
    pty.asks("Register it?");
    pty.types("y");
    assert_eq!(pty.ends(), 0, "{}", pty.text());
    pty.is_tidy();
    assert_snapshot!(kitchen.filtered(&pty.text()));
    assert!(kitchen.read(CONFIG).contains("  command: go test -race ./...\n"), "{}", kitchen.read(CONFIG));
    assert!(kitchen.read(".mcp.json").contains("\"serve\""));
}

/// An answer that cannot be a command is asked for again.
#[test]
fn no_command() {
    let kitchen = project();
    let mut pty = Pty::cook(&kitchen, &["init"], 80);
    pty.asks("› go test ./...");
    pty.erases(QUESTION, "go test ./...");
    pty.writes(QUESTION, "[{a: b}]");
    pty.types("\r");
    pty.shows("warning:");
    pty.asks("? Test command › go test ./...");
    pty.types("\r");
    pty.asks("Register it?");
    pty.types("n");
    assert_eq!(pty.ends(), 0, "{}", pty.text());
    assert_snapshot!("init_no_command", kitchen.filtered(&pty.text()));
}

/// An answer that is taken away is an answer.
#[test]
fn no_test_command() {
    let kitchen = project();
    let mut pty = Pty::cook(&kitchen, &["init"], 80);
    pty.asks("› go test ./...");
    pty.erases(QUESTION, "go test ./...");
    pty.types("\r");
    pty.asks("Register it?");
    pty.types("n");
    assert_eq!(pty.ends(), 0, "{}", pty.text());
    assert!(kitchen.read(CONFIG).contains("  # command: make check\n"), "{}", kitchen.read(CONFIG));
    pty.shows("autoskillit config set test_check.command");
}

#[test]
fn rather_not() {
    for (answers, key, name) in [
        (&[][..], CTRL_C, "init_left_at_the_first"),
        (&["Test command"], CTRL_C, "init_left_at_the_second"),
        (&["Test command"], ESC, "init_left_with_escape"),
    ] {
        let kitchen = project();
        let before = kitchen.tree();
        let mut pty = Pty::cook(&kitchen, &["init"], 80);
        for question in answers {
            pty.asks(question);
            pty.types("\r");
        }
        pty.asks(if answers.is_empty() { "Test command" } else { "Register it?" });
        pty.types(key);
        assert_eq!(pty.ends(), 130, "{}", pty.text());
        pty.is_tidy();
        assert_snapshot!(name, kitchen.filtered(&pty.text()));
        assert_same(&before, &kitchen.tree());
    }
}

/// A file that is there is not touched without being asked for.
#[test]
fn what_a_file_lacks_is_offered() {
    for (key, name) in [("y", "init_offer_taken"), ("n", "init_offer_left")] {
        let kitchen = project();
        kitchen.write(CONFIG, "# ours\nmodel: {default: opus}\n");
        let mut pty = Pty::cook(&kitchen, &["init"], 80);
        pty.asks("Add that?");
        pty.types(key);
        assert_eq!(pty.ends(), 0, "{}", pty.text());
        pty.is_tidy();
        assert_snapshot!(name, kitchen.filtered(&pty.text()));
        let text = kitchen.read(CONFIG);
        assert_eq!(text.contains("go test"), key == "y", "{text}");
        assert!(text.contains("# ours\nmodel: {default: opus}\n"), "{text}");
    }
}

/// Once everything is there, nothing is asked.
#[test]
fn a_second_time() {
    let kitchen = project();
    agreed(&kitchen, Pty::cook(&kitchen, &["init"], 80));
    let mut pty = Pty::cook(&kitchen, &["init"], 80);
    assert_eq!(pty.ends(), 0);
    assert_snapshot!(kitchen.filtered(&pty.text()));
}

/// A file that changes while the questions are open is not overwritten.
#[test]
fn a_file_that_comes_meanwhile() {
    let kitchen = project();
    let mut pty = Pty::cook(&kitchen, &["init"], 80);
    pty.asks("Test command");
    kitchen.write(CONFIG, "model: {default: opus}\n");
    pty.types("\r");
    pty.asks("Register it?");
    pty.types("n");
    assert_eq!(pty.ends(), 4);
    assert_snapshot!(kitchen.filtered(&pty.text()));
    assert_eq!(kitchen.read(CONFIG), "model: {default: opus}\n");
}

/// A dry run asks nothing. On a terminal the diff is for reading: in colour, and without the text of the schema.
#[test]
fn a_dry_run() {
    let kitchen = project();
    kitchen.write(CONFIG, "# \u{202e}ours\nmodel: {default: opus}\n");
    let before = kitchen.tree();
    let mut pty = Pty::cook(&kitchen, &["init", "--dry-run"], 80);
    assert_eq!(pty.ends(), 0);
    pty.is_tidy();
    assert_snapshot!(kitchen.filtered(&pty.text()));
    let written = String::from_utf8(pty.bytes()).unwrap();
    assert!(written.contains("\u{1b}[32m+test_check:"), "{written:?}");
    assert!(!written.contains('\u{202e}'), "{written:?}");
    assert_same(&before, &kitchen.tree());
}

#[test]
fn an_empty_repository() {
    let kitchen = Kitchen::empty();
    kitchen.git(["init", "--quiet", "--initial-branch=main"]);
    assert_snapshot!("init_empty_repository", agreed(&kitchen, Pty::cook(&kitchen, &["init"], 80)));
}

#[test]
fn odd_paths() {
    let kitchen = stocked(Kitchen::named("Grandma's \"best\" soups/Süppchen").with_commit());
    let text = agreed(
        &kitchen,
        Pty::spawn(kitchen.command(["init", "-C"]).arg(kitchen.path()).current_dir("/"), 100),
    );
    assert_snapshot!("init_odd_path", text);
}

/// Nothing is committed, so nobody needs to be known to git.
#[test]
fn no_git_identity() {
    let kitchen = project();
    kitchen.git(["config", "--unset", "user.name"]);
    kitchen.git(["config", "--unset", "user.email"]);
    assert_snapshot!("init_no_identity", agreed(&kitchen, Pty::cook(&kitchen, &["init"], 80)));
}

#[test]
fn a_read_only_repository() {
    if !can_mount() {
        return;
    }
    let kitchen = project();
    let before = kitchen.tree();
    let mut pty = Pty::spawn(&mut kitchen.mounted(&format!("{READ_ONLY} && exec \"$0\" init")), 80);
    pty.asks("Test command");
    pty.types("\r");
    pty.asks("Register it?");
    pty.types("\r");
    assert_eq!(pty.ends(), 4);
    pty.is_tidy();
    assert_snapshot!("init_read_only_repository", kitchen.filtered(&pty.text()));
    assert_same(&before, &kitchen.tree());
}

/// The home has no part in it.
#[test]
fn a_read_only_home() {
    if !can_mount() {
        return;
    }
    let kitchen = project();
    let script = format!("(cd \"$HOME\" && {READ_ONLY}) && exec \"$0\" init");
    let text = agreed(&kitchen, Pty::spawn(&mut kitchen.mounted(&script), 80));
    assert_snapshot!("init_read_only_home", text);
}

#[test]
fn a_malformed_file() {
    let kitchen = project();
    kitchen.write(CONFIG, "session:\n  permissions: everything\ntest_check:\n  timeout: soon\n");
    let before = kitchen.tree();
    let mut pty = Pty::cook(&kitchen, &["init"], 80);
    assert_eq!(pty.ends(), 2);
    pty.is_tidy();
    assert_snapshot!("init_malformed", kitchen.filtered(&pty.text()));
    assert_same(&before, &kitchen.tree());
}
