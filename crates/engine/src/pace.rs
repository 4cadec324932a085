//! How often agents are called: the generic cell rate algorithm (ITU-T I.371, annex A), one cell a call.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agentchains_machine::{ExecutionId, Input};
use agentchains_ports::{AgentKey, RateLimit};
use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::add,
    shared::{Message, Shared},
};

/// The pace of every agent with a rate limit that was called.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    agents: Mutex<HashMap<AgentKey, Pace>>,
}

#[derive(Debug, Default)]
struct Pace {
    /// The moment at which the next call would come, if all came evenly.
    due: Option<Timestamp>,
    /// Executions that wait for their turn. While there are any, [`wake`] is under way.
    waiting: BTreeSet<ExecutionId>,
}

/// An agent was called as often as it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooSoon {
    /// When it may be called again.
    pub(crate) turn: Timestamp,
    /// Whether nobody else waits for that, so that [`wake`] is to be called.
    pub(crate) is_first: bool,
}

impl Paces {
    /// Counts a call of an agent, or has the execution wait for its turn.
    pub(crate) fn take(
        &self,
        agent: &AgentKey,
        limit: RateLimit,
        execution: ExecutionId,
        now: Timestamp,
    ) -> Result<(), TooSoon> {
        let mut agents = self.agents();
        let pace = agents.entry(agent.clone()).or_default();
        let due = add(pace.due.map_or(now, |due| due.max(now)), interval(limit));
        let latest = add(now, limit.per.0);
        if due <= latest {
            pace.due = Some(due);
            return Ok(());
        }
        let is_first = pace.waiting.is_empty();
        pace.waiting.insert(execution);
        let too_far = Duration::try_from(due.duration_since(latest)).unwrap_or_default();
        let turn = add(now, too_far);
        Err(TooSoon { turn, is_first })
    }

    /// A call that was counted is not made.
    pub(crate) fn give_back(&self, agent: &AgentKey, limit: RateLimit) {
        if let Some(pace) = self.agents().get_mut(agent) {
            let back = SignedDuration::try_from(interval(limit)).unwrap_or_default();
            pace.due = pace.due.and_then(|due| due.checked_sub(back).ok());
        }
    }

    /// The executions that wait for their turn at an agent. They wait no more.
    pub(crate) fn take_waiting(&self, agent: &AgentKey) -> BTreeSet<ExecutionId> {
        let mut agents = self.agents();
        let pace = agents.get_mut(agent);
        pace.map(|pace| std::mem::take(&mut pace.waiting))
            .unwrap_or_default()
    }

    fn agents(&self) -> MutexGuard<'_, HashMap<AgentKey, Pace>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interval(limit: RateLimit) -> Duration {
    limit.per.0 / limit.calls.get()
}

/// Lets the executions that wait for an agent try again when its turn has come.
pub(crate) async fn wake(shared: Arc<Shared>, agent: AgentKey, turn: Timestamp) {
    tokio::select! {
        () = shared.clock.sleep_until(turn) => {}
        () = shared.stopped.cancelled() => return,
    }
    for execution in shared.paces.take_waiting(&agent) {
        shared.deliver(execution, Message::Input(Input::Tick));
    }
}
