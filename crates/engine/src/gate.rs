//! The gate of one driver: breaker permits and agents' limits of concurrency and rate, shared by all executions.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_breaker::Permit;
use agentchains_cost::{Budget, Usd};
use agentchains_machine::{AgentTerms, ExecutionId, ExecutionRow, Gate, Input, Refusal, Shortage, Wanted};
use agentchains_ports::{AgentKey, AgentProfile, RateLimit};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::{
    Engine,
    agents::TenantAgents,
    pace,
    purses::{Draw, Sources},
    shared::{Message, Shared},
};

/// Calls in flight by agent, and the executions that wait for one of them to end.
#[derive(Debug)]
pub(crate) struct AgentSlots {
    agents: Mutex<HashMap<AgentKey, Slots>>,
    freed: mpsc::UnboundedSender<ExecutionId>,
}

#[derive(Debug, Default)]
struct Slots {
    in_flight: u32,
    waiting: BTreeSet<ExecutionId>,
}

/// One call's place among those of its agent.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<AgentSlots>,
    agent: AgentKey,
}

impl AgentSlots {
    /// No calls in flight. Executions that waited for a place are named on the channel when one is free.
    pub(crate) fn new(freed: mpsc::UnboundedSender<ExecutionId>) -> Self {
        Self {
            agents: Mutex::default(),
            freed,
        }
    }

    fn take(self: &Arc<Self>, agent: &AgentKey, limit: u32, execution: ExecutionId) -> Option<Slot> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = agents.entry(agent.clone()).or_default();
        if slots.in_flight >= limit {
            slots.waiting.insert(execution);
            return None;
        }
        slots.in_flight += 1;
        Some(Slot {
            slots: Arc::clone(self),
            agent: agent.clone(),
        })
    }

    fn take_waiting(&self, agent: &AgentKey) -> BTreeSet<ExecutionId> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = agents.get_mut(agent);
        slots
            .map(|slots| std::mem::take(&mut slots.waiting))
            .unwrap_or_default()
    }
}

impl Engine {
    /// Has the executions that wait for their turn at an agent ask for it again, as its limits have changed, or whether
    /// it is called at all.
    pub fn agent_changed(&self, agent: &AgentKey) {
        let for_a_place = self.shared.slots.take_waiting(agent);
        for execution in &for_a_place | &self.shared.paces.take_waiting(agent) {
            self.shared.deliver(execution, Message::Input(Input::Tick));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut agents = self.slots.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slots) = agents.get_mut(&self.agent) else {
            return;
        };
        slots.in_flight = slots.in_flight.saturating_sub(1);
        for waiting in std::mem::take(&mut slots.waiting) {
            // Fails only when the engine is gone, and then nobody waits.
            let _ = self.slots.freed.send(waiting);
        }
        if slots.in_flight == 0 {
            agents.remove(&self.agent);
        }
    }
}

/// What admits one call: dropped without a verdict it frees its places and counts as nothing.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) agent: AgentKey,
    pub(crate) permit: Permit,
    pub(crate) _slot: Option<Slot>,
}

/// Answers a machine's questions, and keeps the admissions for the calls that its step leads to.
pub(crate) struct DriverGate {
    shared: Arc<Shared>,
    agents: TenantAgents,
    execution: ExecutionId,
    admissions: VecDeque<Admission>,
    pub(crate) draw: Draw,
    /// Set while the engine drains: nothing is admitted.
    closed: bool,
}

impl DriverGate {
    pub(crate) fn new(shared: &Arc<Shared>, execution: &ExecutionRow, sources: &Arc<Sources>) -> Self {
        Self {
            draw: Draw::new(sources),
            shared: Arc::clone(shared),
            agents: shared.agents_of(&execution.tenant),
            execution: execution.id,
            admissions: VecDeque::new(),
            closed: shared.draining.is_cancelled(),
        }
    }

    fn take_turn(&self, agent: &AgentKey, limit: RateLimit, now: Timestamp) -> Result<(), Refusal> {
        let taken = self.shared.paces.take(agent, limit, self.execution, now);
        taken.map_err(|too_soon| {
            if too_soon.is_first {
                let shared = Arc::clone(&self.shared);
                let wake = pace::wake(shared, agent.clone(), too_soon.turn);
                self.shared.tasks.spawn(wake);
            }
            Refusal::Busy
        })
    }

    /// Takes a place among the agent's calls, and a permit of its breaker.
    fn admit_now(&mut self, agent: &AgentKey, profile: &AgentProfile, now: Timestamp) -> Result<(), Refusal> {
        let slot = match profile.max_concurrency {
            Some(limit) => Some(
                self.shared
                    .slots
                    .take(agent, limit.get(), self.execution)
                    .ok_or(Refusal::Busy)?,
            ),
            None => None,
        };
        let asked = self.shared.breakers.of(agent, profile).acquire(now);
        // Asking alone may half-open a breaker, or open one whose probes were lost.
        let transition = match &asked {
            Ok(permit) => permit.transition(),
            Err(refused) => refused.transition,
        };
        if let Some(transition) = transition {
            self.shared.breaker_changed(agent, transition);
        }
        match asked {
            Ok(permit) => {
                self.admissions.push_back(Admission {
                    agent: agent.clone(),
                    permit,
                    _slot: slot,
                });
                Ok(())
            }
            Err(refused) => {
                self.shared.metrics.agent(agent.agent_id()).breaker_refused();
                Err(Refusal::Open {
                    retry_at: refused.retry_at,
                })
            }
        }
    }

    /// The step is durable: what its calls were admitted by, and what it drew.
    pub(crate) fn committed(self) -> (VecDeque<Admission>, Draw) {
        (self.admissions, self.draw)
    }
}

impl Gate for DriverGate {
    fn terms(&self, agent_id: &str) -> Option<Arc<AgentTerms>> {
        let profile = self.agents.profile(agent_id)?;
        Some(Arc::clone(&profile.terms))
    }

    fn admit(&mut self, agent_id: &str, now: Timestamp) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Busy);
        }
        // An agent that has just been removed is called all the same, and the runner says that it is gone.
        let agent = self.agents.key(agent_id);
        let profile = self.shared.runner.profile(&agent).unwrap_or_default();
        if let Some(limit) = profile.rate_limit {
            self.take_turn(&agent, limit, now)?;
        }
        let admitted = self.admit_now(&agent, &profile, now);
        if let (Err(_), Some(limit)) = (&admitted, profile.rate_limit) {
            self.shared.paces.give_back(&agent, limit);
        }
        admitted
    }

    fn reserve(&self, own: &Budget, wanted: Wanted, now: Timestamp) -> Result<Usd, Shortage> {
        let reserved = self.draw.reserve(own, wanted, now);
        if reserved.is_err() {
            self.shared.metrics.reservation_refused();
        }
        reserved
    }

    fn shortage(&self, own: &Budget, wanted: Wanted, now: Timestamp) -> Option<Shortage> {
        self.draw.shortage(own, wanted, now)
    }

    fn give_back(&self, amount: Usd) {
        self.draw.give_back(amount);
    }

    fn settle(&self, reserved_at: Timestamp, reserved: Usd, charged: Usd) {
        self.draw.settle(reserved_at, reserved, charged);
    }

    fn raise(&self, limit: Usd) {
        self.draw.raise(limit);
    }
}
