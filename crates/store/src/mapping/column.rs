//! Single columns: moments, counters, words and JSON, in both directions.

use std::{error::Error, fmt::Display, num::TryFromIntError, str::FromStr};

use agentchains_ports::StoreError;
use jiff::Timestamp;
use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer, value},
};
use serde_json::Value;

/// Microseconds since the Unix epoch.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A moment from the database.
pub(crate) fn moment(place: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|source| corrupt(place, source))
}

pub(super) fn moment_or_none(
    place: &'static str,
    micros: Option<i64>,
) -> Result<Option<Timestamp>, StoreError> {
    micros.map(|micros| moment(place, micros)).transpose()
}

/// A counter as databases hold it: they know no integer above `i64::MAX`.
pub(crate) fn count(place: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|source| corrupt(place, source))
}

/// A counter from the database, where all of them have the same type.
pub(crate) fn number<T>(place: &'static str, count: i64) -> Result<T, StoreError>
where
    T: TryFrom<i64, Error = TryFromIntError>,
{
    T::try_from(count).map_err(|source| corrupt(place, source))
}

/// An id, or one of a set of words.
pub(crate) fn word<T>(place: &'static str, text: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    text.parse().map_err(|source| corrupt(place, source))
}

/// The word of an enum that has words in its serialised form only.
pub(super) fn to_variant<T: Serialize>(place: &'static str, value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value).map_err(|source| corrupt(place, source))? {
        Value::String(word) => Ok(word),
        other => Err(corrupt(place, format!("{other} is not a word"))),
    }
}

/// Reads back what [`to_variant`] wrote.
pub(super) fn from_variant<T: DeserializeOwned>(place: &'static str, word: &str) -> Result<T, StoreError> {
    T::deserialize(IntoDeserializer::<value::Error>::into_deserializer(word))
        .map_err(|source| corrupt(place, source))
}

pub(super) fn to_json<T: Serialize + ?Sized>(place: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| corrupt(place, source))
}

pub(super) fn to_json_or_none<T: Serialize>(
    place: &'static str,
    value: Option<&T>,
) -> Result<Option<String>, StoreError> {
    value.map(|value| to_json(place, value)).transpose()
}

/// Reads back what [`to_json`] wrote, however deep: a rendered config nests an input that had the depth which
/// a request may have, so the usual limit of the parser would refuse what was accepted before.
pub(super) fn from_json<T: DeserializeOwned>(place: &'static str, text: &str) -> Result<T, StoreError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = T::deserialize(serde_stacker::Deserializer::new(&mut reader))
        .map_err(|source| corrupt(place, source))?;
    reader.end().map_err(|source| corrupt(place, source))?;
    Ok(value)
}

pub(super) fn from_json_or_none<T: DeserializeOwned>(
    place: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| from_json(place, text)).transpose()
}

/// The error of what is held at a place.
pub(crate) fn corrupt(place: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt {
        place,
        source: source.into(),
    }
}

/// Text for an id or a word.
pub(super) fn text(word: impl Display) -> String {
    word.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_deeper_than_the_parsers_limit_is_read_back() {
        let deep = (0..1000).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let text = to_json("a test", &deep).unwrap();
        assert_eq!(from_json::<Value>("a test", &text).unwrap(), deep);
    }

    #[test]
    fn floats_are_read_back_to_the_last_bit() {
        for float in [
            0.1 + 0.2,
            1.0e-7 / 3.0,
            123_456_789.123_456_78,
            f64::MAX,
            f64::MIN_POSITIVE,
        ] {
            let text = to_json("a test", &float).unwrap();
            assert_eq!(
                from_json::<f64>("a test", &text).unwrap().to_bits(),
                float.to_bits()
            );
        }
    }

    #[test]
    fn what_cannot_be_understood_names_its_place() {
        let errors = [
            moment("t.at", i64::MAX).unwrap_err(),
            number::<u64>("t.seq", -1).unwrap_err(),
            count("t.seq", u64::MAX).unwrap_err(),
            word::<agentchains_machine::NodeStatus>("t.status", "exploded").unwrap_err(),
            from_json::<Value>("t.data", "{} trailing").unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(error, StoreError::Corrupt { place, .. } if place.starts_with("t.")),
                "{error}"
            );
        }
    }
}
