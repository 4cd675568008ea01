//! Layers: who says what, and who wins. Pure: leaves come in, one value per key with its origin goes out.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::table::{KEYS, Key};

/// Who says it, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The program.
    Default,
    /// The user's file.
    User,
    /// The user's file of secrets.
    UserSecrets,
    /// The repository's file.
    Project,
    /// The user's file of secrets for the repository.
    ProjectSecrets,
    /// A variable.
    Environment,
    /// `--config` on the command line.
    Flag,
}

impl Layer {
    /// Whether secrets may stand there.
    #[must_use]
    pub fn holds_secrets(self) -> bool {
        matches!(self, Self::UserSecrets | Self::ProjectSecrets | Self::Environment)
    }

    /// Its name in machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::User => "user",
            Self::UserSecrets => "user_secrets",
            Self::Project => "project",
            Self::ProjectSecrets => "project_secrets",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The file and line, the variable, or the flag.
    pub place: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Layer::Default => f.write_str("default"),
            _ => f.write_str(&self.place),
        }
    }
}

/// A value that somebody says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The setting.
    #[serde(serialize_with = "name_of")]
    pub key: &'static Key,
    /// Its value.
    pub value: Json,
    /// Who says it.
    pub origin: Origin,
}

fn name_of<S: serde::Serializer>(key: &&'static Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.name)
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What the program says.
#[must_use]
pub fn defaults() -> Vec<Entry> {
    let origin = Origin { layer: Layer::Default, place: String::new() };
    KEYS.iter().map(|key| Entry { key, value: key.default.value(), origin: origin.clone() }).collect()
}

/// One value per setting, in the order of the table: what the strongest layer says; within a layer, what it says last.
#[must_use]
pub fn merge(said: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut merged = defaults();
    for entry in said {
        let Some(there) = merged.iter_mut().find(|there| there.key == entry.key) else { continue };
        if entry.origin.layer >= there.origin.layer {
            *there = entry;
        }
    }
    merged
}

/// Values by name as nested mappings.
#[must_use]
pub fn tree(values: impl IntoIterator<Item = (&'static Key, Json)>) -> Json {
    let mut root = Json::Object(Map::new());
    for (key, value) in values {
        // Indexing a null makes a mapping of it; no key of the table is also a section.
        *key.path().fold(&mut root, |place, part| &mut place[part]) = value;
    }
    root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const LAYERS: [Layer; 6] = [
        Layer::User,
        Layer::UserSecrets,
        Layer::Project,
        Layer::ProjectSecrets,
        Layer::Environment,
        Layer::Flag,
    ];

    fn said() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (0..KEYS.len(), 0..LAYERS.len(), 0..9_u64).prop_map(|(key, layer, value)| {
            let layer = LAYERS[layer];
            Entry {
                key: &KEYS[key],
                value: json!(value),
                origin: Origin { layer, place: format!("{}:{value}", layer.name()) },
            }
        });
        prop::collection::vec(entry, 0..40)
    }

    proptest! {
        #[test]
        fn the_strongest_layer_that_says_something_wins_and_is_named(said in said()) {
            let merged = merge(said.clone());
            prop_assert_eq!(merged.len(), KEYS.len());
            for (entry, key) in merged.iter().zip(KEYS) {
                prop_assert_eq!(entry.key.name, key.name);
                // The last of the equally strong ones.
                let winner = said.iter().filter(|said| said.key == key).max_by_key(|said| said.origin.layer);
                match winner {
                    Some(winner) => prop_assert_eq!(entry, winner),
                    None => prop_assert_eq!((entry.origin.layer, &entry.value), (Layer::Default, &key.default.value())),
                }
            }
        }

        #[test]
        fn what_a_weaker_layer_says_changes_nothing_where_a_stronger_one_speaks(said in said()) {
            let merged = merge(said.clone());
            let won = said.into_iter().filter(|entry| merged.contains(entry));
            prop_assert_eq!(merge(won), merged);
        }
    }
}
