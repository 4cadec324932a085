//! Settings as they are written in JSON: which members there are, their ranges, and what goes together.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{MAX_WINDOW_CALLS, Mode, SlowCalls, Span};
use crate::rate::Rate;

const DEFAULT_MINIMUM_CALLS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
/// A year: longer is a mistake.
const MAX_SECONDS: f64 = 31_536_000.0;
const DAY: Duration = Duration::from_secs(86_400);

/// What no breaker can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("max_recovery_timeout is below recovery_timeout: raise it or leave it out")]
    CapBelowTimeout,
    #[error("probe_lease is 0: give the seconds that a half-open call may take")]
    NoLease,
    #[error("a window needs either last_calls or last_seconds: give one of them")]
    Span,
    #[error("last_calls is above {MAX_WINDOW_CALLS}: lower it or use last_seconds")]
    TooManyCalls,
    #[error("last_seconds is not from 1 to 86400: give the seconds that the window reaches back")]
    Length,
    #[error("minimum_calls is above last_calls, so that no rate would ever count: lower it")]
    Minimum,
    #[error("a window needs a rate that opens the breaker: give failure_rate or slow_call_rate")]
    NoRate,
    #[error("slow_call_rate and slow_call_duration need each other: give both or neither")]
    HalfOfSlow,
}

#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(deserialize_with = "count")]
    failure_threshold: NonZeroU32,
    recovery_timeout: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_recovery_timeout: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_jitter: Option<Rate>,
    #[serde(deserialize_with = "count")]
    half_open_max_calls: NonZeroU32,
    probe_lease: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<super::Window>,
    mode: Mode,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

fn count<'de, D: Deserializer<'de>>(from: D) -> Result<NonZeroU32, D::Error> {
    let count = u32::deserialize(from)?;
    NonZeroU32::new(count).ok_or_else(|| serde::de::Error::custom("0 is too few: give 1 or more"))
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
            return Err(Invalid::CapBelowTimeout);
        }
        if wire.probe_lease.0.is_zero() {
            return Err(Invalid::NoLease);
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
        let span = match (wire.last_calls, wire.last_seconds) {
            (Some(calls), None) if calls.get() > MAX_WINDOW_CALLS => return Err(Invalid::TooManyCalls),
            (Some(calls), None) => Span::Calls(calls),
            (None, Some(Seconds(length))) if !(Duration::from_secs(1)..=DAY).contains(&length) => {
                return Err(Invalid::Length);
            }
            (None, Some(Seconds(length))) => Span::Time(length),
            (None, None) | (Some(_), Some(_)) => return Err(Invalid::Span),
        };
        let most = wire.last_calls.unwrap_or(NonZeroU32::MAX);
        let minimum_calls = wire.minimum_calls.unwrap_or(DEFAULT_MINIMUM_CALLS.min(most));
        if minimum_calls > most {
            return Err(Invalid::Minimum);
        }
        let slow_calls = match (wire.slow_call_rate, wire.slow_call_duration) {
            (Some(rate), Some(Seconds(duration))) => Some(SlowCalls { rate, duration }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(Invalid::HalfOfSlow),
        };
        if wire.failure_rate.is_none() && slow_calls.is_none() {
            return Err(Invalid::NoRate);
        }
        Ok(Self {
            span,
            minimum_calls,
            failure_rate: wire.failure_rate,
            slow_calls,
        })
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
