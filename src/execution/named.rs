//! The files that outputs name: are they there, and where?

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::verdict::Declared;
use crate::core::kind::ValueKind;
use crate::core::paths::KITCHEN_DIR;

/// A worktree lies beside the checkout that it belongs to, so the output that names one may name a place outside.
const WORKTREE: &str = "worktree_path";

/// What is wrong with the files that outputs name: the output's name, and the path as it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// They are not there.
    pub absent: Vec<(String, String)>,
    /// They are neither in the working directory or its checkout, nor in the kitchen's folder of some checkout.
    pub astray: Vec<(String, String)>,
    /// Whether one of them was written since the session began: what git ignores is work as well.
    pub fresh: bool,
}

/// Looks at the declared outputs that are paths. Relative ones start in `cwd`; `more` are places that they may be in beside it: the top of its checkout, the
/// folder that sessions pass files in. `since` is when the session began.
#[must_use]
pub fn look(
    given: &Map<String, Value>,
    declared: &[Declared],
    cwd: &Path,
    more: &[PathBuf],
    since: SystemTime,
) -> Named {
    let mut named = Named::default();
    let places: Vec<PathBuf> =
        std::iter::once(cwd).chain(more.iter().map(PathBuf::as_path)).filter_map(real).collect();
    for output in declared.iter().filter(|output| output.kind == ValueKind::Path) {
        let Some(path) = given.get(&output.name).and_then(Value::as_str).filter(|path| !path.is_empty())
        else {
            continue;
        };
        let told = (output.name.clone(), path.to_owned());
        match real(&cwd.join(path)) {
            None => named.absent.push(told),
            Some(real) => {
                let written = real.metadata().and_then(|facts| facts.modified());
                named.fresh |= written.is_ok_and(|written| written >= since);
                let ours = real.components().any(|part| part.as_os_str() == KITCHEN_DIR);
                let inside = places.iter().any(|place| real.starts_with(place));
                if !inside && !ours && output.name != WORKTREE {
                    named.astray.push(told);
                }
            }
        }
    }
    named
}

/// Where a path really leads; `None` when nothing is there.
fn real(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_named_file_is_there_and_in_its_place() {
        let room = tempfile::tempdir().unwrap();
        let at = |path: &str| room.path().join(path);
        for dir in [
            "checkout/work/sub",
            "checkout/.autoskillit/temp",
            "elsewhere/.autoskillit/temp",
            "beside",
            "passing",
        ] {
            std::fs::create_dir_all(at(dir)).unwrap();
        }
        for file in [
            "checkout/a.md",
            "checkout/work/b.md",
            "elsewhere/c.md",
            "elsewhere/.autoskillit/temp/d.md",
            "passing/e.md",
        ] {
            std::fs::write(at(file), "x").unwrap();
        }
        std::os::unix::fs::symlink(at("elsewhere/c.md"), at("checkout/work/link.md")).unwrap();
        let declared = |name: &str, kind| Declared { kind, ..Declared::required(name) };
        let look = |name: &str, kind, value: Value| {
            let given = Map::from_iter([(name.to_owned(), value)]);
            let more = [at("checkout"), at("passing")];
            let since = SystemTime::now() - std::time::Duration::from_secs(3600);
            let named = super::look(&given, &[declared(name, kind)], &at("checkout/work"), &more, since);
            let late = SystemTime::now() + std::time::Duration::from_secs(3600);
            let old = super::look(&given, &[declared(name, kind)], &at("checkout/work"), &more, late);
            assert!(!old.fresh, "nothing is written after that");
            let there = given[name].as_str().is_some_and(|path| !path.is_empty());
            assert_eq!(named.fresh, kind == ValueKind::Path && there && named.absent.is_empty());
            (!named.absent.is_empty(), !named.astray.is_empty())
        };
        let fine = (false, false);
        let cases = [
            (json!("b.md"), fine),
            (json!(at("checkout/work/b.md")), fine),
            (json!("../a.md"), fine),
            (json!(at("elsewhere/.autoskillit/temp/d.md")), fine),
            (json!(at("passing/e.md")), fine),
            (json!("sub"), fine),
            (json!(""), fine),
            (Value::Null, fine),
            (json!("none.md"), (true, false)),
            (json!(at("elsewhere/c.md")), (false, true)),
            (json!("../../elsewhere/c.md"), (false, true)),
            (json!("link.md"), (false, true)),
        ];
        for (value, expected) in cases {
            assert_eq!(look("plan_path", ValueKind::Path, value.clone()), expected, "{value}");
        }
        assert_eq!(look("worktree_path", ValueKind::Path, json!(at("beside"))), fine);
        assert_eq!(look("plan", ValueKind::String, json!("/none")), fine, "a text is no path");
    }
}
