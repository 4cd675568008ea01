//! Small helpers on text.

use std::borrow::Cow;

/// The last `limit` bytes of `text`, cut at a character, with a line that says how much is missing.
#[must_use]
pub fn tail(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let mut start = text.len() - limit;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    Cow::Owned(format!("[{start} bytes before this are in the log]\n{}", &text[start..]))
}

/// The first line with something in it, without surrounding blanks; empty when there is none.
#[must_use]
pub fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The known name that `name` most likely was meant to be, when one is near enough.
#[must_use]
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    // A third of the word may differ; short words need to be nearer.
    let allowed = (name.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `text` in single quotes, so that a POSIX shell takes it for one word.
#[must_use]
pub fn sh_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// [`sh_quote`], only where it needs to be: for commands that people read.
#[must_use]
pub fn shell_quote(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(sh_quote(text))
}

/// A command line as a person would type it.
#[must_use]
pub fn command_line<S: AsRef<str>>(argv: &[S]) -> String {
    argv.iter().map(|arg| shell_quote(arg.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_cuts_at_a_character() {
        assert_eq!(tail("short", 10), "short");
        let text = format!("{}é{}", "a".repeat(10), "b".repeat(4));
        assert_eq!(tail(&text, 5), "[12 bytes before this are in the log]\nbbbb");
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(did_you_mean("fix-test", ["hello", "fix-tests"]), Some("fix-tests"));
        assert_eq!(did_you_mean("Hello", ["hello", "fix-tests"]), Some("hello"));
        assert_eq!(did_you_mean("zzz", ["hello", "fix-tests"]), None);
    }

    #[test]
    fn quoting_is_what_a_shell_undoes() {
        assert_eq!(command_line(&["git", "commit", "-m", "it's; done"]), r"git commit -m 'it'\''s; done'");
    }
}
