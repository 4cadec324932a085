//! Workflows in a line: `flow("a b ok? | a>b b>ok")`.

use std::sync::Arc;

use agentchains_workflow::{Compiled, check};
use serde_json::{Map, Value, json};

use super::Run;

/// The nodes and edges of a body, written as a flow is.
pub(crate) fn body(text: &str) -> Value {
    let Flow { document } = flow(text);
    json!({"nodes": document["nodes"], "edges": document["edges"]})
}

/// A workflow document under construction.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    document: Value,
}

/// Nodes before the bar, edges after it. `ok?` is a `human_approval`, `c=` a `condition`, `g&` a `parallel_group`, `l*`
/// a `loop`, `s^` a `subworkflow`, any other name an `agent_call` of the agent with the node's id; `ok:rejected>b` is
/// an edge with a label.
pub(crate) fn flow(text: &str) -> Flow {
    let (nodes, edges) = text.split_once('|').unwrap_or((text, ""));
    let nodes: Vec<Value> = nodes.split_whitespace().map(node).collect();
    let edges: Vec<Value> = edges.split_whitespace().map(edge).collect();
    Flow {
        document: json!({"name": "test", "nodes": nodes, "edges": edges}),
    }
}

fn node(name: &str) -> Value {
    let types = [
        ('?', "human_approval"),
        ('=', "condition"),
        ('&', "parallel_group"),
        ('*', "loop"),
        ('^', "subworkflow"),
    ];
    let named = types
        .iter()
        .find_map(|(mark, kind)| Some((name.strip_suffix(*mark)?, *kind)));
    match named {
        Some((id, kind)) => json!({"id": id, "type": kind}),
        None => json!({"id": name, "type": "agent_call", "agent_id": name}),
    }
}

fn edge(text: &str) -> Value {
    let (from, to) = text.split_once('>').unwrap();
    match from.split_once(':') {
        Some((from, label)) => json!({"from": from, "to": to, "when": label}),
        None => json!({"from": from, "to": to}),
    }
}

impl Flow {
    /// Adds fields to the document.
    pub(crate) fn set(mut self, fields: Value) -> Self {
        merge(&mut self.document, fields);
        self
    }

    /// Adds fields to a node.
    pub(crate) fn node(mut self, id: &str, fields: Value) -> Self {
        let nodes = self.document["nodes"].as_array_mut().unwrap();
        let node = nodes.iter_mut().find(|node| node["id"] == id).unwrap();
        merge(node, fields);
        self
    }

    /// Sets the config of a node.
    pub(crate) fn config(self, id: &str, config: Value) -> Self {
        self.node(id, json!({"config": config}))
    }

    pub(crate) fn compile(&self) -> Arc<Compiled> {
        let checked = check(&self.document.to_string());
        let errors: Vec<_> = checked.diagnostics.errors().collect();
        assert!(errors.is_empty(), "{errors:?}");
        Arc::new(checked.workflow.unwrap())
    }

    /// An execution of it that has not begun.
    pub(crate) fn prepare(&self) -> Run {
        Run::prepare(self.compile(), |_| {})
    }

    /// An execution of it that has begun.
    pub(crate) fn start(&self) -> Run {
        self.prepare().begin()
    }

    /// An execution of it that has begun, with this input.
    pub(crate) fn start_with(&self, input: Value) -> Run {
        Run::prepare(self.compile(), |new| new.input = input.into()).begin()
    }
}

fn merge(target: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    let object: &mut Map<String, Value> = target.as_object_mut().unwrap();
    object.extend(fields);
}
