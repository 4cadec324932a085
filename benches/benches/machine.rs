//! How many steps a machine makes. `cargo bench -p agentchains-benches --bench machine`

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]

use std::sync::Arc;

use agentchains_benches::{layered_document, run_to_end};
use agentchains_workflow::{Compiled, check};
use divan::{Bencher, counter::ItemsCount};
use serde_json::json;

fn main() {
    divan::main();
}

/// Every node of an execution from start to end; an item is one step, which is one answer of an agent.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 10)]
fn steps_of_an_execution(bencher: Bencher<'_, '_>, nodes: usize) {
    let workflow = compiled(nodes);
    bencher
        .counter(ItemsCount::new(nodes + 1))
        .bench_local(|| run_to_end(&workflow));
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
        .bench_local(|| run_to_end(&workflow));
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
        .bench_local(|| run_to_end(&workflow));
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
