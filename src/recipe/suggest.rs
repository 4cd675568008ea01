//! Did-you-mean.

pub(crate) use crate::core::text::did_you_mean as closest;

/// `did you mean …?`, or the list of what there is when nothing is near.
pub(crate) fn help<'a>(
    word: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(found) = closest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{found}`?"));
    }
    match candidates.len() {
        0 => None,
        1..=16 => Some(format!("{what}: {}", quoted_list(&candidates))),
        _ => None,
    }
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn quoted_list<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `` `a` → `b` → `c` ``.
pub(crate) fn arrows(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let keys = ["on_success", "on_failure", "retries", "tool"];
        assert_eq!(closest("on_sucess", keys), Some("on_success"));
        assert_eq!(closest("Tool", keys), Some("tool"));
        assert_eq!(closest("banana", keys), None);
        assert_eq!(help("x", "keys", ["ab", "cd"]).as_deref(), Some("keys: `ab`, `cd`"));
    }
}
