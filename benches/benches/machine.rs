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

/// A loop with one call in its body; an item is one iteration.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 10)]
fn iterations_of_a_loop(bencher: Bencher<'_, '_>, iterations: usize) {
    let config = json!({
        "body": {"nodes": [{"id": "call", "type": "agent_call", "agent_id": "agent"}]},
        "until": format!("$.loop.index == {}", iterations - 1),
        "max_iterations": iterations,
    });
    let workflow = around("loop", &config);
    bencher
        .counter(ItemsCount::new(iterations))
        .bench_local(|| run(&workflow));
}

/// A group that runs one call for each item, ten at once.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 10)]
fn items_of_a_group(bencher: Bencher<'_, '_>, items: usize) {
    let config = json!({
        "items": vec![0; items],
        "body": {"nodes": [{"id": "call", "type": "agent_call", "agent_id": "agent"}]},
        "max_concurrency": 10,
    });
    let workflow = around("parallel_group", &config);
    bencher
        .counter(ItemsCount::new(items))
        .bench_local(|| run(&workflow));
}

/// A workflow of one node.
fn around(kind: &str, config: &serde_json::Value) -> Arc<Compiled> {
    let document = json!({"name": "one", "nodes": [{"id": "node", "type": kind, "config": config}]});
    let checked = check(&document.to_string());
    Arc::new(checked.workflow.expect("the document is valid"))
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
