//! When a breaker opens, for how long, and how it tries again.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The settings of one breaker; in JSON `circuit_breaker` of an agent in the HTTP API.
///
/// ```
/// use std::time::Duration;
///
/// use agentchains_breaker::Settings;
///
/// let settings: Settings = serde_json::from_str(r#"{"recovery_timeout": 2.5}"#)?;
/// assert_eq!(settings.recovery_timeout, Duration::from_millis(2500));
/// assert_eq!(settings.failure_threshold.get(), 5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many failures in a row open the breaker; 5 by default.
    pub failure_threshold: NonZeroU32,
    /// How long it stays open before a call may try again; in JSON a number of seconds, 30 by default.
    #[serde(with = "seconds")]
    pub recovery_timeout: Duration,
    /// How many calls may try at the same time while it is half-open; 1 by default.
    pub half_open_max_calls: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failure_threshold: const { NonZeroU32::MIN.saturating_add(4) },
            recovery_timeout: Duration::from_secs(30),
            half_open_max_calls: NonZeroU32::MIN,
        }
    }
}

/// A duration as a JSON number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}
