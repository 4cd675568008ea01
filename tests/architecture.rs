//! Holds the shape of the house: a room uses only rooms below it, and a few rules that keep rooms readable. The order of the
//! rooms is that of `docs/architecture.md`.

#![expect(clippy::expect_used, reason = "sources that cannot be read should stop the test with words")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The rooms, top floor first.
const ROOMS: &[&str] = &[
    "cli",
    "server",
    "hooks",
    "app",
    "tools",
    "engine",
    "migration",
    "recipe",
    "catalog",
    "pipeline",
    "execution",
    "workspace",
    "github",
    "skills",
    "config",
    "core",
];

/// The most lines that a file has.
const LONGEST: usize = 600;

/// Files that may be longer, each with the reason.
const LONGER: &[(&str, &str)] = &[];

/// Macros that write to the terminal.
const PRINTS: &[&str] = &["println", "eprintln", "print", "eprint", "dbg"];

#[test]
fn a_room_uses_only_rooms_below_it() {
    let problems: Vec<String> = SOURCES
        .iter()
        .flat_map(|source| climbs(&source.name, &source.mentions))
        .map(|problem| problem.to_string())
        .collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn only_the_terminals_own_files_print_and_only_the_command_line_exits() {
    let problems: Vec<String> = SOURCES
        .iter()
        .flat_map(|source| liberties(&source.name, &source.mentions))
        .map(|problem| problem.to_string())
        .collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The files that start processes or open sockets, each with a reason in its `expect`: a server answers before any of them runs.
const REACHES_OUT: &[&str] = &[
    "src/execution/quota/source.rs",
    "src/execution/terminal.rs",
    "src/execution/warden/client.rs",
    "src/execution/warden/processes/ps.rs",
    "src/execution/warden/run.rs",
    "src/execution/warden/spawn.rs",
    "src/github/token.rs",
    "src/server/attach.rs",
    "src/workspace/git.rs",
];

#[test]
fn only_these_files_start_processes_or_open_sockets() {
    let lint = "clippy::disallowed_types";
    let exempt: Vec<&str> = SOURCES
        .iter()
        .filter(|source| source.text.lines().any(|line| line.contains(lint) && !line.contains("not(test)")))
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(
        exempt, REACHES_OUT,
        "whoever joins this list says why, and keeps off the way to a server's first answer"
    );
    for name in ["src/lib.rs", "src/main.rs"] {
        let source = SOURCES.iter().find(|source| source.name == name).expect("it is there");
        assert!(source.text.contains("warn(clippy::disallowed_types)"), "{name} turns the lint on");
    }
}

#[test]
fn the_map_lists_the_rooms_that_exist_from_top_to_bottom() {
    let mut folders: Vec<String> = std::fs::read_dir(root().join("src"))
        .expect("the sources can be listed")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    folders.sort_by_key(|folder| ROOMS.iter().position(|room| room == folder));
    for folder in &folders {
        assert!(ROOMS.contains(&folder.as_str()), "src/{folder}/ is no room of the design");
    }
    let map = std::fs::read_to_string(root().join("src/lib.rs")).expect("the map can be read");
    let listed: Vec<String> = syn::parse_file(&map)
        .expect("the map is Rust")
        .items
        .iter()
        .map(|item| match item {
            syn::Item::Mod(room) if room.content.is_none() => room.ident.to_string(),
            _ => panic!("src/lib.rs holds something else than the list of rooms"),
        })
        .collect();
    assert_eq!(listed, folders, "src/lib.rs lists every room once, in the order of the design");
}

#[test]
fn each_room_says_what_it_is_for() {
    for source in &*SOURCES {
        let room = source.name.strip_prefix("src/").and_then(|name| name.strip_suffix("/mod.rs"));
        if room.is_none_or(|room| room.contains('/')) {
            continue;
        }
        let words = source.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let words = words.collect::<Vec<_>>().join(" ");
        assert!(
            words.trim().chars().count() >= 40,
            "{} opens with too few words about the room: `{words}`",
            source.name
        );
    }
}

#[test]
fn files_stay_short_enough_to_be_read_at_once() {
    for source in &*SOURCES {
        let lines = source.text.lines().count();
        let listed = LONGER.iter().any(|(name, _)| *name == source.name);
        match (lines > LONGEST, listed) {
            (true, false) => panic!("{} has {lines} lines: move a part into a file of its own", source.name),
            (false, true) => panic!("{} has {lines} lines and need not be listed any more", source.name),
            _ => {}
        }
    }
    for (name, reason) in LONGER {
        assert!(!reason.is_empty(), "{name} needs a reason");
        assert!(SOURCES.iter().any(|source| source.name == *name), "{name} is listed and does not exist");
    }
}

/// One file below `src/`.
struct Source {
    /// Its path from the root of the repository, with `/`.
    name: String,
    text: String,
    mentions: Vec<Mention>,
}

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(sources);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let root = root();
    let sources: Vec<Source> = walkdir::WalkDir::new(root.join("src"))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("the sources can be walked").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            Source { mentions: mentions(&name, &text), name, text }
        })
        .collect();
    assert!(sources.len() > 20, "the walk found the sources");
    sources
}

/// A broken rule and its place.
struct Problem {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Every path of a file that leads to a room above its own.
fn climbs(file: &str, mentions: &[Mention]) -> Vec<Problem> {
    let home = module(file);
    let problem =
        |mention: &Mention, what: String| Problem { file: file.to_owned(), line: mention.line, what };
    let mut problems = Vec::new();
    for mention in mentions {
        let Some(target) = mention.target() else { continue };
        let path = mention.segments.join("::");
        let Some(named) = target.first().filter(|named| **named != "*") else {
            problems.push(problem(mention, format!("`{path}` takes the whole house: name the room")));
            continue;
        };
        let Some(floor) = ROOMS.iter().position(|room| room == named) else {
            problems.push(problem(mention, format!("`{path}`: `{named}` is no room")));
            continue;
        };
        let Some(own) = home.first() else { continue };
        let own_floor = ROOMS.iter().position(|room| room == own);
        if own != named && own_floor.is_none_or(|own_floor| floor < own_floor) {
            problems.push(problem(mention, format!("`{path}` climbs from {own} to {named}")));
        }
    }
    problems
}

/// Printing, exiting, unsafe code and sources pulled in from elsewhere, where they do not belong.
fn liberties(file: &str, mentions: &[Mention]) -> Vec<Problem> {
    let prints = file == "src/main.rs" || file.starts_with("src/cli/ui/");
    let exits = file == "src/main.rs" || file.starts_with("src/cli/");
    let mut problems = Vec::new();
    for mention in mentions {
        let last = mention.segments.last().map_or("", String::as_str);
        let what = if mention.called_as_macro && PRINTS.contains(&last) && !prints {
            format!("`{last}!` outside src/cli/ui")
        } else if mention.called_as_macro && last == "include" {
            "`include!` hides what a file holds".to_owned()
        } else if mention.segments.ends_with(&["process".to_owned(), "exit".to_owned()]) && !exits {
            "`process::exit` outside the command line".to_owned()
        } else if mention.segments == ["unsafe"] {
            "unsafe code".to_owned()
        } else if mention.segments == ["#[path]"] {
            "`#[path]` hides where a module lives".to_owned()
        } else {
            continue;
        };
        problems.push(Problem { file: file.to_owned(), line: mention.line, what });
    }
    problems
}

/// A path as it is written, or as it comes out of a `use` group.
struct Mention {
    segments: Vec<String>,
    line: usize,
    /// The module in which it is written.
    module: Vec<String>,
    /// Whether it brings a name into scope.
    used: bool,
    /// Whether `!` follows.
    called_as_macro: bool,
}

impl Mention {
    /// Where it leads, from the root of the house; `None` when it does not start from a place in it.
    fn target(&self) -> Option<Vec<&str>> {
        let (first, rest) = self.segments.split_first()?;
        // `pub(crate)` and `self.field` start nowhere.
        if rest.is_empty() && !self.used {
            return None;
        }
        let mut target: Vec<&str> = match first.as_str() {
            "crate" | "autoskillit" => Vec::new(),
            "self" | "super" => self.module.iter().map(String::as_str).collect(),
            _ => return None,
        };
        for segment in &self.segments {
            match segment.as_str() {
                "crate" | "autoskillit" | "self" => {}
                "super" => {
                    target.pop();
                }
                name => target.push(name),
            }
        }
        Some(target)
    }
}

/// The module that a file holds, from the root.
fn module(file: &str) -> Vec<String> {
    let path = Path::new(file.strip_prefix("src/").unwrap_or(file)).with_extension("");
    let mut module: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.len() == 1 || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

fn mentions(file: &str, text: &str) -> Vec<Mention> {
    if let Err(error) = syn::parse_file(text) {
        panic!("{file}:{}: {error}", error.span().start().line);
    }
    let tokens: TokenStream = text.parse().expect("what parses as a file has tokens");
    let mut scan = Scan { found: Vec::new() };
    scan.tokens(tokens, &module(file));
    scan.found
}

/// Reads tokens and not the syntax tree, so that what a macro is given counts like everything else.
struct Scan {
    found: Vec<Mention>,
}

impl Scan {
    fn tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), module);
                    at += 1;
                }
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let inner = usize::from(is_punct(trees.get(at + 1), '!'));
                    at += 1 + inner;
                    if let Some(TokenTree::Group(group)) = trees.get(at) {
                        self.attribute(group.stream(), module);
                        at += 1;
                    }
                }
                TokenTree::Ident(word) => {
                    match (word.to_string().as_str(), trees.get(at + 1), trees.get(at + 2)) {
                        ("mod", Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                            self.tokens(body.stream(), &[module, &[name.to_string()]].concat());
                            at += 3;
                        }
                        // `use<'a>` on a type captures lifetimes.
                        ("use", next, _) if !is_punct(next, '<') => {
                            at = self.use_tree(&trees, at + 1, Vec::new(), module);
                        }
                        ("extern", Some(TokenTree::Ident(next)), Some(TokenTree::Ident(name)))
                            if next == "crate" =>
                        {
                            let segments = vec![name.to_string().replace("self", "crate")];
                            self.add(segments, word.span(), module, true, false);
                            at += 3;
                        }
                        _ => at = self.path(&trees, at, module),
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
            }
        }
    }

    /// A path outside a `use`; returns the place behind it.
    fn path(&mut self, trees: &[TokenTree], start: usize, module: &[String]) -> usize {
        let mut segments = Vec::new();
        let mut at = start;
        while let Some(TokenTree::Ident(word)) = trees.get(at) {
            segments.push(plain(word));
            at += 1;
            match (trees.get(at), trees.get(at + 1), trees.get(at + 2)) {
                (Some(TokenTree::Punct(first)), second, Some(TokenTree::Ident(_)))
                    if first.as_char() == ':'
                        && first.spacing() == Spacing::Joint
                        && is_punct(second, ':') =>
                {
                    at += 2;
                }
                _ => break,
            }
        }
        let bang = is_punct(trees.get(at), '!') && matches!(trees.get(at + 1), Some(TokenTree::Group(_)));
        self.add(segments, trees[start].span(), module, false, bang);
        at
    }

    /// One tree of a `use`, up to its end or a comma; returns the place behind it.
    fn use_tree(
        &mut self,
        trees: &[TokenTree],
        start: usize,
        mut segments: Vec<String>,
        module: &[String],
    ) -> usize {
        let (mut at, mut grouped) = (start, false);
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Ident(word) if word == "as" => at += 1,
                TokenTree::Ident(word) => segments.push(plain(word)),
                TokenTree::Punct(punct) => match punct.as_char() {
                    '*' => segments.push("*".to_owned()),
                    ',' | ';' => break,
                    _ => {}
                },
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    grouped = true;
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let mut next = 0;
                    while next < inner.len() {
                        next = self.use_tree(&inner, next, segments.clone(), module) + 1;
                    }
                }
                TokenTree::Group(_) | TokenTree::Literal(_) => break,
            }
            at += 1;
        }
        if !grouped && let Some(first) = trees.get(start) {
            self.add(segments, first.span(), module, true, false);
        }
        at
    }

    /// Attributes name paths in texts too: `#[serde(with = "crate::core::ids")]`.
    fn attribute(&mut self, tokens: TokenStream, module: &[String]) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        match (trees.first(), is_punct(trees.get(1), '=')) {
            (Some(TokenTree::Ident(word)), true) if word == "doc" => return,
            (Some(TokenTree::Ident(word)), true) if word == "path" => {
                self.add(vec!["#[path]".to_owned()], word.span(), module, false, false);
            }
            _ => {}
        }
        self.texts(tokens.clone(), module);
        self.tokens(tokens, module);
    }

    fn texts(&mut self, tokens: TokenStream, module: &[String]) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.texts(group.stream(), module),
                TokenTree::Literal(literal) => {
                    let span = literal.span();
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                        && let Ok(path) = text.parse::<syn::Path>()
                    {
                        let segments = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
                        self.add(segments, span, module, false, false);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    fn add(
        &mut self,
        segments: Vec<String>,
        span: proc_macro2::Span,
        module: &[String],
        used: bool,
        called_as_macro: bool,
    ) {
        let line = span.start().line;
        self.found.push(Mention { segments, line, module: module.to_owned(), used, called_as_macro });
    }
}

fn is_punct(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// `r#type` means `type`.
fn plain(word: &proc_macro2::Ident) -> String {
    let word = word.to_string();
    word.strip_prefix("r#").unwrap_or(&word).to_owned()
}

mod the_check_itself {
    use super::{climbs, liberties, mentions};

    /// What is wrong with a file of the room `execution`.
    fn in_execution(text: &str) -> Vec<String> {
        let file = "src/execution/race.rs";
        climbs(file, &mentions(file, text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sees_every_way_up() {
        let cases = [
            ("use crate::cli::ui;", "`crate::cli::ui` climbs from execution to cli"),
            (
                "use crate::{core::ids, engine::{event, state as s}};",
                "`crate::engine::event` climbs from execution to engine",
            ),
            ("use {std::fmt, crate::cli};", "`crate::cli` climbs from execution to cli"),
            ("pub use crate::recipe::*;", "`crate::recipe::*` climbs from execution to recipe"),
            ("use crate::tools as t;", "`crate::tools` climbs from execution to tools"),
            ("use super::super::cli;", "`super::super::cli` climbs from execution to cli"),
            ("use super::{super::{server}};", "`super::super::server` climbs from execution to server"),
            ("use autoskillit::app;", "`autoskillit::app` climbs from execution to app"),
            ("fn f() { crate::r#engine::run() }", "`crate::engine::run` climbs from execution to engine"),
            ("fn f(x: Vec<crate::hooks::Guard>) {}", "`crate::hooks::Guard` climbs from execution to hooks"),
            (
                "fn f() { <crate::app::App as Default>::default() }",
                "`crate::app::App` climbs from execution to app",
            ),
            ("pub(in crate::cli) fn f() {}", "`crate::cli` climbs from execution to cli"),
            (
                "fn f() { println!(\"{}\", crate::catalog::TOOLS.len()) }",
                "`crate::catalog::TOOLS` climbs from execution to catalog",
            ),
            ("fn f() { json!({\"a\": [crate::cli::X]}) }", "`crate::cli::X` climbs from execution to cli"),
            (
                "macro_rules! m { () => { $crate::recipe::load() } }",
                "`crate::recipe::load` climbs from execution to recipe",
            ),
            (
                "#[cfg(test)] mod tests { use super::super::super::cli; }",
                "`super::super::super::cli` climbs from execution to cli",
            ),
            (
                "struct S { #[serde(with = \"crate::engine::event\")] s: u8 }",
                "`crate::engine::event` climbs from execution to engine",
            ),
            ("use super::super::*;", "`super::super::*` takes the whole house: name the room"),
            ("use crate::{self as house};", "`crate::self` takes the whole house: name the room"),
            ("extern crate self as house;", "`crate` takes the whole house: name the room"),
            ("fn f() { crate::helper() }", "`crate::helper`: `helper` is no room"),
        ];
        for (text, expected) in cases {
            let found = in_execution(text);
            let expected = format!("src/execution/race.rs:1: {expected}");
            assert!(found.contains(&expected), "{text}\n  expected {expected}\n  found {found:?}");
        }
    }

    #[test]
    fn says_the_line() {
        assert_eq!(
            in_execution("use crate::core::ids;\n\nuse crate::{\n    core::files,\n    cli::ui,\n};\n"),
            ["src/execution/race.rs:5: `crate::cli::ui` climbs from execution to cli"]
        );
    }

    #[test]
    fn leaves_the_ways_down_and_the_own_room_alone() {
        let text = r#"
            //! Words about [`crate::cli`] are no use of it.
            use std::fmt;
            use crate::{config::Settings, core::{self, ids}, execution::record};
            use super::{facts, *};
            pub(crate) mod inner {
                use super::super::lines;
                pub(in crate::execution) fn f(&self) { self.cli.engine(); engine::local() }
            }
            const TEXT: &str = "crate::cli::ui";
            fn g() -> impl Sized + use<> { autoskillit }
        "#;
        assert_eq!(in_execution(text), Vec::<String>::new());
        let text = "fn main() { autoskillit::cli::main(); autoskillit::attic::f() }";
        let binary = climbs("src/main.rs", &mentions("src/main.rs", text));
        let binary: Vec<String> = binary.iter().map(ToString::to_string).collect();
        assert_eq!(binary, ["src/main.rs:1: `autoskillit::attic::f`: `attic` is no room"]);
    }

    #[test]
    fn sees_liberties() {
        let found = |file: &str, text: &str| -> Vec<String> {
            liberties(file, &mentions(file, text)).iter().map(|problem| problem.what.clone()).collect()
        };
        assert_eq!(
            found("src/engine/run.rs", "fn f() { std::println!(); if x { dbg!(x); } }"),
            ["`println!` outside src/cli/ui", "`dbg!` outside src/cli/ui"]
        );
        assert_eq!(found("src/cli/ui/printer.rs", "fn f() { println!() }"), Vec::<String>::new());
        assert_eq!(
            found("src/app/mod.rs", "use std::process::{Command, exit}; fn f() { std::process::exit(1) }"),
            ["`process::exit` outside the command line"; 2]
        );
        assert_eq!(found("src/cli/mod.rs", "fn f() { std::process::exit(1) }"), Vec::<String>::new());
        assert_eq!(found("src/core/ids.rs", "fn f() { unsafe { g() } }"), ["unsafe code"]);
        assert_eq!(
            found("src/core/ids.rs", "#[path = \"x.rs\"] mod x; include!(\"y.rs\");"),
            ["`#[path]` hides where a module lives", "`include!` hides what a file holds"]
        );
    }
}
