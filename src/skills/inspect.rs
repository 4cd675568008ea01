//! Every skill that can be found, and what is wrong with each: what a person asks for, not what a run needs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::contract::Contract;
use super::frontmatter::{KIND, Read, read};
use super::store::{BUILTIN, SkillError, SkillStore};
use crate::core::text::did_you_mean;
use crate::core::yaml;
use crate::core::yaml::diagnostic::{Problem, Problems, Severity};

/// Problems that are warnings for a run, because it can do without, and faults of the file all the same.
const FAULTS: &[&str] = &["bad-pattern", "pattern-examples-match"];

/// Where a skill's file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A file of the project's or the user's.
    File(PathBuf),
    /// In the binary.
    Builtin,
}

/// One `SKILL.md`, looked at.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The name of its folder, by which it is called.
    pub name: String,
    /// Its file.
    pub place: Place,
    /// Whether another of the same name is used instead.
    pub shadowed: bool,
    /// What it says; `None` when it cannot be used.
    pub contract: Option<Contract>,
    /// What is wrong with it.
    pub problems: Problems,
}

impl SkillStore {
    /// Every `SKILL.md` that can be found, by name, the used ones before those they shadow.
    #[must_use]
    pub fn inspect_all(&self) -> Vec<Inspected> {
        let mut all = Vec::new();
        for dir in self.dirs() {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries
                .filter(|entry| entry.path().join("SKILL.md").symlink_metadata().is_ok())
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect();
            names.sort();
            all.extend(names.iter().map(|name| inspect_file(&dir.join(name).join("SKILL.md"), name)));
        }
        let bundled = BUILTIN.dirs().filter_map(|dir| dir.path().file_name()?.to_str());
        all.extend(bundled.filter_map(bundled_skill));
        all.sort_by(|one, other| one.name.cmp(&other.name));
        for index in 1..all.len() {
            all[index].shadowed = all[index].name == all[index - 1].name;
        }
        all
    }

    /// The skill of this name, and those it shadows; or the one in the file that is named.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn inspect(&self, name: &str) -> Result<Vec<Inspected>, SkillError> {
        if name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "md") {
            let path = match Path::new(name) {
                folder if folder.is_dir() && folder.file_name().is_none_or(|last| last != "SKILL.md") => {
                    folder.join("SKILL.md")
                }
                file => file.to_owned(),
            };
            let folder = path.canonicalize().unwrap_or_else(|_| path.clone());
            let folder = folder.parent().and_then(Path::file_name).unwrap_or_default();
            return Ok(vec![inspect_file(&path, &folder.to_string_lossy())]);
        }
        let mut all = self.inspect_all();
        let near = did_you_mean(name, all.iter().map(|skill| skill.name.as_str())).map(str::to_owned);
        all.retain(|skill| skill.name == name);
        match all.is_empty() {
            true => Err(SkillError::Unknown { name: name.to_owned(), near }),
            false => Ok(all),
        }
    }
}

fn bundled_skill(name: &str) -> Option<Inspected> {
    let text = BUILTIN.get_file(format!("{name}/SKILL.md"))?.contents_utf8()?;
    Some(inspected(name, &format!("skills/{name}/SKILL.md (bundled)"), text, Place::Builtin))
}

fn inspect_file(path: &Path, name: &str) -> Inspected {
    let (file, place) = (path.display().to_string(), Place::File(path.to_owned()));
    match yaml::load(path, KIND) {
        Ok(text) => inspected(name, &file, &text, place),
        Err(error) => {
            let problem = Problem::whole("unreadable", error.to_string());
            let problems = Problems::new(&file, "", vec![problem]);
            Inspected { name: name.to_owned(), place, shadowed: false, contract: None, problems }
        }
    }
}

fn inspected(name: &str, file: &str, text: &str, place: Place) -> Inspected {
    let (contract, problems) = match read(name, file, text) {
        Ok(Read { contract, warnings, .. }) => (Some(contract), warnings),
        Err(problems) => (None, problems),
    };
    let mut list = problems.list().to_vec();
    for problem in list.iter_mut().filter(|problem| FAULTS.contains(&problem.code)) {
        problem.severity = Severity::Error;
    }
    let undescribed = contract.as_ref().is_some_and(|contract| contract.description.is_empty());
    if undescribed {
        let message = "nothing says when to use it: a session is told skills by their descriptions";
        let problem = Problem::whole("no-description", message).help("add `description:`".to_owned());
        list.push(Problem { severity: Severity::Warning, ..problem });
    }
    let problems = Problems::new(file, problems.text(), list);
    Inspected { name: name.to_owned(), place, shadowed: false, contract, problems }
}
