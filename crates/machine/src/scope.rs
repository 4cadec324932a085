//! What templates see of an execution, and what an agent is asked.

use std::sync::Arc;

use agentchains_workflow::{AgentCall, NodeIndex, RenderError, RenderErrorCode, Scope, Template};
use serde_json::{Map, Value, json};

use crate::{Failure, FailureCode, Machine, NodePath, NodeRequest, NodeState, time::format_millis};

impl Scope for Machine {
    fn input(&self) -> &Value {
        &self.execution.input
    }

    fn node(&self, id: &str) -> Option<Value> {
        let row = &self.nodes[self.graph().find(id)?.index()];
        let (output, error) = match &row.state {
            NodeState::Completed(done) => (Value::clone(&done.output), json!(done.replaced)),
            NodeState::Failed(failed) => (Value::Null, json!(failed.failure)),
            _ => return None,
        };
        let mut node = Map::new();
        node.insert("status".into(), row.state.status().as_str().into());
        node.insert("output".into(), output);
        node.insert("error".into(), error);
        node.insert("cost".into(), json!(row.cost));
        node.insert("attempt".into(), row.attempts.into());
        Some(Value::Object(node))
    }

    fn execution(&self) -> Value {
        json!({
            "id": self.execution.id,
            "workflow_id": self.execution.workflow_id,
            "version": self.execution.workflow_version,
            "started_at": self.execution.started_at.map(format_millis),
        })
    }
}

impl Machine {
    /// What a node asks its agent: what its first attempt asked, else its config rendered.
    pub(crate) fn request_of(&self, index: NodeIndex, call: &AgentCall) -> Result<Arc<NodeRequest>, Failure> {
        let row = &self.nodes[index.index()];
        if let Some(request) = &row.request {
            return Ok(Arc::clone(request));
        }
        let path = &row.path;
        let config = self.render(path, &call.config)?;
        if let Some(schema) = &self.graph().node(index).input_schema {
            schema.validate(&config).map_err(|mismatch| {
                let message = format!("the rendered config does not fit input_schema: {mismatch}");
                Failure::in_node(path, FailureCode::InputSchemaMismatch, message)
            })?;
        }
        let upstream = self.live_predecessors(index);
        Ok(Arc::new(NodeRequest { config, upstream }))
    }

    /// Renders a template of a node.
    pub(crate) fn render(&self, path: &NodePath, template: &Template) -> Result<Value, Failure> {
        template
            .render(self)
            .map_err(|error| Failure::in_node(path, failure_code(&error), error.message))
    }

    /// The outputs of completed nodes, by id. A node that failed and led here has none.
    pub(crate) fn outputs_of(&self, ids: &[String]) -> Map<String, Value> {
        let output = |id: &String| {
            let row = &self.nodes[self.graph().find(id)?.index()];
            match &row.state {
                NodeState::Completed(done) => Some((id.clone(), Value::clone(&done.output))),
                _ => None,
            }
        };
        ids.iter().filter_map(output).collect()
    }
}

pub(crate) fn failure_code(error: &RenderError) -> FailureCode {
    match error.code {
        RenderErrorCode::TemplateMissing => FailureCode::TemplateMissing,
        RenderErrorCode::TemplateError => FailureCode::TemplateError,
    }
}
