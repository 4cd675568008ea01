//! Did-you-mean.

pub(crate) use crate::core::text::{did_you_mean as closest, quoted_list, suggestion as help};

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
