//! Which outcomes of a call count against its agent: one rule for all callers.

use crate::call::Verdict;

/// How a call ended, as far as the health of its agent is concerned.
///
/// An agent that answers is well, whatever it answers about the request: otherwise one that refuses every
/// request would keep its breaker half-open for ever.
///
/// | outcome | verdict |
/// |---|---|
/// | no connection, connection lost, no answer in time | failure |
/// | HTTP 5xx, 429 | failure |
/// | any other HTTP status | success |
/// | a task that the agent itself calls failed | success |
/// | input refused before it was sent, a cancelled call | ignored |
///
/// ```
/// use agentchains_breaker::{Outcome, Verdict};
///
/// assert_eq!(Outcome::Status(503).verdict(), Verdict::Failure);
/// assert_eq!(Outcome::Status(404).verdict(), Verdict::Success);
/// assert_eq!(Outcome::Cancelled.verdict(), Verdict::Ignored);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The name, the connection or TLS failed, or the connection broke before the answer was complete.
    Transport,
    /// No answer in the time that the caller gives it.
    TimedOut,
    /// An answer with this HTTP status (RFC 9110, section 15).
    Status(u16),
    /// An answer that says that the agent's own work has failed.
    AgentFailed,
    /// The caller's input was refused before anything was sent.
    InvalidInput,
    /// The caller gave the call up.
    Cancelled,
}

impl Outcome {
    /// What the outcome says about the agent.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Transport | Self::TimedOut | Self::Status(429 | 500..=599) => Verdict::Failure,
            Self::Status(_) | Self::AgentFailed => Verdict::Success,
            Self::InvalidInput | Self::Cancelled => Verdict::Ignored,
        }
    }
}
