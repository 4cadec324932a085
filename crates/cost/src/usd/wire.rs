//! `Usd` in JSON: written as a number, read from a number or a decimal string.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{NANOS_PER_USD, Usd};

/// Whole dollars as an integer, anything else as the `f64` nearest to it.
///
/// Below 2²³ USD neighbouring `f64`s are closer together than nano-dollars, so the shortest text of that `f64`
/// (which JSON writers print) is the amount itself.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % NANOS_PER_USD == 0 {
            return serializer.serialize_i64(self.0 / NANOS_PER_USD);
        }
        // The text and not a division: above 2⁵³ nano-dollars `nanos as f64` would already round once.
        let nearest: f64 = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(nearest)
    }
}

/// A number is taken by its shortest decimal text and parsed exactly, as a string is.
impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UsdVisitor)
    }
}

struct UsdVisitor;

impl Visitor<'_> for UsdVisitor {
    type Value = Usd;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in USD as a number or a decimal string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Usd, E> {
        text.parse()
            .map_err(|reason| E::custom(format_args!("invalid amount in USD: {reason}")))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Usd, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Usd, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Usd, E> {
        self.visit_str(&value.to_string())
    }
}

/// A number; read, a decimal string too.
impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "description": "USD, with at most 9 decimals."})
    }
}
