//! The effects: the whole vocabulary of what the machine wants done once its step is durable.

use std::sync::Arc;

use agentchains_cost::Usd;
use agentchains_workflow::Json;
use jiff::Timestamp;

use crate::{AgentAnswer, ExecutionId, MessageId, NodePath, NodeRequest, RemoteTask};

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
        /// What the attempt was sent under.
        message_id: MessageId,
        /// Its task, where it is known: for the case that nobody waits for it any more.
        remote_task: Option<RemoteTask>,
    },
    /// Look whether a task that waits for somebody goes on without an answer. Answered with `TaskMovedOn`, if so.
    Look {
        /// The node.
        path: NodePath,
        /// The attempt's number.
        attempt: u32,
        /// The agent.
        agent_id: String,
        /// Its task.
        remote_task: RemoteTask,
        /// What tells the question that it waited with from its others.
        question_id: Option<String>,
    },
    /// Start a child execution; where it is there already, take care that it goes on. Where the node waits for it,
    /// answered with `ChildReported` each time what it tells has changed, or with `ChildRefused`.
    StartChild(Box<StartChild>),
    /// Pass a command on to a child execution. Not answered.
    CommandChild {
        /// The child.
        execution_id: ExecutionId,
        /// What it is to do.
        command: ChildCommand,
    },
}

/// A child execution to be started, unless it is there already.
#[derive(Debug, Clone, PartialEq)]
pub struct StartChild {
    /// The node that wants it.
    pub path: NodePath,
    /// The child's id.
    pub execution_id: ExecutionId,
    /// The id or the name of its workflow.
    pub workflow: String,
    /// The version; absent: the latest.
    pub version: Option<u32>,
    /// Its input.
    pub input: Json,
    /// The most that it may spend, besides its workflow's own limit.
    pub max_budget: Option<Usd>,
    /// When it must have ended, besides its workflow's own timeout.
    pub deadline: Option<Timestamp>,
    /// Whether the node waits for its end.
    pub waits: bool,
    /// A terminal execution whose completed results it takes over.
    pub made_from: Option<ExecutionId>,
}

/// What an execution wants of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildCommand {
    /// To end: [`Input::Cancel`](crate::Input::Cancel).
    Cancel,
    /// To start nothing new: [`Input::Hold`](crate::Input::Hold).
    Hold,
    /// To go on: [`Input::Release`](crate::Input::Release).
    Release,
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
    pub input: Json,
    /// The object of the live predecessors' outputs, by node id.
    pub upstream: Json,
    /// The item, inside a body that runs over items.
    pub item: Option<Json>,
    /// `{"index", "last"?}`, inside of a body.
    pub loop_context: Option<Json>,
    /// The task to go on with, when a crash or a question interrupted the wait for it.
    pub remote_task: Option<RemoteTask>,
    /// JSON Schema that the output must fit, where the node has one.
    pub output_schema: Option<Json>,
    /// Whether nothing is to be sent: a crash left it open whether the agent has the message, so that it is asked
    /// whether it has a task of it, to go on with.
    pub is_lookup: bool,
    /// What the task is told before it is waited for, unless it knows that already.
    pub answer: Option<Box<AgentAnswer>>,
    /// Whether admission was taken from the gate for it; false when a crash interrupted it.
    pub admitted: bool,
}
