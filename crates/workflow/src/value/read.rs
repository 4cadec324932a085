//! Reading a value from any format straight into its canonical text, without a tree in between.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Json;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Vec::new();
        Writer(&mut text).deserialize(deserializer)?;
        let text = String::from_utf8(text).map_err(D::Error::custom)?;
        RawValue::from_string(text)
            .map(|text| Self(text.into()))
            .map_err(D::Error::custom)
    }
}

/// Appends the canonical text of what is read.
struct Writer<'w>(&'w mut Vec<u8>);

impl Writer<'_> {
    fn scalar<E: Error>(self, scalar: &impl Serialize) -> Result<(), E> {
        serde_json::to_writer(self.0, scalar).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(&())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.scalar(&())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.scalar(&truth)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.scalar(&number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.scalar(&number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.scalar(&number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scalar(&text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push(b'[');
        let before = out.len();
        while items.next_element_seed(Writer(out))?.is_some() {
            out.push(b',');
        }
        close(out, before, b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push(b'{');
        let before = out.len();
        let mut written: Vec<(String, Range<usize>)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let start = out.len();
            Writer(out).scalar(&name)?;
            out.push(b':');
            members.next_value_seed(Writer(out))?;
            out.push(b',');
            written.push((name, start..out.len()));
        }
        if !written.is_sorted_by(|(a, _), (b, _)| a < b) {
            sort(out, before, written);
        }
        close(out, before, b'}');
        Ok(())
    }
}

/// Ends an array or object, each of whose parts a comma follows.
fn close(out: &mut Vec<u8>, before: usize, bracket: u8) {
    if out.len() > before {
        out.pop();
    }
    out.push(bracket);
}

/// Brings the members of an object into their order; of those with the same name the last one counts.
fn sort(out: &mut Vec<u8>, before: usize, mut written: Vec<(String, Range<usize>)>) {
    written.reverse();
    written.sort_by(|(a, _), (b, _)| a.cmp(b));
    written.dedup_by(|(later, _), (kept, _)| later == kept);
    let sorted: Vec<u8> = written
        .into_iter()
        .flat_map(|(_, range)| &out[range])
        .copied()
        .collect();
    out.truncate(before);
    out.extend(sorted);
}
