//! When a breaker opens, for how long, and how it tries again.

mod wire;

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rate::Rate;

/// The most calls that a window of calls holds; a longer one holds so many.
pub const MAX_WINDOW_CALLS: u32 = 10_000;

/// The settings of one breaker; in JSON `circuit_breaker` of an agent in the HTTP API.
///
/// Durations are numbers of seconds in JSON, rates numbers above 0 and at most 1. A member that is left out has
/// its default, an unknown one is refused.
///
/// ```
/// use std::time::Duration;
///
/// use agentchains_breaker::Settings;
///
/// let settings: Settings = serde_json::from_str(r#"{
///     "recovery_timeout": 2.5, "max_recovery_timeout": 60, "recovery_jitter": 0.2,
///     "window": {"last_calls": 100, "minimum_calls": 20, "failure_rate": 0.5}
/// }"#)?;
/// assert_eq!(settings.recovery_timeout, Duration::from_millis(2500));
/// assert_eq!(settings.failure_threshold.get(), 5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "wire::Settings")]
pub struct Settings {
    /// How many failures in a row open the breaker; 5 by default.
    pub failure_threshold: NonZeroU32,
    /// How long it stays open before a call may try again; 30 s by default. In JSON more than 0: a breaker that is
    /// open for no time never refuses a call.
    pub recovery_timeout: Duration,
    /// Makes the open time double with each probe that fails in a row, up to this; by default, and when it is
    /// below `recovery_timeout`, it does not grow.
    pub max_recovery_timeout: Option<Duration>,
    /// Up to which part the open time is shortened at random, so that breakers that opened together do not
    /// probe together; none by default.
    pub recovery_jitter: Option<Rate>,
    /// How many calls may try at the same time while it is half-open; 1 by default.
    pub half_open_max_calls: NonZeroU32,
    /// How long these may take: when all places are taken and the last call that took one is older, they count
    /// as failed and their places are free; 600 s by default.
    pub probe_lease: Duration,
    /// Rates that open the breaker too; none by default.
    pub window: Option<Window>,
    /// Whether the breaker decides, or somebody has decided for it.
    pub mode: Mode,
}

/// The calls that rates are taken of. The window is emptied when the breaker closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "wire::Window")]
pub struct Window {
    /// Which calls it holds; in JSON `last_calls` or `last_seconds`.
    pub span: Span,
    /// Below so many calls in the window no rate opens the breaker; in JSON 20 by default, or all calls of a
    /// window that holds fewer.
    pub minimum_calls: NonZeroU32,
    /// Opens the breaker when this part of the calls failed.
    pub failure_rate: Option<Rate>,
    /// Opens the breaker when too many calls were slow.
    pub slow_calls: Option<SlowCalls>,
}

/// How far a window reaches back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many calls, [`MAX_WINDOW_CALLS`] at most.
    Calls(NonZeroU32),
    /// So long, in sixtieths: the current one and the 59 before it.
    Time(Duration),
}

/// Which calls are slow, and how many are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowCalls {
    /// The part of the calls that opens the breaker; in JSON `slow_call_rate`.
    pub rate: Rate,
    /// A call that takes so long or longer is slow, be it a success or a failure; in JSON `slow_call_duration`.
    pub duration: Duration,
}

/// Who decides whether calls go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CircuitBreakerMode")]
pub enum Mode {
    /// The breaker.
    #[default]
    Normal,
    /// None do. What the breaker knows stays as it is until the mode changes.
    ForcedOpen,
    /// All do. What the breaker knows stays as it is until the mode changes.
    ForcedClosed,
    /// All do. The breaker counts and changes its state as if it decided, from the calls that it would have let
    /// through.
    ObserveOnly,
}

impl Mode {
    pub(crate) fn is_forced(self) -> bool {
        matches!(self, Self::ForcedOpen | Self::ForcedClosed)
    }
}

impl Settings {
    /// The longest time that the breaker stays open before a call may try.
    pub(crate) fn longest_open_time(&self) -> Duration {
        let cap = self.max_recovery_timeout.unwrap_or(self.recovery_timeout);
        cap.max(self.recovery_timeout)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failure_threshold: const { NonZeroU32::MIN.saturating_add(4) },
            recovery_timeout: Duration::from_secs(30),
            max_recovery_timeout: None,
            recovery_jitter: None,
            half_open_max_calls: NonZeroU32::MIN,
            probe_lease: Duration::from_secs(600),
            window: None,
            mode: Mode::Normal,
        }
    }
}
