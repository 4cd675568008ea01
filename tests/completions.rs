//! Completion in real shells: what is typed goes through readline, zle and fish, and what they make of it is looked at.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use autoskillit::cli::completions;
use rexpect::session::{PtySession, spawn_command};

const RECIPE: &str = "\
name: ship
description: 'Ships: all of it'
ingredients:
  color:
    description: A colour
    choices: [red, green]
    default: red
  loud:
    description: Whether everybody hears it
    type: bool
    default: false
  notes:
    description: What to say
    type: path
    required: true
  times:
    description: How often
    type: int
    default: 3
  secret:
    hidden: true
    default: ''
steps:
  end:
    stop: { status: failed, message: no }
";

/// What is typed behind the program's name, and what must be offered, in this order. Of `key=value` only the value is told.
const CASES: &[(&str, &[&str])] = &[
    ("rec", &["recipes"]),
    ("cook f", &["fix-tests"]),
    ("cook ", &["ship", "fix-tests", "hello"]),
    ("order sh", &["ship"]),
    ("recipes check b", &["broken"]),
    ("recipes show h", &["hello"]),
    ("recipes render h", &["hello"]),
    ("recipes test h", &["hello"]),
    ("recipes simulate h", &["hello"]),
    ("cook ship ", &["color=", "loud=", "notes=", "times="]),
    ("cook ship loud=true ", &["color=", "notes=", "times="]),
    ("cook ship --json lo", &["loud="]),
    ("cook ship loud=", &["true", "false"]),
    ("cook ship color=r", &["red"]),
    ("cook ship --set times=", &["3"]),
    ("cook ship notes=RE", &["README.md"]),
    ("cook ship secret", &[]),
    ("cook broken k", &[]),
    ("cook ship --allow", &["--allow-dirty"]),
    ("cook --rehearse ", &["fix-tests", "hello", "made-up"]),
    ("cook --rehearse=m", &["made-up"]),
    ("cook hello --resume ", &[RESUMABLE]),
    ("cook --resume ", &[RESUMABLE]),
    ("cook --resume 2026", &[RESUMABLE]),
    ("runs show ", &[RESUMABLE, ENDED]),
    ("runs why ", &[RESUMABLE, ENDED]),
    ("runs why 20260101-080000-aaaa ", &["bake"]),
    ("-C nowhere cook s", &["ship"]),
    ("cook ./ot", &["./other/"]),
    ("cook ./other/m", &["./other/mine.yaml"]),
    ("cook ./other/mine.yaml ", &["flag="]),
    ("completions z", &["zsh"]),
];

const ENDED: &str = "20260101-080000-aaaa";
const RESUMABLE: &str = "20260102-080000-bbbb";

/// A repository with recipes and runs.
struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = Self { dir };
        repository.write("repo/.git/HEAD", "ref: refs/heads/main\n");
        repository.write("repo/README.md", "");
        repository.write("repo/.autoskillit/recipes/ship.yaml", RECIPE);
        repository.write("repo/.autoskillit/recipes/broken.yaml", ": [\n");
        let mine = "name: mine\ndescription: x\ningredients:\n  flag:\n    default: ''\nsteps:\n  end:\n    stop: { status: failed, message: no }\n";
        repository.write("repo/other/mine.yaml", mine);
        repository.write("repo/odd/.git/HEAD", "ref: refs/heads/main\n");
        repository.write("repo/odd/.autoskillit/recipes/a b: c.yaml", &mine.replace("mine", "'a b: c'"));
        let started = r#"{"schema_version":1,"seq":1,"at":"2026-01-01T08:00:00Z","event":"run_started","run_id":"RUN","recipe":"ship","description":"","recipe_hash":"","source":"project","orchestrator":"engine","repository":"/","inputs":{},"permissions":"bypass","branch":null,"commit":null,"dirty":false,"rehearsal":null,"autoskillit_version":"0.1.0"}"#;
        let step = r#"{"schema_version":1,"seq":2,"at":"2026-01-01T08:00:00Z","event":"step_started","step":"bake","visit":1,"attempt":1,"tool":"run_cmd","what":"","params":{},"session":null,"continues":false}"#;
        let ended = r#"{"schema_version":1,"seq":3,"at":"2026-01-01T08:00:01Z","event":"run_ended","status":"succeeded","reason":"","step":"end","resumable":false,"fault":null}"#;
        repository.run(ENDED, &[started, step, ended]);
        repository.run(RESUMABLE, &[started]);
        repository
    }

    fn run(&self, id: &str, lines: &[&str]) {
        let journal = lines.join("\n").replace("RUN", id) + "\n";
        self.write(&format!("repo/.autoskillit/runs/{id}/journal.ndjson"), &journal);
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A command in the repository that finds the program under test first and nothing of the user's.
    fn command(&self, program: &str) -> Command {
        let mut path = vec![Path::new(env!("CARGO_BIN_EXE_autoskillit")).parent().unwrap().to_owned()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path().join("repo"))
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.dir.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm");
        command
    }

    fn ask(&self, words: &[&str]) -> Vec<String> {
        let mut command = self.command("autoskillit");
        command.args([completions::MODE, &words.len().to_string(), "autoskillit"]).args(words);
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    fn files(&self) -> Vec<(PathBuf, Option<std::time::SystemTime>)> {
        let entries =
            walkdir::WalkDir::new(self.dir.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        entries
            .map(|entry| {
                let modified = entry.metadata().unwrap().modified().ok();
                (entry.into_path(), modified)
            })
            .collect()
    }
}

/// Whether a shell is here. Where it must be, it is an error that it is not.
fn have(shell: &str) -> bool {
    if Command::new(shell).arg("--version").output().is_ok() {
        return true;
    }
    let required = std::env::var("AUTOSKILLIT_REQUIRE_SHELLS").is_ok_and(|value| value == "1")
        || std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!required, "{shell} is missing, and it is required here");
    eprintln!("SKIPPED: completion in {shell}, which is not installed");
    false
}

fn script(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(file).to_str().unwrap().to_owned()
}

/// What was offered, of a line in which all offers were inserted for the last word of `typed`.
fn inserted<'line>(line: &'line str, typed: &str) -> Vec<&'line str> {
    let kept = typed.rfind(' ').map_or(0, |at| at + 1);
    let words = line.get(kept..).unwrap_or_default().split_whitespace();
    words.filter(|word| *word != &typed[kept..]).map(value).collect()
}

/// `value` of `key=value`, else the word.
fn value(word: &str) -> &str {
    match word.split_once('=') {
        Some((_, value)) if !value.is_empty() => value,
        _ => word,
    }
}

/// A shell at a terminal, in which Ctrl-G tells the line and clears it.
struct Terminal {
    session: PtySession,
}

impl Terminal {
    fn open(mut command: Command, set_up: &str) -> Self {
        command.env("PS1", "").env("PROMPT_COMMAND", "");
        let mut session = spawn_command(command, Some(20_000)).unwrap();
        // Written so that the echo of what is typed is not taken for its output.
        session.send_line(&format!("{set_up}; printf 'SET%s\\n' -UP")).unwrap();
        session.exp_string("SET-UP").unwrap();
        Self { session }
    }

    /// The line after `keys`.
    fn line(&mut self, keys: &str) -> String {
        self.session.send(keys).unwrap();
        self.session.send("\x07").unwrap();
        self.session.flush().unwrap();
        self.session.exp_string("LINE<").unwrap();
        self.session.exp_string(">ENIL").unwrap()
    }

    /// Interactive shells do not end for SIGTERM.
    fn close(mut self) {
        self.session.send_line("exit").unwrap();
        self.session.exp_eof().unwrap();
    }

    fn check_all(&mut self, shell: &str, all: &str) {
        for (typed, expected) in CASES {
            let typed = format!("autoskillit {typed}");
            let line = self.line(&format!("{typed}{all}"));
            let (mut found, mut expected) = (inserted(&line, &typed), expected.to_vec());
            // zsh groups what has a description and what has none.
            if shell == "zsh" {
                found.sort_unstable();
                expected.sort_unstable();
            }
            assert_eq!(found, expected, "{shell}: {typed}: {line}");
        }
    }

    /// One Tab, and what the line is then.
    fn check_tab(&mut self, shell: &str, cases: &[(&str, &str)]) {
        for (typed, expected) in cases {
            assert_eq!(self.line(&format!("{typed}\t")), *expected, "{shell}: {typed}");
        }
    }
}

/// What a Tab makes of a line: a blank where the word is done, none where one goes on typing.
const TABS: &[(&str, &str)] = &[
    ("autoskillit cook f", "autoskillit cook fix-tests "),
    ("autoskillit cook ship no", "autoskillit cook ship notes="),
    ("autoskillit cook ship color=g", "autoskillit cook ship color=green "),
    ("autoskillit cook ./ot", "autoskillit cook ./other/"),
    ("autoskillit -C odd cook a", "autoskillit -C odd cook a\\ b:\\ c "),
    ("autoskillit -C odd cook a\\ b:", "autoskillit -C odd cook a\\ b:\\ c "),
    ("autoskillit -C odd cook a\\ b:\\ c f", "autoskillit -C odd cook a\\ b:\\ c flag="),
    ("autoskillit -C odd cook 'a b: c' f", "autoskillit -C odd cook 'a b: c' flag="),
    ("autoskillit cook ship notes=a\\ ", "autoskillit cook ship notes=a\\ file.txt "),
];

#[test]
fn bash() {
    if !have("bash") {
        return;
    }
    let repository = Repository::new();
    repository.write("repo/a file.txt", "");
    let mut command = repository.command("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    let set_up = format!(
        r#"bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; bind -x '"\C-g": printf "LIN%s<%s>ENIL\n" E "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0'; source {}"#,
        script("autoskillit.bash")
    );
    let mut terminal = Terminal::open(command, &set_up);
    // `\e*` inserts every completion.
    terminal.check_all("bash", "\x1b*");
    terminal.check_tab("bash", TABS);
    let quoted = ("autoskillit cook ship notes='RE", "autoskillit cook ship notes='README.md'");
    let name = ("autoskillit -C odd cook 'a b:", "autoskillit -C odd cook 'a b: c'");
    terminal.check_tab("bash", &[quoted, name]);
    terminal.close();
}

#[test]
fn zsh() {
    if !have("zsh") {
        return;
    }
    let repository = Repository::new();
    repository.write("repo/a file.txt", "");
    repository.write(".zfunc/_autoskillit", &completions::script(clap_complete::Shell::Zsh));
    for loading in [
        "fpath+=(~/.zfunc); autoload -Uz compinit; compinit -D -u".to_owned(),
        format!("autoload -Uz compinit; compinit -D -u; source {}", script("_autoskillit")),
    ] {
        let mut command = repository.command("zsh");
        command.args(["-f", "-i"]);
        let set_up = format!(
            "PROMPT=; unsetopt beep prompt_cr prompt_sp zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste; bindkey -e; \
             tell() {{ print -r -- \"LIN${{:-E}}<$BUFFER>ENIL\"; BUFFER=; zle -I }}; zle -N tell; bindkey '^G' tell; \
             every() {{ _main_complete; compstate[insert]=all; compstate[list]= }}; {loading}; \
             zle -C every complete-word every; bindkey '^X^A' every; bindkey '^I' complete-word; setopt no_auto_menu no_auto_list"
        );
        let mut terminal = Terminal::open(command, &set_up);
        terminal.check_all("zsh", "\x18\x01");
        terminal.check_tab("zsh", TABS);
        let quoted = ("autoskillit cook ship notes='RE", "autoskillit cook ship notes=README.md ");
        terminal.check_tab("zsh", &[quoted]);
        terminal.close();
    }
}

#[test]
fn fish() {
    if !have("fish") {
        return;
    }
    let repository = Repository::new();
    let mut ask = format!("source {}", script("autoskillit.fish"));
    for (typed, _) in CASES {
        ask.push_str(&format!("; complete -C 'autoskillit {typed}'; echo END"));
    }
    let output = repository.command("fish").args(["--no-config", "-c", &ask]).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for ((typed, expected), answer) in CASES.iter().zip(text.split("END\n")) {
        let found: Vec<&str> = answer.lines().map(|line| value(line.split('\t').next().unwrap())).collect();
        assert_eq!(found, *expected, "fish: {typed}");
    }
}

#[test]
fn offers_say_what_they_are() {
    let repository = Repository::new();
    assert_eq!(repository.ask(&["cook", "ship", "lo"]), ["loud=\tWhether everybody hears it"]);
    assert_eq!(repository.ask(&["cook", "ship", "n"]), ["notes=\tWhat to say (required)"]);
    assert_eq!(repository.ask(&["cook", "ship", "color="]), ["color=red\tthe default", "color=green\t"]);
    assert_eq!(repository.ask(&["cook", "--resume", ""]), [format!("{RESUMABLE}\tship, crashed")]);
}

#[test]
fn outside_a_repository_the_bundled_recipes_are_offered() {
    let repository = Repository::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let here = elsewhere.path().to_str().unwrap();
    let names = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(repository.ask(&["-C", here, "cook", ""])), ["fix-tests", "hello"]);
    assert_eq!(names(repository.ask(&["-C", "/no/such/folder", "cook", ""])), ["fix-tests", "hello"]);
    assert!(repository.ask(&["-C", here, "runs", "show", "2"]).is_empty());
}

#[test]
fn asking_changes_nothing_and_nonsense_is_no_error() {
    let repository = Repository::new();
    let before = repository.files();
    for (typed, _) in CASES {
        repository.ask(&typed.split(' ').collect::<Vec<_>>());
    }
    for words in
        [&["nonsense", ""][..], &["cook", "--nonsense", "ship", ""], &["cook", "no-such", "x="], &["--"], &[]]
    {
        let mut command = repository.command("autoskillit");
        command.args([completions::MODE, "7", "autoskillit"]).args(words);
        let output = command.output().unwrap();
        assert!(output.stderr.is_empty() && output.status.success(), "{words:?}: {output:?}");
    }
    assert_eq!(repository.files(), before);
}

#[test]
fn the_program_prints_the_scripts_of_the_repository() {
    let repository = Repository::new();
    let files = [
        ("bash", "autoskillit.bash"),
        ("zsh", "_autoskillit"),
        ("fish", "autoskillit.fish"),
        ("elvish", "autoskillit.elv"),
        ("powershell", "autoskillit.ps1"),
    ];
    for (shell, file) in files {
        let output = repository.command("autoskillit").args(["completions", shell]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.trim_end(), fs::read_to_string(script(file)).unwrap().trim_end(), "{shell}");
    }
}
