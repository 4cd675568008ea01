//! Finding recipes.

use std::fs;

use super::super::compose::PartLookup;
use super::super::model::RecipeKind;
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

#[test]
fn two_files_of_one_name_are_neither() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("recipes");
    fs::create_dir_all(project.join("sub-recipes")).unwrap();
    for file in ["demo.yaml", "demo.yml", "demo-two.yaml", "sub-recipes/part.yaml", "sub-recipes/part.yml"] {
        fs::write(project.join(file), recipe("demo", "mine")).unwrap();
    }
    let paths = LibraryPaths { project: Some(project.clone()), builtin: BUILTIN, ..Default::default() };
    let library = Library::new(paths);
    let error = library.load("demo", &Skills).unwrap_err().to_string();
    assert!(error.starts_with("`demo` is two recipes: ") && error.ends_with("demo.yml"), "{error}");
    let list = library.list();
    let demo: Vec<_> = list.iter().filter(|listed| listed.name == "demo").collect();
    assert_eq!((demo.len(), demo[0].error.as_deref()), (2, Some(error.as_str())));
    assert_eq!(demo[1].shadowed_by, Some(RecipeSource::Project), "the bundled one is not taken instead");
    assert!(library.load(project.join("demo.yml").to_str().unwrap(), &Skills).is_ok());
    let error = PartLookup::find(&library, "part").unwrap_err();
    assert!(error.contains("part.yaml") && error.contains("part.yml"), "{error}");
}

#[test]
fn lists_tell_what_is_special() {
    let home = tempfile::tempdir().unwrap();
    let text = format!("language: 1\nkind: food-truck\nexperimental: true\n{}", recipe("demo", "mine"));
    fs::write(home.path().join("demo.yaml"), text).unwrap();
    let library = Library::new(LibraryPaths { project: Some(home.path().to_owned()), ..Default::default() });
    let demo = &library.list()[0];
    assert_eq!((demo.kind, demo.experimental), (RecipeKind::FoodTruck, true));
    let recipe = library.load("demo", &Skills).unwrap().recipe;
    assert!(crate::recipe::print::print(&recipe).contains("kind: food-truck"));
}

/// Whatever stands where a sub-recipe is looked for, the answer is short, quick and names the file.
#[test]
fn files_of_sub_recipes_are_read_within_bounds() {
    let home = tempfile::tempdir().unwrap();
    let parts = home.path().join("sub-recipes");
    fs::create_dir_all(parts.join("folder.yaml")).unwrap();
    fs::File::create(parts.join("huge.yaml")).unwrap().set_len(50 << 20).unwrap();
    fs::write(parts.join("latin.yaml"), b"name: caf\xe9\n").unwrap();
    nix::unistd::mkfifo(&parts.join("pipe.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::os::unix::fs::symlink("nowhere", parts.join("dangling.yaml")).unwrap();
    fs::write(parts.join("laughs.yaml"), laughs()).unwrap();
    let library = Library::new(LibraryPaths { project: Some(home.path().to_owned()), ..Default::default() });
    for (name, words) in [
        ("folder", "it is a directory"),
        ("huge", "it has 52428800 bytes"),
        ("latin", "not UTF-8"),
        ("pipe", "it is no regular file"),
        ("dangling", "there is no such file"),
        ("laughs", "aliases"),
        ("../other", ""),
    ] {
        let text = format!(
            "name: main\nlanguage: 1\nsteps:\n  a: {{sub_recipe: {name}, on_success: done, on_failure: escalate}}\n"
        );
        fs::write(home.path().join("main.yaml"), text).unwrap();
        let problems = library.check("main", &Skills).unwrap();
        let told: Vec<_> = problems.iter().flat_map(Problems::report).collect();
        let found = told.iter().any(|told| {
            told.message.contains(words) && format!("{}{}", told.file, told.message).contains(name)
        });
        assert!(found, "{name}: {told:#?}");
    }
}

fn laughs() -> String {
    let mut text = "name: laughs\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let names = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{names}]\n"));
    }
    text
}
