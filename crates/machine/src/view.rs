//! What templates and conditions see of an execution from one of its scopes, and what an agent is asked.

use std::sync::Arc;

use agentchains_workflow::{
    AgentCall, FanOut, Json, LoopField, NodeKind, RenderError, RenderErrorCode, Repeat, Scope, SettledNode,
    Template,
};
use serde_json::{Value, json};

use crate::{
    Failure, FailureCode, Machine, NodePath, NodeRequest, NodeState,
    join::EdgeState,
    scope::{Around, NodeKey, ScopeId},
    time::format_millis,
};

/// The execution as it is seen from a scope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'m> {
    machine: &'m Machine,
    scope: ScopeId,
}

impl Scope for View<'_> {
    fn input(&self) -> Json {
        self.machine.execution.input.clone()
    }

    fn node(&self, id: &str) -> Option<SettledNode> {
        self.machine.settled_node(self.machine.visible(self.scope, id)?)
    }

    fn execution(&self) -> Json {
        self.machine.execution_value().into()
    }

    fn item(&self) -> Option<Json> {
        self.machine.item(self.scope).cloned()
    }

    fn loop_field(&self, field: LoopField) -> Option<Json> {
        self.machine.loop_field(self.scope, field)
    }
}

impl Machine {
    pub(crate) const fn view(&self, scope: ScopeId) -> View<'_> {
        View { machine: self, scope }
    }

    /// What a node asks its agent: what its first attempt asked, else its config rendered.
    pub(crate) fn request_of(&self, key: NodeKey, call: &AgentCall) -> Result<Arc<NodeRequest>, Failure> {
        let row = self.row(key);
        if let Some(request) = &row.request {
            return Ok(Arc::clone(request));
        }
        let mut config = self.render(key, &call.config)?;
        if let (true, Some(mut members)) = (call.inline, config.members()) {
            members.remove("endpoint");
            config = members.into_iter().collect();
        }
        self.check_input(key, &config, "the rendered config")?;
        let upstream = self.live_predecessors(key);
        Ok(Arc::new(NodeRequest {
            config,
            items: None,
            upstream,
        }))
    }

    pub(crate) fn check_input(&self, key: NodeKey, value: &Json, what: &str) -> Result<(), Failure> {
        let Some(schema) = &self.node(key).input_schema else {
            return Ok(());
        };
        schema.validate(&value.to_value()).map_err(|mismatch| {
            let message = format!("{what} does not fit input_schema: {mismatch}");
            Failure::in_node(&self.row(key).path, FailureCode::InputSchemaMismatch, message)
        })
    }

    /// Renders a template of a node.
    pub(crate) fn render(&self, key: NodeKey, template: &Template) -> Result<Json, Failure> {
        template
            .render(&self.view(key.scope))
            .map_err(|error| Failure::in_node(&self.row(key).path, failure_code(&error), error.message))
    }

    /// Renders what a group or loop runs over; it must be an array.
    pub(crate) fn render_items(&self, key: NodeKey, items: &Template) -> Result<Vec<Json>, Failure> {
        self.render(key, items)?.items().ok_or_else(|| {
            let message = "`items` renders to something that is no array";
            Failure::in_node(self.path(key), FailureCode::TemplateError, message)
        })
    }

    /// What a group or loop runs over, once it has begun.
    pub(crate) fn items_of(&self, key: NodeKey) -> Option<&[Json]> {
        self.row(key).request.as_ref()?.items.as_deref()
    }

    /// The ids of the predecessors whose edges are live, in document order. A node inside of another one that has no
    /// predecessor of its own has those of the node around it.
    pub(crate) fn live_predecessors(&self, key: NodeKey) -> Vec<String> {
        let graph = self.graph(key.scope);
        match self.scope(key.scope).around {
            Some(around) if graph.in_degree(key.node) == 0 => self.live_predecessors(around.node),
            _ => graph
                .incoming(key.node)
                .filter(|edge| self.edge(key.scope, edge) == EdgeState::Live)
                .map(|edge| graph.node(edge.from).id.clone())
                .collect(),
        }
    }

    /// The outputs of completed nodes that a scope sees, by id. A node that failed and led here has none.
    pub(crate) fn outputs_of<'a>(
        &self,
        scope: ScopeId,
        ids: &'a [String],
    ) -> impl Iterator<Item = (&'a str, Json)> {
        ids.iter().filter_map(move |id| {
            let output = self.output(self.visible(scope, id)?)?;
            Some((id.as_str(), output.clone()))
        })
    }

    /// The output of a node that has completed.
    fn output(&self, key: NodeKey) -> Option<&Json> {
        match &self.row(key).state {
            NodeState::Completed(done) => Some(&done.output),
            _ => None,
        }
    }

    /// The node with that id in a scope, or in the ones around it.
    pub(crate) fn visible(&self, scope: ScopeId, id: &str) -> Option<NodeKey> {
        let mut next = Some(scope);
        while let Some(scope) = next {
            if let Some(node) = self.graph(scope).find(id) {
                return Some(NodeKey { scope, node });
            }
            next = self.scope(scope).around.map(|around| around.node.scope);
        }
        None
    }

    /// What expressions see of a node that has completed or failed.
    pub(crate) fn settled_node(&self, key: NodeKey) -> Option<SettledNode> {
        let row = self.row(key);
        let (output, error) = match &row.state {
            NodeState::Completed(done) => (done.output.clone(), json!(done.replaced)),
            NodeState::Failed(failed) => (Json::null(), json!(failed.failure)),
            _ => return None,
        };
        Some(SettledNode {
            status: row.state.status().as_str().into(),
            output,
            error: error.into(),
            cost: json!(row.cost).into(),
            attempt: row.attempts.into(),
        })
    }

    pub(crate) fn execution_value(&self) -> Value {
        json!({
            "id": self.execution.id,
            "workflow_id": self.execution.workflow_id,
            "version": self.execution.workflow_version,
            "started_at": self.execution.started_at.map(format_millis),
        })
    }

    /// The item of the innermost body around a scope that runs over items.
    pub(crate) fn item(&self, scope: ScopeId) -> Option<&Json> {
        self.places(scope)
            .find_map(|Around { node, ordinal }| self.items_of(node)?.get(ordinal? as usize))
    }

    /// A member of `loop`: that of the innermost body around a scope.
    pub(crate) fn loop_field(&self, scope: ScopeId, field: LoopField) -> Option<Json> {
        let (node, ordinal) = self
            .places(scope)
            .find_map(|Around { node, ordinal }| Some((node, ordinal?)))?;
        match field {
            LoopField::Index => Some(ordinal.into()),
            _ if !matches!(self.node(node).kind, NodeKind::Loop(_)) => None,
            LoopField::Last => self.iteration_output(node, ordinal.checked_sub(1)?),
            LoopField::Results => Some(self.iteration_outputs(node, ordinal)),
        }
    }

    /// The nodes around a scope, the innermost first.
    fn places(&self, scope: ScopeId) -> impl Iterator<Item = Around> {
        std::iter::successors(self.scope(scope).around, |around| {
            self.scope(around.node.scope).around
        })
    }

    /// The output of an iteration that has come to its end.
    pub(crate) fn iteration_output(&self, around: NodeKey, iteration: u32) -> Option<Json> {
        Some(self.body_output(self.inner(around, Some(iteration))?))
    }

    /// The outputs of the first iterations.
    pub(crate) fn iteration_outputs(&self, around: NodeKey, iterations: u32) -> Json {
        (0..iterations)
            .filter_map(|iteration| self.iteration_output(around, iteration))
            .collect()
    }

    /// A body's output: that of the sinks that ran, by their ids.
    pub(crate) fn body_output(&self, scope: ScopeId) -> Json {
        let graph = self.graph(scope);
        let output = |node| {
            Some((
                &graph.node(node).id,
                self.output(NodeKey { scope, node })?.clone(),
            ))
        };
        graph.sinks().filter_map(output).collect()
    }

    /// What an agent is told of the loop or group that its node is in.
    pub(crate) fn loop_context(&self, scope: ScopeId) -> Option<Json> {
        let member = |field: LoopField| Some((field.as_str(), self.loop_field(scope, field)?));
        let index = member(LoopField::Index)?;
        Some(
            [Some(index), member(LoopField::Last)]
                .into_iter()
                .flatten()
                .collect(),
        )
    }

    /// Whether a node runs its members over items.
    pub(crate) fn runs_over_items(&self, key: NodeKey) -> bool {
        match &self.node(key).kind {
            NodeKind::ParallelGroup(group) => matches!(group.fan_out, FanOut::Items { .. }),
            NodeKind::Loop(settings) => matches!(settings.repeat, Repeat::Items(_)),
            _ => false,
        }
    }

    /// The path of a node.
    pub(crate) fn path(&self, key: NodeKey) -> &NodePath {
        &self.row(key).path
    }
}

pub(crate) fn failure_code(error: &RenderError) -> FailureCode {
    match error.code {
        RenderErrorCode::TemplateMissing => FailureCode::TemplateMissing,
        RenderErrorCode::TemplateError => FailureCode::TemplateError,
    }
}
