//! The gate: what the machine asks, while it steps, about the agents that it wants to call.
//!
//! Breakers, concurrency and rate limits are shared by all executions, so they are not the machine's. It asks
//! before it records an attempt; a refusal therefore leaves no attempt, no reservation and no event of a start.

use std::{sync::Arc, time::Duration};

use agentchains_cost::{Budget, PriceList, Usd};
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
    /// Which version of these prices that is; absent where they are not kept.
    pub price_version: Option<u32>,
    /// The agent that is asked instead while this one's breaker is open.
    pub fallback_agent_id: Option<String>,
    /// What to do with an attempt whose outcome is unknown, where the node does not say.
    pub on_unknown: OnUnknown,
    /// Whether the agent can be asked for the task that it has made of a message.
    pub finds_tasks: bool,
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

/// What a call wants to have set aside for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Its worst case.
    Exactly(Usd),
    /// Nothing, as its worst case is not known; but something must be left.
    Nothing,
    /// All that is left.
    Rest,
}

impl Wanted {
    /// What that comes to in a budget.
    ///
    /// # Errors
    /// [`Shortage`] when the budget has no room for it.
    pub fn of(self, budget: &Budget) -> Result<Usd, Shortage> {
        let (amount, fits) = match (self, budget.remaining()) {
            (Self::Exactly(amount), _) => (amount, budget.fits(amount)),
            (Self::Nothing, _) | (Self::Rest, None) => (Usd::ZERO, budget.may_start(None)),
            (Self::Rest, Some(rest)) => (rest, !rest.is_zero()),
        };
        fits.then_some(amount).ok_or(Shortage {
            exhausted: budget.reserved().is_zero(),
        })
    }
}

/// A budget has no room for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// Whether it is the execution's own budget, or one above that nobody can raise, and nothing is in flight that could
    /// give something back.
    pub exhausted: bool,
}

/// Answers the machine's questions about what executions share: agents, and budgets. Synchronous: nothing waits while
/// state changes.
///
/// The budgets that an execution draws from are its own and those above it. As they stand by default there are none
/// above, and nobody else draws from its own.
pub trait Gate {
    /// What holds for calls of the agent; `None` when it is not registered.
    fn terms(&self, agent_id: &str) -> Option<Arc<AgentTerms>>;

    /// Admits one call. Each admission is followed by exactly one [`crate::Effect::Call`] of the same step,
    /// in the same order.
    ///
    /// # Errors
    /// [`Refusal`] when the agent may not be called at the moment.
    fn admit(&mut self, agent_id: &str, now: Timestamp) -> Result<(), Refusal>;

    /// Sets something aside in every budget that the execution draws from, or in none. `own` is its own one as the
    /// execution's row has it. What was set aside is [settled](Self::settle) or [given back](Self::give_back) once.
    ///
    /// # Errors
    /// [`Shortage`] when one of them has no room.
    fn reserve(&self, own: &Budget, wanted: Wanted, _now: Timestamp) -> Result<Usd, Shortage> {
        wanted.of(own)
    }

    /// Why [`reserve`](Self::reserve) would refuse that, where it would.
    fn shortage(&self, own: &Budget, wanted: Wanted, _now: Timestamp) -> Option<Shortage> {
        wanted.of(own).err()
    }

    /// Gives back, in the same step, what was set aside for a call that is not made.
    fn give_back(&self, _amount: Usd) {}

    /// Replaces what was set aside at `reserved_at` by what is charged.
    fn settle(&self, _reserved_at: Timestamp, _reserved: Usd, _charged: Usd) {}

    /// The execution's own budget has a higher limit.
    fn raise(&self, _limit: Usd) {}
}
