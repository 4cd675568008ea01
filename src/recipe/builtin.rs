//! The recipes inside the binary.

/// Name and text of each, in the order of lists.
pub const BUILTIN: &[(&str, &str)] = &[
    ("fix-tests", include_str!("../../recipes/fix-tests.yaml")),
    ("hello", include_str!("../../recipes/hello.yaml")),
];

/// Name and text of each sub-recipe inside the binary.
pub const PARTS: &[(&str, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_folder_is_inside() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(files, BUILTIN.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }
}
