//! Checks where they have a place: an error that is raised while a value is being read is told with the line of that value;
//! one that is raised afterwards, with the line of whatever holds it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads a mapping, a list or a text as `Raw` and makes a `T` of it.
pub(super) fn checked<'de, Raw, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    Raw: Deserialize<'de>,
    T: TryFrom<Raw, Error = String>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Checked { expected, kinds: PhantomData::<(Raw, T)> })
}

struct Checked<Kinds> {
    expected: &'static str,
    kinds: PhantomData<Kinds>,
}

impl<'de, Raw, T> Visitor<'de> for Checked<(Raw, T)>
where
    Raw: Deserialize<'de>,
    T: TryFrom<Raw, Error = String>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        T::try_from(Raw::deserialize(MapAccessDeserializer::new(access))?).map_err(Error::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        T::try_from(Raw::deserialize(SeqAccessDeserializer::new(access))?).map_err(Error::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::try_from(Raw::deserialize(StrDeserializer::new(text))?).map_err(Error::custom)
    }
}
