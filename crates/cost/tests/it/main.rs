//! The crate from outside: amounts, prices, charges and budgets, each against its rule or a naive model.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod bound;
mod budget;
mod budget_histories;
mod charge;
mod lines;
mod percentiles;
mod price;
mod reported;
mod usage;
mod usd;

use agentchains_cost::{PriceList, Usd};
use proptest::{prelude::*, test_runner::RngSeed};

/// Where the random cases begin.
const SEED: u64 = 20_261_122;

/// An amount from its decimal text.
fn usd(text: &str) -> Usd {
    text.parse().unwrap_or_else(|reason| panic!("{text}: {reason}"))
}

/// A price list from its JSON.
fn prices(json: &str) -> PriceList {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// The same cases each time, so many of them. Others are looked for with `PROPTEST_RNG_SEED` and `PROPTEST_CASES`.
fn the_same_each_time(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(SEED);
    }
    config
}
