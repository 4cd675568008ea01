//! Finding recipes.

use std::fs;

use super::*;

static BUILTIN: &[(&str, &str)] = &[
    ("mend", "name: mend\ndescription: shipped\nsteps: {a: {action: stop, message: x}}\n"),
    ("demo", "name: demo\ndescription: shipped demo\nsteps: {a: {action: stop, message: x}}\n"),
];

fn recipe(name: &str, description: &str) -> String {
    format!("name: {name}\ndescription: {description}\nsteps: {{a: {{action: stop, message: x}}}}\n")
}

#[test]
fn nearer_sources_win_and_faults_do_not_hide_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("project");
    let user = home.path().join("user");
    fs::create_dir_all(project.join("folder.yaml")).unwrap();
    fs::create_dir_all(&user).unwrap();
    fs::write(project.join("demo.yml"), recipe("demo", "mine")).unwrap();
    fs::write(project.join("bad.yaml"), "name: [\n").unwrap();
    fs::write(project.join("latin.yaml"), b"name: caf\xe9\n").unwrap();
    fs::write(project.join("notes.txt"), "x").unwrap();
    fs::write(user.join("demo.yaml"), recipe("demo", "the user's")).unwrap();
    let library = Library::new(LibraryPaths {
        project: Some(project.clone()),
        user: Some(user),
        top: None,
        builtin: BUILTIN,
    });
    let list: Vec<_> = library
        .list()
        .into_iter()
        .map(|listed| (listed.name, listed.source, listed.shadowed_by, listed.error.is_some()))
        .collect();
    use RecipeSource::{Builtin, Project, User};
    assert_eq!(
        list,
        [
            ("bad".to_owned(), Project, None, true),
            ("demo".to_owned(), Project, None, false),
            ("folder".to_owned(), Project, None, true),
            ("latin".to_owned(), Project, None, true),
            ("demo".to_owned(), User, Some(Project), false),
            ("mend".to_owned(), Builtin, None, false),
            ("demo".to_owned(), Builtin, Some(Project), false),
        ]
    );
    assert_eq!(library.load("demo", &Skills).unwrap().recipe.description, "mine");
    assert_eq!(library.load("mend", &Skills).unwrap().recipe.source, Builtin);
    let path = project.join("demo.yml");
    let loaded = library.load(path.to_str().unwrap(), &Skills).unwrap().recipe;
    assert_eq!((loaded.source, loaded.path), (RecipeSource::Path, Some(path)));

    for (name, words) in [
        ("dmeo", "there is no recipe `dmeo`"),
        ("folder", "it is a directory"),
        ("latin", "not UTF-8: byte 9 in line 1"),
        ("./gone.yaml", "there is no such file"),
        ("bad", "1 error in "),
    ] {
        let error = library.load(name, &Skills).unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
    let help = |name: &str| match library.load(name, &Skills) {
        Err(LoadError::NotFound { help, .. }) => help,
        other => panic!("{other:?}"),
    };
    assert_eq!(help("dmeo"), "did you mean `demo`?");
    assert_eq!(help("something"), "recipes: `bad`, `demo`, `folder`, `latin`, `mend`");
}

#[test]
fn missing_directories_are_empty() {
    let library = Library::new(LibraryPaths { project: Some("/nonexistent/x".into()), ..Default::default() });
    assert_eq!(library.list(), []);
    assert!(library.load("x", &Skills).is_err());
}
