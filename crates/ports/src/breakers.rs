//! Keeping circuit breakers: over a restart, and as a hint for the replicas that share a store.

pub use agentchains_breaker::Snapshot as BreakerSnapshot;
use async_trait::async_trait;

use crate::{AgentKey, StoreError};

/// An agent's circuit breaker as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerRecord {
    /// Numbers the changes of all breakers, ascending from 1; a number is given once.
    pub change: u64,
    /// The agent.
    pub agent: AgentKey,
    /// What was known of its breaker.
    pub snapshot: BreakerSnapshot,
}

/// Keeps circuit breakers. Nobody waits for it, and what it loses costs a few calls of an agent that is unwell.
///
/// Agents may be called by addresses that documents name, so there is no end to them: a store may forget the
/// breakers that were changed longest ago when there are more than [`MAX_KEPT_BREAKERS`].
#[async_trait]
pub trait BreakerStore: Send + Sync + 'static {
    /// Keeps an agent's breaker instead of what was kept of it, as the last change of all.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn save_breaker(&self, agent: &AgentKey, snapshot: &BreakerSnapshot) -> Result<(), StoreError>;

    /// Forgets an agent's breaker, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn delete_breaker(&self, agent: &AgentKey) -> Result<(), StoreError>;

    /// The first `limit` breakers whose last change comes after the one with the number `after`, by that number;
    /// 0 is before all.
    ///
    /// # Errors
    /// [`StoreError`] when they could not be read.
    async fn load_breakers(&self, after: u64, limit: u32) -> Result<Vec<BreakerRecord>, StoreError>;
}

/// How many breakers a store keeps at the least.
pub const MAX_KEPT_BREAKERS: u32 = 10_000;
