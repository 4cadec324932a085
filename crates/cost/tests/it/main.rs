//! The crate from outside: amounts, prices, charges and budgets, each against its rule or a naive model.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod budget;
mod charge;
mod price;
mod usage;
mod usd;

use agentchains_cost::Usd;

/// An amount from its decimal text.
fn usd(text: &str) -> Usd {
    text.parse().unwrap_or_else(|reason| panic!("{text}: {reason}"))
}
