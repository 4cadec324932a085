//! Circuit breakers: an agent that fails again and again is left alone for a while.
//!
//! A [`Breaker`] is a plain value that is told the time. A [`SharedBreaker`] is one for many callers and hands
//! out [`Permit`]s, guards that give their place back however a call ends; a [`Registry`] keeps one for each
//! agent. [`Outcome`] is the rule of what counts as a failure. The crate starts no task, reads no clock, draws
//! no random numbers and knows no executions.
//!
//! The feature `tower` adds the module `tower`, a layer for any service.
//!
//! ```
//! use agentchains_breaker::{Registry, Settings, State, Verdict};
//! use jiff::{SignedDuration, Timestamp};
//!
//! let breakers = Registry::default();
//! let start: Timestamp = "2026-11-22T12:00:00Z".parse()?;
//!
//! // Five failures in a row open the breaker, and the next call is refused.
//! for _ in 0..5 {
//!     breakers.acquire("search", start)?.record(Verdict::Failure, start);
//! }
//! let refused = breakers.acquire("search", start).err();
//! assert_eq!(refused.map(|refused| refused.retry_at), Some("2026-11-22T12:00:30Z".parse()?));
//!
//! // After 30 s one call may try; its success closes the breaker.
//! let later = start + SignedDuration::from_secs(30);
//! let probe = breakers.acquire("search", later)?;
//! assert_eq!(probe.transition().map(|half_opened| half_opened.to), Some(State::HalfOpen));
//! let closed = probe.record(Verdict::Success, later);
//! assert_eq!(closed.map(|closed| closed.to), Some(State::Closed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod breaker;
mod call;
mod calm;
mod classify;
#[cfg(test)]
mod interleavings;
mod probes;
mod rate;
mod recovery;
mod registry;
mod settings;
mod shared;
mod snapshot;
mod sync;
#[cfg(feature = "tower")]
pub mod tower;
mod window;

pub use breaker::{Breaker, PROBE_POLL};
pub use call::{Refused, Ticket, Verdict};
pub use classify::Outcome;
pub use rate::{InvalidRate, Rate};
pub use registry::Registry;
pub use settings::{MAX_WINDOW_CALLS, Mode, Settings, SlowCalls, Span, Window};
pub use shared::{BreakerGuard, Permit, SharedBreaker};
pub use snapshot::{MAX_TRANSITIONS, Reason, Snapshot, State, Transition};
pub use window::Counts;
