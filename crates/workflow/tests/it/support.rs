//! Short ways to write documents and to read what was found.

use agentchains_workflow::{
    Checked, Compiled, Condition, EdgeRef, Graph, Json, NodeKind, RenderError, Scope, SettledNode, Template,
    When, check,
};
use serde_json::{Value, json};

/// What was found, each as `code@pointer`, in order.
pub(crate) fn found(checked: &Checked) -> Vec<String> {
    checked
        .diagnostics
        .iter()
        .map(|found| format!("{}@{}", found.code, found.pointer))
        .collect()
}

/// What is found in a document.
pub(crate) fn findings(document: &Value) -> Vec<String> {
    found(&check(&document.to_string()))
}

/// The workflow of a valid document.
pub(crate) fn compiled(document: &Value) -> Compiled {
    let checked = check(&document.to_string());
    let all = found(&checked);
    checked
        .workflow
        .unwrap_or_else(|| panic!("{document} has errors: {all:?}"))
}

/// An edge as `from>to [labels]`.
pub(crate) fn show(graph: &Graph, edge: &EdgeRef<'_>) -> String {
    let when = match edge.when {
        When::Always => String::new(),
        When::Labels(labels) => format!(" [{}]", labels.join("|")),
        When::OnError => " [error]".to_owned(),
    };
    format!("{}>{}{when}", graph.node(edge.from).id, graph.node(edge.to).id)
}

/// The edges of a valid document, in order.
pub(crate) fn edges(document: &Value) -> Vec<String> {
    let workflow = compiled(document);
    let graph = workflow.graph();
    let mut all: Vec<_> = graph.indices().flat_map(|node| graph.incoming(node)).collect();
    all.sort_by_key(|edge| edge.index);
    assert_eq!(all.len(), graph.edge_count());
    all.iter().map(|edge| show(graph, edge)).collect()
}

/// A call of the agent `echo`, with some of its fields.
pub(crate) fn call(id: &str, fields: Value) -> Value {
    let mut node = json!({"id": id, "type": "agent_call", "agent_id": "echo"});
    merge(&mut node, fields);
    node
}

/// A request for approval, with some of its fields.
pub(crate) fn approval(id: &str, fields: Value) -> Value {
    let mut node = json!({"id": id, "type": "human_approval"});
    merge(&mut node, fields);
    node
}

/// A group with that config.
pub(crate) fn group(id: &str, config: Value) -> Value {
    json!({"id": id, "type": "parallel_group", "config": config})
}

/// A loop that runs its body three times, with some of its config.
pub(crate) fn repeat(id: &str, config: Value) -> Value {
    let mut node =
        json!({"id": id, "type": "loop", "config": {"until": "$.loop.index == 2", "max_iterations": 3}});
    merge(&mut node["config"], config);
    node
}

fn merge(node: &mut Value, fields: Value) {
    for (key, value) in fields.as_object().into_iter().flatten() {
        node[key] = value.clone();
    }
}

/// A document of these nodes.
pub(crate) fn workflow(nodes: &[Value]) -> Value {
    json!({"name": "t", "nodes": nodes})
}

/// A document of one call with some of its fields.
pub(crate) fn one(fields: Value) -> Value {
    workflow(&[call("a", fields)])
}

/// The template of a call's config in a document where node `before` comes before it.
pub(crate) fn config(config: Value) -> Template {
    let document = workflow(&[
        call("before", json!({})),
        call("after", json!({"config": config, "depends_on": ["before"]})),
    ]);
    let workflow = compiled(&document);
    let node = workflow.graph().find("after").unwrap();
    match &workflow.graph().node(node).kind {
        NodeKind::AgentCall(call) => call.config.clone(),
        other => unreachable!("the node is a call, not {}", other.as_str()),
    }
}

/// The condition with that config, in a document with the nodes `before` before it and `a`, `b` beside it.
pub(crate) fn branching(config: Value) -> Value {
    workflow(&[
        call("before", json!({})),
        json!({"id": "c", "type": "condition", "depends_on": ["before"], "config": config}),
        call("a", json!({})),
        call("b", json!({})),
    ])
}

/// The condition of a valid document.
pub(crate) fn condition_of(document: &Value) -> Condition {
    let workflow = compiled(document);
    let node = workflow.graph().find("c").unwrap();
    match &workflow.graph().node(node).kind {
        NodeKind::Condition(condition) => condition.clone(),
        other => unreachable!("the node is a condition, not {}", other.as_str()),
    }
}

/// The condition of an expression, or the codes of what is wrong with it.
pub(crate) fn condition(expression: &str) -> Result<Condition, Vec<String>> {
    let document = branching(json!({"expression": expression}));
    let found = findings(&document);
    if found.is_empty() {
        Ok(condition_of(&document))
    } else {
        Err(found)
    }
}

/// Renders `{{ expression }}`, a string of its own.
pub(crate) fn evaluate(expression: &str, scope: &Values) -> Result<Value, RenderError> {
    render(&format!("{{{{ {expression} }}}}"), scope)
}

/// Renders a string.
pub(crate) fn render(text: &str, scope: &Values) -> Result<Value, RenderError> {
    config(json!({"it": text}))
        .render(scope)
        .map(|rendered| rendered.to_value()["it"].take())
}

/// The values of an execution in which the node `before` has settled, unless it is `None`.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) input: Value,
    pub(crate) before: Option<Value>,
}

impl Values {
    pub(crate) fn input(input: Value) -> Self {
        let before =
            json!({"status": "completed", "output": {"x": 1}, "error": null, "cost": 0.5, "attempt": 1});
        Self {
            input,
            before: Some(before),
        }
    }
}

impl Scope for Values {
    fn input(&self) -> Json {
        Json::from(&self.input)
    }

    fn node(&self, id: &str) -> Option<SettledNode> {
        let before = self.before.as_ref().filter(|_| id == "before")?;
        Json::from(before).read()
    }

    fn execution(&self) -> Json {
        json!({"id": "e", "workflow_id": "w", "version": 3, "started_at": "2026-01-01T00:00:00.000Z"}).into()
    }
}
