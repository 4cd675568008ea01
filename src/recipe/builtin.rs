//! The recipes inside the binary.

/// Name and text of each, in the order of lists.
pub const BUILTIN: &[(&str, &str)] = &[
    ("fix-tests", include_str!("../../recipes/fix-tests.yaml")),
    ("hello", include_str!("../../recipes/hello.yaml")),
];

/// Name and text of each sub-recipe inside the binary.
pub const PARTS: &[(&str, &str)] = &[];

/// The tests of the recipes inside the binary: the name of the recipe and the text.
pub const TESTS: &[(&str, &str)] = &[
    ("fix-tests", include_str!("../../recipes/fix-tests.tests.yaml")),
    ("hello", include_str!("../../recipes/hello.tests.yaml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_folder_is_inside() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let named = |all: &[(&str, &str)], end: &str| -> Vec<String> {
            all.iter().map(|(name, _)| format!("{name}{end}")).collect()
        };
        let mut inside = [named(BUILTIN, ".yaml"), named(TESTS, ".tests.yaml")].concat();
        inside.sort();
        assert_eq!(files, inside);
    }
}
