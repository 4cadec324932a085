//! How long a breaker stays open: doubled with each opening in a row, less some jitter, up to a cap.

use std::time::Duration;

use crate::settings::Settings;

/// The open time of the opening with this number, 1 for the first since the breaker was closed.
///
/// The jitter follows from the breaker's seed and the generation that ends.
pub(crate) fn open_time(settings: &Settings, opening: u32, seed: u64, generation: u64) -> Duration {
    let doublings = opening.saturating_sub(1).min(31);
    let full = settings
        .recovery_timeout
        .saturating_mul(1 << doublings)
        .min(settings.longest_open_time());
    let Some(jitter) = settings.recovery_jitter else {
        return full;
    };
    // Mixed twice, so that breakers with neighbouring seeds do not go through the same numbers.
    let draw = mix(mix(seed) ^ generation) >> 32;
    // Both factors are below 2^32; the product of a duration's nanoseconds and a million is below 2^128.
    let off_millionths = (u64::from(jitter.millionths()) * draw) >> 32;
    let off_nanos = full.as_nanos() * u128::from(off_millionths) / 1_000_000;
    full.saturating_sub(Duration::from_nanos_u128(off_nanos))
}

/// The mixing function of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
/// 2014): neighbouring numbers become unlike each other.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
