//! git: its version, who commits.

use std::sync::Arc;

use super::facts::Facts;
use super::report::{Check, Group, Topic};
use crate::app::error::AppError;
use crate::core::text::first_line;
use crate::execution::client::version::Version;
use crate::execution::probe::Answer;
use crate::workspace::git::GitError;

pub(super) const PROGRAM: Topic = Topic::new(Group::Git, "git.program", "program");
pub(super) const IDENTITY: Topic = Topic::new(Group::Git, "git.identity", "identity");

/// The oldest git whose answers are understood.
const OLDEST: Version = Version::new(2, 20, 0);

/// Since this one `git init` takes the name of the first branch, which rehearsals use; from git's release notes.
const REHEARSES: Version = Version::new(2, 28, 0);

pub(super) async fn program(facts: Arc<Facts>) -> Vec<Check> {
    let world = &facts.world;
    vec![judge_program(world.git(&world.dir, &world.env, &["--version"]).await.as_ref())]
}

fn judge_program(answer: Option<&Answer>) -> Check {
    const NEEDED: &str = "Recipes are cooked in git repositories.";
    const UPDATE: &str = "install a newer git";
    let Some(answer) = answer else {
        let hints = AppError::from(GitError::Missing(std::io::ErrorKind::NotFound.into())).hints;
        return hints.into_iter().fold(PROGRAM.error("there is no `git` on PATH").means(NEEDED), Check::mend);
    };
    if let Some(complaint) = answer.complaint() {
        return PROGRAM
            .error(format!("`git --version` {complaint}"))
            .means(NEEDED)
            .mend("see what it does by hand: git --version");
    }
    let said = answer.good().unwrap_or_default();
    match Version::find(said) {
        None => PROGRAM
            .warning(format!("`git --version` tells none: {}", first_line(said)))
            .means("It may be something else than git.")
            .mend("see what it is: git --version"),
        Some(version) if version < OLDEST => PROGRAM
            .error(format!("{version} is too old: {OLDEST} or newer is needed"))
            .means("Its answers are not understood.")
            .mend(UPDATE),
        Some(version) if version < REHEARSES => PROGRAM
            .warning(format!("{version} is older than {REHEARSES}"))
            .means("Rehearsals with a sample project need the newer one; cooking works.")
            .mend(UPDATE),
        Some(version) => PROGRAM.ok(version.to_string()),
    }
}

/// As sessions see it: they and what they run are who commits.
pub(super) async fn identity(facts: Arc<Facts>) -> Vec<Check> {
    let world = &facts.world;
    // Without this, git makes an identity up from the names of the user and the machine.
    let args = |what| ["-c", "user.useConfigOnly=true", "var", what];
    let (author, committer) = (args("GIT_AUTHOR_IDENT"), args("GIT_COMMITTER_IDENT"));
    let ask = |args| world.git(&world.dir, &facts.session_env, args);
    match tokio::join!(ask(&author), ask(&committer)) {
        (Some(author), Some(committer)) => vec![judge_identity(&author, &committer)],
        // That git is not there is said once.
        _ => vec![],
    }
}

fn judge_identity(author: &Answer, committer: &Answer) -> Check {
    let name = |answer: &Answer| {
        // `Ada <ada@example.org> 1700000000 +0000`
        Some(answer.good()?.rsplit_once('>')?.0.to_owned() + ">")
    };
    match (name(author), name(committer)) {
        (Some(author), Some(committer)) if author == committer => IDENTITY.ok(author),
        (Some(author), Some(committer)) => IDENTITY.ok(format!("{author}, committed by {committer}")),
        _ if [author, committer].contains(&&Answer::Silent) => IDENTITY
            .warning("git gives no answer")
            .means("Whether sessions can commit is not known.")
            .mend("see what it does by hand: git var GIT_AUTHOR_IDENT"),
        _ => IDENTITY
            .warning("git does not know who commits")
            .means("Commits fail, those of sessions and those of commands.")
            .mend("git config --global user.name \"Your Name\"")
            .mend("git config --global user.email you@example.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::Level;
    use crate::execution::probe::Said;

    fn said(code: i32, out: &str) -> Answer {
        Answer::Said(Said { code: Some(code), out: out.to_owned(), err: String::new() })
    }

    #[test]
    fn what_versions_of_git_mean() {
        let cases = [
            (Some(said(0, "git version 2.47.3\n")), Level::Ok, "2.47.3"),
            (Some(said(0, "git version 2.28.0")), Level::Ok, "2.28.0"),
            (Some(said(0, "git version 2.27.1")), Level::Warning, "2.27.1 is older than 2.28.0"),
            (
                Some(said(0, "git version 2.19.6")),
                Level::Error,
                "2.19.6 is too old: 2.20.0 or newer is needed",
            ),
            (Some(said(0, "hello")), Level::Warning, "`git --version` tells none: hello"),
            (Some(said(1, "")), Level::Error, "`git --version` ended with code 1"),
            (Some(Answer::Silent), Level::Error, "`git --version` gives no answer"),
            (None, Level::Error, "there is no `git` on PATH"),
        ];
        for (answer, level, message) in cases {
            let check = judge_program(answer.as_ref());
            assert_eq!((check.level, check.message.as_str()), (level, message));
        }
    }

    #[test]
    fn who_commits() {
        let ada = said(0, "Ada <ada@example.org> 1700000000 +0000\n");
        let bot = said(0, "A > b <bot@example.org> 1700000000 +0000\n");
        let cases = [
            (ada.clone(), ada.clone(), Level::Ok, "Ada <ada@example.org>"),
            (ada.clone(), bot, Level::Ok, "Ada <ada@example.org>, committed by A > b <bot@example.org>"),
            (ada.clone(), said(128, ""), Level::Warning, "git does not know who commits"),
            (said(128, ""), said(128, ""), Level::Warning, "git does not know who commits"),
            (ada, Answer::Silent, Level::Warning, "git gives no answer"),
        ];
        for (author, committer, level, message) in cases {
            let check = judge_identity(&author, &committer);
            assert_eq!((check.level, check.message.as_str()), (level, message));
        }
    }
}
