//! The execution state machine: every rule of the workflow language that depends on what has happened.
//!
//! A [`Machine`] holds one execution. [`Machine::step`] takes the time, one [`Input`] and a [`Gate`], and returns
//! what to write and what to do: it is synchronous, total and deterministic, and knows no clock, no store, no
//! network and no randomness. Late or repeated inputs change nothing; commands that do not apply are refused.
//!
//! The driver makes [`Step::changes`] durable, and only then performs [`Step::effects`].
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//! use agentchains_cost::ReportedCost;
//! use agentchains_machine::*;
//! use jiff::Timestamp;
//! use serde_json::json;
//! use uuid::Uuid;
//! /// Every agent is registered and may be called.
//! struct OpenGate;
//! impl Gate for OpenGate {
//!     fn terms(&self, _agent_id: &str) -> Option<Arc<AgentTerms>> {
//!         Some(Arc::default())
//!     }
//!     fn admit(&mut self, _agent_id: &str, _now: Timestamp) -> Result<(), Refusal> {
//!         Ok(())
//!     }
//! }
//! let document = r#"{"name": "greet", "nodes": [{"id": "hello", "type": "agent_call", "agent_id": "greeter"}]}"#;
//! let workflow = Arc::new(agentchains_workflow::check(document).workflow.ok_or("the document has errors")?);
//! let now = Timestamp::UNIX_EPOCH;
//! let new = NewExecution {
//!     id: ExecutionId::from_uuid(Uuid::now_v7()),
//!     tenant: "default".into(),
//!     workflow_id: WorkflowId::from_uuid(Uuid::now_v7()),
//!     workflow_version: 1, input: json!({"name": "Ada"}).into(),
//!     max_budget: None, on_budget: workflow.settings().on_budget,
//!     timeout: None, labels: BTreeMap::new(),
//!     initiated_by: "ada".into(),
//!     parent: None, ends_by: None, forked_from: None, seeds: Vec::new(),
//! };
//! let mut machine = Machine::create(workflow, new, now);
//!
//! let step = machine.step(now, Input::Start, &mut OpenGate)?;
//! // Here a driver writes `step.changes`; then it makes the call.
//! let [Effect::Call(call)] = step.effects.as_slice() else { return Err("no call".into()) };
//! let reply = AgentReply { output: json!("hello").into(), cost: ReportedCost::Absent, usage: None };
//! let ended = Input::AttemptEnded {
//!     path: call.path.clone(),
//!     attempt: call.attempt,
//!     outcome: AttemptOutcome::Succeeded(reply),
//! };
//! machine.step(now, ended, &mut OpenGate)?;
//! assert_eq!(machine.execution().status, ExecutionStatus::Completed);
//! assert_eq!(machine.execution().output, Some(json!({"hello": "hello"}).into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod approval;
mod attempt;
mod backoff;
mod branch;
mod child;
mod composite;
mod control;
mod cut;
mod dispatch;
mod effect;
mod end;
pub mod event;
mod explain;
mod failure;
mod fork;
mod gate;
mod groups;
mod hash;
mod held;
mod ids;
mod input;
mod join;
mod loops;
mod machine;
mod ready;
mod recover;
mod restore;
mod row;
mod scope;
mod settle;
mod state;
mod status;
mod step;
pub mod time;
mod timers;
mod view;
mod waitlist;
mod work;

pub use crate::{
    control::Rejected,
    dispatch::DEFAULT_ATTEMPT_TIMEOUT,
    effect::{Call, ChildCommand, Effect, StartChild},
    event::{Event, EventType},
    explain::{Explanation, Reason, UnmetEdge},
    failure::{Failure, FailureCode},
    gate::{AgentTerms, Gate, Refusal, Shortage, Wanted},
    hash::{hash_of, sha256_hex},
    ids::{ApprovalId, ExecutionId, MessageId, NodePath, WorkflowId},
    input::{
        AgentQuestion, AgentReply, AttemptFailure, AttemptOutcome, ChildReport, Decision, Input, Resume,
    },
    machine::{Machine, NewExecution, Snapshot},
    row::{
        ApprovalKind, ApprovalRow, ApprovalStatus, AttemptRow, AttemptStatus, BudgetAbove, DecisionRecord,
        Ending, ExecutionRow, NodeRequest, NodeRow, Parent, RemoteCancel, RemoteTask, Seed,
    },
    state::{
        AgentAnswer, Attempt, ChildRun, Completion, HeldFor, NodeFailure, NodeState, SkipCause, SkipReason,
        Waiting,
    },
    status::{ExecutionStatus, NodeStatus, NodeType, PauseReason, UnknownWord},
    step::{Changes, Step},
};
pub use agentchains_workflow::Json;
