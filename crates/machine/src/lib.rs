//! The execution state machine: every rule of the workflow language that depends on what has happened.
//!
//! A [`Machine`] holds one execution. [`Machine::step`] takes the time, one [`Input`] and a [`Gate`], and returns
//! what to write and what to do: it is synchronous, total and deterministic, and knows no clock, no store, no
//! network and no randomness. Late or repeated inputs change nothing; commands that do not apply are refused.
//!
//! The driver makes [`Step::changes`] durable, and only then performs [`Step::effects`].

mod approval;
mod attempt;
mod control;
mod dispatch;
mod effect;
mod end;
pub mod event;
mod failure;
mod gate;
mod hash;
mod ids;
mod input;
mod join;
mod machine;
mod ready;
mod recover;
mod row;
mod scope;
mod settle;
mod state;
mod status;
mod step;
pub mod time;
mod timers;

pub use crate::{
    control::Rejected,
    dispatch::DEFAULT_ATTEMPT_TIMEOUT,
    effect::{Call, Effect},
    event::{Event, EventType},
    failure::{Failure, FailureCode},
    gate::{AgentTerms, Gate, Refusal},
    hash::hash_of,
    ids::{ApprovalId, ExecutionId, MessageId, NodePath, WorkflowId},
    input::{AgentReply, AttemptFailure, AttemptOutcome, Decision, Input, Resume},
    machine::{Machine, NewExecution, Snapshot},
    row::{
        ApprovalKind, ApprovalRow, ApprovalStatus, AttemptRow, AttemptStatus, DecisionRecord, Ending,
        ExecutionRow, NodeRequest, NodeRow, RemoteCancel, RemoteTask,
    },
    state::{Attempt, Completion, NodeFailure, NodeState, SkipCause, SkipReason, Waiting},
    status::{ExecutionStatus, NodeStatus, NodeType, PauseReason, UnknownWord},
    step::{Changes, Step},
};
