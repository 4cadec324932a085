//! A clock that stands still until the test moves it, so that nothing sleeps.

use std::time::Duration;

use agentchains_ports::Clock;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

/// A clock that the test sets. Clones show the same time.
///
/// ```
/// use std::time::Duration;
///
/// use agentchains_ports::Clock;
/// use agentchains_testkit::ManualClock;
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().duration_since(before).as_secs(), 90);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves on, and wakes who waited for less. It stops at the last moment that there is.
    pub fn advance(&self, by: Duration) {
        self.now
            .send_modify(|now| *now = now.checked_add(by).unwrap_or(Timestamp::MAX));
    }

    /// Moves on to a moment. One in the past changes nothing: a clock never goes back.
    pub fn set(&self, at: Timestamp) {
        self.now.send_modify(|now| *now = at.max(*now));
    }
}

/// The first moment of 2026.
impl Default for ManualClock {
    fn default() -> Self {
        Self::new(Timestamp::constant(1_767_225_600, 0))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Fails only without a sender, and this is one.
        let _ = self.now.subscribe().wait_for(|now| *now >= at).await;
    }
}
