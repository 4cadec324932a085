//! One breaker for each agent, shared by all who call.
//!
//! Owns the locks and the guard. A lock is held for a few instructions and never across a call; each agent
//! has its own, so that no agent waits for another. A lock that was poisoned by a panic is used on: every
//! operation of a breaker leaves it whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::{Breaker, Refused, Settings, Snapshot, State, Ticket, Transition, Verdict};

/// Breakers that are kept, apart from those with calls in flight. Agents may be called by addresses that documents
/// name, so there is no end to them.
const MAX_KEPT: usize = 10_000;

/// The breakers of all agents, by agent id. Cloning shares them.
///
/// An agent that was never mentioned has a closed breaker with the default [`Settings`]. When there are more than
/// 10,000, those without calls in flight are forgotten, the closed ones first.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    breakers: Arc<Mutex<HashMap<String, Shared>>>,
}

type Shared = Arc<Mutex<Breaker>>;

impl Registry {
    /// Sets the settings of an agent's breaker, whose state stays as it is.
    pub fn configure(&self, agent_id: &str, settings: Settings) {
        lock(&self.breaker(agent_id)).configure(settings);
    }

    /// Forgets an agent's breaker. Permits that are out stay valid and change nothing any more.
    pub fn remove(&self, agent_id: &str) {
        lock(&self.breakers).remove(agent_id);
    }

    /// Asks for a call of an agent at the time `now`.
    ///
    /// # Errors
    /// [`Refused`], as for [`Breaker::acquire`].
    pub fn acquire(&self, agent_id: &str, now: Timestamp) -> Result<Permit, Refused> {
        let breaker = self.breaker(agent_id);
        let ticket = lock(&breaker).acquire(now)?;
        Ok(Permit {
            breaker,
            ticket: Some(ticket),
        })
    }

    /// Closes an agent's breaker by hand, see [`Breaker::reset`].
    pub fn reset(&self, agent_id: &str, now: Timestamp) -> Option<Transition> {
        lock(&self.breaker(agent_id)).reset(now)
    }

    /// Opens an agent's breaker by hand, see [`Breaker::force_open`].
    pub fn force_open(&self, agent_id: &str, now: Timestamp) -> Option<Transition> {
        lock(&self.breaker(agent_id)).force_open(now)
    }

    /// What others may see of an agent's breaker.
    #[must_use]
    pub fn snapshot(&self, agent_id: &str) -> Snapshot {
        let known = lock(&self.breakers).get(agent_id).map(Arc::clone);
        known.map_or_else(
            || Breaker::default().snapshot(),
            |breaker| lock(&breaker).snapshot(),
        )
    }

    fn breaker(&self, agent_id: &str) -> Shared {
        let mut breakers = lock(&self.breakers);
        if let Some(breaker) = breakers.get(agent_id) {
            return Arc::clone(breaker);
        }
        if breakers.len() >= MAX_KEPT {
            make_room(&mut breakers);
        }
        Arc::clone(breakers.entry(agent_id.to_owned()).or_default())
    }
}

/// Forgets so many breakers that the next sweep is far off.
fn make_room(breakers: &mut HashMap<String, Shared>) {
    let in_use = |breaker: &Shared| Arc::strong_count(breaker) > 1;
    breakers.retain(|_, breaker| in_use(breaker) || lock(breaker).state() != State::Closed);
    if breakers.len() > MAX_KEPT / 2 {
        breakers.retain(|_, breaker| in_use(breaker));
    }
}

/// A call that may be made.
///
/// Dropped without [`record`](Self::record), because the call was cancelled, timed out in its caller's hands
/// or panicked, it frees its place and counts as nothing.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as nothing"]
pub struct Permit {
    breaker: Shared,
    ticket: Option<Ticket>,
}

impl Permit {
    /// The change of state that admitting this call brought about.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.ticket.as_ref().and_then(Ticket::transition)
    }

    /// Tells the breaker how the call ended, at the time `now`, and gives the change of state that this
    /// brings about.
    pub fn record(mut self, verdict: Verdict, now: Timestamp) -> Option<Transition> {
        let ticket = self.ticket.take()?;
        lock(&self.breaker).record(ticket, verdict, now)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            lock(&self.breaker).release(ticket);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poisoned_lock_is_used_on() {
        let registry = Registry::default();
        let breaker = registry.breaker("search");
        let poisoned = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _breakers = lock(&registry.breakers);
                let _breaker = lock(&breaker);
                panic!("while holding both locks");
            });
            holder.join().is_err() && breaker.is_poisoned() && registry.breakers.is_poisoned()
        });
        assert!(poisoned);

        registry.force_open("search", Timestamp::UNIX_EPOCH);
        assert_eq!(registry.snapshot("search").state, State::Open);
    }
}
