//! The commands in a shell text, as far as rules ask for them: words without quotes, and what is piped into what.

/// One simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words; an interpolation stays as it is written.
    pub(super) words: Vec<String>,
    /// Whether it reads what the command before it writes.
    pub(super) piped: bool,
}

impl Command {
    /// Whether its words begin like this.
    pub(super) fn starts_with(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len() && self.words.iter().zip(words).all(|(own, word)| own == word)
    }

    /// The subcommand of a `git` command and the words after it, options of `git` itself left out.
    pub(super) fn git(&self) -> Option<(&str, &[String])> {
        let (first, mut rest) = self.words.split_first()?;
        if first != "git" {
            return None;
        }
        while let Some(option) = rest.first().filter(|word| word.starts_with('-')) {
            let takes_value = matches!(option.as_str(), "-C" | "-c" | "--git-dir" | "--work-tree");
            rest = rest.get(if takes_value { 2 } else { 1 }..)?;
        }
        let (subcommand, rest) = rest.split_first()?;
        Some((subcommand, rest))
    }
}

/// The commands of a text, those inside of `$(…)`, `(…)` and backticks included.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut all: Vec<Command> = vec![Command::default()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let mut step = next.len_utf8();
        if rest.starts_with("${{") {
            // An interpolation is one piece, whatever stands in it.
            let end = rest.find("}}").map_or(rest.len(), |end| end + 2);
            word.get_or_insert_default().push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        match (quote, next) {
            (Some(open), _) if next == open => quote = None,
            (Some('"'), '\\') => {
                let escaped = rest[step..].chars().next();
                word.get_or_insert_default().extend(escaped);
                step += escaped.map_or(0, char::len_utf8);
            }
            (Some(_), _) => word.get_or_insert_default().push(next),
            (None, '\'' | '"') => {
                quote = Some(next);
                word.get_or_insert_default();
            }
            (None, '\\') => {
                let escaped = rest[step..].chars().next();
                if escaped != Some('\n') {
                    word.get_or_insert_default().extend(escaped);
                }
                step += escaped.map_or(0, char::len_utf8);
            }
            (None, '#') if word.is_none() => {
                step = rest.find('\n').unwrap_or(rest.len());
            }
            (None, ' ' | '\t') => end_word(&mut all, &mut word),
            (None, '\n' | ';' | '&' | '|' | '(' | ')' | '`') => {
                end_word(&mut all, &mut word);
                let piped = next == '|' && !rest.starts_with("||");
                if rest.starts_with("||") || rest.starts_with("&&") {
                    step = 2;
                }
                match all.last_mut() {
                    Some(last) if last.words.is_empty() => last.piped |= piped,
                    _ => all.push(Command { words: Vec::new(), piped }),
                }
            }
            (None, _) => word.get_or_insert_default().push(next),
        }
        rest = rest.get(step..).unwrap_or_default();
    }
    end_word(&mut all, &mut word);
    all.retain(|command| !command.words.is_empty());
    all
}

fn end_word(all: &mut [Command], word: &mut Option<String>) {
    if let (Some(word), Some(last)) = (word.take(), all.last_mut()) {
        // What opens a group or a branch is no command of its own.
        let opens = matches!(
            word.as_str(),
            "{" | "if" | "then" | "else" | "elif" | "do" | "while" | "until" | "!" | "$"
        );
        if !(opens && last.words.is_empty()) {
            last.words.push(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        commands(text)
            .iter()
            .map(|command| format!("{}{}", if command.piped { "| " } else { "" }, command.words.join(" ")))
            .collect()
    }

    #[test]
    fn commands_are_told_apart() {
        assert_eq!(words("a 'b c' \"d\\\"e\" # f\ng | h && i; j"), ["a b c d\"e", "g", "| h", "i", "j"]);
        assert_eq!(words("x=$(git rev-parse HEAD) || exit 1"), ["x=$", "git rev-parse HEAD", "exit 1"]);
        assert_eq!(
            words("if ! git push; then echo 'gh run watch'; fi"),
            ["git push", "echo gh run watch", "fi"]
        );
        assert_eq!(words("ls ${{ inputs.a | sh }} \\\n -l"), ["ls ${{ inputs.a | sh }} -l"]);
        assert_eq!(words("'open \u{e9}"), ["open \u{e9}"]);
        assert_eq!(words("&& | ;"), Vec::<String>::new());
    }

    #[test]
    fn options_of_git_are_left_out() {
        let all = commands("git -C /x -c a=b push origin main");
        assert_eq!(all[0].git().map(|(name, rest)| (name, rest.len())), Some(("push", 2)));
        assert_eq!(commands("git -C")[0].git(), None);
    }
}
