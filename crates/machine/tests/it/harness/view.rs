//! What tests compare: states and events as short texts.

use agentchains_machine::{Event, EventType, HeldFor, NodeFailure, NodeState, Waiting};
use serde_json::Value;

use super::{Run, fold::text_in};

impl Run {
    /// The execution's status with its reason: `paused(user)`, `failed(budget_exceeded)`.
    pub(crate) fn status(&self) -> String {
        let row = &self.rows.execution;
        let detail = match (&row.pause_reason, &row.error) {
            (Some(reason), _) => Some(reason.as_str()),
            (None, Some(error)) if row.status.is_terminal() => Some(error.code.as_str()),
            _ => None,
        };
        match detail {
            Some(detail) => format!("{}({detail})", row.status),
            None => row.status.to_string(),
        }
    }

    /// The state of one node: `running`, `skipped(branch_not_taken by a)`, `failed(agent_rejected)`.
    pub(crate) fn state(&self, id: &str) -> String {
        match &self.node(id).state {
            NodeState::Waiting(Waiting::Retry { .. }) => "waiting(retry)".into(),
            NodeState::Waiting(Waiting::Breaker { .. }) => "waiting(breaker)".into(),
            NodeState::Waiting(Waiting::Approval { .. }) => "waiting(approval)".into(),
            NodeState::Waiting(Waiting::Held { about, .. }) => match about {
                HeldFor::Outcome => "waiting(outcome)".into(),
                HeldFor::AgentInput => "waiting(agent_input)".into(),
            },
            NodeState::Completed(done) if done.replaced.is_some() => "completed(fallback)".into(),
            NodeState::Failed(NodeFailure {
                failure,
                remote_cancel: Some(said),
                ..
            }) => format!("failed({}, {said})", failure.code),
            NodeState::Failed(failed) if failed.handled => format!("handled({})", failed.failure.code),
            NodeState::Failed(failed) => format!("failed({})", failed.failure.code),
            NodeState::Skipped(reason) => format!("skipped({} by {})", reason.cause, reason.by),
            NodeState::Cancelled {
                remote_cancel: Some(said),
            } => format!("cancelled({said})"),
            state => state.status().to_string(),
        }
    }

    /// All nodes in document order: `a:completed b:running`.
    pub(crate) fn states(&self) -> String {
        let rows = self.machine.nodes();
        let states: Vec<String> = rows
            .map(|row| format!("{}:{}", row.path, self.state(row.path.as_str())))
            .collect();
        states.join(" ")
    }

    /// The nodes with an attempt in flight, in the order in which they were sent.
    pub(crate) fn running(&self) -> String {
        let running: Vec<&str> = self
            .calls
            .iter()
            .filter(|call| {
                let key = (call.path.as_str().to_owned(), call.attempt);
                self.open_calls.contains_key(&key)
            })
            .map(|call| call.path.as_str())
            .collect();
        running.join(" ")
    }

    /// The nodes that were called, each time they were.
    pub(crate) fn called(&self) -> String {
        let calls: Vec<&str> = self.calls.iter().map(|call| call.path.as_str()).collect();
        calls.join(" ")
    }

    /// The events from a position on: `node.started a, execution.paused`.
    pub(crate) fn events_from(&self, first: usize) -> String {
        let events: Vec<String> = self.rows.events[first..].iter().map(name).collect();
        events.join(", ")
    }

    pub(crate) fn events(&self) -> String {
        self.events_from(0)
    }

    /// The particulars of the last event of a type.
    pub(crate) fn last_data(&self, kind: EventType) -> Value {
        let mut events = self.rows.events.iter().rev();
        events.find(|event| event.kind == kind).unwrap().data.to_value()
    }

    pub(crate) fn count(&self, kind: EventType) -> usize {
        self.rows.events.iter().filter(|event| event.kind == kind).count()
    }

    /// The output of a completed node.
    pub(crate) fn output(&self, id: &str) -> Value {
        match &self.node(id).state {
            NodeState::Completed(done) => done.output.to_value(),
            other => panic!("{id} is {other:?}"),
        }
    }

    /// The outputs that the last call of a node carries, by node id.
    pub(crate) fn upstream(&self, id: &str) -> Value {
        self.call(id).upstream.to_value()
    }
}

fn name(event: &Event) -> String {
    match text_in(event, "path") {
        Some(node) => format!("{} {node}", event.kind),
        None => event.kind.to_string(),
    }
}
