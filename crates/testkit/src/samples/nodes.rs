//! Rows of nodes.

use std::sync::Arc;

use agentchains_cost::Usd;
use agentchains_machine::{
    AgentAnswer, Attempt, ChildRun, Completion, HeldFor, Json, MessageId, NodeFailure, NodeRequest, NodeRow,
    NodeState, NodeType, PauseReason, RemoteCancel, RemoteTask, SkipCause, SkipReason, Waiting,
};
use serde_json::json;

use super::{approval_id, at, deep_value, execution_id, failure, path, usage};

/// A node that is pending.
#[must_use]
pub fn node(at_path: &str, position: u32) -> NodeRow {
    NodeRow::pending(path(at_path), NodeType::AgentCall, position)
}

/// A node in a state, with everything that may be absent.
#[must_use]
pub fn full_node(at_path: &str, position: u32, state: NodeState) -> NodeRow {
    NodeRow {
        kind: NodeType::HumanApproval,
        state,
        attempts: 3,
        attempts_before: 2,
        iteration: u32::MAX,
        request: Some(Arc::new(NodeRequest {
            config: deep_value(),
            items: Some([deep_value(), Json::null()].into()),
            upstream: vec!["web".to_owned()],
        })),
        remote_task: Some(RemoteTask {
            task_id: "task".to_owned(),
            context_id: Some("context".to_owned()),
        }),
        cost: Usd::from_nanos(i64::MAX),
        cost_known: false,
        overrun: Usd::from_nanos(i64::MAX),
        usage: Some(usage()),
        reused: true,
        child_execution_id: Some(execution_id(5)),
        started_at: Some(at(1)),
        finished_at: Some(at(2)),
        ..node(at_path, position)
    }
}

/// Every state of a node, with and without what may be absent.
#[must_use]
pub fn node_states() -> Vec<NodeState> {
    let mut states = vec![
        NodeState::Pending,
        NodeState::Running(attempt_in_flight()),
        NodeState::Running(aborted()),
        NodeState::Open { deadline: None },
        NodeState::Open {
            deadline: Some(at(4)),
        },
        NodeState::Child(child_in_flight()),
        NodeState::Child(ChildRun {
            pause_reason: Some(PauseReason::Approval),
            max_budget: Some(Usd::MAX),
            deadline: Some(at(4)),
            cancel_by: Some(at(5)),
            ..child_in_flight()
        }),
        NodeState::Completed(Completion {
            output: Json::null(),
            branch: None,
            replaced: None,
        }),
        NodeState::Completed(Completion {
            output: deep_value(),
            branch: Some("yes".to_owned()),
            replaced: Some(failure()),
        }),
        NodeState::Failed(NodeFailure {
            failure: failure(),
            handled: true,
            retryable: false,
            remote_cancel: Some(RemoteCancel::Refused),
        }),
        NodeState::Failed(NodeFailure {
            failure: failure(),
            handled: false,
            retryable: true,
            remote_cancel: None,
        }),
        NodeState::Cancelled { remote_cancel: None },
    ];
    states.extend(waits().map(NodeState::Waiting));
    states.extend(SkipCause::ALL.iter().map(|cause| {
        NodeState::Skipped(SkipReason {
            cause: *cause,
            by: path("web"),
        })
    }));
    states.extend(
        RemoteCancel::ALL
            .iter()
            .map(|remote_cancel| NodeState::Cancelled {
                remote_cancel: Some(*remote_cancel),
            }),
    );
    states
}

/// Everything that a node waits for.
fn waits() -> impl Iterator<Item = Waiting> {
    [
        Waiting::Retry {
            due_at: at(5),
            error: failure(),
        },
        Waiting::Breaker {
            agent_id: "web-search".to_owned(),
            retry_at: at(6),
            until: at(7),
        },
        Waiting::Approval {
            approval_id: approval_id(1),
            expires_at: None,
        },
        Waiting::Approval {
            approval_id: approval_id(1),
            expires_at: Some(at(8)),
        },
        Waiting::Held {
            about: HeldFor::Outcome,
            approval_id: approval_id(1),
            attempt: aborted(),
            go_on_at: None,
            look_at: Some(at(8)),
        },
        Waiting::Held {
            about: HeldFor::AgentInput,
            approval_id: approval_id(1),
            attempt: answered(),
            go_on_at: Some(at(9)),
            look_at: None,
        },
    ]
    .into_iter()
}

fn attempt_in_flight() -> Attempt {
    Attempt {
        number: 2,
        message_id: MessageId::of_attempt(execution_id(1), &path("web"), 2),
        agent_id: "web-search".to_owned(),
        started_at: at(3),
        deadline: at(4),
        reserved: Usd::from_nanos(i64::MAX),
        abort_by: None,
        rejected: None,
        answer: None,
    }
}

fn answered() -> Attempt {
    Attempt {
        answer: Some(Box::new(AgentAnswer {
            message_id: MessageId::of_answer(approval_id(1)),
            question_id: Some("question".to_owned()),
            comment: Some("yes".to_owned()),
            data: Some(json!({ "approve": true })),
        })),
        ..attempt_in_flight()
    }
}

fn aborted() -> Attempt {
    Attempt {
        abort_by: Some(at(9)),
        rejected: Some(Box::new(failure())),
        ..attempt_in_flight()
    }
}

fn child_in_flight() -> ChildRun {
    ChildRun {
        execution_id: execution_id(5),
        max_budget: None,
        spent: Usd::from_nanos(i64::MAX - 1),
        deadline: None,
        pause_reason: None,
        cancel_by: None,
    }
}
