//! Settings: whether they can be used, and who can read those that are secret.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::Facts;
use super::remedy::Remedy;
use super::report::{Check, Group, Topic};
use crate::app::settings::sources;
use crate::config::{ConfigError, Loaded, SettingsFile};
use crate::core::threads::blocking;
use crate::core::yaml::diagnostic::{ProblemReport, Problems};

pub(super) const FILES: Topic = Topic::new(Group::Settings, "settings.files", "files");
const SECRETS: Topic = Topic::new(Group::Settings, "settings.secrets", "secrets");

pub(super) async fn check(facts: Arc<Facts>) -> Vec<Check> {
    blocking(move || {
        let files = sources(facts.top(), &facts.world.flags).files();
        let there = files.iter().map(|file| file.path.clone()).filter(|path| path.exists()).collect();
        let open: Vec<(PathBuf, u32)> = files.iter().filter_map(open_to_others).collect();
        let secrets = files.iter().any(|file| file.layer.holds_secrets() && file.path.exists());
        let secrets = secrets.then(|| judge_secrets(open));
        std::iter::once(judge_files(facts.loaded.as_ref(), there)).chain(secrets).collect()
    })
    .await
}

fn judge_files(loaded: Option<&Result<Loaded, ConfigError>>, there: Vec<PathBuf>) -> Check {
    let stops =
        "No recipe is cooked until that is mended. What is said here about sessions goes by the defaults.";
    match loaded {
        None => FILES
            .warning("they cannot be read in time")
            .means("A disk, perhaps of the network, does not answer."),
        Some(Err(ConfigError::Invalid(faults))) => FILES
            .error(faults.to_string())
            .means(stops)
            .details(places(&faults.0))
            .mend("autoskillit config validate shows each place"),
        Some(Err(error)) => FILES.error(error.to_string()).means(stops).mend("make it readable for you"),
        Some(Ok(loaded)) => {
            // Who can read secrets is told by itself.
            let odd = places(&loaded.warnings).collect::<Vec<_>>();
            if !odd.is_empty() {
                return FILES
                    .warning(match odd.len() {
                        1 => "something in them has no effect".to_owned(),
                        many => format!("{many} things in them have no effect"),
                    })
                    .details(odd)
                    .means("The rest counts.")
                    .mend("autoskillit config validate shows each place");
            }
            match there.as_slice() {
                [] => FILES.ok("there are none: the defaults count"),
                files => {
                    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
                    FILES.ok(files.join(", "))
                }
            }
        }
    }
}

/// Each problem in one line with its place.
fn places(problems: &[Problems]) -> impl Iterator<Item = String> {
    problems.iter().flat_map(Problems::report).filter(|report| report.code != "open-secrets").map(place)
}

fn place(report: ProblemReport) -> String {
    let at = match (report.line, report.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", report.file),
        _ => report.file,
    };
    let help = report.help.map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{at}: {}{help}", report.message)
}

fn open_to_others(file: &SettingsFile) -> Option<(PathBuf, u32)> {
    if !file.layer.holds_secrets() {
        return None;
    }
    let mode = std::fs::metadata(&file.path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| (file.path.clone(), mode))
}

fn judge_secrets(open: Vec<(PathBuf, u32)>) -> Check {
    if open.is_empty() {
        return SECRETS.ok("only you can read them");
    }
    let said = |(path, mode): &(PathBuf, u32)| format!("{} (mode {mode:04o})", path.display());
    let command =
        |path: &Path| format!("chmod 600 {}", crate::core::text::shell_quote(&path.to_string_lossy()));
    let check = SECRETS
        .error(format!("other users can read {}", open.iter().map(said).collect::<Vec<_>>().join(" and ")))
        .means("Whoever has an account on this machine has your secrets.");
    let check = open.iter().map(|(path, _)| command(path)).fold(check, Check::mend);
    check.remedy(Remedy::Private(open.into_iter().map(|(path, _)| path).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::Level;
    use crate::config::{Sources, load};

    fn judged(text: &str) -> Check {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.yaml"), text).unwrap();
        let sources = Sources { project: Some(dir.path().to_owned()), ..Sources::default() };
        let check = judge_files(Some(&load(&sources)), vec!["/a/config.yaml".into()]);
        let place = format!("{}/", dir.path().display());
        Check { details: check.details.iter().map(|detail| detail.replace(&place, "")).collect(), ..check }
    }

    #[test]
    fn files_of_settings() {
        let good = judged("model: {default: opus}\n");
        assert_eq!((good.level, good.message.as_str()), (Level::Ok, "/a/config.yaml"));
        let odd = judged("packs: {enabled: true}\n");
        assert_eq!((odd.level, odd.details.len()), (Level::Warning, 1));
        let faulty = judged("session:\n  permissions: bypas\n  env: 5\n");
        assert_eq!(faulty.level, Level::Error);
        assert_eq!(faulty.details.len(), 2);
        assert!(
            faulty.details[0].starts_with("config.yaml:2:16: `session.permissions` must be"),
            "{faulty:?}"
        );
        assert_eq!(judged("session: [\n").level, Level::Error);
        assert_eq!(judge_files(None, vec![]).level, Level::Warning);
    }

    #[test]
    fn who_can_read_secrets() {
        assert_eq!(judge_secrets(vec![]).level, Level::Ok);
        let open = judge_secrets(vec![("/a b/.secrets.yaml".into(), 0o644)]);
        assert_eq!(
            (open.level, open.mend),
            (Level::Error, vec!["chmod 600 '/a b/.secrets.yaml'".to_owned()])
        );
    }
}
