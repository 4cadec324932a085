//! The circuit breakers of an engine: which agent has which, who is told of their changes, and what a hand does.

mod keeper;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_breaker::{Registry, SharedBreaker, Snapshot as BreakerSnapshot, Transition};
use agentchains_ports::{AgentKey, AgentProfile, BreakerStore, MAX_KEPT_BREAKERS};
use tokio::sync::{Notify, SetOnce};
use tracing::info;
use uuid::Uuid;

pub(crate) use self::keeper::{keep, save_the_rest};
use crate::{Engine, shared::Shared};

/// The breakers of all agents, and which of them the store does not know as they are.
pub(crate) struct Breakers {
    registry: Registry,
    store: Arc<dyn BreakerStore>,
    /// Agents whose breakers have changed since they were saved.
    unsaved: Mutex<BTreeSet<AgentKey>>,
    changed: Notify,
    restored: SetOnce<()>,
}

impl Breakers {
    pub(crate) fn new(store: Arc<dyn BreakerStore>) -> Self {
        // Of its own, so that replicas do not probe at the same moment.
        let seed = Uuid::now_v7().as_u64_pair().1;
        Self {
            registry: Registry::with_seed(seed),
            store,
            unsaved: Mutex::default(),
            changed: Notify::new(),
            restored: SetOnce::new(),
        }
    }

    /// Returns when the breakers are as an earlier process left them, or cannot be had: before that no agent is
    /// called, because one that is unwell should not be.
    pub(crate) async fn restored(&self) {
        self.restored.wait().await;
    }

    /// An agent's breaker with the settings that the agent has.
    pub(crate) fn of(&self, agent: &AgentKey, profile: &AgentProfile) -> SharedBreaker {
        let breaker = self.registry.breaker(agent.as_str());
        breaker.lock().configure(profile.breaker.clone());
        breaker
    }

    /// Has an agent's breaker saved soon, or deleted where it is forgotten. Nobody waits for that.
    fn save_soon(&self, agent: &AgentKey) {
        let mut unsaved = self.unsaved();
        if unsaved.len() < MAX_KEPT_BREAKERS as usize {
            unsaved.insert(agent.clone());
        }
        self.changed.notify_one();
    }

    fn unsaved(&self) -> MutexGuard<'_, BTreeSet<AgentKey>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Tells of a breaker's change, and has it saved.
    pub(crate) fn breaker_changed(&self, agent: &AgentKey, transition: Transition) {
        self.announce(agent, transition);
        self.breakers.save_soon(agent);
    }

    /// Tells of a breaker's change. One that was only observed changed nothing for anybody.
    fn announce(&self, agent: &AgentKey, transition: Transition) {
        let Transition {
            from,
            to,
            reason,
            observed_only,
            ..
        } = transition;
        info!(
            agent_id = agent.agent_id(),
            tenant = agent.tenant(),
            ?from,
            ?to,
            ?reason,
            observed_only,
            "a circuit breaker has changed its state"
        );
        if !observed_only {
            self.metrics.agent(agent.agent_id()).breaker_changed(to);
            let retry_at = self.breakers.registry.snapshot(agent.as_str()).retry_at;
            self.hub.breaker_changed(agent, transition, retry_at);
        }
    }
}

impl Engine {
    /// The state of an agent's circuit breaker, that of a closed one where it was never called.
    #[must_use]
    pub fn breaker(&self, agent: &AgentKey) -> BreakerSnapshot {
        match self.shared.runner.profile(agent) {
            Some(profile) => self.shared.breakers.of(agent, &profile).lock().snapshot(),
            None => self.shared.breakers.registry.snapshot(agent.as_str()),
        }
    }

    /// Closes an agent's circuit breaker by hand. Nothing happens where its mode forces its state.
    pub fn reset_breaker(&self, agent: &AgentKey) {
        let transition = self.shared.breakers.registry.reset(agent.as_str(), self.now());
        self.changed_by_hand(agent, transition);
    }

    /// Opens an agent's circuit breaker by hand: it is held open until it is reset, over restarts too. Nothing happens
    /// where its mode forces its state.
    pub fn force_breaker_open(&self, agent: &AgentKey) {
        let transition = self
            .shared
            .breakers
            .registry
            .force_open(agent.as_str(), self.now());
        self.changed_by_hand(agent, transition);
    }

    /// Forgets the circuit breaker of an agent that is no more.
    pub fn forget_breaker(&self, agent: &AgentKey) {
        self.shared.breakers.registry.remove(agent.as_str());
        self.shared.breakers.save_soon(agent);
    }

    /// What a hand does is saved also where the state stays: an open breaker is held open from then on.
    fn changed_by_hand(&self, agent: &AgentKey, transition: Option<Transition>) {
        if let Some(transition) = transition {
            self.shared.announce(agent, transition);
        }
        self.shared.breakers.save_soon(agent);
    }
}
