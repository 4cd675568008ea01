//! What a `when` compares, as far as it is simple enough to reason about.

/// The shape of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// `path == 'text'`, or with `!=`.
    Compare {
        path: String,
        equal: bool,
        literal: String,
    },
    /// `path in ['a', 'b']`.
    In {
        path: String,
        literals: Vec<String>,
    },
    /// `path` by itself.
    Truth(String),
    /// Whether nothing is asked.
    Always,
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    /// Anything else.
    Opaque,
}

impl Condition {
    /// Reads an expression.
    pub(super) fn of(source: &str) -> Self {
        let Some(tokens) = tokens(source) else { return Self::Opaque };
        let mut reader = Reader { tokens: &tokens };
        match reader.or() {
            Some(condition) if reader.tokens.is_empty() => condition,
            _ => Self::Opaque,
        }
    }

    /// The literals of `path` for which this holds by name.
    pub(super) fn names<'c>(&'c self, path: &str, into: &mut Vec<&'c str>) {
        match self {
            Self::Compare { path: own, equal: true, literal } if own == path => into.push(literal),
            Self::In { path: own, literals } if own == path => {
                into.extend(literals.iter().map(String::as_str))
            }
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.names(path, into)),
            _ => {}
        }
    }

    /// Whether it asks for `path` at all.
    pub(super) fn asks(&self, path: &str) -> bool {
        match self {
            Self::Compare { path: own, .. } | Self::In { path: own, .. } | Self::Truth(own) => own == path,
            Self::Not(one) => one.asks(path),
            Self::And(all) | Self::Or(all) => all.iter().any(|one| one.asks(path)),
            Self::Always | Self::Opaque => false,
        }
    }

    /// Whether it can hold when `path` has this value; what is not known may be.
    pub(super) fn admits(&self, path: &str, value: &str) -> bool {
        self.holds(path, value).unwrap_or(true)
    }

    fn holds(&self, path: &str, value: &str) -> Option<bool> {
        match self {
            Self::Compare { path: own, equal, literal } if own == path => Some((literal == value) == *equal),
            Self::In { path: own, literals } if own == path => Some(literals.iter().any(|one| one == value)),
            Self::Truth(own) if own == path => Some(!value.is_empty()),
            Self::Always => Some(true),
            Self::Not(one) => one.holds(path, value).map(|holds| !holds),
            Self::And(all) => {
                let each: Vec<_> = all.iter().map(|one| one.holds(path, value)).collect();
                if each.contains(&Some(false)) {
                    return Some(false);
                }
                each.iter().all(|one| *one == Some(true)).then_some(true)
            }
            Self::Or(all) => {
                let each: Vec<_> = all.iter().map(|one| one.holds(path, value)).collect();
                if each.contains(&Some(true)) {
                    return Some(true);
                }
                each.iter().all(|one| *one == Some(false)).then_some(false)
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

fn tokens(source: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => {
                let text = &rest[1..];
                let end = text.find(first)?;
                if text[..end].contains('\\') {
                    return None;
                }
                tokens.push(Token::Text(text[..end].to_owned()));
                end + 2
            }
            _ if first.is_ascii_alphanumeric() || matches!(first, '_' | '-') => {
                let inside = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '.');
                let end = rest[1..].find(|next| !inside(next)).map_or(rest.len(), |end| end + 1);
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            _ => {
                let signs = ["==", "!=", "(", ")", "[", "]", ","];
                let sign = signs.into_iter().find(|sign| rest.starts_with(sign))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

struct Reader<'a> {
    tokens: &'a [Token],
}

impl Reader<'_> {
    fn take(&mut self, expected: &Token) -> bool {
        match self.tokens.split_first() {
            Some((first, rest)) if first == expected => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        matches!(self.tokens.first(), Some(Token::Word(first)) if first == word) && {
            self.tokens = &self.tokens[1..];
            true
        }
    }

    fn or(&mut self) -> Option<Condition> {
        let mut all = vec![self.and()?];
        while self.word("or") {
            all.push(self.and()?);
        }
        Some(if all.len() == 1 { all.remove(0) } else { Condition::Or(all) })
    }

    fn and(&mut self) -> Option<Condition> {
        let mut all = vec![self.not()?];
        while self.word("and") {
            all.push(self.not()?);
        }
        Some(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
    }

    fn not(&mut self) -> Option<Condition> {
        // Each bracket and `not` is a token, and expressions have at most a few hundred.
        if self.word("not") {
            return Some(Condition::Not(Box::new(self.not()?)));
        }
        if self.take(&Token::Sign("(")) {
            let inner = self.or()?;
            return self.take(&Token::Sign(")")).then_some(inner);
        }
        let Some((Token::Word(path), rest)) = self.tokens.split_first() else { return None };
        self.tokens = rest;
        if path == "true" {
            return Some(Condition::Always);
        }
        for (sign, equal) in [("==", true), ("!=", false)] {
            if self.take(&Token::Sign(sign)) {
                let literal = self.literal()?;
                return Some(Condition::Compare { path: path.clone(), equal, literal });
            }
        }
        if self.word("in") {
            return Some(Condition::In { path: path.clone(), literals: self.list()? });
        }
        Some(Condition::Truth(path.clone()))
    }

    fn list(&mut self) -> Option<Vec<String>> {
        let mut literals = Vec::new();
        if !self.take(&Token::Sign("[")) {
            return None;
        }
        loop {
            if self.take(&Token::Sign("]")) {
                return Some(literals);
            }
            literals.push(self.literal()?);
            self.take(&Token::Sign(","));
        }
    }

    /// A text, a number, `true` or `false`; a name is none.
    fn literal(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        match first {
            Token::Text(text) => Some(text.clone()),
            Token::Word(word) if matches!(word.as_str(), "true" | "false") => Some(word.clone()),
            Token::Word(word) if word.parse::<f64>().is_ok() => Some(word.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_conditions_are_understood_and_others_are_not() {
        let of = |source: &str, value: &str| Condition::of(source).holds("result.v", value);
        assert_eq!(of("result.v == 'a'", "a"), Some(true));
        assert_eq!(of("result.v in ['a', \"b\"]", "c"), Some(false));
        assert_eq!(of("not (result.v == 'a' or result.v == 'b')", "b"), Some(false));
        assert_eq!(of("result.v != 'a' and result.x", "a"), Some(false));
        assert_eq!(of("result.v != 'a' and result.x", "b"), None);
        assert_eq!(of("true", "a"), Some(true));
        for opaque in
            ["result.v | lower == 'a'", "result.v == other", "'a' == result.v", "(result.v", "", "a b"]
        {
            assert_eq!(Condition::of(opaque), Condition::Opaque, "{opaque}");
        }
        let mut names = Vec::new();
        let condition = Condition::of("result.v == 'a' or result.v in ['b', 'c']");
        condition.names("result.v", &mut names);
        assert_eq!(names, ["a", "b", "c"]);
        assert!(condition.asks("result.v") && !condition.asks("result.w"));
    }
}
