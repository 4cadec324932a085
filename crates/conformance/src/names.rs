//! Names: several cases share one server, so that each calls its agents and workflows by names of its own.
//!
//! Documents are changed as little as that takes: the `agent_id` of calls, and of sub-workflows the `workflow_id`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A text that starts so stands for the id of the workflow of that name.
const ID: &str = "$id:";
/// A text that starts so stands for the address of that agent.
const URL: &str = "$url:";

/// Names of one case.
#[derive(Debug)]
pub(crate) struct Names {
    suffix: String,
    /// Workflows that are called by name.
    workflows: BTreeSet<String>,
    /// Ids of the workflows that have been stored.
    pub(crate) ids: BTreeMap<String, String>,
}

impl Names {
    pub(crate) fn new(number: usize, workflows: impl IntoIterator<Item = String>) -> Self {
        Self {
            suffix: format!("--{number}"),
            workflows: workflows.into_iter().collect(),
            ids: BTreeMap::new(),
        }
    }

    /// The name by which this case's agent or workflow exists.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// A document with this case's names in it.
    pub(crate) fn document(&self, document: &Value, url: &dyn Fn(&str) -> String) -> Value {
        let mut document = document.clone();
        self.rename(&mut document, url);
        document
    }

    fn rename(&self, value: &mut Value, url: &dyn Fn(&str) -> String) {
        match value {
            Value::String(text) => {
                if let Some(name) = text.strip_prefix(ID) {
                    *text = self.ids.get(name).cloned().unwrap_or_default();
                } else if let Some(agent_id) = text.strip_prefix(URL) {
                    *text = url(agent_id);
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.rename(element, url)),
            Value::Object(_) => {
                self.rename_node(value);
                if let Value::Object(members) = value {
                    members.values_mut().for_each(|member| self.rename(member, url));
                }
            }
            _ => {}
        }
    }

    fn rename_node(&self, node: &mut Value) {
        if let Some(Value::String(agent_id)) = called_agent(node) {
            *agent_id = self.own(agent_id);
        }
        if node.get("type").and_then(Value::as_str) == Some("subworkflow")
            && let Some(Value::String(workflow)) = node.pointer_mut("/config/workflow_id")
            && self.workflows.contains(workflow)
        {
            *workflow = self.own(workflow);
        }
    }
}

/// The `agent_id` of a value that is a call of an agent.
fn called_agent(node: &mut Value) -> Option<&mut Value> {
    let is_call = node.get("type").and_then(Value::as_str) == Some("agent_call");
    is_call.then(|| node.get_mut("agent_id")).flatten()
}

/// The agents that a document's nodes name, at any depth.
pub(crate) fn agents_in(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Array(elements) => elements.iter().for_each(|element| agents_in(element, found)),
        Value::Object(members) => {
            if document["type"] == "agent_call"
                && let Some(agent_id) = document["agent_id"].as_str().filter(|id| !id.is_empty())
            {
                found.insert(agent_id.to_owned());
            }
            members.values().for_each(|member| agents_in(member, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_names_of_agents_and_workflows_are_changed() {
        let mut names = Names::new(7, ["child".to_owned()]);
        names.ids.insert("other".into(), "some-id".into());
        let document = json!({"name": "child", "nodes": [
            {"id": "a", "type": "agent_call", "agent_id": "web", "config": {"agent_id": "web", "endpoint": "$url:web"}},
            {"id": "b", "type": "subworkflow", "config": {"workflow_id": "child"}},
            {"id": "c", "type": "subworkflow", "config": {"workflow_id": "$id:other"}},
        ]});
        let expected = json!({"name": "child", "nodes": [
            {"id": "a", "type": "agent_call", "agent_id": "web--7", "config": {"agent_id": "web", "endpoint": "at web"}},
            {"id": "b", "type": "subworkflow", "config": {"workflow_id": "child--7"}},
            {"id": "c", "type": "subworkflow", "config": {"workflow_id": "some-id"}},
        ]});
        assert_eq!(
            names.document(&document, &|agent_id| format!("at {agent_id}")),
            expected
        );
    }

    #[test]
    fn agents_are_found_at_any_depth() {
        let document = json!({"nodes": [{"type": "loop", "config": {"body": {"nodes": [
            {"type": "agent_call", "agent_id": "deep"},
        ]}}}]});
        let mut found = BTreeSet::new();
        agents_in(&document, &mut found);
        assert_eq!(found, BTreeSet::from(["deep".to_owned()]));
    }
}
