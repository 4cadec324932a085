//! Why a node or an execution failed: a stable code, one sentence, and where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{NodePath, status::words};

words! {
    /// Code of a failed node or execution (language reference, section 8).
    FailureCode("failure code") {
        /// Name, connection or TLS: nothing was sent.
        AgentUnreachable = "agent_unreachable",
        /// The agent, or the attempt, took too long.
        AgentTimeout = "agent_timeout",
        /// The connection broke after the request was sent.
        AgentConnectionLost = "agent_connection_lost",
        /// An HTTP status that has no code of its own.
        AgentHttpError = "agent_http_error",
        /// 401 or 403.
        AgentAuthError = "agent_auth_error",
        /// 429.
        AgentRateLimited = "agent_rate_limited",
        /// What came back is not what the protocol allows.
        AgentProtocolError = "agent_protocol_error",
        /// The reply is larger than the limit.
        AgentResponseTooLarge = "agent_response_too_large",
        /// The agent's task failed.
        AgentFailed = "agent_failed",
        /// The agent rejected the task.
        AgentRejected = "agent_rejected",
        /// The agent's address is outside the allowed ranges.
        AgentAddressRefused = "agent_address_refused",
        /// The agent is not registered, or is disabled.
        AgentDisabled = "agent_disabled",
        /// The agent's circuit breaker stayed open.
        CircuitOpen = "circuit_open",
        /// The rendered config does not fit the node's `input_schema`.
        InputSchemaMismatch = "input_schema_mismatch",
        /// The output does not fit the node's `output_schema`.
        OutputSchemaMismatch = "output_schema_mismatch",
        /// A template names a value that does not exist.
        TemplateMissing = "template_missing",
        /// A template cannot be evaluated.
        TemplateError = "template_error",
        /// A condition cannot be decided.
        ConditionError = "condition_error",
        /// A loop's iterations are used up.
        LoopExhausted = "loop_exhausted",
        /// An iteration of a loop failed.
        LoopFailed = "loop_failed",
        /// More items, or node runs, than there may be.
        TooManyItems = "too_many_items",
        /// So many members of a group failed that the group did.
        GroupFailed = "group_failed",
        /// A person rejected.
        ApprovalRejected = "approval_rejected",
        /// Nobody decided in time.
        ApprovalExpired = "approval_expired",
        /// The child execution failed, was cancelled, or could not be started.
        SubworkflowFailed = "subworkflow_failed",
        /// Too many executions inside of each other, or in one tree.
        SubworkflowTooDeep = "subworkflow_too_deep",
        /// The budget does not allow the call.
        BudgetExceeded = "budget_exceeded",
        /// The execution's own timeout is over.
        ExecutionTimeout = "execution_timeout",
        /// A crash left the attempt's outcome unknown.
        OutcomeUnknown = "outcome_unknown",
        /// The process has crashed too often while it drove the execution.
        Quarantined = "quarantined",
        /// Something that should not happen did.
        Internal = "internal",
    }
}

impl FailureCode {
    /// Whether the same may go well another time: the agent was away, slow, or failed at its task.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::AgentUnreachable
                | Self::AgentTimeout
                | Self::AgentConnectionLost
                | Self::AgentHttpError
                | Self::AgentRateLimited
                | Self::AgentFailed
        )
    }
}

/// What went wrong in a node or an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error, JsonSchema)]
#[error("{code}: {message}")]
pub struct Failure {
    /// Stable, for programs.
    pub code: FailureCode,
    /// One sentence for people: what, where and what to do.
    pub message: String,
    /// The node in which it arose.
    pub node: Option<NodePath>,
    /// The failure inside of the node that became this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Failure>>,
}

/// The most of a message that is kept, in bytes.
const MESSAGE_LIMIT_BYTES: usize = 4096;

impl Failure {
    /// A failure in a node. The message is cut to 4 KiB, at a character's border.
    #[must_use]
    pub fn in_node(path: &NodePath, code: FailureCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MESSAGE_LIMIT_BYTES {
            let end = message.floor_char_boundary(MESSAGE_LIMIT_BYTES - '…'.len_utf8());
            message.truncate(end);
            message.push('…');
        }
        Self {
            code,
            message,
            node: Some(path.clone()),
            cause: None,
        }
    }

    /// The same failure, due to another one.
    #[must_use]
    pub fn caused_by(self, cause: Self) -> Self {
        Self {
            cause: Some(Box::new(cause)),
            ..self
        }
    }

    /// Where it all began.
    #[must_use]
    pub fn innermost(&self) -> &Self {
        std::iter::successors(Some(self), |failure| failure.cause.as_deref())
            .last()
            .unwrap_or(self)
    }

    /// A failure of the execution as a whole.
    #[must_use]
    pub fn of_execution(code: FailureCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            node: None,
            cause: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_character_border() {
        let failure = Failure::in_node(
            &NodePath::top_level("a"),
            FailureCode::AgentFailed,
            "ä".repeat(5000),
        );
        assert!(failure.message.len() <= MESSAGE_LIMIT_BYTES);
        assert!(failure.message.ends_with("ä…"));
    }
}
