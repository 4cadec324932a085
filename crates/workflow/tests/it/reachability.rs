//! A node of which is said that it never runs does not run, whatever conditions decide.

use agentchains_workflow::{Code, check};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{call, workflow};

/// A random node: whether it is a condition, its join, and its in-edges from earlier nodes, each with the outcome
/// that it needs where it comes from a condition.
#[derive(Debug, Clone)]
struct Part {
    is_condition: bool,
    join: Join,
    edges: Vec<(prop::sample::Index, bool)>,
}

#[derive(Debug, Clone, Copy)]
enum Join {
    Default,
    All,
    Any,
    Settled,
    AtLeast(usize),
}

fn part() -> impl Strategy<Value = Part> {
    let join = prop_oneof![
        1 => Just(Join::Default),
        3 => Just(Join::All),
        1 => Just(Join::Any),
        1 => Just(Join::Settled),
        1 => (1_usize..3).prop_map(Join::AtLeast),
    ];
    let edges = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4);
    (prop::bool::weighted(0.4), join, edges).prop_map(|(is_condition, join, edges)| Part {
        is_condition,
        join,
        edges,
    })
}

/// A node with its in-edges as positions of other nodes, none twice.
struct Node {
    is_condition: bool,
    join: Join,
    edges: Vec<(usize, bool)>,
}

fn nodes(parts: &[Part]) -> Vec<Node> {
    let node = |(position, part): (usize, &Part)| {
        let mut edges: Vec<(usize, bool)> = Vec::new();
        for (from, outcome) in part.edges.iter().filter(|_| position > 0) {
            let from = from.index(position);
            if edges.iter().all(|(known, _)| *known != from) {
                edges.push((from, *outcome));
            }
        }
        let join = match part.join {
            Join::AtLeast(least) if least > edges.len() => Join::Default,
            join => join,
        };
        Node {
            is_condition: part.is_condition,
            join,
            edges,
        }
    };
    parts.iter().enumerate().map(node).collect()
}

fn document(nodes: &[Node]) -> Value {
    let mut edges = Vec::new();
    let written = nodes.iter().enumerate().map(|(position, node)| {
        for (from, outcome) in &node.edges {
            let mut edge = json!({"from": format!("n{from}"), "to": format!("n{position}")});
            if nodes[*from].is_condition {
                edge["when"] = json!(outcome.to_string());
            }
            edges.push(edge);
        }
        let join = match node.join {
            Join::Default => json!("default"),
            Join::All => json!("all"),
            Join::Any => json!("any"),
            Join::Settled => json!("settled"),
            Join::AtLeast(least) => json!({"at_least": least}),
        };
        let id = format!("n{position}");
        if node.is_condition {
            json!({"id": id, "type": "condition", "join": join, "config": {"expression": "$.input.x"}})
        } else {
            call(&id, json!({"join": join}))
        }
    });
    let mut document = workflow(&written.collect::<Vec<_>>());
    document["edges"] = edges.into();
    document
}

/// Which nodes run where condition `n` decides as bit `n` of `outcomes` says (section 5), when nothing fails.
fn running(nodes: &[Node], outcomes: u32) -> Vec<bool> {
    let mut runs: Vec<bool> = Vec::new();
    for node in nodes {
        let is_live = |(from, outcome): &&(usize, bool)| {
            let chosen = !nodes[*from].is_condition || (outcomes >> from & 1 == 1) == *outcome;
            runs[*from] && chosen
        };
        let live = node.edges.iter().filter(is_live).count();
        runs.push(match node.join {
            _ if node.edges.is_empty() => true,
            Join::Default | Join::Any => live > 0,
            Join::All => live == node.edges.len(),
            Join::Settled => true,
            Join::AtLeast(least) => live >= least,
        });
    }
    runs
}

proptest! {
    #[test]
    fn what_is_said_to_never_run_does_not(parts in prop::collection::vec(part(), 1..9)) {
        let nodes = nodes(&parts);
        let document = document(&nodes);
        let checked = check(&document.to_string());
        prop_assert!(checked.workflow.is_some(), "{:?}", checked.diagnostics);
        let mut ever = vec![false; nodes.len()];
        for outcomes in 0..1 << nodes.len() {
            for (ever, runs) in ever.iter_mut().zip(running(&nodes, outcomes)) {
                *ever |= runs;
            }
        }
        let found = checked.diagnostics.iter().filter(|found| found.code == Code::UnreachableNode);
        for found in found {
            let position: usize = found.pointer.trim_start_matches("/nodes/").parse().unwrap();
            prop_assert!(!ever[position], "{} runs: {}", found.pointer, document);
        }
    }
}
