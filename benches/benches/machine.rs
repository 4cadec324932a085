//! How many steps a machine makes. `cargo bench -p agentchains-benches --bench machine`

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]

use std::sync::Arc;

use agentchains_benches::{OpenGate, layered_document};
use agentchains_cost::{ReportedCost, Usd};
use agentchains_machine::{
    AgentReply, AttemptOutcome, Effect, ExecutionId, ExecutionStatus, Input, Machine, NewExecution, Step,
    WorkflowId,
};
use agentchains_workflow::{Compiled, OnBudget, check};
use divan::{Bencher, counter::ItemsCount};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

fn main() {
    divan::main();
}

/// Every node of an execution from start to end; an item is one step, which is one answer of an agent.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 10)]
fn steps_of_an_execution(bencher: Bencher<'_, '_>, nodes: usize) {
    let workflow = compiled(nodes);
    bencher
        .counter(ItemsCount::new(nodes + 1))
        .bench_local(|| run(&workflow));
}

fn compiled(nodes: usize) -> Arc<Compiled> {
    let checked = check(&layered_document(nodes, 10, 2));
    Arc::new(checked.workflow.expect("the document is valid"))
}

fn run(workflow: &Arc<Compiled>) {
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
                output: json!({"text": "done"}),
                cost: ReportedCost::Usd(Usd::from_nanos(1_000)),
                usage: None,
            }),
        }),
        Effect::Abort { .. } => None,
    };
    step.effects.into_iter().filter_map(answer).collect()
}

fn new_execution() -> NewExecution {
    NewExecution {
        id: ExecutionId::from_uuid(Uuid::from_u128(1)),
        tenant: "default".to_owned(),
        workflow_id: WorkflowId::from_uuid(Uuid::from_u128(2)),
        workflow_version: 1,
        input: Arc::new(json!({"topic": "quantum computing"})),
        max_budget: Some(Usd::from_nanos(1_000_000_000_000)),
        on_budget: OnBudget::Fail,
        timeout: None,
        labels: Default::default(),
        initiated_by: "bench".to_owned(),
    }
}
