//! Forks: what an execution leaves behind for one that is made from it, and how that one takes it over (language
//! reference, section 8).

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use agentchains_workflow::{Json, NodeIndex, NodeKind};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    ApprovalRow, Completion, EventType, ExecutionId, Machine, NodePath, NodeRequest, NodeState, Seed,
    SkipCause,
    approval::{SHOWN_HASH, label_of},
    hash_of,
    scope::{NodeKey, ScopeId},
};

impl Machine {
    /// What the nodes of this execution that completed leave behind for another one: their outputs, each with a digest
    /// of what the node was and was asked. Nothing is left behind by the nodes at `from` and after them.
    #[must_use]
    pub fn seeds(&self, from: &[NodePath]) -> Vec<Seed> {
        let dropped = self.at_and_after(from);
        let mut seeds = Vec::new();
        for scope in self.scope_ids() {
            for key in self.keys(scope) {
                if !self.is_within(key, &dropped) {
                    seeds.extend(self.seed(key));
                }
            }
        }
        seeds
    }

    /// What is left behind for the same workflow with the same input: every output is kept, whatever its node was asked,
    /// unless a node above it runs again. Then it is kept where it is asked the same.
    #[must_use]
    pub fn seeds_to_retry(&self) -> Vec<Seed> {
        let mut unsure = BTreeSet::new();
        let mut kept = BTreeSet::new();
        let mut seeds = Vec::new();
        for scope in self.scope_ids() {
            let around = self.scope(scope).around.map(|around| around.node);
            if around.is_some_and(|around| kept.contains(&around)) {
                kept.extend(self.keys(scope));
                continue;
            }
            if around.is_some_and(|around| unsure.contains(&around)) {
                unsure.extend(self.keys(scope));
            } else {
                unsure.extend(self.below_repeated(scope));
            }
            for key in self.keys(scope) {
                if unsure.contains(&key) {
                    seeds.extend(self.seed(key));
                } else if let NodeState::Completed(done) = &self.row(key).state {
                    kept.insert(key);
                    seeds.push(Seed {
                        path: self.path(key).clone(),
                        digest: None,
                        output: done.output.clone(),
                        branch: done.branch.clone(),
                        child: None,
                    });
                } else {
                    seeds.extend(self.seed_of_child(key));
                }
            }
        }
        seeds
    }

    /// The nodes of a scope that come after one which runs again.
    fn below_repeated(&self, scope: ScopeId) -> BTreeSet<NodeKey> {
        let graph = self.graph(scope);
        let runs_again = |key: &NodeKey| match &self.row(*key).state {
            NodeState::Completed(_) => false,
            NodeState::Skipped(reason) => !matches!(
                reason.cause,
                SkipCause::BranchNotTaken | SkipCause::UpstreamSkipped
            ),
            _ => true,
        };
        let mut found = BTreeSet::new();
        let mut to_visit: Vec<NodeKey> = self.keys(scope).filter(runs_again).collect();
        while let Some(key) = to_visit.pop() {
            for edge in graph.outgoing(key.node) {
                let below = NodeKey { node: edge.to, ..key };
                if found.insert(below) {
                    to_visit.push(below);
                }
            }
        }
        found
    }

    /// The child execution of a node that did not complete.
    fn seed_of_child(&self, key: NodeKey) -> Option<Seed> {
        let row = self.row(key);
        let did_not_complete = matches!(row.state, NodeState::Failed(_) | NodeState::Cancelled { .. });
        let child = row.child_execution_id.filter(|_| did_not_complete)?;
        Some(Seed {
            path: row.path.clone(),
            digest: None,
            output: Json::null(),
            branch: None,
            child: Some(child),
        })
    }

    fn seed(&self, key: NodeKey) -> Option<Seed> {
        let row = self.row(key);
        let NodeState::Completed(Completion {
            output,
            branch,
            replaced: None,
        }) = &row.state
        else {
            return self.seed_of_child(key);
        };
        let digest = match (&self.node(key).kind, &row.request) {
            (NodeKind::AgentCall(_) | NodeKind::Subworkflow(_), Some(request)) => {
                Some(self.digest_of_request(key, request))
            }
            (NodeKind::HumanApproval(_), Some(request)) => {
                let shown_hash = request.config.member(SHOWN_HASH)?;
                Some(self.digest_of_question(key, &shown_hash.as_text()?))
            }
            _ => return None,
        };
        Some(Seed {
            path: row.path.clone(),
            digest,
            output: output.clone(),
            branch: branch.clone(),
            child: None,
        })
    }

    /// The nodes at these paths, and every node of their scopes that comes after them.
    fn at_and_after(&self, from: &[NodePath]) -> BTreeSet<NodeKey> {
        let mut found = BTreeSet::new();
        for start in from.iter().filter_map(|path| self.find(path)) {
            let graph = self.graph(start.scope);
            let mut to_visit: Vec<NodeIndex> = vec![start.node];
            while let Some(node) = to_visit.pop() {
                if found.insert(NodeKey { node, ..start }) {
                    to_visit.extend(graph.outgoing(node).map(|edge| edge.to));
                }
            }
        }
        found
    }

    /// Whether a node, or one around it, is among these.
    fn is_within(&self, key: NodeKey, found: &BTreeSet<NodeKey>) -> bool {
        let mut next = Some(key);
        while let Some(key) = next {
            if found.contains(&key) {
                return true;
            }
            next = self.scope(key.scope).around.map(|around| around.node);
        }
        false
    }

    fn output_left_for(&self, key: NodeKey) -> Option<&Seed> {
        self.seeds.get(self.path(key)).filter(|seed| seed.child.is_none())
    }

    /// The child execution of an earlier execution that the first one of a node is made from.
    pub(crate) fn child_left_for(&self, key: NodeKey) -> Option<ExecutionId> {
        let seed = self.seeds.get(self.path(key))?;
        seed.child.filter(|_| self.row(key).attempts == 1)
    }

    /// Takes over what an earlier execution left behind for a node that is asked the same.
    pub(crate) fn take_over(&mut self, now: Timestamp, key: NodeKey, request: &NodeRequest) -> bool {
        let Some(seed) = self.output_left_for(key) else {
            return false;
        };
        let fits = seed
            .digest
            .as_ref()
            .is_none_or(|digest| *digest == self.digest_of_request(key, request));
        if fits {
            let seed = seed.clone();
            self.row_mut(key).request = Some(Arc::new(request.clone()));
            self.reuse(now, key, seed);
        }
        fits
    }

    /// Takes over a person's decision on the same question.
    pub(crate) fn take_over_decision(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        question: &ApprovalRow,
    ) -> bool {
        let Some(seed) = self.output_left_for(key) else {
            return false;
        };
        let fits = seed
            .digest
            .as_ref()
            .is_none_or(|digest| *digest == self.digest_of_question(key, &question.shown_hash));
        if fits {
            let seed = seed.clone();
            self.row_mut(key).request = Some(self.request_of_question(key, question));
            self.reuse(now, key, seed);
        }
        fits
    }

    /// Takes over what a person said that a node is to have produced, whatever it is asked.
    pub(crate) fn take_over_given(&mut self, now: Timestamp, key: NodeKey) -> bool {
        let given = self.output_left_for(key).filter(|seed| seed.digest.is_none());
        let Some(seed) = given.cloned() else {
            return false;
        };
        self.reuse(now, key, seed);
        true
    }

    fn reuse(&mut self, now: Timestamp, key: NodeKey, seed: Seed) {
        self.row_mut(key).reused = true;
        let branch = seed.branch.or_else(|| self.branch_told_by(key, &seed.output));
        let done = Completion {
            output: seed.output,
            branch,
            replaced: None,
        };
        self.settle(now, key, NodeState::Completed(done), EventType::NodeCompleted);
    }

    /// The branch that an output of a node tells of.
    fn branch_told_by(&self, key: NodeKey, output: &Json) -> Option<String> {
        match &self.node(key).kind {
            NodeKind::Condition(_) => output.member("branch")?.as_text().map(Cow::into_owned),
            NodeKind::HumanApproval(_) => {
                let decision = output.member("decision")?;
                Some(label_of(&decision.as_text()?).to_owned())
            }
            _ => None,
        }
    }

    fn digest_of_request(&self, key: NodeKey, request: &NodeRequest) -> String {
        let asked = [
            ("node", self.document_of(key).into()),
            ("config", request.config.clone()),
            ("input", self.execution.input.clone()),
            (
                "upstream",
                self.outputs_of(key.scope, &request.upstream).collect(),
            ),
            ("item", self.item(key.scope).cloned().unwrap_or_default()),
            ("loop", self.loop_context(key.scope).unwrap_or_default()),
        ];
        hash_of(&asked.into_iter().collect())
    }

    fn digest_of_question(&self, key: NodeKey, shown_hash: &str) -> String {
        hash_of(&json!({ "node": self.document_of(key), "shown": shown_hash }).into())
    }

    /// A node as the document has it, without what is only for people.
    fn document_of(&self, key: NodeKey) -> Value {
        let document = self.workflow.document().pointer(&self.node(key).pointer);
        let mut node = document.cloned().unwrap_or_default();
        if let Value::Object(fields) = &mut node {
            fields.retain(|field, _| !matches!(field.as_str(), "name" | "description"));
        }
        node
    }
}
