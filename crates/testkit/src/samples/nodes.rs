//! Rows of nodes.

use std::sync::Arc;

use agentchains_cost::Usd;
use agentchains_machine::{
    Attempt, Completion, MessageId, NodeFailure, NodeRequest, NodeRow, NodeState, NodeType, RemoteCancel,
    RemoteTask, SkipCause, SkipReason, Waiting,
};
use serde_json::Value;

use super::{approval_id, at, deep_value, execution_id, failure, path, usage};

/// A node that is pending.
#[must_use]
pub fn node(node_id: &str, position: u32) -> NodeRow {
    NodeRow {
        path: path(node_id),
        node_id: node_id.to_owned(),
        kind: NodeType::AgentCall,
        position,
        state: NodeState::Pending,
        attempts: 0,
        request: None,
        remote_task: None,
        cost: Usd::ZERO,
        cost_known: true,
        usage: None,
        started_at: None,
        finished_at: None,
    }
}

/// A node in a state, with everything that may be absent.
#[must_use]
pub fn full_node(node_id: &str, position: u32, state: NodeState) -> NodeRow {
    NodeRow {
        kind: NodeType::HumanApproval,
        state,
        attempts: 3,
        request: Some(Arc::new(NodeRequest {
            config: deep_value(),
            upstream: vec!["web".to_owned()],
        })),
        remote_task: Some(RemoteTask {
            task_id: "task".to_owned(),
            context_id: Some("context".to_owned()),
        }),
        cost: Usd::from_nanos(i64::MAX),
        cost_known: false,
        usage: Some(usage()),
        started_at: Some(at(1)),
        finished_at: Some(at(2)),
        ..node(node_id, position)
    }
}

/// Every state of a node, with and without what may be absent.
#[must_use]
pub fn node_states() -> Vec<NodeState> {
    let mut states = vec![
        NodeState::Pending,
        NodeState::Running(attempt_in_flight()),
        NodeState::Waiting(Waiting::Retry {
            due_at: at(5),
            error: failure(),
        }),
        NodeState::Waiting(Waiting::Breaker {
            agent_id: "web-search".to_owned(),
            retry_at: at(6),
            until: at(7),
        }),
        NodeState::Waiting(Waiting::Approval {
            approval_id: approval_id(1),
            expires_at: None,
        }),
        NodeState::Waiting(Waiting::Approval {
            approval_id: approval_id(1),
            expires_at: Some(at(8)),
        }),
        NodeState::Completed(Completion {
            output: Arc::new(Value::Null),
            branch: None,
            replaced: None,
        }),
        NodeState::Completed(Completion {
            output: Arc::new(deep_value()),
            branch: Some("yes".to_owned()),
            replaced: Some(failure()),
        }),
        NodeState::Failed(NodeFailure {
            failure: failure(),
            handled: true,
        }),
        NodeState::Failed(NodeFailure {
            failure: failure(),
            handled: false,
        }),
        NodeState::Cancelled { remote_cancel: None },
    ];
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

fn attempt_in_flight() -> Attempt {
    Attempt {
        number: 2,
        message_id: MessageId::of_attempt(execution_id(1), &path("web"), 2),
        agent_id: "web-search".to_owned(),
        started_at: at(3),
        deadline: at(4),
        reserved: Usd::from_nanos(i64::MAX),
    }
}
