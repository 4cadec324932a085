//! One breaker for each agent, shared by all who call.
//!
//! Each agent's breaker has its own lock, so that no agent waits for another's calls; the registry's lock is
//! held only to find a breaker, and shared by all who find one.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use jiff::Timestamp;

use crate::sync::{Arc, RwLock, read, write};
use crate::{Breaker, Permit, Refused, Settings, SharedBreaker, Snapshot, State, Transition};

/// Breakers that are kept, apart from those with calls in flight. Agents may be called by addresses that documents
/// name, so there is no end to them.
const MAX_KEPT: usize = 10_000;

/// The breakers of all agents, by agent id. Cloning shares them.
///
/// An agent that was never mentioned has a closed breaker with the default [`Settings`]. When there are more than
/// 10,000, those without calls in flight are forgotten, the closed ones first.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    breakers: Arc<RwLock<Breakers>>,
    seed: u64,
}

/// Hashed by a function that is fast for short texts; its seed differs from process to process, so that documents
/// cannot name addresses that collide.
type Breakers = HashMap<String, SharedBreaker, RandomState>;

impl Registry {
    /// A registry whose jitter follows from `seed` and the agent's id. Give each replica its own, so that they
    /// do not probe at the same moment; that of `default()` is 0.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Sets the settings of an agent's breaker, whose state stays as it is.
    pub fn configure(&self, agent_id: &str, settings: Settings) {
        self.breaker(agent_id).lock().configure(settings);
    }

    /// Forgets an agent's breaker. Permits that are out stay valid and change nothing any more.
    pub fn remove(&self, agent_id: &str) {
        write(&self.breakers).remove(agent_id);
    }

    /// Asks for a call of an agent at the time `now`.
    ///
    /// # Errors
    /// [`Refused`], as for [`Breaker::acquire`].
    pub fn acquire(&self, agent_id: &str, now: Timestamp) -> Result<Permit, Refused> {
        self.breaker(agent_id).into_permit(now)
    }

    /// Closes an agent's breaker by hand, see [`Breaker::reset`].
    pub fn reset(&self, agent_id: &str, now: Timestamp) -> Option<Transition> {
        self.breaker(agent_id).lock().reset(now)
    }

    /// Opens an agent's breaker by hand until it is reset, see [`Breaker::force_open`].
    pub fn force_open(&self, agent_id: &str, now: Timestamp) -> Option<Transition> {
        self.breaker(agent_id).lock().force_open(now)
    }

    /// Lets an agent's breaker go on from before a restart, see [`Breaker::restore`].
    pub fn restore(&self, agent_id: &str, snapshot: &Snapshot, now: Timestamp) -> Option<Transition> {
        self.breaker(agent_id).lock().restore(snapshot, now)
    }

    /// Tells an agent's breaker of another replica's, see [`Breaker::adopt`].
    pub fn adopt(&self, agent_id: &str, hint: &Snapshot, now: Timestamp) -> Option<Transition> {
        self.breaker(agent_id).lock().adopt(hint, now)
    }

    /// What others may see of an agent's breaker.
    #[must_use]
    pub fn snapshot(&self, agent_id: &str) -> Snapshot {
        self.get(agent_id).map_or_else(
            || Breaker::default().snapshot(),
            |breaker| breaker.lock().snapshot(),
        )
    }

    /// An agent's breaker, unless it was never mentioned or is forgotten.
    #[must_use]
    pub fn get(&self, agent_id: &str) -> Option<SharedBreaker> {
        read(&self.breakers).get(agent_id).cloned()
    }

    /// An agent's breaker. Who keeps it, as a `tower` layer does, keeps it from being forgotten.
    #[must_use]
    pub fn breaker(&self, agent_id: &str) -> SharedBreaker {
        self.get(agent_id).unwrap_or_else(|| self.insert(agent_id))
    }

    /// Out of line, as it happens once for an agent.
    #[inline(never)]
    fn insert(&self, agent_id: &str) -> SharedBreaker {
        let mut breakers = write(&self.breakers);
        // Somebody else may have been faster.
        if let Some(breaker) = breakers.get(agent_id) {
            return breaker.clone();
        }
        if breakers.len() >= MAX_KEPT {
            make_room(&mut breakers);
        }
        let seed = self.seed ^ hash(agent_id);
        let breaker = SharedBreaker::new(Breaker::with_seed(Settings::default(), seed));
        breakers.insert(agent_id.to_owned(), breaker.clone());
        breaker
    }
}

/// Forgets so many breakers that the next sweep is far off.
fn make_room(breakers: &mut Breakers) {
    breakers.retain(|_, breaker| !breaker.is_unshared() || breaker.lock().state() != State::Closed);
    if breakers.len() > MAX_KEPT / 2 {
        breakers.retain(|_, breaker| !breaker.is_unshared());
    }
}

/// FNV-1a (RFC 9923): the same for an id on every machine and in every build, as the standard hasher is not.
fn hash(agent_id: &str) -> u64 {
    agent_id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
