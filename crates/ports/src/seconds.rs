//! Durations on the wire: a number of seconds, or text such as `"30s"`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A duration as clients write it. Written back as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Number(serde_json::Number),
    Text(String),
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Wire::deserialize(deserializer)? {
            Wire::Number(number) => format!("{number}s"),
            Wire::Text(text) => text,
        };
        agentchains_workflow::parse_duration(&text)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}
