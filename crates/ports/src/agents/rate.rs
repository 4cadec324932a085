//! How often an agent may be called.

use std::{borrow::Cow, fmt, num::NonZeroU32, str::FromStr, time::Duration};

use agentchains_workflow::parse_duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};
use thiserror::Error;

use crate::Seconds;

/// The most calls that an agent gets in a time, over all executions: a whole number of calls per second, or
/// `{"calls": 60, "per": "1m"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// How many calls. They may come all at once.
    pub calls: NonZeroU32,
    /// In which time.
    pub per: Seconds,
}

/// A text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a rate is CALLS per second, or CALLS/TIME such as 600/1m")]
pub struct InvalidRate;

impl FromStr for RateLimit {
    type Err = InvalidRate;

    /// As on a command line: `10`, `600/1m`.
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (calls, per) = text.split_once('/').unwrap_or((text, "1s"));
        let per = parse_duration(per).map_err(|_| InvalidRate)?;
        match calls.parse() {
            Ok(calls) if !per.is_zero() => Ok(Self {
                calls,
                per: Seconds(per),
            }),
            _ => Err(InvalidRate),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Members {
    /// How many calls. They may come all at once.
    calls: NonZeroU32,
    /// In which time.
    per: Seconds,
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

/// Takes a number or an object. No untagged enum, whose errors name no place.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = RateLimit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of calls per second above 0, or an object of calls and per")
    }

    fn visit_u64<E: de::Error>(self, calls: u64) -> Result<RateLimit, E> {
        let calls = u32::try_from(calls).ok().and_then(NonZeroU32::new);
        Ok(RateLimit {
            calls: calls.ok_or_else(|| E::invalid_value(Unexpected::Str("another number"), &self))?,
            per: Seconds(Duration::from_secs(1)),
        })
    }

    fn visit_i64<E: de::Error>(self, calls: i64) -> Result<RateLimit, E> {
        self.visit_u64(u64::try_from(calls).unwrap_or_default())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<RateLimit, A::Error> {
        let Members { calls, per } = Members::deserialize(MapAccessDeserializer::new(members))?;
        if per.0.is_zero() {
            return Err(de::Error::invalid_value(
                Unexpected::Other("per"),
                &"a time longer than nothing",
            ));
        }
        Ok(RateLimit { calls, per })
    }
}

impl JsonSchema for RateLimit {
    fn schema_name() -> Cow<'static, str> {
        "RateLimit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let members = Members::json_schema(generator);
        if generator.contract().is_serialize() {
            return members;
        }
        json_schema!({
            "anyOf": [{"type": "integer", "minimum": 1, "description": "Calls per second."}, members]
        })
    }
}
