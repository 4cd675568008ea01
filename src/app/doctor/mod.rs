//! What is wrong with this place, and how to mend it. A folder comes in; a report goes out: one line for each thing that was
//! looked at, ok or not, what that means and what to do about it.
//!
//! What the machine says is gathered at the edge, within times; what it means is judged by pure functions, which the tests
//! hold tables against. Facts that several checks need are gathered once ([`facts`]); then all checks run beside each other, and one
//! that hangs or breaks costs its own line only ([`run`]). Nothing is changed unless it is asked for ([`remedy`]).
//!
//! - [`report`]: a check and a report
//! - `program`, `client`, `login`, `git`, `repository`, `settings`, `session`, `folders`, `github`: the checks

mod client;
mod facts;
mod folders;
mod git;
mod github;
mod login;
mod migrations;
mod program;
mod remedy;
pub mod report;
mod repository;
mod run;
mod session;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::facts::{Facts, World};
use self::report::{Check, Report};
use self::run::Task;
use super::error::AppError;
use super::kitchen::redactor;
use super::runtime::runtime;
use super::settings::environment;
use crate::execution::client::login::with_settings;

/// How long all checks together may take once the facts are gathered. A program that hangs is given up earlier, see
/// [`facts::PATIENCE`].
const DEADLINE: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The folder that is looked at; it need not be in a repository.
    pub dir: PathBuf,
    /// Settings from the command line, each `KEY=VALUE`.
    pub flags: Vec<String>,
    /// Mend what is ours and safe to mend.
    pub fix: bool,
}

/// Looks at everything, mends what may be mended when that is wished for, and then looks again.
///
/// # Errors
/// When no threads can be started.
pub fn examine(wish: Wish) -> Result<Report, AppError> {
    let runtime = runtime()?;
    let fix = wish.fix;
    let world = World::of_this_process(wish.dir, wish.flags)?;
    let (mut facts, mut checks) = runtime.block_on(look(world.clone()));
    if fix {
        let mended = remedy::apply(&checks);
        if !mended.is_empty() {
            let again = runtime.block_on(look(world));
            (facts, checks) = (again.0, remedy::tell(mended, again.1));
        }
    }
    // What hangs in the system cannot be interrupted, and ends with this process.
    runtime.shutdown_background();
    // As it was read within its time: a disk that does not answer would keep the report.
    let files = facts.client_files.iter().map(|file| (file.path.as_path(), &file.content));
    let (added, _) = with_settings(&facts.world.env, files);
    let redactor = redactor(environment().into_iter().chain(added), facts.settings.github.token.as_ref());
    Ok(Report { checks: checks.into_iter().map(|check| check.cleaned(&redactor)).collect() })
}

/// What is known, and every check, in the order in which people read them.
async fn look(world: World) -> (Arc<Facts>, Vec<Check>) {
    let facts = Arc::new(Facts::gather(world).await);
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let with = || Arc::clone(&facts);
    let mut checks = run::all(
        vec![
            Task::new(program::VERSION, program::version(with())),
            Task::new(program::PATH, program::path(with())),
            Task::new(client::PROGRAM, client::check(with())),
            Task::new(login::LOGIN, login::check(with())),
            Task::new(git::PROGRAM, git::program(with())),
            Task::new(git::IDENTITY, git::identity(with())),
            Task::new(repository::CHECKOUT, repository::checkout(with())),
            Task::new(repository::TESTS, repository::tests(with())),
            Task::new(repository::IGNORED, repository::ignored(with())),
            Task::new(repository::SECRETS, repository::secrets(with())),
            Task::new(migrations::MIGRATIONS, migrations::check(with())),
            Task::new(settings::FILES, settings::check(with())),
            Task::new(session::PERMISSIONS, session::permissions(with())),
            Task::new(session::SOURCES, session::sources(with())),
            Task::new(session::ENVIRONMENT, session::environment(with())),
            Task::new(folders::REPOSITORY, folders::repository(with())),
            Task::new(folders::TEMP, folders::temp(with())),
            Task::new(folders::SETTINGS, folders::settings(with())),
            Task::new(folders::CLIENT, folders::client(with())),
            Task::new(folders::SCRATCH, folders::scratch(with())),
            Task::new(github::GH, github::gh(with())),
            Task::new(github::TOKEN, github::token(with())),
        ],
        deadline,
    )
    .await;
    // One task may answer for several groups.
    checks.sort_by_key(|check| check.topic.group);
    (facts, checks)
}
