//! What nodes wait for, as clients see it.

use agentchains_engine::machine::{
    ApprovalId, ExecutionId, HeldFor, NodePath, NodeRow, NodeState, PauseReason, Waiting,
};
use serde::Serialize;

/// What a node waits for.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum WaitingOn<'a> {
    /// A retry, a breaker or a person.
    Plain(&'a Waiting),
    /// A person without whom an attempt cannot go on.
    Held(Held<'a>),
    /// A child execution.
    Child(Child),
}

#[derive(Serialize)]
pub(crate) struct Held<'a> {
    kind: HeldFor,
    approval_id: ApprovalId,
    agent_id: &'a str,
    attempt: u32,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "child_execution")]
pub(crate) struct Child {
    execution_id: ExecutionId,
    /// Why the child is paused, where it is.
    pause_reason: Option<PauseReason>,
}

impl<'a> WaitingOn<'a> {
    /// What a node in the status `waiting` waits for.
    pub(crate) fn of(state: &'a NodeState) -> Option<Self> {
        match state {
            NodeState::Waiting(Waiting::Held {
                about,
                approval_id,
                attempt,
                ..
            }) => Some(Self::Held(Held {
                kind: *about,
                approval_id: *approval_id,
                agent_id: &attempt.agent_id,
                attempt: attempt.number,
            })),
            NodeState::Waiting(waiting) => Some(Self::Plain(waiting)),
            _ => None,
        }
    }
}

/// A node that waits, or that a child execution runs for, and what for.
#[derive(Serialize)]
pub(crate) struct WaitingNode<'a> {
    node_id: &'a str,
    path: &'a NodePath,
    #[serde(flatten)]
    waiting_on: WaitingOn<'a>,
}

impl<'a> WaitingNode<'a> {
    pub(crate) fn of(node: &'a NodeRow) -> Option<Self> {
        let waiting_on = match &node.state {
            NodeState::Child(child) => WaitingOn::Child(Child {
                execution_id: child.execution_id,
                pause_reason: child.pause_reason,
            }),
            state => WaitingOn::of(state)?,
        };
        Some(Self {
            node_id: &node.node_id,
            path: &node.path,
            waiting_on,
        })
    }
}
