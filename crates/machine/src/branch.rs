//! Branches: a `condition` is decided once, where it stands, and its decision is recorded as its output. What a loop
//! asks of its iterations sees the same document.

use std::collections::BTreeSet;

use agentchains_workflow::{LoopField, NodeIndex, NodeKind, Reach};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    Failure, FailureCode, Machine,
    scope::{NodeKey, ScopeId},
};

impl Machine {
    /// Decides a condition. Takes no slot and no time.
    pub(crate) fn choose(&mut self, now: Timestamp, key: NodeKey) {
        let workflow = std::sync::Arc::clone(&self.workflow);
        let NodeKind::Condition(condition) = &self.node_in(&workflow, key).kind else {
            return;
        };
        let reach = condition.reach();
        let mut document = self.document(key.scope, reach, || self.upstream_of(key));
        self.add_loop(&mut document, key.scope, reach.includes_loop_results());
        match condition.decide(&document) {
            Ok(decision) => {
                let branch = decision.label.clone();
                self.node_completed(now, key, decision.into_output(), branch);
            }
            Err(error) => {
                let failure =
                    Failure::in_node(self.path(key), FailureCode::ConditionError, error.to_string());
                self.node_failed(now, key, failure);
            }
        }
    }

    /// The document that expressions see from a scope (language reference, section 2), as far as one may look at it;
    /// `members` are the nodes of the scope that it sees besides those above the nodes around it.
    pub(crate) fn document(
        &self,
        scope: ScopeId,
        reach: &Reach,
        members: impl FnOnce() -> BTreeSet<NodeIndex>,
    ) -> Value {
        let visible = match reach.nodes() {
            // That they are upstream was checked when the document was.
            Some(ids) => ids.iter().filter_map(|id| self.visible(scope, id)).collect(),
            None => self.all_visible(scope, members()),
        };
        let nodes: Map<String, Value> = visible
            .into_iter()
            .filter_map(|key| Some((self.node(key).id.clone(), self.settled_node(key)?)))
            .collect();
        let mut document = json!({
            "input": *self.execution.input,
            "nodes": nodes,
            "execution": self.execution_value(),
        });
        if let Some(item) = self.item(scope) {
            document["item"] = item.clone();
        }
        document
    }

    /// These nodes of a scope, and all that the nodes around it see.
    fn all_visible(&self, scope: ScopeId, members: BTreeSet<NodeIndex>) -> Vec<NodeKey> {
        let mut found: Vec<NodeKey> = members.into_iter().map(|node| NodeKey { scope, node }).collect();
        let mut around = self.scope(scope).around;
        while let Some(outer) = around {
            let scope = outer.node.scope;
            let upstream = self.upstream_of(outer.node);
            found.extend(upstream.into_iter().map(|node| NodeKey { scope, node }));
            around = self.scope(scope).around;
        }
        found
    }

    /// Adds `loop`, as a node inside of the scope sees it.
    fn add_loop(&self, document: &mut Value, scope: ScopeId, with_results: bool) {
        let Some(mut context) = self.loop_context(scope) else {
            return;
        };
        if with_results && let Some(results) = self.loop_field(scope, LoopField::Results) {
            context["results"] = results;
        }
        document["loop"] = context;
    }

    /// Every node of the same scope from which this one can be reached.
    pub(crate) fn upstream_of(&self, key: NodeKey) -> BTreeSet<NodeIndex> {
        let graph = self.graph(key.scope);
        let mut found = BTreeSet::new();
        let mut to_visit = vec![key.node];
        while let Some(target) = to_visit.pop() {
            for edge in graph.incoming(target) {
                if found.insert(edge.from) {
                    to_visit.push(edge.from);
                }
            }
        }
        found
    }
}
