//! Documents and helpers that the benchmarks share.

mod execution;

use std::fmt::Write;

pub use crate::execution::run_to_end;

/// A document of `nodes` agent calls in layers of `width`; each but those of the first layer depends on
/// `fan_in` nodes of the layer before it.
#[must_use]
pub fn layered_document(nodes: usize, width: usize, fan_in: usize) -> String {
    let layers = layers("n", nodes, width, fan_in);
    format!(r#"{{"name": "Layers", "max_concurrency": 64, {layers}}}"#)
}

/// A document of loops one after the other, each around a group of `members` calls in layers as those of
/// [`layered_document`]: `loops * (members + 2)` nodes.
#[must_use]
pub fn nested_document(loops: usize, members: usize, width: usize, fan_in: usize) -> String {
    let mut text = String::from(r#"{"name": "Nested", "nodes": ["#);
    for number in 0..loops {
        let comma = if number == 0 { "" } else { "," };
        let before = number
            .checked_sub(1)
            .map_or(String::new(), |before| format!(r#""loop{before}""#));
        let layers = layers(&format!("n{number}x"), members, width, fan_in);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{comma}{{"id": "loop{number}", "type": "loop", "depends_on": [{before}], "config": {{"items": [1, 2],
            "nodes": [{{"id": "group{number}", "type": "parallel_group", "config": {{{layers}}}}}]}}}}"#
        );
    }
    text.push_str("]}");
    text
}

/// `nodes` and `edges` of agent calls in layers.
fn layers(prefix: &str, nodes: usize, width: usize, fan_in: usize) -> String {
    let mut text = String::from(r#""nodes": ["#);
    for node in 0..nodes {
        let comma = if node == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"id": "{prefix}{node}", "type": "agent_call", "agent_id": "agent-{}", "config": {{"topic": "{{{{input.topic}}}}"}}}}"#,
            node % 16
        );
    }
    text.push_str(r#"], "edges": ["#);
    let mut comma = "";
    for node in width..nodes {
        for step in 0..fan_in {
            let source = (node / width - 1) * width + (node + step) % width;
            let _ = write!(
                text,
                r#"{comma}{{"from": "{prefix}{source}", "to": "{prefix}{node}"}}"#
            );
            comma = ",";
        }
    }
    text.push(']');
    text
}
