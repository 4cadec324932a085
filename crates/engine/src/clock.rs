//! The real clock.

use std::time::{Duration, Instant};

use agentchains_ports::Clock;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// The wall clock of the moment of its creation, carried on by the monotonic clock: it never goes back or jumps
/// when someone sets the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    wall_at_start: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// A clock that is right now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where time enters the program"
    )]
    pub fn new() -> Self {
        Self {
            wall_at_start: Timestamp::now(),
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        add(self.wall_at_start, self.started.elapsed())
    }

    async fn sleep_until(&self, at: Timestamp) {
        while let Ok(left) = Duration::try_from(at.duration_since(self.now())) {
            if left.is_zero() {
                return;
            }
            // Rounded up to the timer's millisecond, so that nothing fires early.
            tokio::time::sleep(left + Duration::from_millis(1)).await;
        }
    }
}

/// A moment later, or the last one that there is.
pub(crate) fn add(at: Timestamp, delay: Duration) -> Timestamp {
    SignedDuration::try_from(delay)
        .ok()
        .and_then(|delay| at.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moment_in_the_past_is_not_waited_for() {
        let clock = SystemClock::new();
        clock.sleep_until(Timestamp::UNIX_EPOCH).await;
        assert!(clock.now() > Timestamp::UNIX_EPOCH);
    }
}
