//! Asks the service how much of the plan is used. The only request that this program itself makes to it.

#![expect(
    clippy::disallowed_types,
    reason = "this file asks the model service about the account's limits; nothing does before a session starts"
)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};

use super::window::{Window, read};

/// Where the service is, unless `ANTHROPIC_BASE_URL` says so.
pub const SERVICE: &str = "https://api.anthropic.com";
/// Where it says what is used, as the client asks it.
const PATH: &str = "/api/oauth/usage";
/// What the service wants to hear with a token of an account.
const BETA: &str = "oauth-2025-04-20";
/// The longest that the request may take, as in AutoSkillit 0.9.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 256 << 10;

/// What logs an account in; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// A token of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What tells it from another one; says nothing of it.
    #[must_use]
    pub fn mark(&self) -> String {
        use sha2::Digest as _;
        sha2::Sha256::digest(self.0.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// Why the windows are not known.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The token would be readable on the way.
    #[error("{0} is not https, and the login is not sent without")]
    Open(String),
    /// There was no answer.
    #[error("{base} cannot be asked: {why}")]
    Unreachable {
        /// Where the service should be.
        base: String,
        /// What the network says.
        why: String,
    },
    /// It refused.
    #[error("{base} answers with status {status}")]
    Refused {
        /// Where the service is.
        base: String,
        /// The HTTP status.
        status: u16,
    },
    /// It said something else.
    #[error("{0} gives an answer that is no JSON")]
    Odd(String),
}

/// The windows of the account. Blocks for at most [`PATIENCE`].
///
/// # Errors
/// When the service does not say.
pub fn ask(base: &str, token: &AccessToken) -> Result<Vec<Window>, AskError> {
    let base = base.trim_end_matches('/');
    if !is_private(base) {
        return Err(AskError::Open(base.to_owned()));
    }
    let unreachable =
        |why: ureq::Error| AskError::Unreachable { base: base.to_owned(), why: why.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .timeout_global(Some(PATIENCE))
        // A token goes nowhere but where it was meant to go.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("autoskillit/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut answer = agent
        .get(format!("{base}{PATH}"))
        .header("Authorization", format!("Bearer {}", token.0))
        .header("anthropic-beta", BETA)
        .header("Accept", "application/json")
        .call()
        .map_err(unreachable)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(AskError::Refused { base: base.to_owned(), status: status.as_u16() });
    }
    let bytes = answer.body_mut().with_config().limit(LONGEST).read_to_vec().map_err(unreachable)?;
    let answer: Value = serde_json::from_slice(&bytes).map_err(|_| AskError::Odd(base.to_owned()))?;
    Ok(read(&answer))
}

/// Whether what is sent there stays between the two: encrypted, or inside this machine.
fn is_private(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return base.starts_with("https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_sent_where_nobody_reads_along() {
        for private in
            ["https://api.anthropic.com", "http://127.0.0.1:8080", "http://localhost/x", "http://[::1]:1"]
        {
            assert!(is_private(private), "{private}");
        }
        let open = [
            "http://proxy.example",
            "http://127.0.0.1.example",
            "http://localhost@evil.example",
            "ftp://x",
            "",
            "http://[::2]",
        ];
        for open in open {
            assert!(!is_private(open), "{open}");
            let error = ask(open, &AccessToken::new("secret")).unwrap_err();
            assert!(matches!(error, AskError::Open(_)), "{error}");
        }
    }

    #[test]
    fn a_token_is_not_shown_and_told_from_others() {
        let token = AccessToken::new("secret");
        assert_eq!(format!("{token:?}"), "AccessToken(…)");
        assert_eq!(token.mark().len(), 16);
        assert_ne!(token.mark(), AccessToken::new("other").mark());
    }

    #[test]
    fn a_service_that_is_not_there_is_an_error_in_words() {
        // Nothing listens on the port of a listener that is gone.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base = format!("http://127.0.0.1:{port}");
        let error = ask(&base, &AccessToken::new("secret")).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{base} cannot be asked: ")) && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn tls_is_ready_when_it_is_needed() {
        // Something that does not speak TLS: the handshake fails, and that is said.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let peer = std::thread::spawn(move || {
            use std::io::Write as _;
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let error = ask(&base, &AccessToken::new("secret")).unwrap_err();
        assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
        peer.join().unwrap();
    }
}
