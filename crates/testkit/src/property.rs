//! How property tests choose their cases.

use proptest::test_runner::{Config, RngSeed};

/// The same cases each time, from `seed`. Others are looked for with `PROPTEST_RNG_SEED` and `PROPTEST_CASES`.
#[must_use]
pub fn the_same_each_time(seed: u64) -> Config {
    let mut config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(seed);
    }
    config
}
