//! Where defaults of ingredients are read (`default_from`), before the first step: settings, git, what the project says about itself.

use std::fmt;

use serde_json::Value;

use super::kitchen::Kitchen;
use crate::config::{CommandLine, Settings};
use crate::core::text::command_line;
use crate::recipe::model::DefaultFrom;
use crate::workspace::detect;

/// A value and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The value, not yet of the ingredient's type.
    pub value: Value,
    /// Where, for people: `git.branch`, or `git.base_branch: the setting branching.default_base_branch`.
    pub place: String,
}

/// Why nothing was found, as a sentence's end: `the repository has no remote`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nothing(pub String);

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a default. Each is read once, when an ingredient without a given value asks for it.
pub type Source<'a> = dyn Fn(&DefaultFrom) -> Result<Found, Nothing> + 'a;

/// What is found in a kitchen.
///
/// # Errors
/// When there is nothing at this place.
pub fn read(kitchen: &Kitchen, from: &DefaultFrom) -> Result<Found, Nothing> {
    let (checkout, settings) = (&kitchen.checkout, &kitchen.settings);
    let found = |value: String, more: Option<&str>| Found {
        value: Value::from(value),
        place: match more {
            Some(more) => format!("{}: {more}", from.written()),
            None => from.written(),
        },
    };
    let nothing = |why: &str| Nothing(why.to_owned());
    match from {
        DefaultFrom::Config(key) => {
            let value = setting(settings, key).filter(|value| !value.is_null());
            let value = value.ok_or_else(|| Nothing(format!("the setting `{key}` has no value")))?;
            Ok(Found { value, place: from.written() })
        }
        DefaultFrom::GitRemote => {
            let remote = checkout.remote().ok_or_else(|| nothing("the repository has no remote"))?;
            let url = checkout.remote_url(&remote).ok_or_else(|| nothing("its remote has no address"))?;
            Ok(found(detect::without_password(&url), Some(&remote)))
        }
        DefaultFrom::GitBranch => {
            let branch = checkout.branch().ok_or_else(|| nothing("no branch is checked out"))?;
            Ok(found(branch, None))
        }
        DefaultFrom::GitBaseBranch => match &settings.branching.default_base_branch {
            Some(branch) => Ok(found(branch.clone(), Some("the setting branching.default_base_branch"))),
            None => {
                let base = detect::base_branch(&detect::branch_facts(checkout));
                let base = base.ok_or_else(|| nothing("nothing says which branch work starts from"))?;
                Ok(found(base.name, None))
            }
        },
        DefaultFrom::TestCommand => match &settings.test_check.command {
            Some(command) => {
                let text = match command {
                    CommandLine::Shell(text) => text.clone(),
                    CommandLine::Words(words) => command_line(words),
                };
                Ok(found(text, Some("the setting test_check.command")))
            }
            None => {
                let detected = detect::test_command(checkout.top());
                let detected = detected.ok_or_else(|| nothing("no file says how the project is tested"))?;
                Ok(found(detected.command, Some(detected.because)))
            }
        },
        DefaultFrom::Date => Ok(found(jiff::Zoned::now().date().to_string(), None)),
    }
}

fn setting(settings: &Settings, key: &str) -> Option<Value> {
    let all = serde_json::to_value(settings).ok()?;
    key.split('.').try_fold(&all, |value, part| value.get(part)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_found_by_its_name() {
        let settings = Settings::default();
        for key in crate::config::table::KEYS {
            assert!(setting(&settings, key.name).is_some(), "{}", key.name);
        }
        assert_eq!(setting(&settings, "client.program"), Some(Value::from("claude")));
        assert_eq!(setting(&settings, "client.programme"), None);
    }
}
