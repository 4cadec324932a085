//! Exact money, token usage, price lists, budgets and estimates.
//!
//! What an attempt of an agent costs, what it may cost at worst, whether a budget still has room for it, and what
//! past costs let expect: section 9 ("Money") of the workflow language, as plain values. All amounts are [`Usd`],
//! exact to a nano-dollar. The crate knows no agents, no clock and no I/O; how usage and costs are found in an
//! agent's reply is not its business either.
//!
//! ```
//! use std::time::Duration;
//!
//! use agentchains_cost::{Budget, PriceList, ReportedCost, Usd};
//!
//! let prices = PriceList { per_call: Some("0.25".parse()?), ..PriceList::default() };
//! let timeout = Duration::from_secs(60);
//! let mut budget = Budget::new(Some("1.00".parse()?));
//!
//! // Before the attempt: its worst case is set aside.
//! let worst_case = prices.worst_case(timeout);
//! assert!(budget.may_start(worst_case));
//! let reserved = worst_case.unwrap_or(Usd::ZERO);
//! budget.reserve(reserved)?;
//!
//! // After it: what it really cost takes the reservation's place.
//! let charge = prices.charge(ReportedCost::Absent, None, Duration::from_secs(2), reserved);
//! budget.settle(reserved, charge.amount);
//! assert_eq!(budget.spent().to_string(), "0.25");
//! assert_eq!(budget.remaining(), Some("0.75".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bill;
mod bound;
mod budget;
mod charge;
mod percentiles;
mod price;
mod reported;
mod usage;
mod usd;

pub use bill::Lines;
pub use bound::Bound;
pub use budget::{Budget, DoesNotFit, NotRaised, Settlement};
pub use charge::Charge;
pub use percentiles::Percentiles;
pub use price::PriceList;
pub use reported::{MAX_REPORTED_COST, ReportedCost};
pub use usage::Usage;
pub use usd::{ParseUsdError, Usd};
