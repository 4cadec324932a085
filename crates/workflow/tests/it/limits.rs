//! Documents at and beyond the limits.

use agentchains_workflow::{check, limits};
use serde_json::{Value, json};

use crate::support::{call, compiled, findings, found, one, workflow};

/// Each node after the one before.
fn chain(count: usize) -> Value {
    let node = |number: usize| {
        let before = number.checked_sub(1).map(|before| format!("n{before}"));
        call(&format!("n{number}"), json!({"depends_on": before.as_slice()}))
    };
    workflow(&(0..count).map(node).collect::<Vec<_>>())
}

/// The document with its nodes in the opposite order.
fn reversed(mut document: Value) -> Value {
    document["nodes"].as_array_mut().unwrap().reverse();
    document
}

#[test]
fn the_longest_chain_compiles_in_either_order_and_a_longer_one_is_refused() {
    for document in [chain(limits::MAX_NODES), reversed(chain(limits::MAX_NODES))] {
        let workflow = compiled(&document);
        assert_eq!(workflow.graph().layers().len(), limits::MAX_NODES);
    }
    for count in [limits::MAX_NODES + 1, 10 * limits::MAX_NODES] {
        assert_eq!(findings(&chain(count)), ["too_many_nodes@/nodes"]);
    }
}

#[test]
fn a_ring_of_all_nodes_is_a_cycle() {
    let mut document = chain(limits::MAX_NODES);
    document["nodes"][0]["depends_on"] = json!([format!("n{}", limits::MAX_NODES - 1)]);
    assert_eq!(findings(&document), ["cycle_detected@/nodes/0/depends_on/0"]);
}

#[test]
fn ten_thousand_small_cycles_are_found_one_by_one() {
    let nodes: Vec<_> = (0..limits::MAX_NODES)
        .map(|number| {
            call(
                &format!("n{number}"),
                json!({"depends_on": [format!("n{}", number ^ 1)]}),
            )
        })
        .collect();
    let checked = check(&workflow(&nodes).to_string());
    assert_eq!(checked.diagnostics.errors().count(), limits::MAX_ERRORS);
    assert_eq!(
        checked.diagnostics.omitted(),
        limits::MAX_NODES / 2 - limits::MAX_ERRORS
    );
}

#[test]
fn edges_are_counted_together_however_they_are_written() {
    let nodes: Vec<_> = (0..500)
        .map(|number| call(&format!("n{number}"), json!({})))
        .collect();
    let mut document = workflow(&nodes);
    let pairs = (0..500_usize).flat_map(|to| (0..to).map(move |from| (from, to)));
    let edge = |(from, to)| json!({"from": format!("n{from}"), "to": format!("n{to}")});
    document["edges"] = pairs.take(limits::MAX_EDGES).map(edge).collect();
    assert_eq!(compiled(&document).graph().edge_count(), limits::MAX_EDGES);
    document["nodes"][499]["depends_on"] = json!(["n0"]);
    assert_eq!(findings(&document), ["too_many_edges@"]);
    document["edges"]
        .as_array_mut()
        .unwrap()
        .push(json!({"from": "n0", "to": "n499"}));
    assert_eq!(findings(&document), ["too_many_edges@/edges"]);
}

#[test]
fn every_node_may_refer_to_every_node_before_it() {
    let nodes: Vec<_> = (0..300)
        .map(|number: usize| {
            let before: Vec<_> = (0..number).map(|before| format!("n{before}")).collect();
            let texts: Vec<_> = before
                .iter()
                .map(|before| format!("{{{{ {before}.x }}}}"))
                .collect();
            let last = before.last().map(std::slice::from_ref).unwrap_or_default();
            call(
                &format!("n{number}"),
                json!({"depends_on": last, "config": {"all": texts}}),
            )
        })
        .collect();
    let workflow = compiled(&workflow(&nodes));
    assert_eq!(workflow.graph().layers().len(), 300);
}

#[test]
fn forty_thousand_expressions_in_one_text_compile() {
    assert_eq!(
        findings(&one(json!({"config": {"x": "{{ input.x }}".repeat(40_000)}}))),
        [""; 0]
    );
}

#[test]
fn a_hundred_thousand_wrong_edges_are_told_in_bounded_space() {
    let mut document = one(json!({}));
    document["edges"] = (0..50_000)
        .map(|number| json!({"from": format!("x{number}"), "to": "a"}))
        .collect();
    let checked = check(&document.to_string());
    assert_eq!(found(&checked).len(), limits::MAX_ERRORS);
    assert_eq!(checked.diagnostics.omitted(), 50_000 - limits::MAX_ERRORS);
}
