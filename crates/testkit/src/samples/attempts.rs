//! Lines of the ledger.

use agentchains_cost::{Lines, Usd};
use agentchains_machine::{AttemptRow, AttemptStatus, MessageId};

use super::{at, execution_id, failure, path, usage};

/// A line of the ledger, in flight.
#[must_use]
pub fn attempt(at_path: &str, number: u32) -> AttemptRow {
    AttemptRow {
        path: path(at_path),
        number,
        agent_id: "web-search".to_owned(),
        message_id: MessageId::of_attempt(execution_id(1), &path(at_path), number),
        status: AttemptStatus::Running,
        reserved: Usd::from_nanos(5),
        cost: Usd::ZERO,
        cost_known: true,
        lines: Lines::default(),
        price_version: None,
        overrun: Usd::ZERO,
        usage: None,
        error: None,
        started_at: at(number),
        finished_at: None,
    }
}

/// A line of the ledger with everything that may be absent.
#[must_use]
pub fn full_attempt(at_path: &str, number: u32, status: AttemptStatus) -> AttemptRow {
    AttemptRow {
        status,
        cost: Usd::from_nanos(7),
        cost_known: false,
        lines: Lines {
            reported: Usd::from_nanos(3),
            reservation: Usd::from_nanos(1),
            call: Usd::from_nanos(999_999_999_999_999),
            time: Usd::from_nanos(4),
            input: Usd::from_nanos(5),
            cached: Usd::from_nanos(6),
            output: Usd::from_nanos(7),
            reasoning: Usd::from_nanos(8),
        },
        price_version: Some(u32::MAX),
        overrun: Usd::from_nanos(i64::MAX),
        usage: Some(usage()),
        error: Some(failure()),
        finished_at: Some(at(9)),
        ..attempt(at_path, number)
    }
}
