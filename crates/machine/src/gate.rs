//! The gate: what the machine asks, while it steps, about the agents that it wants to call.
//!
//! Breakers, concurrency and rate limits are shared by all executions, so they are not the machine's. It asks
//! before it records an attempt; a refusal therefore leaves no attempt, no reservation and no event of a start.

use std::{sync::Arc, time::Duration};

use agentchains_cost::{PriceList, Usd};
use agentchains_workflow::OnUnknown;
use jiff::Timestamp;

/// What holds for calls of one agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentTerms {
    /// Limit of one attempt, where the node has none.
    pub timeout: Option<Duration>,
    /// The most that one attempt may cost, as the agent declares it.
    pub max_cost: Option<Usd>,
    /// What it charges.
    pub prices: PriceList,
    /// What to do with an attempt whose outcome is unknown, where the node does not say.
    pub on_unknown: OnUnknown,
}

/// Why an agent may not be called at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// As many calls as it may have are in flight.
    Busy,
    /// Its breaker is open.
    Open {
        /// When the breaker may let a call through.
        retry_at: Timestamp,
    },
}

/// Answers the machine's questions about agents. Synchronous: nothing waits while state changes.
pub trait Gate {
    /// What holds for calls of the agent; `None` when it is not registered.
    fn terms(&self, agent_id: &str) -> Option<Arc<AgentTerms>>;

    /// Admits one call. Each admission is followed by exactly one [`crate::Effect::Call`] of the same step,
    /// in the same order.
    ///
    /// # Errors
    /// [`Refusal`] when the agent may not be called at the moment.
    fn admit(&mut self, agent_id: &str, now: Timestamp) -> Result<(), Refusal>;
}
