//! The documents that are played. All calls go to one agent, [`AGENT`].

use serde_json::{Value, json};

/// The agent's id in the registry.
pub(crate) const AGENT: &str = "echo";

/// Branches of a diamond in [`diamonds`].
const BRANCHES: usize = 5;

/// Lanes of [`diamonds`].
const LANES: usize = 4;

/// Levels of [`diamonds`]: source, joint, branches, joint, branches, joint, sink.
pub(crate) const DIAMOND_LEVELS: u32 = 7;

/// Nodes of a [`chain`].
pub(crate) const CHAIN_NODES: usize = 10;

/// The call of [`held_chain`] that is held.
pub(crate) const HELD: usize = 4;

/// A chain of [`CHAIN_NODES`] calls.
pub(crate) fn chain() -> Value {
    json!({"name": "Chain", "nodes": chain_nodes()})
}

/// A chain of which the agent holds the call [`HELD`] until it is told to let go.
pub(crate) fn held_chain() -> Value {
    let mut nodes = chain_nodes();
    if let Some(node) = nodes.get_mut(HELD) {
        hold(node);
    }
    json!({"name": "Held chain", "nodes": nodes})
}

fn chain_nodes() -> Vec<Value> {
    let name = |number: usize| format!("n{number}");
    let after = |number: usize| number.checked_sub(1).map(name).into_iter().collect::<Vec<_>>();
    (0..CHAIN_NODES)
        .map(|number| call(&name(number), &after(number), 0))
        .collect()
}

/// Makes the agent keep a call until it is told to let go.
fn hold(node: &mut Value) {
    node["timeout"] = json!("2h");
    node["config"] = json!({"hold": true});
}

/// One call, `width` calls after it that may all be made at once, and one after all of these.
pub(crate) fn fan_out(width: usize) -> Value {
    let branches: Vec<String> = (0..width).map(|number| format!("b{number}")).collect();
    let source = ["source".to_owned()];
    let mut nodes = vec![call("source", &[], 0)];
    nodes.extend(branches.iter().map(|branch| call(branch, &source, 0)));
    nodes.push(call("sink", &branches, 0));
    json!({"name": "Fan-out", "max_concurrency": width, "nodes": nodes})
}

/// A source, four lanes of two diamonds each (a joint, five branches, a joint, five branches, a joint), and a sink:
/// 54 calls, of which the longest path has [`DIAMOND_LEVELS`].
pub(crate) fn diamonds(delay_ms: u64) -> Value {
    let mut nodes = vec![call("source", &[], delay_ms)];
    let mut ends = Vec::new();
    for lane in 0..LANES {
        let mut before = vec!["source".to_owned()];
        for (level, width) in [1, BRANCHES, 1, BRANCHES, 1].into_iter().enumerate() {
            let names: Vec<String> = (0..width)
                .map(|branch| format!("l{lane}-{level}-{branch}"))
                .collect();
            nodes.extend(names.iter().map(|name| call(name, &before, delay_ms)));
            before = names;
        }
        ends.extend(before);
    }
    nodes.push(call("sink", &ends, delay_ms));
    json!({"name": "Diamonds", "nodes": nodes})
}

/// A person's approval, and a call after it.
pub(crate) fn approval() -> Value {
    let approval = json!({"id": "approve", "type": "human_approval", "config": {"message": "Go on?"}});
    json!({"name": "Approval", "nodes": [approval, call("call", &["approve".to_owned()], 0)]})
}

/// One call.
pub(crate) fn single() -> Value {
    json!({"name": "Single", "nodes": [call("call", &[], 0)]})
}

/// One call, which the agent holds.
pub(crate) fn held() -> Value {
    let mut node = call("call", &[], 0);
    hold(&mut node);
    json!({"name": "Held", "nodes": [node]})
}

/// The least that a workflow can be: a decision on nothing.
pub(crate) fn empty() -> Value {
    let decision =
        json!({"id": "decide", "type": "condition", "config": {"expression": "$.input.go == true"}});
    json!({"name": "Empty", "nodes": [decision]})
}

fn call(id: &str, depends_on: &[String], delay_ms: u64) -> Value {
    let config = if delay_ms > 0 {
        json!({"delay_ms": delay_ms})
    } else {
        json!({})
    };
    json!({"id": id, "type": "agent_call", "agent_id": AGENT, "depends_on": depends_on, "config": config})
}

#[cfg(test)]
mod tests {
    use agentchains_workflow::check;

    use super::*;

    #[test]
    fn every_document_is_valid_and_as_deep_as_it_says() {
        let layers = |document: Value| {
            let checked = check(&document.to_string());
            let found = checked.workflow.map(|workflow| {
                (
                    document["nodes"].as_array().map(Vec::len),
                    workflow.graph().layers().len(),
                )
            });
            found.unwrap_or_else(|| panic!("{document}"))
        };
        for (document, nodes, depth) in [
            (chain(), 10, 10),
            (held_chain(), 10, 10),
            (fan_out(100), 102, 3),
            (diamonds(20), 54, DIAMOND_LEVELS as usize),
            (approval(), 2, 2),
            (single(), 1, 1),
            (held(), 1, 1),
            (empty(), 1, 1),
        ] {
            assert_eq!(layers(document), (Some(nodes), depth));
        }
    }
}
