//! The effects: the whole vocabulary of what the machine wants done once its step is durable.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{MessageId, NodePath, NodeRequest, RemoteTask};

/// Something to do after the commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send an attempt, or go on with one whose task is known. Answered with `AttemptEnded`.
    Call(Call),
    /// Abort an attempt and cancel its remote task. Answered with `AttemptEnded`.
    Abort {
        /// The node.
        path: NodePath,
        /// The attempt's number.
        attempt: u32,
        /// The agent.
        agent_id: String,
        /// Its task, where it is known: for the case that nobody waits for it any more.
        remote_task: Option<RemoteTask>,
    },
}

/// An attempt to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The node.
    pub path: NodePath,
    /// The agent.
    pub agent_id: String,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The A2A message id: the same when the attempt is sent again after a crash.
    pub message_id: MessageId,
    /// When it is given up.
    pub deadline: Timestamp,
    /// What the agent is asked.
    pub request: Arc<NodeRequest>,
    /// The execution's input.
    pub input: Arc<Value>,
    /// The outputs of the live predecessors, by node id.
    pub upstream: Arc<Map<String, Value>>,
    /// The task to go on with, when a crash interrupted the wait for it.
    pub remote_task: Option<RemoteTask>,
    /// Whether admission was taken from the gate for it; false when a crash interrupted it.
    pub admitted: bool,
}
