//! Where skills are found: the project's, the user's, ours; the first that has the name wins.

use std::path::PathBuf;

use include_dir::{Dir, include_dir};

use super::contract::Contract;
use super::frontmatter::{KIND as FRONTMATTER, Read, in_a_line, read};
use crate::core::ids::fingerprint;
use crate::core::text::did_you_mean;
use crate::core::yaml;
use crate::core::yaml::diagnostic::Problems;

pub(super) static BUILTIN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/skills");

/// One skill.
#[derive(Debug, Clone)]
pub struct Skill {
    /// Its contract.
    pub contract: Contract,
    /// Its text without the frontmatter.
    pub body: String,
    /// Its file; `None` for ours.
    pub path: Option<PathBuf>,
    /// SHA-256 in hex of its `SKILL.md`, line ends as on Unix.
    pub hash: String,
    /// What is odd about it.
    pub warnings: Problems,
}

/// Why a skill cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// No such skill.
    #[error("there is no skill `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The nearest known one.
        near: Option<String>,
    },
    /// Its file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Its file is not a skill.
    #[error("the skill cannot be used: {}", in_a_line(.0))]
    Malformed(Box<Problems>),
}

/// All skills of one project.
#[derive(Debug, Clone, Default)]
pub struct SkillStore {
    dirs: Vec<PathBuf>,
}

impl SkillStore {
    /// Looks in `dirs` in this order, then in ours.
    #[must_use]
    pub fn new(dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { dirs: dirs.into_iter().collect() }
    }

    /// The folders, the one that counts most first.
    pub(super) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The skill `name`. A prefix `autoskillit:` is taken off.
    ///
    /// # Errors
    /// When there is none, or its file is not a skill.
    pub fn find(&self, name: &str) -> Result<Skill, SkillError> {
        let name = name.strip_prefix("autoskillit:").unwrap_or(name);
        // A name is one folder, so that it never leads out of the skills' folders.
        let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
        for dir in self.dirs.iter().filter(|_| plain) {
            let path = dir.join(name).join("SKILL.md");
            return match yaml::load(&path, FRONTMATTER) {
                Ok(text) => skill(name, &text, path.display().to_string(), Some(path)),
                Err(error) if is_absent(&error) => continue,
                Err(source) => Err(SkillError::Unreadable { path, source }),
            };
        }
        match Self::bundled(name) {
            Some(found) => found,
            None => {
                let names = self.names();
                let near = did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned);
                Err(SkillError::Unknown { name: name.to_owned(), near })
            }
        }
    }

    /// Our skill `name`, whatever stands in its place; `None` when we have none.
    #[must_use]
    pub fn bundled(name: &str) -> Option<Result<Skill, SkillError>> {
        let text = BUILTIN.get_file(format!("{name}/SKILL.md")).and_then(|file| file.contents_utf8())?;
        Some(skill(name, text, format!("skills/{name}/SKILL.md (bundled)"), None))
    }

    /// Every known name, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let ours = BUILTIN.dirs().filter_map(|dir| dir.path().file_name()?.to_str().map(str::to_owned));
        let found = self.dirs.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
        let theirs = found
            .filter(|entry| entry.path().join("SKILL.md").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = ours.chain(theirs).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn skill(name: &str, text: &str, file: String, path: Option<PathBuf>) -> Result<Skill, SkillError> {
    match read(name, &file, text) {
        Ok(Read { contract, body, warnings }) => {
            let hash = fingerprint(&text.replace("\r\n", "\n"));
            Ok(Skill { contract, body, path, hash, warnings })
        }
        Err(problems) => Err(SkillError::Malformed(Box::new(problems))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_skill_has_a_contract_of_its_name() {
        let store = SkillStore::default();
        assert!(!store.names().is_empty());
        for name in store.names() {
            let skill = store.find(&name).unwrap();
            assert_eq!(skill.contract.name, name);
            assert!(skill.contract.schema().is_some(), "{name} declares no outputs");
        }
    }

    #[test]
    fn the_projects_skill_shadows_ours_and_names_cannot_climb() {
        let dir = tempfile::tempdir().unwrap();
        let name = SkillStore::default().names()[0].clone();
        std::fs::create_dir(dir.path().join(&name)).unwrap();
        let text = format!("---\nname: {name}\ndescription: mine\n---\nbody\n");
        std::fs::write(dir.path().join(&name).join("SKILL.md"), text).unwrap();
        let store = SkillStore::new([dir.path().join("skills"), dir.path().to_owned()]);
        assert_eq!(store.find(&format!("autoskillit:{name}")).unwrap().contract.description, "mine");
        let climb = format!("x/../{name}");
        assert!(matches!(store.find(&climb), Err(SkillError::Unknown { .. })));
    }
}
