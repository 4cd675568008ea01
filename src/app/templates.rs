//! New recipes, from templates.

use std::io;
use std::path::{Path, PathBuf};

use super::error::AppError;
use crate::core::files;
use crate::core::paths::KitchenDir;
use crate::workspace::git::Checkout;

/// What a new recipe starts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Template {
    /// One session, and a command that checks what it said.
    Hello,
    /// Tests, and sessions that repair them.
    FixTests,
    /// A command that is tried until it succeeds.
    Loop,
    /// One command.
    #[default]
    Blank,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 4] = [Self::Hello, Self::FixTests, Self::Loop, Self::Blank];

    /// The recipe that it makes.
    #[must_use]
    pub fn text(self, name: &str) -> String {
        let text = match self {
            Self::Hello => include_str!("../../templates/recipes/hello.yaml"),
            Self::FixTests => include_str!("../../templates/recipes/fix-tests.yaml"),
            Self::Loop => include_str!("../../templates/recipes/loop.yaml"),
            Self::Blank => include_str!("../../templates/recipes/blank.yaml"),
        };
        text.replacen("name: NAME\n", &format!("name: {}\n", scalar(name)), 1)
    }
}

/// A name as YAML reads it back: `yes` and `1` are words only in quotes.
fn scalar(name: &str) -> String {
    match serde_yaml::from_str::<serde_yaml::Value>(name) {
        Ok(serde_yaml::Value::String(read)) if read == name && !is_switch(name) => name.to_owned(),
        _ => format!("\"{name}\""),
    }
}

/// Words that older YAML takes for true or false.
fn is_switch(name: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Writes the recipe `name` into the recipes of the repository that `dir` is in. Gives its file.
///
/// # Errors
/// When there is no repository, the name is no file name, a recipe of that name is there, or nothing can be written.
pub fn create(dir: &Path, name: &str, template: Template) -> Result<PathBuf, AppError> {
    let bare = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name);
    if bare != name {
        return Err(
            AppError::usage(format!("`{name}` is a file, not a name")).hint(format!("name it `{bare}`"))
        );
    }
    let good = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|other| other.is_ascii_alphanumeric() || matches!(other, '-' | '_'));
    if !good {
        return Err(AppError::usage(format!("`{name}` is no name for a recipe"))
            .hint("use letters, digits, `-` and `_`, and begin with a letter or digit"));
    }
    let kitchen = KitchenDir::of(Checkout::discover(dir)?.top());
    let folder = kitchen.recipes();
    let taken = |path: &Path| {
        AppError::usage(format!("there is already a recipe `{name}`: {}", path.display()))
            .hint("choose another name, or remove the file first")
    };
    for extension in ["yaml", "yml"] {
        let other = folder.join(format!("{name}.{extension}"));
        if other.symlink_metadata().is_ok() {
            return Err(taken(&other));
        }
    }
    let path = folder.join(format!("{name}.yaml"));
    let written = kitchen
        .ensure()
        .and_then(|()| std::fs::create_dir_all(&folder))
        .and_then(|()| files::create(&path, template.text(name).as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&path)),
        Err(error) => Err(AppError::environment(format!("cannot write {}: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::kitchen::Pantry;
    use crate::recipe::model::RecipeSource;
    use crate::recipe::{Origin, compile};

    #[test]
    fn every_template_makes_a_recipe_without_findings() {
        for template in Template::ALL {
            for name in ["mine", "a-b_c", "yes", "12", "1e3", "null", "x"] {
                let origin = Origin {
                    file: "x".to_owned(),
                    stem: name.to_owned(),
                    source: RecipeSource::Path,
                    path: None,
                };
                let loaded = compile(&template.text(name), &origin, &Pantry::stock(None)).unwrap();
                assert!(loaded.warnings.is_empty(), "{template:?} {name}: {:?}", loaded.warnings.report());
            }
        }
    }

    #[test]
    fn the_templates_fit_the_schema() {
        let validator = jsonschema::validator_for(&crate::recipe::schema::json_schema()).unwrap();
        for template in Template::ALL {
            let value: serde_json::Value = serde_yaml::from_str(&template.text("x")).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{template:?}: {errors:?}");
        }
    }
}
