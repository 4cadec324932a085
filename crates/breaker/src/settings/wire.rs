//! Settings as they are written in JSON: which members there are, their ranges, and what goes together.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected},
};

use super::{MAX_WINDOW_CALLS, Mode, SlowCalls, Span};
use crate::rate::Rate;

const DEFAULT_MINIMUM_CALLS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
/// A year: longer is a mistake.
const MAX_SECONDS: f64 = 31_536_000.0;
const DAY: Duration = Duration::from_secs(86_400);

/// Why no breaker can be made of settings each of whose members is fine by itself.
pub(super) enum Invalid {
    /// This member does not go with the others.
    Member {
        name: &'static str,
        expected: &'static str,
    },
    /// This member is missing beside the others.
    Missing(&'static str),
    /// None of some members is there.
    Nothing(&'static str),
}

impl Invalid {
    /// As an error that names the member, so that a deserializer which knows places can point at it.
    fn into_error<E: Error>(self) -> E {
        match self {
            Self::Member { name, expected } => E::invalid_value(Unexpected::Other(name), &expected),
            Self::Missing(name) => E::missing_field(name),
            Self::Nothing(needed) => E::custom(needed),
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "CircuitBreakerSettings")]
pub(super) struct Settings {
    failure_threshold: NonZeroU32,
    #[serde(deserialize_with = "some_time")]
    recovery_timeout: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_recovery_timeout: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_jitter: Option<Rate>,
    half_open_max_calls: NonZeroU32,
    #[serde(deserialize_with = "some_time")]
    probe_lease: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<super::Window>,
    mode: Mode,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CircuitBreakerWindow")]
pub(super) struct Window {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_calls: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_seconds: Option<Seconds>,
    #[serde(default)]
    minimum_calls: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure_rate: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slow_call_rate: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slow_call_duration: Option<Seconds>,
}

/// A duration as a number of seconds.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Seconds(Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        let in_range = (0.0..=MAX_SECONDS).contains(&seconds);
        let duration = in_range.then(|| Duration::try_from_secs_f64(seconds).ok());
        duration
            .flatten()
            .map(Self)
            .ok_or_else(|| format!("{seconds} is not a number of seconds from 0 to {MAX_SECONDS}"))
    }
}

impl From<Seconds> for f64 {
    fn from(Seconds(duration): Seconds) -> Self {
        duration.as_secs_f64()
    }
}

/// A duration that is more than none.
fn some_time<'de, D: Deserializer<'de>>(from: D) -> Result<Seconds, D::Error> {
    match Seconds::deserialize(from)? {
        Seconds(Duration::ZERO) => Err(D::Error::custom(format_args!(
            "0 seconds are too few: give a number of seconds above 0 and up to {MAX_SECONDS}"
        ))),
        seconds => Ok(seconds),
    }
}

impl<'de> Deserialize<'de> for super::Settings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = Settings::deserialize(from)?;
        wire.try_into().map_err(Invalid::into_error)
    }
}

impl<'de> Deserialize<'de> for super::Window {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = Window::deserialize(from)?;
        wire.try_into().map_err(Invalid::into_error)
    }
}

impl Default for Settings {
    fn default() -> Self {
        super::Settings::default().into()
    }
}

impl TryFrom<Settings> for super::Settings {
    type Error = Invalid;

    fn try_from(wire: Settings) -> Result<Self, Invalid> {
        let max_recovery_timeout = wire.max_recovery_timeout.map(|Seconds(cap)| cap);
        if max_recovery_timeout.is_some_and(|cap| cap < wire.recovery_timeout.0) {
            return Err(Invalid::Member {
                name: "max_recovery_timeout",
                expected: "a number of seconds that is not below recovery_timeout",
            });
        }
        Ok(Self {
            failure_threshold: wire.failure_threshold,
            recovery_timeout: wire.recovery_timeout.0,
            max_recovery_timeout,
            recovery_jitter: wire.recovery_jitter,
            half_open_max_calls: wire.half_open_max_calls,
            probe_lease: wire.probe_lease.0,
            window: wire.window,
            mode: wire.mode,
        })
    }
}

impl From<super::Settings> for Settings {
    fn from(settings: super::Settings) -> Self {
        Self {
            failure_threshold: settings.failure_threshold,
            recovery_timeout: Seconds(settings.recovery_timeout),
            max_recovery_timeout: settings.max_recovery_timeout.map(Seconds),
            recovery_jitter: settings.recovery_jitter,
            half_open_max_calls: settings.half_open_max_calls,
            probe_lease: Seconds(settings.probe_lease),
            window: settings.window,
            mode: settings.mode,
        }
    }
}

impl TryFrom<Window> for super::Window {
    type Error = Invalid;

    fn try_from(wire: Window) -> Result<Self, Invalid> {
        let span = span(wire.last_calls, wire.last_seconds)?;
        let most = wire.last_calls.unwrap_or(NonZeroU32::MAX);
        let minimum_calls = wire.minimum_calls.unwrap_or(DEFAULT_MINIMUM_CALLS.min(most));
        if minimum_calls > most {
            return Err(Invalid::Member {
                name: "minimum_calls",
                expected: "a whole number that is not above last_calls, as no rate would ever count",
            });
        }
        let slow_calls = match (wire.slow_call_rate, wire.slow_call_duration) {
            (Some(rate), Some(Seconds(duration))) => Some(SlowCalls { rate, duration }),
            (None, None) => None,
            (Some(_), None) => return Err(Invalid::Missing("slow_call_duration")),
            (None, Some(_)) => return Err(Invalid::Missing("slow_call_rate")),
        };
        if wire.failure_rate.is_none() && slow_calls.is_none() {
            return Err(Invalid::Nothing(
                "a window needs a rate that opens the breaker: give failure_rate or slow_call_rate",
            ));
        }
        Ok(Self {
            span,
            minimum_calls,
            failure_rate: wire.failure_rate,
            slow_calls,
        })
    }
}

fn span(last_calls: Option<NonZeroU32>, last_seconds: Option<Seconds>) -> Result<Span, Invalid> {
    match (last_calls, last_seconds) {
        (Some(calls), None) if calls.get() > MAX_WINDOW_CALLS => Err(Invalid::Member {
            name: "last_calls",
            expected: "a whole number from 1 to 10000, or last_seconds instead",
        }),
        (Some(calls), None) => Ok(Span::Calls(calls)),
        (None, Some(Seconds(length))) if !(Duration::from_secs(1)..=DAY).contains(&length) => {
            Err(Invalid::Member {
                name: "last_seconds",
                expected: "a number of seconds from 1 to 86400",
            })
        }
        (None, Some(Seconds(length))) => Ok(Span::Time(length)),
        (None, None) => Err(Invalid::Nothing(
            "a window needs to know how far it reaches back: give last_calls or last_seconds",
        )),
        (Some(_), Some(_)) => Err(Invalid::Member {
            name: "last_seconds",
            expected: "it to be left out beside last_calls",
        }),
    }
}

impl From<super::Window> for Window {
    fn from(window: super::Window) -> Self {
        let (last_calls, last_seconds) = match window.span {
            Span::Calls(calls) => (Some(calls), None),
            Span::Time(length) => (None, Some(Seconds(length))),
        };
        Self {
            last_calls,
            last_seconds,
            minimum_calls: Some(window.minimum_calls),
            failure_rate: window.failure_rate,
            slow_call_rate: window.slow_calls.map(|slow| slow.rate),
            slow_call_duration: window.slow_calls.map(|slow| Seconds(slow.duration)),
        }
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0, "maximum": MAX_SECONDS, "description": "Seconds."})
    }
}

impl JsonSchema for super::Settings {
    fn inline_schema() -> bool {
        Settings::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Settings::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Settings::json_schema(generator)
    }
}

impl JsonSchema for super::Window {
    fn inline_schema() -> bool {
        Window::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Window::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Window::json_schema(generator)
    }
}
