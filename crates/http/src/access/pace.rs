//! How often each key may ask.

use std::{sync::Arc, time::Duration};

use agentchains_engine::ports::RateLimit;
use axum::http::StatusCode;
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};

use crate::problem::Problem;

/// Counts the requests of each key. They may come all at once, as long as they are not more than the limit says.
pub(crate) struct Pace {
    limiter: DefaultKeyedRateLimiter<Arc<str>>,
    limit: RateLimit,
}

impl Pace {
    /// `None` where the limit allows more than can be counted.
    pub(super) fn new(limit: RateLimit) -> Option<Self> {
        let quota = Quota::with_period(limit.per.0 / limit.calls.get())?.allow_burst(limit.calls);
        Some(Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            limit,
        })
    }

    /// # Errors
    /// 429 with the time after which the next request is let through.
    pub(super) fn take(&self, key_id: &Arc<str>) -> Result<(), Problem> {
        let Err(early) = self.limiter.check_key(key_id) else {
            return Ok(());
        };
        let wait = early.wait_time_from(self.limiter.clock().now());
        let RateLimit { calls, per } = self.limit;
        let detail = format!(
            "this key may ask {calls} times in {} s; try again later",
            per.0.as_secs_f64()
        );
        Err(
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
                .retry_after(whole_seconds(wait)),
        )
    }
}

/// Not less than it takes.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use agentchains_engine::ports::Seconds;

    use super::*;

    #[test]
    fn the_time_to_wait_is_never_told_too_short() {
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
    }

    #[test]
    fn a_limit_that_is_finer_than_a_nanosecond_is_none() {
        let limit = RateLimit {
            calls: NonZeroU32::MAX,
            per: Seconds(Duration::from_nanos(1)),
        };
        assert!(Pace::new(limit).is_none());
    }
}
