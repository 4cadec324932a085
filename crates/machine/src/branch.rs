//! Branches: a `condition` is decided once, where it stands, and its decision is recorded as its output. What a loop
//! asks of its iterations sees the same document.

use std::collections::BTreeSet;

use agentchains_workflow::{Json, LoopField, NodeIndex, NodeKind, Reach};
use jiff::Timestamp;
use serde_json::{Map, Value};

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
        document.extend(self.loop_member(reach, |field| self.loop_field(key.scope, field)));
        match condition.decide(&document.into()) {
            Ok(decision) => {
                let branch = decision.label.clone();
                self.node_completed(now, key, decision.into_output().into(), branch);
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
    ) -> Map<String, Value> {
        let visible = match reach.nodes() {
            // That they are upstream was checked when the document was.
            Some(ids) => ids.iter().filter_map(|id| self.visible(scope, id)).collect(),
            None => self.all_visible(scope, members()),
        };
        let nodes: Map<String, Value> = visible
            .into_iter()
            .filter_map(|key| {
                Some((
                    self.node(key).id.clone(),
                    self.settled_node(key)?.to_json().to_value(),
                ))
            })
            .collect();
        let mut document = Map::new();
        document.insert("nodes".into(), nodes.into());
        document.insert("execution".into(), self.execution_value());
        if reach.includes_input() {
            document.insert("input".into(), self.execution.input.to_value());
        }
        if let Some(item) = self.item(scope).filter(|_| reach.includes_item()) {
            document.insert("item".into(), item.to_value());
        }
        document
    }

    /// `loop` in that document, of the members that are there and may be looked at.
    pub(crate) fn loop_member(
        &self,
        reach: &Reach,
        member: impl Fn(LoopField) -> Option<Json>,
    ) -> Option<(String, Value)> {
        let members: Map<String, Value> = [LoopField::Index, LoopField::Last, LoopField::Results]
            .into_iter()
            .filter(|field| reach.includes_loop(*field))
            .filter_map(|field| Some((field.as_str().to_owned(), member(field)?.to_value())))
            .collect();
        (!members.is_empty()).then(|| ("loop".to_owned(), members.into()))
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
