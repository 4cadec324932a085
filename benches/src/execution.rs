//! Executions that are played in memory, from start to end.

use std::sync::Arc;

use agentchains_cost::{ReportedCost, Usd};
use agentchains_machine::{
    AgentReply, AgentTerms, AttemptOutcome, Effect, ExecutionId, ExecutionStatus, Gate, Input, Machine,
    NewExecution, Refusal, Step, WorkflowId,
};
use agentchains_workflow::{Compiled, OnBudget};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// Plays an execution of a workflow in which every call succeeds at once.
///
/// # Panics
/// When the machine refuses an input, or does not complete.
#[expect(clippy::expect_used, reason = "a benchmark of what does not work should stop")]
pub fn run_to_end(workflow: &Arc<Compiled>) {
    let now = Timestamp::UNIX_EPOCH;
    let mut gate = OpenGate::default();
    let mut machine = Machine::create(Arc::clone(workflow), new_execution(), now);
    let mut waiting = calls(
        machine
            .step(now, Input::Start, &mut gate)
            .expect("a start is never refused"),
    );
    while let Some(call) = waiting.pop() {
        waiting.extend(calls(
            machine
                .step(now, call, &mut gate)
                .expect("an answer is never refused"),
        ));
    }
    assert_eq!(machine.execution().status, ExecutionStatus::Completed);
}

/// The answers to the calls that a step wants made.
fn calls(step: Step) -> Vec<Input> {
    let answer = |effect| match effect {
        Effect::Call(call) => Some(Input::AttemptEnded {
            path: call.path,
            attempt: call.attempt,
            outcome: AttemptOutcome::Succeeded(AgentReply {
                output: json!({"text": "done"}).into(),
                cost: ReportedCost::Usd(Usd::from_nanos(1_000)),
                usage: None,
            }),
        }),
        Effect::Abort { .. } | Effect::Look { .. } | Effect::StartChild(_) | Effect::CommandChild { .. } => {
            None
        }
    };
    step.effects.into_iter().filter_map(answer).collect()
}

fn new_execution() -> NewExecution {
    NewExecution {
        id: ExecutionId::from_uuid(Uuid::from_u128(1)),
        tenant: "default".to_owned(),
        workflow_id: WorkflowId::from_uuid(Uuid::from_u128(2)),
        workflow_version: 1,
        input: json!({"topic": "quantum computing"}).into(),
        max_budget: Some(Usd::from_nanos(1_000_000_000_000)),
        on_budget: OnBudget::Fail,
        timeout: None,
        labels: Default::default(),
        initiated_by: "bench".to_owned(),
        parent: None,
        ends_by: None,
        forked_from: None,
        seeds: Vec::new(),
    }
}

/// A gate that admits every call.
#[derive(Debug, Default)]
struct OpenGate {
    terms: Arc<AgentTerms>,
}

impl Gate for OpenGate {
    fn terms(&self, _agent_id: &str) -> Option<Arc<AgentTerms>> {
        Some(Arc::clone(&self.terms))
    }

    fn admit(&mut self, _agent_id: &str, _now: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}
