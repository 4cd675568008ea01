//! The GitHub token: settings, then the environment, then `gh auth token`. It is looked for on first use, by one caller at a time while the
//! others wait for the same answer; that there is none is forgotten soon, so that a login is noticed.

#![expect(
    clippy::disallowed_types,
    reason = "this file asks `gh` for a token; nothing runs it before a token is needed"
)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long it holds that there is no token.
const NOT_FOUND_FOR: Duration = Duration::from_secs(30);
/// How long `gh` may take, as in AutoSkillit 0.9.
const GH: Duration = Duration::from_secs(5);
/// Variables that hold one, in the order in which GitHub's own tools read them.
pub const VARIABLES: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];

/// A token; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

type Asking = Pin<Box<dyn Future<Output = Option<String>> + Send>>;
/// The last resort: a program that knows the token.
type Ask = Box<dyn Fn() -> Asking + Send + Sync>;

/// Finds the token when it is needed. One for all clients of GitHub.
pub struct TokenFactory {
    known: Option<String>,
    ask: Ask,
    answer: Mutex<Option<(Option<Token>, Instant)>>,
}

impl fmt::Debug for TokenFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFactory").finish_non_exhaustive()
    }
}

impl TokenFactory {
    /// A factory over the token of the settings and the environment; without one there, `gh` is asked when a token is needed.
    #[must_use]
    pub fn new(setting: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::with(setting, variable, Box::new(|| Box::pin(gh())))
    }

    fn with(setting: Option<&str>, variable: impl Fn(&str) -> Option<String>, ask: Ask) -> Self {
        let said = |text: &String| !text.trim().is_empty();
        let known = setting.map(str::to_owned).filter(said);
        let known = known.or_else(|| VARIABLES.into_iter().filter_map(variable).find(said));
        Self { known: known.map(|token| token.trim().to_owned()), ask, answer: Mutex::default() }
    }

    /// The token; `None` when there is none. Starts a process at most once per answer, however many ask.
    pub async fn token(&self) -> Option<Token> {
        if let Some(known) = &self.known {
            return Some(Token(known.clone()));
        }
        let mut answer = self.answer.lock().await;
        match &*answer {
            Some((Some(token), _)) => return Some(token.clone()),
            Some((None, at)) if at.elapsed() < NOT_FOUND_FOR => return None,
            _ => {}
        }
        let found = (self.ask)().await.map(Token);
        *answer = Some((found.clone(), Instant::now()));
        found
    }
}

/// What `gh` is logged in with.
async fn gh() -> Option<String> {
    let mut command = Command::new("gh");
    command.args(["auth", "token"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(GH, command.output()).await.ok()?.ok()?;
    let token = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    /// A factory whose `gh` gives these answers one after the other, and how often it was asked.
    fn asking(answers: &'static [Option<&'static str>]) -> (Arc<AtomicUsize>, TokenFactory) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let ask: Ask = Box::new(move || {
            let answer = answers[counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                answer.map(str::to_owned)
            })
        });
        (asked, TokenFactory::with(None, none, ask))
    }

    fn text(token: Option<Token>) -> Option<String> {
        token.map(|token| token.0)
    }

    #[tokio::test]
    async fn settings_win_over_the_environment() {
        let env = |name: &str| (name == "GITHUB_TOKEN").then(|| "from-env".to_owned());
        assert_eq!(
            text(TokenFactory::new(Some("from-settings"), env).token().await).as_deref(),
            Some("from-settings")
        );
        assert_eq!(text(TokenFactory::new(Some(" "), env).token().await).as_deref(), Some("from-env"));
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_start_one_process() {
        let (asked, factory) = asking(&[Some("t")]);
        let (a, b, c) = tokio::join!(factory.token(), factory.token(), factory.token());
        assert_eq!([text(a), text(b), text(c)], [Some("t".into()), Some("t".into()), Some("t".into())]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn that_there_is_none_is_forgotten_soon() {
        let (asked, factory) = asking(&[None, Some("t")]);
        assert_eq!(text(factory.token().await), None);
        assert_eq!(text(factory.token().await), None);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        tokio::time::advance(NOT_FOUND_FOR).await;
        assert_eq!(text(factory.token().await).as_deref(), Some("t"));
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", Token("secret".into())), "Token(…)");
    }
}
