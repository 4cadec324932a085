//! Simulated time that knows what is waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agentchains_engine::ports::Clock;
use agentchains_testkit::ManualClock;
use async_trait::async_trait;
use jiff::Timestamp;

/// A clock that stands still until it is told to jump to what is due next. Clones are one clock.
#[derive(Clone, Default)]
pub(crate) struct SimulatedClock {
    clock: ManualClock,
    /// How many wait for each moment.
    due: Arc<Mutex<BTreeMap<Timestamp, usize>>>,
}

impl SimulatedClock {
    /// Jumps to the next moment that somebody waits for. False when nobody waits.
    pub(crate) fn jump(&self) -> bool {
        let now = self.now();
        let next = self
            .due()
            .keys()
            .copied()
            .find(|at| *at > now && *at < Timestamp::MAX);
        next.is_some_and(|at| {
            self.clock.set(at);
            true
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn due(&self) -> MutexGuard<'_, BTreeMap<Timestamp, usize>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits; forgotten when dropped.
struct Sleeper<'a>(&'a SimulatedClock, Timestamp);

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut due = self.0.due();
        if let Some(count) = due.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                due.remove(&self.1);
            }
        }
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        *self.due().entry(at).or_default() += 1;
        let _sleeper = Sleeper(self, at);
        self.clock.sleep_until(at).await;
    }
}
