//! Time, as the engine sees it.

use async_trait::async_trait;
use jiff::Timestamp;

/// Tells the time and waits for it. Tests put a simulated one here, so that nothing sleeps.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The present moment. Never goes back, whatever happens to the wall clock.
    fn now(&self) -> Timestamp;

    /// Returns when [`Clock::now`] has reached the moment.
    async fn sleep_until(&self, at: Timestamp);
}
