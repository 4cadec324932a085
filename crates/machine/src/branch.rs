//! Branches: a `condition` is decided once, where it stands, and its decision is recorded as its output.

use std::{collections::BTreeSet, sync::Arc};

use agentchains_workflow::{Condition, NodeIndex, NodeKind, Scope};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{Failure, FailureCode, Machine};

impl Machine {
    /// Decides a condition. Takes no slot and no time.
    pub(crate) fn choose(&mut self, now: Timestamp, index: NodeIndex) {
        let workflow = Arc::clone(&self.workflow);
        let NodeKind::Condition(condition) = &workflow.graph().node(index).kind else {
            return;
        };
        match condition.decide(&self.document_for(index, condition)) {
            Ok(decision) => {
                let branch = decision.label.clone();
                self.node_completed(now, index, decision.into_output(), branch);
            }
            Err(error) => {
                let path = &self.nodes[index.index()].path;
                let failure = Failure::in_node(path, FailureCode::ConditionError, error.to_string());
                self.node_failed(now, index, failure);
            }
        }
    }

    /// The document that expressions see (language reference, section 2), with the nodes that this one may read.
    fn document_for(&self, index: NodeIndex, condition: &Condition) -> Value {
        let nodes: Map<String, Value> = self
            .upstream_of(index)
            .into_iter()
            .map(|upstream| &self.graph().node(upstream).id)
            .filter(|id| condition.reads_node(id))
            .filter_map(|id| Some((id.clone(), self.node(id)?)))
            .collect();
        json!({ "input": self.input(), "nodes": nodes, "execution": Scope::execution(self) })
    }

    /// Every node from which this one can be reached.
    fn upstream_of(&self, index: NodeIndex) -> BTreeSet<NodeIndex> {
        let mut found = BTreeSet::new();
        let mut to_visit = vec![index];
        while let Some(target) = to_visit.pop() {
            for edge in self.graph().incoming(target) {
                if found.insert(edge.from) {
                    to_visit.push(edge.from);
                }
            }
        }
        found
    }
}
