//! The languages of a project, from the names of its files.

use std::path::Path;

use serde::Serialize;

/// A language, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Language {
    /// Its name.
    pub name: &'static str,
    /// How many files are written in it.
    pub files: usize,
    /// The file that describes a project in it, the one nearest to the top.
    pub manifest: Option<String>,
}

/// A language with the extensions of its files and the names of its manifests; `*.x` stands for all that end so.
type Known = (&'static str, &'static [&'static str], &'static [&'static str]);

const KNOWN: &[Known] = &[
    ("Rust", &["rs"], &["Cargo.toml"]),
    ("Go", &["go"], &["go.mod"]),
    ("JavaScript", &["js", "jsx", "mjs", "cjs"], &["package.json"]),
    ("TypeScript", &["ts", "tsx", "mts", "cts"], &["tsconfig.json", "package.json", "deno.json"]),
    ("Python", &["py"], &["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"]),
    ("Java", &["java"], &["pom.xml", "build.gradle", "build.gradle.kts"]),
    ("Kotlin", &["kt"], &["build.gradle.kts", "build.gradle"]),
    ("Scala", &["scala"], &["build.sbt"]),
    ("C#", &["cs"], &["*.sln", "*.slnx", "*.csproj"]),
    ("C++", &["cpp", "cc", "cxx", "hpp", "hh"], &["CMakeLists.txt"]),
    ("C", &["c"], &["CMakeLists.txt"]),
    ("Ruby", &["rb"], &["Gemfile"]),
    ("PHP", &["php"], &["composer.json"]),
    ("Elixir", &["ex", "exs"], &["mix.exs"]),
    ("Swift", &["swift"], &["Package.swift"]),
    ("Dart", &["dart"], &["pubspec.yaml"]),
    ("Haskell", &["hs"], &["*.cabal", "stack.yaml"]),
    ("Zig", &["zig"], &["build.zig"]),
    ("Shell", &["sh", "bash"], &[]),
];

/// Folders of what others wrote or a build made.
const FOREIGN: &[&str] = &["node_modules", "vendor", "third_party", "target", "dist", "build"];

/// At most this many are told.
const TOLD: usize = 3;

/// The languages of the files with these paths, the one with the most files first. A language counts when a manifest speaks for it
/// or a tenth of all source files is written in it.
#[must_use]
pub fn languages<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Language> {
    let mut found: Vec<Language> =
        KNOWN.iter().map(|(name, ..)| Language { name, files: 0, manifest: None }).collect();
    let nearer = |new: &str, old: &Option<String>| {
        let depth = |path: &str| (path.matches('/').count(), path.len());
        old.as_deref().is_none_or(|old| depth(new) < depth(old))
    };
    for path in paths {
        let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
        if folders.split('/').any(|folder| FOREIGN.contains(&folder)) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        for ((_, extensions, manifests), language) in KNOWN.iter().zip(&mut found) {
            language.files += usize::from(extension.is_some_and(|it| extensions.contains(&it)));
            let describes = |manifest: &&str| match manifest.strip_prefix('*') {
                Some(end) => name.ends_with(end),
                None => *manifest == name,
            };
            if manifests.iter().any(describes) && nearer(path, &language.manifest) {
                language.manifest = Some(path.to_owned());
            }
        }
    }
    let all: usize = found.iter().map(|language| language.files).sum();
    let written: Vec<Option<String>> =
        found.iter().filter(|it| it.files > 0).map(|it| it.manifest.clone()).collect();
    found.retain(|language| match (language.files, &language.manifest) {
        (0, None) => false,
        // Some manifests go with several languages: they speak for the one that the files are written in.
        (0, manifest) => !written.contains(manifest),
        (files, None) => files * 10 >= all,
        (files, Some(_)) => files * 100 >= all,
    });
    found.sort_by_key(|language| std::cmp::Reverse(language.files));
    let mut told: Vec<Language> = Vec::new();
    for language in found {
        let twin = language.files == 0 && told.iter().any(|other| other.manifest == language.manifest);
        if !twin && told.len() < TOLD {
            told.push(language);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(paths: &[&str]) -> Vec<String> {
        let tell = |language: Language| match language.manifest {
            Some(manifest) => format!("{} {} {manifest}", language.name, language.files),
            None => format!("{} {}", language.name, language.files),
        };
        languages(paths.iter().copied()).into_iter().map(tell).collect()
    }

    #[test]
    fn manifests_and_files_speak() {
        let many: Vec<String> = (0..50).map(|n| format!("src/{n}.rs")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).chain(["run.sh", "tool.py"]).collect();
        let cases: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["README.md", "LICENSE"], &[]),
            (&["Cargo.toml", "src/main.rs", "src/lib.rs"], &["Rust 2 Cargo.toml"]),
            (&["crates/a/Cargo.toml", "Cargo.toml"], &["Rust 0 Cargo.toml"]),
            // A few scripts beside it are not what it is written in.
            (&many, &["Rust 50"]),
            (&["package.json", "src/a.ts", "src/b.tsx"], &["TypeScript 2 package.json"]),
            (&["package.json", "index.js"], &["JavaScript 1 package.json"]),
            (&["package.json", "node_modules/x/a.js", "b.py"], &["Python 1", "JavaScript 0 package.json"]),
            (
                &["web/package.json", "web/a.ts", "api/pyproject.toml", "api/a.py", "api/b.py"],
                &["Python 2 api/pyproject.toml", "TypeScript 1 web/package.json"],
            ),
            (&["App.sln", "src/App.csproj", "src/a.cs"], &["C# 1 App.sln"]),
            (&["build.gradle.kts", "src/A.kt"], &["Kotlin 1 build.gradle.kts"]),
            (&["a.rs", "b.go", "c.py", "d.rb"], &["Rust 1", "Go 1", "Python 1"]),
        ];
        for (paths, expected) in cases {
            assert_eq!(told(paths), *expected, "{paths:?}");
        }
    }
}
