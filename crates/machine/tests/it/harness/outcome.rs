//! Outcomes of attempts.

use agentchains_cost::{ReportedCost, Usd};
use agentchains_machine::{AgentQuestion, AgentReply, AttemptFailure, AttemptOutcome, FailureCode};
use serde_json::{Value, json};

use super::usd;

/// A result that cost nothing.
pub(crate) fn reply(output: Value) -> AttemptOutcome {
    succeeded(output, ReportedCost::Usd(Usd::ZERO))
}

/// A result that cost something.
pub(crate) fn reply_costing(output: Value, cost: &str) -> AttemptOutcome {
    succeeded(output, ReportedCost::Usd(usd(cost)))
}

/// A result with whatever is said of its cost.
pub(crate) fn succeeded(output: Value, cost: ReportedCost) -> AttemptOutcome {
    AttemptOutcome::Succeeded(AgentReply {
        output: output.into(),
        cost,
        usage: None,
    })
}

/// A question of the agent's, with its words as its id.
pub(crate) fn asks(words: &str) -> AttemptOutcome {
    AttemptOutcome::InputRequired(AgentQuestion {
        id: Some(words.to_owned()),
        message: words.to_owned(),
        shown: json!([{"text": words}]).into(),
        form: None,
        may_move_on: false,
    })
}

/// A failure that another attempt may mend.
pub(crate) fn broke() -> AttemptFailure {
    AttemptFailure {
        code: FailureCode::AgentFailed,
        message: "the agent broke down".into(),
        retryable: true,
        retry_after: None,
        reached_agent: true,
        cost: ReportedCost::Usd(Usd::ZERO),
        usage: None,
    }
}

/// A failure that no other attempt mends.
pub(crate) fn refused() -> AttemptFailure {
    AttemptFailure {
        code: FailureCode::AgentRejected,
        message: "the agent does not want to".into(),
        retryable: false,
        ..broke()
    }
}
