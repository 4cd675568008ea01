//! What is mended when that is asked for: only what is ours, or what nobody can want otherwise, and nothing is taken away but
//! our own scratch copies.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::report::{Check, Topic};
use crate::core::files::PRIVATE;
use crate::core::paths::KitchenDir;

/// A way to mend something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Write the ignore file that is missing in our folder.
    Ignore(KitchenDir),
    /// Take these files of secrets away from other users.
    Private(Vec<PathBuf>),
    /// Remove these scratch copies of old rehearsals.
    Scratch(Vec<PathBuf>),
}

impl Remedy {
    /// Mends it, and says what was changed; or says why it could not.
    fn apply(&self) -> Result<String, String> {
        let cannot = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
        match self {
            Self::Ignore(kitchen) => {
                let file = kitchen.gitignore();
                kitchen.ensure().map_err(|error| cannot(&file, &error))?;
                Ok(format!("wrote {}", file.display()))
            }
            Self::Private(paths) => {
                for path in paths {
                    fs::set_permissions(path, fs::Permissions::from_mode(PRIVATE))
                        .map_err(|error| cannot(path, &error))?;
                }
                Ok(format!("set the mode of {} to 0600", list(paths)))
            }
            Self::Scratch(paths) => {
                for path in paths {
                    fs::remove_dir_all(path).map_err(|error| cannot(path, &error))?;
                }
                Ok(format!("removed {}", list(paths)))
            }
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// What was tried for a topic, and how that went.
pub(super) type Mended = (Topic, Result<String, String>);

/// Applies each remedy once, for whatever number of checks.
pub(super) fn apply(checks: &[Check]) -> Vec<Mended> {
    let mut done: Vec<(&Remedy, Result<String, String>)> = Vec::new();
    let mut mended = Vec::new();
    for check in checks {
        let Some(remedy) = &check.remedy else { continue };
        let outcome = match done.iter().find(|(known, _)| *known == remedy) {
            Some((_, outcome)) => outcome.clone(),
            None => {
                let outcome = remedy.apply();
                done.push((remedy, outcome.clone()));
                outcome
            }
        };
        mended.push((check.topic, outcome));
    }
    mended
}

/// Says in the checks, which were made anew, what was changed before.
pub(super) fn tell(mended: Vec<Mended>, mut checks: Vec<Check>) -> Vec<Check> {
    for (topic, outcome) in mended {
        let at = match checks.iter().position(|check| check.topic == topic) {
            Some(at) => at,
            None => {
                // What was mended left nothing to say.
                let at = checks.iter().rposition(|check| check.topic.group <= topic.group);
                let at = at.map_or(0, |at| at + 1);
                checks.insert(at, topic.ok("nothing is left to mend"));
                at
            }
        };
        let check = &mut checks[at];
        match outcome {
            Ok(done) => check.fixed = Some(done),
            Err(why) => {
                let tried = format!("It could not be mended: {why}.");
                check.meaning = Some(match check.meaning.take() {
                    Some(meaning) => format!("{meaning} {tried}"),
                    None => tried,
                });
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::{Group, Level};

    const A: Topic = Topic::new(Group::Repository, "repository.a", "a");
    const B: Topic = Topic::new(Group::Settings, "settings.b", "b");

    #[test]
    fn what_serves_two_checks_is_done_once_and_told_at_both() {
        let dir = tempfile::tempdir().unwrap();
        let remedy = Remedy::Ignore(KitchenDir::of(dir.path()));
        let checks = [A.warning("x").remedy(remedy.clone()), B.error("y").remedy(remedy), B.ok("z")];
        let mended = apply(&checks);
        assert_eq!(mended.iter().map(|(topic, _)| *topic).collect::<Vec<_>>(), [A, B]);
        let told = tell(mended, vec![A.ok("fine")]);
        assert!(told.iter().all(|check| check.fixed.as_ref().is_some_and(|it| it.starts_with("wrote "))));
        assert_eq!(told.iter().map(|check| check.topic).collect::<Vec<_>>(), [A, B]);
    }

    #[test]
    fn what_cannot_be_mended_says_why() {
        let gone = Remedy::Private(vec!["/nowhere/at/all".into()]);
        let checks = [A.error("x").means("Bad.").remedy(gone)];
        let told = tell(apply(&checks), checks.to_vec());
        assert_eq!((told[0].level, &told[0].fixed), (Level::Error, &None));
        let meaning = told[0].meaning.as_deref().unwrap();
        assert!(meaning.starts_with("Bad. It could not be mended: /nowhere/at/all: "), "{meaning}");
    }

    #[test]
    fn files_of_secrets_become_private_and_old_stages_go() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        fs::write(&secret, "x").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        Remedy::Private(vec![secret.clone()]).apply().unwrap();
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        let stage = dir.path().join("stage");
        fs::create_dir_all(stage.join("repository")).unwrap();
        Remedy::Scratch(vec![stage.clone()]).apply().unwrap();
        assert!(!stage.exists() && secret.exists());
    }
}
