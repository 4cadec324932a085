//! Edges, order and layers of compiled workflows.

use agentchains_workflow::{Graph, NodeIndex, check};
use serde_json::{Value, json};

use crate::support::{approval, call, compiled, edges, findings, show, workflow};

fn on(id: &str, before: &[&str]) -> Value {
    call(id, json!({"depends_on": before}))
}

fn ids(graph: &Graph, nodes: impl IntoIterator<Item = NodeIndex>) -> Vec<String> {
    nodes
        .into_iter()
        .map(|node| graph.node(node).id.clone())
        .collect()
}

fn layers(document: &Value) -> Vec<Vec<String>> {
    let workflow = compiled(document);
    let graph = workflow.graph();
    graph
        .layers()
        .iter()
        .map(|layer| ids(graph, layer.iter().copied()))
        .collect()
}

#[test]
fn parallel_research_has_three_layers() {
    let document = json!({
        "name": "Parallel Research",
        "nodes": [
            {"id": "web", "type": "agent_call", "agent_id": "web-search"},
            {"id": "academic", "type": "agent_call", "agent_id": "academic-search"},
            {"id": "merge", "type": "agent_call", "agent_id": "summarizer"},
            {"id": "approve", "type": "human_approval", "config": {"message": "Publish?"}}
        ],
        "edges": [
            {"from": "web", "to": "merge"},
            {"from": "academic", "to": "merge"},
            {"from": "merge", "to": "approve"}
        ]
    });
    assert_eq!(
        layers(&document),
        [vec!["web", "academic"], vec!["merge"], vec!["approve"]]
    );
    assert_eq!(edges(&document), ["web>merge", "academic>merge", "merge>approve"]);
}

#[test]
fn research_pipeline_has_three_layers() {
    let document = json!({
        "name": "Research Pipeline",
        "description": "Multi-agent research workflow",
        "nodes": [
            {"id": "search", "type": "agent_call", "agent_id": "agent-search-001",
             "config": {"query": "{{input.topic}}"}},
            {"id": "summarize", "type": "agent_call", "agent_id": "agent-summary-001", "config": {"max_length": 500}},
            {"id": "review", "type": "human_approval", "config": {"message": "Approve research summary?"}}
        ],
        "edges": [{"from": "search", "to": "summarize"}, {"from": "summarize", "to": "review"}]
    });
    assert_eq!(layers(&document), [["search"], ["summarize"], ["review"]]);
}

#[test]
fn edges_come_before_depends_on_and_both_in_document_order() {
    let mut document = workflow(&[on("c", &["b", "a"]), call("a", json!({})), on("b", &["a"])]);
    document["edges"] = json!([{"from": "x", "to": "c"}, {"from": "x", "to": "a"}]);
    document["nodes"]
        .as_array_mut()
        .unwrap()
        .push(call("x", json!({})));
    assert_eq!(edges(&document), ["x>c", "x>a", "b>c", "a>c", "a>b"]);
    let compiled = compiled(&document);
    let graph = compiled.graph();
    let node = |id| graph.find(id).unwrap();
    let incoming: Vec<_> = graph.incoming(node("c")).map(|edge| show(graph, &edge)).collect();
    assert_eq!(incoming, ["x>c", "b>c", "a>c"]);
    let outgoing: Vec<_> = graph.outgoing(node("a")).map(|edge| show(graph, &edge)).collect();
    assert_eq!(outgoing, ["a>c", "a>b"]);
    assert_eq!(graph.in_degree(node("c")), 3);
    assert_eq!(ids(graph, graph.sinks()), ["c"]);
    assert_eq!(ids(graph, graph.indices()), ["c", "a", "b", "x"]);
    assert_eq!(graph.find("nobody"), None);
}

#[test]
fn layers_and_longest_paths_follow_the_longest_way() {
    let document = workflow(&[
        call("a", json!({})),
        on("b", &["a"]),
        on("c", &["b"]),
        on("d", &["a", "c"]),
        on("short", &["a"]),
        call("alone", json!({})),
    ]);
    assert_eq!(
        layers(&document),
        [vec!["a", "alone"], vec!["b", "short"], vec!["c"], vec!["d"]]
    );
    let compiled = compiled(&document);
    let graph = compiled.graph();
    let to_sink: Vec<_> = graph
        .indices()
        .map(|node| graph.longest_path_to_sink(node))
        .collect();
    assert_eq!(to_sink, [3, 2, 1, 0, 0, 0]);
    let layer_of: Vec<_> = graph.indices().map(|node| graph.layer_of(node)).collect();
    assert_eq!(layer_of, [0, 1, 2, 3, 1, 0]);
}

#[test]
fn labels_of_approvals_become_labels_of_edges() {
    let nodes = [
        approval(
            "ok",
            json!({"config": {"actions": ["approve", "later"], "timeout": "1h"}}),
        ),
        call("a", json!({})),
        call("b", json!({})),
    ];
    let mut document = workflow(&nodes);
    document["edges"] = json!([
        {"from": "ok", "to": "a", "when": "approved"},
        {"from": "ok", "to": "a", "when": "rejected"},
        {"from": "ok", "to": "b", "when": "later"}
    ]);
    assert_eq!(edges(&document), ["ok>a [approved|rejected]", "ok>b [later]"]);
}

#[test]
fn a_labelled_and_an_unlabelled_edge_between_the_same_nodes_exclude_each_other() {
    let mut document = workflow(&[approval("ok", json!({})), on("a", &["ok"])]);
    document["edges"] = json!([{"from": "ok", "to": "a", "when": "approved"}]);
    assert_eq!(
        findings(&document),
        ["duplicate_dependency@/nodes/1/depends_on/0"]
    );
    document["nodes"][1]["depends_on"] = json!([]);
    document["edges"] = json!([{"from": "ok", "to": "a"}, {"from": "ok", "to": "a", "when": "approved"}]);
    assert_eq!(findings(&document), ["duplicate_dependency@/edges/1"]);
    document["edges"][0]["when"] = json!("approved");
    assert_eq!(findings(&document), ["duplicate_dependency@/edges/1"]);
}

#[test]
fn the_edge_that_a_failure_takes_is_added_or_taken_from_the_document() {
    let failing = |goto: &str| call("a", json!({"on_error": {"goto": goto}}));
    let added = workflow(&[failing("help"), call("help", json!({})), on("b", &["a"])]);
    assert_eq!(edges(&added), ["a>b", "a>help [error]"]);
    let written = workflow(&[failing("help"), on("help", &["a"]), on("b", &["a"])]);
    assert_eq!(edges(&written), ["a>help [error]", "a>b"]);
    let mut labelled = workflow(&[
        approval("a", json!({"on_error": {"goto": "help"}})),
        call("help", json!({})),
    ]);
    labelled["edges"] = json!([{"from": "a", "to": "help", "when": "rejected"}]);
    assert_eq!(edges(&labelled), ["a>help [rejected]", "a>help [error]"]);
}

#[test]
fn cycles_are_named_by_a_shortest_path_through_their_first_node() {
    let message = |document: &Value| {
        let checked = check(&document.to_string());
        let messages: Vec<_> = checked
            .diagnostics
            .errors()
            .map(|found| found.message.clone())
            .collect();
        messages.join("; ").replace("the dependencies form a cycle: ", "")
    };
    assert_eq!(
        message(&workflow(&[on("a", &["b"]), on("b", &["a"])])),
        "a → b → a"
    );
    assert_eq!(message(&workflow(&[on("a", &["a"])])), "a → a");
    let two_ways = [
        on("a", &["c", "b"]),
        on("b", &["a"]),
        on("c", &["b"]),
        on("after", &["c"]),
    ];
    assert_eq!(message(&workflow(&two_ways)), "a → b → a");
    let two_cycles = [
        on("a", &["b"]),
        on("b", &["a"]),
        on("c", &["d"]),
        on("d", &["c", "a"]),
    ];
    assert_eq!(message(&workflow(&two_cycles)), "a → b → a; c → d → c");
    let failing = call("b", json!({"depends_on": ["a"], "on_error": {"goto": "a"}}));
    assert_eq!(message(&workflow(&[call("a", json!({})), failing])), "a → b → a");
}

#[test]
fn a_long_cycle_is_shown_by_its_ends() {
    let nodes: Vec<_> = (0..100)
        .map(|n| on(&format!("n{n}"), &[&format!("n{}", (n + 99) % 100)]))
        .collect();
    let checked = check(&workflow(&nodes).to_string());
    let message = &checked.diagnostics.iter().next().unwrap().message;
    assert!(
        message.contains("n0 → n1 → ") && message.contains("n9 → (80 more) → n90"),
        "{message}"
    );
    assert!(message.ends_with("n99 → n0"), "{message}");
}
