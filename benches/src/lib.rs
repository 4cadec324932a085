//! Documents and helpers that the benchmarks share.

use std::{fmt::Write, sync::Arc};

use agentchains_machine::{AgentTerms, Gate, Refusal};
use jiff::Timestamp;

/// A document of `nodes` agent calls in layers of `width`; each but those of the first layer depends on
/// `fan_in` nodes of the layer before it.
#[must_use]
pub fn layered_document(nodes: usize, width: usize, fan_in: usize) -> String {
    let mut text = String::from(r#"{"name": "Layers", "max_concurrency": 64, "nodes": ["#);
    for node in 0..nodes {
        let comma = if node == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{comma}{{"id": "n{node}", "type": "agent_call", "agent_id": "agent-{}", "config": {{"topic": "{{{{input.topic}}}}"}}}}"#,
            node % 16
        );
    }
    text.push_str(r#"], "edges": ["#);
    let mut comma = "";
    for node in width..nodes {
        for step in 0..fan_in {
            let source = (node / width - 1) * width + (node + step) % width;
            let _ = write!(text, r#"{comma}{{"from": "n{source}", "to": "n{node}"}}"#);
            comma = ",";
        }
    }
    text.push_str("]}");
    text
}

/// A gate that admits every call.
#[derive(Debug, Default)]
pub struct OpenGate {
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
