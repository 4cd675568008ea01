//! Values on their way into an expression, out of it, and into text.

use minijinja::value::{Serde, ValueKind};
use minijinja::{Error, ErrorKind, Value as Inner};
use serde_json::{Map, Value};

use super::Mode;
use super::analyse::Path;

/// The part of `scope` that `paths` read. A name that is missing becomes a value that fails as soon
/// as it is touched, unless its path is guarded.
/// Where `mode` is lenient, it becomes nothing instead.
pub(super) fn context(scope: &Map<String, Value>, paths: &[Path], mode: Mode) -> Inner {
    let roots: Vec<&Path> = paths.iter().filter(|path| path.segments.len() == 1).collect();
    let pairs = roots.into_iter().filter_map(|root| {
        let name = &root.segments[0];
        let value = match scope.get(name) {
            Some(value) => select(value, &root.segments, paths, mode),
            None if root.guarded => return None,
            None => missing(&root.segments, paths, mode),
        };
        Some((name.clone(), value))
    });
    Inner::from_pairs(pairs)
}

/// `value`, which stands at `at`, with what `paths` read below it.
fn select(value: &Value, at: &[String], paths: &[Path], mode: Mode) -> Inner {
    let below: Vec<&Path> = paths
        .iter()
        .filter(|path| path.segments.len() == at.len() + 1 && path.segments.starts_with(at))
        .collect();
    if below.is_empty() {
        return outer(value);
    }
    let Value::Object(fields) = value else {
        return if mode == Mode::Legacy { missing(at, paths, mode) } else { outer(value) };
    };
    // A namespace holds much that this expression does not read; deeper mappings are kept whole.
    let mut all: Vec<(String, Inner)> = Vec::new();
    if at.len() > 1 {
        all.extend(fields.iter().map(|(name, value)| (name.clone(), outer(value))));
    }
    for path in below {
        let name = &path.segments[at.len()];
        match fields.get(name) {
            Some(value) => all.push((name.clone(), select(value, &path.segments, paths, mode))),
            None if path.guarded => {}
            None => all.push((name.clone(), missing(&path.segments, paths, mode))),
        }
    }
    Inner::from_pairs(all)
}

fn outer(value: &Value) -> Inner {
    Inner::from(Serde(value))
}

fn missing(segments: &[String], paths: &[Path], mode: Mode) -> Inner {
    if mode == Mode::Legacy {
        let below = paths
            .iter()
            .filter(|path| path.segments.len() == segments.len() + 1 && path.segments.starts_with(segments));
        let pairs: Vec<_> = below
            .map(|path| (path.segments[segments.len()].clone(), missing(&path.segments, paths, mode)))
            .collect();
        return if pairs.is_empty() { Inner::from(()) } else { Inner::from_pairs(pairs) };
    }
    Inner::from(Error::new(ErrorKind::UndefinedError, format!("`{}` is not set", segments.join("."))))
}

/// A result of an expression as JSON.
pub(super) fn to_json(value: &Inner) -> Result<Value, String> {
    match value.kind() {
        ValueKind::Undefined => return Err("a value is missing".to_owned()),
        ValueKind::Bytes | ValueKind::Plain => return Err(format!("a {} is no value", value.kind())),
        ValueKind::Number if f64::try_from(value.clone()).is_ok_and(|number| !number.is_finite()) => {
            return Err("the number is not finite".to_owned());
        }
        _ => {}
    }
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// A value as text: strings as they are, null as nothing, lists and mappings as JSON.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
