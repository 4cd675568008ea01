//! Names that others give meaning to: repositories of GitHub, branches of git.

/// What a repository of GitHub is called, for editors; [`is_repository`] says the same.
pub(super) const REPOSITORY: &str = "^[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?/[A-Za-z0-9._-]{1,100}$";

/// What a branch is called, for editors: the characters that git allows. [`is_branch`] knows more.
pub(super) const BRANCH: &str = "^[^-\\s~^:?*\\[\\\\\\x00-\\x1f\\x7f][^\\s~^:?*\\[\\\\\\x00-\\x1f\\x7f]*$";

/// What a folder is called that stands in commands as it is, for editors; [`is_folder`] says the same.
pub(super) const FOLDER: &str = "^(/+\\.*[A-Za-z0-9_+@,-]|\\.*[A-Za-z0-9_+@,])[A-Za-z0-9._+@,-]*(/+\\.*[A-Za-z0-9_+@,-][A-Za-z0-9._+@,-]*)*/*$";

/// Whether `text` is a folder that every shell takes for one word and that leads nowhere above where it starts: no blanks, no signs
/// with a meaning, no `.` or `..` among its parts.
#[must_use]
pub fn is_folder(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._/+@,-".contains(c);
    let mut parts = text.split('/').filter(|part| !part.is_empty()).peekable();
    !text.trim_start_matches('.').starts_with('-')
        && text.chars().all(allowed)
        && parts.peek().is_some()
        && parts.all(|part| !part.chars().all(|c| c == '.'))
}

/// Whether `text` is `owner/name` as GitHub allows it: an owner has at most 39 letters, digits and inner hyphens, a name at most
/// 100 letters, digits and `.`, `_`, `-`.
#[must_use]
pub fn is_repository(text: &str) -> bool {
    let Some((owner, name)) = text.split_once('/') else { return false };
    let word = |c: char| c.is_ascii_alphanumeric();
    let owned = !owner.is_empty()
        && owner.len() <= 39
        && owner.chars().all(|c| word(c) || c == '-')
        && owner.starts_with(word)
        && owner.ends_with(word);
    owned
        && !matches!(name, "" | "." | "..")
        && name.len() <= 100
        && name.chars().all(|c| word(c) || "._-".contains(c))
}

/// Whether git takes `text` for the name of a branch and for nothing else: a name that starts with `-` would be an option to most of
/// its commands, `HEAD` and `@` are what is checked out.
#[must_use]
pub fn is_branch(text: &str) -> bool {
    let allowed = |c: char| !c.is_ascii_control() && !c.is_whitespace() && !"~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !text.starts_with('-')
        && text != "@"
        && text != "HEAD"
        && !text.contains("..")
        && !text.contains("@{")
        && !text.ends_with('.')
        && text.chars().all(allowed)
        && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_github_and_git_allow_them() {
        let pattern = regex::Regex::new(REPOSITORY).unwrap();
        let long = format!("{}/x", "a".repeat(40));
        for (text, expected) in [
            ("owner/name", true),
            ("o/n", true),
            ("my-org/my.repo_2-x", true),
            ("owner/.github", true),
            ("owner/name.git", true),
            ("owner", false),
            ("owner/", false),
            ("/name", false),
            ("owner/..", false),
            ("-owner/name", false),
            ("owner-/name", false),
            ("owner/na me", false),
            ("a/b/c", false),
            ("https://github.com/owner/name", false),
            (&long, false),
            ("", false),
        ] {
            assert_eq!(is_repository(text), expected, "{text}");
            assert!(pattern.is_match(text) || !expected, "{text}: the pattern refuses it");
            assert_eq!(pattern.is_match(text), expected || text == "owner/..", "{text}");
        }
    }

    /// git itself is the judge.
    #[test]
    fn branches_as_git_takes_them() {
        let pattern = regex::Regex::new(BRANCH).unwrap();
        for text in [
            "main",
            "feature/x",
            "release-1.2",
            "küche",
            "a.b",
            "user@home",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a..b",
            "a b",
            "a~b",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "@{x",
            "a@{b",
            "@",
            "a.",
            "-a",
            "a\u{7f}",
            "HEAD",
            "",
        ] {
            let name = format!("refs/heads/{text}");
            let judged =
                std::process::Command::new("git").args(["check-ref-format", &name]).output().unwrap();
            // What git has another meaning for where a branch may stand is none to us.
            let other = matches!(text, "@" | "HEAD" | "-a");
            assert_eq!(is_branch(text), judged.status.success() && !other, "{text}");
            assert!(pattern.is_match(text) || !is_branch(text), "{text}: the pattern refuses it");
        }
    }
}
