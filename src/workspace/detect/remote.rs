//! Where a remote's address leads.

use crate::config::names::is_repository;

/// What is at the address of a remote. Never a part of the address that could be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosted {
    /// A repository of github.com, as `owner/name`.
    GitHub(String),
    /// Something at github.com that is no `owner/name`.
    Unclear,
    /// Another host: its name.
    Elsewhere(String),
    /// A folder.
    Folder,
}

/// Hosts of github.com; the last one takes ssh on the port of https.
const GITHUB: &[&str] = &["github.com", "www.github.com", "ssh.github.com"];

/// What is at `url`, in each of the forms that git takes.
#[must_use]
pub fn hosted(url: &str) -> Hosted {
    let url = url.trim();
    let Some((host, path)) = split(url) else { return Hosted::Folder };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if !GITHUB.contains(&host.as_str()) {
        return Hosted::Elsewhere(host);
    }
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    // The port of an address without `ssh://` in front of it is a part of its path.
    let path = path.strip_prefix("443/").filter(|rest| rest.contains('/')).unwrap_or(path);
    let name = path.strip_suffix(".git").unwrap_or(path);
    if is_repository(name) { Hosted::GitHub(name.to_owned()) } else { Hosted::Unclear }
}

/// An address without user and password where it could hold one; the user of ssh stays, it is needed.
#[must_use]
pub fn without_password(url: &str) -> String {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    let ssh = scheme.to_ascii_lowercase().contains("ssh");
    match user.split(':').next().filter(|_| ssh) {
        Some(user) => format!("{scheme}://{user}@{host}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

/// Host and path; `None` for a folder.
fn split(url: &str) -> Option<(&str, &str)> {
    if let Some((scheme, rest)) = url.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.split_once(']') {
            Some((address, _)) => address.trim_start_matches('['),
            None => host.split(':').next().unwrap_or_default(),
        };
        return (!host.is_empty() && !scheme.eq_ignore_ascii_case("file")).then_some((host, path));
    }
    // `host:path`, unless a slash comes before the colon.
    let (before, path) = url.split_once(':').filter(|(before, _)| !before.contains('/'))?;
    let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
    (!host.is_empty()).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out_of_addresses() {
        for (url, expected) in [
            ("https://ada:secret@host/a/b.git", "https://host/a/b.git"),
            ("https://token@host", "https://host"),
            ("https://host/a@b", "https://host/a@b"),
            ("ssh://git@host:22/a", "ssh://git@host:22/a"),
            ("ssh://git:secret@host/a", "ssh://git@host/a"),
            ("git@host:a/b.git", "git@host:a/b.git"),
            ("../there", "../there"),
        ] {
            assert_eq!(without_password(url), expected, "{url}");
        }
    }

    #[test]
    fn every_form_of_an_address() {
        let here = || Hosted::GitHub("owner/name".to_owned());
        let elsewhere = |host: &str| Hosted::Elsewhere(host.to_owned());
        for (url, expected) in [
            ("https://github.com/owner/name", here()),
            ("https://github.com/owner/name.git", here()),
            ("https://github.com/owner/name/", here()),
            ("https://github.com/owner/name.git/", here()),
            ("https://www.github.com/owner/name", here()),
            ("https://GitHub.com/owner/name", here()),
            ("https://github.com:443/owner/name", here()),
            ("http://github.com/owner/name?x=y#z", here()),
            ("https://user:s3cr3t@github.com/owner/name.git", here()),
            ("https://x-access-token:p@ss@github.com/owner/name.git", here()),
            ("git@github.com:owner/name.git", here()),
            ("git@github.com:owner/name", here()),
            ("git@github.com:/owner/name.git", here()),
            ("github.com:owner/name", here()),
            ("ssh://git@github.com/owner/name.git", here()),
            ("ssh://git@github.com:22/owner/name.git", here()),
            ("ssh://git@ssh.github.com:443/owner/name.git", here()),
            ("git@ssh.github.com:443/owner/name.git", here()),
            ("git://github.com/owner/name.git", here()),
            ("git+ssh://git@github.com/owner/name", here()),
            ("https://github.com./owner/name", here()),
            ("https://github.com/owner/name.js.git", Hosted::GitHub("owner/name.js".to_owned())),
            ("https://github.com/owner", Hosted::Unclear),
            ("https://github.com/owner/name/tree/main", Hosted::Unclear),
            ("https://github.com", Hosted::Unclear),
            ("git@gist.github.com:abc.git", elsewhere("gist.github.com")),
            ("https://user:s3cr3t@github.example.com/owner/name", elsewhere("github.example.com")),
            ("git@gitlab.com:owner/name.git", elsewhere("gitlab.com")),
            ("git@github.com-work:owner/name.git", elsewhere("github.com-work")),
            ("https://github.com.evil.example/owner/name", elsewhere("github.com.evil.example")),
            ("https://github.com@evil.example/owner/name", elsewhere("evil.example")),
            ("ssh://git@[::1]:2222/owner/name", elsewhere("::1")),
            ("/srv/git/name.git", Hosted::Folder),
            ("../name", Hosted::Folder),
            ("./github.com:owner/name", Hosted::Folder),
            ("file:///srv/git/github.com/owner/name", Hosted::Folder),
            ("", Hosted::Folder),
            ("://", Hosted::Folder),
        ] {
            assert_eq!(hosted(url), expected, "{url}");
        }
    }

    proptest::proptest! {
        /// A password is in no answer, whatever surrounds it.
        #[test]
        fn no_password_is_told(user in "[a-z:@]{0,8}", host in "[a-z.]{1,12}", path in "[a-z/]{0,12}") {
            for url in [format!("https://{user}:S3CR3T@{host}/{path}"), format!("{user}:S3CR3T@{host}:{path}")] {
                let answer = format!("{:?}", hosted(&url));
                proptest::prop_assert!(!answer.to_uppercase().contains("S3CR3T"), "{url}: {answer}");
            }
        }
    }
}
