//! How a project is tested, as its files say.

use std::path::Path;

/// A test command and what it was concluded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The command, for a shell.
    pub command: String,
    /// The file that says so.
    pub because: &'static str,
}

/// The usual test command of the repository at `top`, the most telling file first. `None` when nothing is recognised.
#[must_use]
pub fn test_command(top: &Path) -> Option<Detected> {
    let read = |name: &str| std::fs::read_to_string(top.join(name)).ok();
    let has = |name: &str| top.join(name).is_file();
    let said = |command: &str, because| Some(Detected { command: command.to_owned(), because });
    for (name, command) in [
        ("Taskfile.yml", "task test"),
        ("Taskfile.yaml", "task test"),
        ("justfile", "just test"),
        ("Justfile", "just test"),
        ("Makefile", "make test"),
        ("makefile", "make test"),
        ("GNUmakefile", "make test"),
    ] {
        // Only where a target of that name is there: many projects use these files for other things.
        if read(name).is_some_and(|text| has_target(&text)) {
            return said(command, name);
        }
    }
    if has("Cargo.toml") {
        return said("cargo test", "Cargo.toml");
    }
    if has("go.mod") {
        return said("go test ./...", "go.mod");
    }
    if let Some(text) = read("package.json") {
        let scripts: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let test = scripts["scripts"]["test"].as_str().unwrap_or_default();
        // What `npm init` writes when there are no tests.
        if !test.is_empty() && !test.contains("no test specified") {
            let runner =
                [("pnpm-lock.yaml", "pnpm test"), ("yarn.lock", "yarn test"), ("bun.lock", "bun run test")];
            let runner = runner.iter().find(|(lock, _)| has(lock)).map_or("npm test", |(_, command)| command);
            return said(runner, "package.json");
        }
    }
    if has("pytest.ini")
        || has("tox.ini")
        || has("conftest.py")
        || read("pyproject.toml").is_some_and(|text| text.contains("pytest"))
    {
        let uv = has("uv.lock");
        return said(if uv { "uv run pytest" } else { "python3 -m pytest" }, "the Python test configuration");
    }
    if has("gradlew") {
        return said("./gradlew test", "gradlew");
    }
    if has("pom.xml") {
        return said("mvn --batch-mode test", "pom.xml");
    }
    if has("mix.exs") {
        return said("mix test", "mix.exs");
    }
    if has("Gemfile") && top.join("spec").is_dir() {
        return said("bundle exec rspec", "Gemfile");
    }
    if read("composer.json")
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .is_some_and(|composer| !composer["scripts"]["test"].is_null())
    {
        return said("composer test", "composer.json");
    }
    if has("Package.swift") {
        return said("swift test", "Package.swift");
    }
    None
}

fn has_target(text: &str) -> bool {
    text.lines().map(str::trim).filter_map(|line| line.strip_prefix("test")).any(|rest| {
        let rest = rest.trim_start();
        // `test := x` is a variable.
        rest.starts_with(':') && !rest.starts_with(":=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_project_has_its_command() {
        let cases: &[(&[(&str, &str)], Option<&str>)] = &[
            (&[], None),
            (&[("Cargo.toml", "")], Some("cargo test")),
            (&[("Cargo.toml", ""), ("Makefile", "test: build\n\tcargo test\n")], Some("make test")),
            (&[("Makefile", "all:\n\techo test:\n"), ("go.mod", "")], Some("go test ./...")),
            (&[("package.json", r#"{"scripts":{"test":"vitest"}}"#)], Some("npm test")),
            (&[("package.json", r#"{"scripts":{"test":"vitest"}}"#), ("yarn.lock", "")], Some("yarn test")),
            (
                &[("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#)],
                None,
            ),
            (&[("package.json", "not json")], None),
            (&[("Makefile", "test := unit\nall:\n")], None),
            (&[("GNUmakefile", "test: all\n")], Some("make test")),
            (&[("composer.json", r#"{"scripts":{"test":["phpunit"]}}"#)], Some("composer test")),
            (&[("composer.json", r#"{"scripts":{}}"#)], None),
            (&[("Package.swift", "")], Some("swift test")),
            (&[("pyproject.toml", "[tool.pytest.ini_options]")], Some("python3 -m pytest")),
        ];
        for (files, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in *files {
                std::fs::write(dir.path().join(name), text).unwrap();
            }
            let found = test_command(dir.path()).map(|detected| detected.command);
            assert_eq!(found.as_deref(), *expected, "{files:?}");
        }
    }
}
