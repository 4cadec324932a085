//! Backoff: how long a failed attempt waits for the next one (language reference, section 8).

use std::time::Duration;

use agentchains_workflow::{Jitter, Retry};
use sha2::{Digest, Sha256};

use crate::{ExecutionId, NodePath};

/// The delay after so many failed attempts: exponential, at most the longest one.
///
/// The jitter is a digest of what is retried, so that a step stays deterministic.
pub(crate) fn backoff(
    execution: ExecutionId,
    path: &NodePath,
    retry: &Retry,
    failed_attempts: u32,
) -> Duration {
    let exponent = i32::try_from(failed_attempts.saturating_sub(1)).unwrap_or(i32::MAX);
    // Bounded, because nothing times infinity is no number.
    let growth = retry.multiplier.powi(exponent).min(f64::MAX);
    let seconds = retry.initial_interval.as_secs_f64() * growth;
    let delay = Duration::try_from_secs_f64(seconds)
        .unwrap_or(retry.max_interval)
        .min(retry.max_interval);
    match retry.jitter {
        Jitter::None => delay,
        Jitter::Full => {
            let digest = Sha256::digest(format!("backoff {execution}/{path}#{failed_attempts}"));
            let random = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
            delay.mul_f64(f64::from(random) / f64::from(u32::MAX))
        }
    }
}
