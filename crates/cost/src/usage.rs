//! What an agent says that it used: tokens, compute time, model.
//!
//! Owns the record and its JSON. It refuses to guess: what the agent did not report stays absent, which is
//! not the same as zero.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one attempt used, as far as its agent reported it.
///
/// In JSON, absent members are left out.
///
/// ```
/// use std::time::Duration;
///
/// use agentchains_cost::Usage;
///
/// let usage = Usage {
///     input_tokens: Some(1200),
///     compute_time: Some(Duration::from_millis(1500)),
///     ..Usage::default()
/// };
/// assert_eq!(serde_json::to_string(&usage)?, r#"{"input_tokens":1200,"seconds":1.5}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Tokens read by the model, those that came from a cache included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written by the model, those of its reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The part of the input tokens that came from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// The part of the output tokens that was reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Compute time; in JSON `seconds`, a number that is not negative.
    #[serde(rename = "seconds", with = "seconds", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub compute_time: Option<Duration>,
    /// The model that did the work, by its provider's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the cost or the usage that was stated beside this cannot be true, so that it was not believed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cost_invalid: bool,
    /// Whether the attempt used more tokens than are counted here: the agent calls models several times, and only
    /// one of the calls could be seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lower_bound: bool,
}

/// A duration as a JSON number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(from)?;
        seconds
            .map(Duration::try_from_secs_f64)
            .transpose()
            .map_err(D::Error::custom)
    }
}
