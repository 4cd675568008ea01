//! The repository: whether there is one, its commit and worktrees, how it is tested, what git keeps of what is ours.

use std::path::Path;
use std::sync::Arc;

use super::facts::{Facts, Place};
use super::remedy::Remedy;
use super::report::{Check, Group, Topic};
use crate::app::error::AppError;
use crate::config::CommandLine;
use crate::core::threads::blocking;
use crate::execution::probe::{Answer, Said};
use crate::workspace::detect;
use crate::workspace::git::GitError;

pub(super) const CHECKOUT: Topic = Topic::new(Group::Repository, "repository.checkout", "checkout");
const COMMIT: Topic = Topic::new(Group::Repository, "repository.commit", "commit");
const WORKTREES: Topic = Topic::new(Group::Git, "git.worktrees", "worktrees");
pub(super) const TESTS: Topic = Topic::new(Group::Repository, "repository.tests", "test command");
pub(super) const IGNORED: Topic = Topic::new(Group::Repository, "repository.ignored", "ignored files");
pub(super) const SECRETS: Topic = Topic::new(Group::Repository, "repository.secrets", "secrets");

pub(super) async fn checkout(facts: Arc<Facts>) -> Vec<Check> {
    let (world, dir) = (&facts.world, &facts.world.dir);
    let Place::In(top) = &facts.place else { return nowhere(&facts.place, dir).into_iter().collect() };
    let listed = world.git(dir, &world.env, &["worktree", "list", "--porcelain"]).await;
    let found = CHECKOUT.ok(top.display().to_string());
    std::iter::once(found).chain(listed.iter().flat_map(|answer| judge_worktrees(answer, top))).collect()
}

fn nowhere(place: &Place, dir: &Path) -> Option<Check> {
    let cannot = "Nothing can be cooked here.";
    let from = |error: GitError| {
        let check = CHECKOUT.warning(error.to_string()).means(cannot);
        AppError::from(error).hints.into_iter().fold(check, Check::mend)
    };
    match place {
        // That git is not there is said once.
        Place::In(_) | Place::NoGit => None,
        Place::Outside => Some(from(GitError::NotARepository(dir.to_owned()))),
        Place::Bare => Some(from(GitError::Bare(dir.to_owned()))),
        Place::Unclear(why) if why.contains("dubious ownership") => Some(
            CHECKOUT
                .error(format!("git {why}"))
                .means("The repository belongs to another user, so git does not work in it, and nothing can be cooked here.")
                .mend("if you trust it: git config --global --add safe.directory <its folder>"),
        ),
        Place::Unclear(why) => Some(
            CHECKOUT
                .error(format!("git {why}"))
                .means("git does not say which repository this is.")
                .mend("see what it does by hand: git rev-parse --show-toplevel"),
        ),
    }
}

/// What `git worktree list --porcelain` says about the checkout at `top` and about worktrees.
fn judge_worktrees(answer: &Answer, top: &Path) -> Vec<Check> {
    let Some(listed) = answer.good() else {
        return vec![
            WORKTREES
                .error(format!("`git worktree list` {}", answer.complaint().unwrap_or_default()))
                .means("Recipes that work in worktrees of their own cannot run here.")
                .mend("see what it does by hand: git worktree list"),
        ];
    };
    let trees: Vec<Vec<&str>> = listed.split("\n\n").map(|tree| tree.trim().lines().collect()).collect();
    let trees: Vec<&Vec<&str>> = trees.iter().filter(|tree| !tree.is_empty()).collect();
    let path = format!("worktree {}", top.display());
    let this = trees.iter().find(|tree| tree.first().is_some_and(|line| *line == path));
    let commit = this.map(|tree| {
        let said = |key: &str| tree.iter().find_map(|line| line.strip_prefix(key));
        let head = said("HEAD ").unwrap_or_default();
        let branch = said("branch refs/heads/").map(|name| format!("branch `{name}`"));
        let branch = branch.unwrap_or_else(|| "no branch".to_owned());
        // Before the first commit git names an id of zeros.
        if head.chars().all(|c| c == '0') {
            COMMIT
                .warning(format!("there is none yet on {branch}"))
                .means("Worktrees, and showing and undoing what a recipe changed, need a first one.")
                .mend("git add -A && git commit -m start")
        } else {
            COMMIT.ok(format!("{} on {branch}", head.get(..10).unwrap_or(head)))
        }
    });
    let gone = trees.iter().filter(|tree| tree.iter().any(|line| line.starts_with("prunable"))).count();
    let others = trees.len().saturating_sub(1);
    let worktrees = match (others, gone) {
        (_, 1..) => WORKTREES
            .warning(format!("{gone} of {others} have lost their folder"))
            .means("git takes their branches for checked out, and refuses to check them out elsewhere.")
            .mend("git worktree prune"),
        (0, 0) => WORKTREES.ok("git can make them; there are none"),
        (others, 0) => WORKTREES.ok(format!("git can make them; {others} beside the main one")),
    };
    commit.into_iter().chain([worktrees]).collect()
}

pub(super) async fn tests(facts: Arc<Facts>) -> Vec<Check> {
    blocking(move || {
        let configured = facts.settings.test_check.command.clone();
        let detected = facts.top().and_then(detect::test_command);
        let (command, because) = match (&configured, &detected) {
            (Some(command), _) => (Some(command.clone()), "`test_check.command`"),
            (None, Some(found)) => (Some(CommandLine::Shell(found.command.clone())), found.because),
            (None, None) if facts.top().is_some() => (None, ""),
            (None, None) => return vec![],
        };
        let is_there = |program: &str| {
            let dir = facts.top().unwrap_or(&facts.world.dir);
            which::which_in(program, facts.world.var("PATH"), dir).is_ok()
        };
        vec![judge_tests(command.as_ref(), because, &is_there)]
    })
    .await
}

fn judge_tests(command: Option<&CommandLine>, because: &str, is_there: &dyn Fn(&str) -> bool) -> Check {
    let set = "autoskillit config set test_check.command \"make check\"";
    let Some(command) = command else {
        return TESTS
            .warning("none is set, and the files of the repository tell none")
            .means("Recipes that run the tests need to be told: test_command=…")
            .mend(format!("set it once: {set}"));
    };
    let (text, program) = match command {
        CommandLine::Words(words) => {
            (crate::core::text::command_line(words), words.first().map(String::as_str))
        }
        CommandLine::Shell(text) => (text.clone(), plain_program(text)),
    };
    match program.filter(|program| !is_there(program)) {
        Some(program) => TESTS
            .warning(format!("{text}, from {because}, but there is no `{program}`"))
            .means("Test runs will fail, whatever the tests would say.")
            .mend(format!("install `{program}`, or set another command: {set}")),
        None => TESTS.ok(format!("{text}, from {because}")),
    }
}

/// The program of a shell text that begins with a plain name or path; a shell may do anything with others.
fn plain_program(text: &str) -> Option<&str> {
    const BUILTIN: &[&str] =
        &["cd", "exec", "eval", "export", "set", "source", "if", "for", "while", "true", "test"];
    let word = text.split_whitespace().next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+".contains(c);
    (word.chars().all(plain) && word != "." && !BUILTIN.contains(&word)).then_some(word)
}

/// What git does with files of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Kept {
    /// Our folder is there.
    folder: bool,
    /// So is its ignore file.
    ignore_file: bool,
    /// git ignores what runs leave.
    runs: bool,
}

pub(super) async fn ignored(facts: Arc<Facts>) -> Vec<Check> {
    let (Some(top), Some(kitchen)) = (facts.top(), facts.kitchen()) else { return vec![] };
    let Some(runs) = ignores(&facts, top, ".autoskillit/runs/any").await else { return vec![] };
    let (folder, file) = (kitchen.root().to_owned(), kitchen.gitignore());
    let (folder, ignore_file) = blocking(move || (folder.is_dir(), file.exists())).await;
    let check = judge_ignored(Kept { folder, ignore_file, runs });
    vec![if folder && !ignore_file && !runs { check.remedy(Remedy::Ignore(kitchen)) } else { check }]
}

/// Whether git would ignore a path; `None` when it does not say.
async fn ignores(facts: &Facts, top: &Path, path: &str) -> Option<bool> {
    let answer = facts.world.git(top, &facts.world.env, &["check-ignore", "-q", "--", path]).await?;
    match answer {
        Answer::Said(Said { code: Some(0), .. }) => Some(true),
        Answer::Said(Said { code: Some(1), .. }) => Some(false),
        _ => None,
    }
}

fn judge_ignored(kept: Kept) -> Check {
    let shown = "The journals and logs of runs show up as files to commit.";
    match kept {
        Kept { runs: true, .. } => IGNORED.ok("git ignores what runs leave"),
        Kept { folder: false, .. } => {
            IGNORED.ok("there is no .autoskillit yet; the first run makes it, with a .gitignore")
        }
        Kept { ignore_file: false, .. } => IGNORED
            .warning("there is no .autoskillit/.gitignore")
            .means(shown)
            .mend("autoskillit doctor --fix writes it"),
        Kept { .. } => IGNORED
            .warning(".autoskillit/.gitignore leaves out what runs leave")
            .means(shown)
            .mend("add these lines to it: /runs/ and /temp/"),
    }
}

/// What git does with the file of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exposure {
    Tracked,
    Open { ignore_file: bool },
    Ignored,
}

pub(super) async fn secrets(facts: Arc<Facts>) -> Vec<Check> {
    const FILE: &str = ".autoskillit/.secrets.yaml";
    let (Some(top), Some(kitchen)) = (facts.top(), facts.kitchen()) else { return vec![] };
    let (file, ignore) = (top.join(FILE), kitchen.gitignore());
    let (is_there, ignore_file) = blocking(move || (file.exists(), ignore.exists())).await;
    if !is_there {
        return vec![];
    }
    let args = ["ls-files", "--error-unmatch", "--", FILE];
    let tracked = facts.world.git(top, &facts.world.env, &args).await;
    let exposure = match (tracked.as_ref().and_then(Answer::good), ignores(&facts, top, FILE).await) {
        (Some(_), _) => Exposure::Tracked,
        (None, Some(false)) => Exposure::Open { ignore_file },
        (None, Some(true)) => Exposure::Ignored,
        (None, None) => return vec![],
    };
    let check = judge_secrets(exposure);
    let fixable = exposure == Exposure::Open { ignore_file: false };
    vec![if fixable { check.remedy(Remedy::Ignore(kitchen)) } else { check }]
}

fn judge_secrets(exposure: Exposure) -> Check {
    let next = "The next `git add` would put your secrets into the repository.";
    match exposure {
        Exposure::Ignored => SECRETS.ok("git ignores .autoskillit/.secrets.yaml"),
        Exposure::Tracked => SECRETS
            .error(".autoskillit/.secrets.yaml is in the repository")
            .means("Whoever gets a copy of the repository has your secrets.")
            .mend("git rm --cached .autoskillit/.secrets.yaml")
            .mend(
                "make those secrets invalid where they come from, and take new ones: old commits keep them",
            ),
        Exposure::Open { ignore_file: false } => SECRETS
            .error("git does not ignore .autoskillit/.secrets.yaml: there is no .autoskillit/.gitignore")
            .means(next)
            .mend("autoskillit doctor --fix writes it"),
        Exposure::Open { ignore_file: true } => SECRETS
            .error("git does not ignore .autoskillit/.secrets.yaml")
            .means(next)
            .mend("add this line to .autoskillit/.gitignore: /.secrets.yaml"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::Level;

    fn said(code: i32, out: &str) -> Answer {
        Answer::Said(Said { code: Some(code), out: out.to_owned(), err: String::new() })
    }

    #[test]
    fn commits_and_worktrees() {
        let (id, zeros) = ("1a2b3c4d5e6f".repeat(4), "0".repeat(40));
        let told = |text: &str| -> Vec<_> {
            let checks = judge_worktrees(&said(0, text), Path::new("/srv/a"));
            checks.into_iter().map(|check| (check.topic.id, check.level, check.message)).collect()
        };
        let one = format!("worktree /srv/a\nHEAD {id}\nbranch refs/heads/feat/x\n\n");
        let commit = ("repository.commit", Level::Ok, "1a2b3c4d5e on branch `feat/x`".to_owned());
        let none = ("git.worktrees", Level::Ok, "git can make them; there are none".to_owned());
        assert_eq!(told(&one), [commit.clone(), none.clone()]);
        let gone = format!(
            "{one}worktree /srv/b\nHEAD {id}\ndetached\nprunable gitdir file points to non-existent location\n\n"
        );
        let lost = ("git.worktrees", Level::Warning, "1 of 1 have lost their folder".to_owned());
        assert_eq!(told(&gone), [commit, lost]);
        let unborn = format!("worktree /srv/a\nHEAD {zeros}\nbranch refs/heads/main\n\n");
        let missing = ("repository.commit", Level::Warning, "there is none yet on branch `main`".to_owned());
        assert_eq!(told(&unborn), [missing, none.clone()]);
        let detached = format!("worktree /srv/a\nHEAD {id}\ndetached\n\n");
        assert_eq!(told(&detached)[0].2, "1a2b3c4d5e on no branch");
        // Nothing is claimed about a checkout that is not listed.
        assert_eq!(told(""), [none]);
        assert_eq!(judge_worktrees(&Answer::Silent, Path::new("/"))[0].level, Level::Error);
    }

    #[test]
    fn places_without_a_checkout() {
        let level = |place: Place| nowhere(&place, Path::new("/x")).map(|check| check.level);
        assert_eq!(level(Place::In("/x".into())), None);
        assert_eq!(level(Place::NoGit), None);
        assert_eq!(level(Place::Outside), Some(Level::Warning));
        assert_eq!(level(Place::Bare), Some(Level::Warning));
        let dubious = "says: detected dubious ownership in repository at '/x'";
        assert_eq!(level(Place::Unclear(dubious.into())), Some(Level::Error));
        assert_eq!(level(Place::Unclear("gives no answer".into())), Some(Level::Error));
    }

    #[test]
    fn test_commands() {
        let shell = |text: &str| Some(CommandLine::Shell(text.to_owned()));
        let cases = [
            (shell("make test"), true, Level::Ok),
            (shell("make test"), false, Level::Warning),
            // What a shell makes of these is not known here.
            (shell("CI=1 make test"), false, Level::Ok),
            (shell("cd sub && make"), false, Level::Ok),
            (shell("$RUNNER test"), false, Level::Ok),
            (Some(CommandLine::Words(vec!["./check me".to_owned()])), true, Level::Ok),
            (Some(CommandLine::Words(vec!["./check me".to_owned()])), false, Level::Warning),
            (None, true, Level::Warning),
        ];
        for (command, is_there, level) in cases {
            let check = judge_tests(command.as_ref(), "Makefile", &|_| is_there);
            assert_eq!(check.level, level, "{command:?} {is_there}");
        }
    }

    #[test]
    fn ignored_files() {
        for folder in [false, true] {
            for ignore_file in [false, true] {
                for runs in [false, true] {
                    let bad = folder && !runs;
                    let expected = if bad { Level::Warning } else { Level::Ok };
                    let kept = Kept { folder, ignore_file, runs };
                    assert_eq!(judge_ignored(kept).level, expected, "{kept:?}");
                }
            }
        }
        assert_eq!(judge_secrets(Exposure::Ignored).level, Level::Ok);
        for exposure in
            [Exposure::Tracked, Exposure::Open { ignore_file: true }, Exposure::Open { ignore_file: false }]
        {
            assert_eq!(judge_secrets(exposure).level, Level::Error);
        }
    }
}
