//! The worst case of one workflow: every call at its limit, every retry needed, every loop to its end.

use std::{collections::HashMap, sync::Arc, time::Duration};

use agentchains_cost::{Bound, Usd};
use agentchains_machine::{AgentTerms, NodeType};
use agentchains_ports::Seconds;
use agentchains_workflow::{Compiled, Graph, Json, Node, NodeIndex, Scheduling, ScopeIndex};

use super::{
    NodeEstimate, Remark,
    choices::dearest,
    node::remark,
    span::{Pace, Span, longest_way},
};

/// What bounds a workflow, apart from its document.
pub(super) struct Surroundings<'a> {
    /// What holds for calls of an agent, where it is registered.
    pub(super) terms: &'a dyn Fn(&str) -> Option<Arc<AgentTerms>>,
    /// The worst case of what a node starts, by its id; else why that is not known.
    pub(super) child: &'a dyn Fn(&str) -> Result<&'a WorstCase, String>,
}

/// What a workflow, or the members of a group or loop, cost and take at the most when they run once.
#[derive(Debug, Clone)]
pub(super) struct WorstCase {
    pub(super) cost: Bound,
    pub(super) span: Span,
    /// The nodes one after the other that take the longest.
    pub(super) critical_path: Vec<NodeIndex>,
    /// Why there is no bound of the cost, or none that an amount can say, where there is none.
    pub(super) cost_unbounded: Vec<Remark>,
    /// Why there is no end, where there is none.
    pub(super) time_unbounded: Vec<Remark>,
    /// Why nodes would fail.
    pub(super) warnings: Vec<Remark>,
}

/// The members of a group or loop, or the workflow's own nodes.
struct Opened {
    scope: ScopeIndex,
    /// The ids of the nodes around it.
    place: String,
    /// How often it is run through, in the whole execution.
    times: u64,
    /// Nodes of it that run at once.
    places: Option<u32>,
}

/// Looks at one workflow.
pub(super) struct Analysis<'a> {
    pub(super) workflow: &'a Compiled,
    /// The execution's input, where it is known.
    pub(super) input: Option<&'a Json>,
    pub(super) around: Surroundings<'a>,
}

impl Analysis<'_> {
    /// The worst case of the workflow, with the timeout that it sets itself, and that of each of its nodes.
    pub(super) fn run(&self) -> (WorstCase, Vec<NodeEstimate>) {
        let mut inner = HashMap::new();
        let mut nodes = Vec::new();
        // Members come behind the nodes around them, so that backwards they come first.
        for opened in self.opened().iter().rev() {
            let found = self.scope(opened, &mut inner, &mut nodes);
            inner.insert(opened.scope, found);
        }
        nodes.sort_by_key(|(position, _)| *position);
        let mut whole = inner.remove(&ScopeIndex::TOP).unwrap_or_else(WorstCase::nothing);
        if let Some(timeout) = self.workflow.settings().timeout {
            whole.end_after(timeout);
        }
        (whole, nodes.into_iter().map(|(_, node)| node).collect())
    }

    /// All scopes, each behind the one around it.
    fn opened(&self) -> Vec<Opened> {
        let mut all = vec![Opened {
            scope: ScopeIndex::TOP,
            place: String::new(),
            times: 1,
            places: Some(self.workflow.settings().max_concurrency.get()),
        }];
        let mut next = 0;
        while let Some(opened) = all.get(next) {
            let graph = self.workflow.scope(opened.scope);
            let inner = graph.indices().filter_map(|index| {
                let node = graph.node(index);
                let body = self.body(node)?;
                Some(Opened {
                    scope: body.scope,
                    place: place_of(&opened.place, node),
                    times: opened.times.saturating_mul(body.times),
                    places: body.places,
                })
            });
            let inner: Vec<Opened> = inner.collect();
            all.extend(inner);
            next += 1;
        }
        all
    }

    /// The worst case of a scope, given those of the scopes in it.
    fn scope(
        &self,
        opened: &Opened,
        inner: &mut HashMap<ScopeIndex, WorstCase>,
        nodes: &mut Vec<(u32, NodeEstimate)>,
    ) -> WorstCase {
        let graph: &Graph = self.workflow.scope(opened.scope);
        let mut whole = WorstCase::nothing();
        let (mut costs, mut spans) = (Vec::with_capacity(graph.len()), Vec::with_capacity(graph.len()));
        for index in graph.indices() {
            let node = graph.node(index);
            let place = place_of(&opened.place, node);
            let mut found = self.node(node, &place, inner);
            let cost = found.cost * opened.times;
            if cost == Bound::Uncountable && found.cost_unbounded.is_empty() {
                found.cost_unbounded = vec![uncountable(node, &place, "its worst case")];
            }
            costs.push(found.cost);
            spans.push(found.span);
            nodes.push((node.position, self.shown(node, place, opened.times, cost)));
            whole.cost_unbounded.extend(found.cost_unbounded);
            whole.time_unbounded.extend(found.time_unbounded);
            whole.warnings.extend(found.warnings);
        }
        let pace = Pace {
            layered: self.workflow.settings().scheduling == Scheduling::Layered,
            places: opened.places,
        };
        (whole.critical_path, whole.span) = longest_way(graph, &spans, pace);
        whole.cost = dearest(graph, &costs);
        if whole.cost == Bound::Uncountable && whole.cost_unbounded.is_empty() {
            let dearest = graph.indices().max_by_key(|index| costs[index.index()]);
            whole.cost_unbounded.extend(dearest.map(|index| {
                let node = graph.node(index);
                let what = "together with that of the other nodes, its worst case";
                uncountable(node, &place_of(&opened.place, node), what)
            }));
        }
        whole
    }

    /// A node as it is shown, with no past.
    fn shown(&self, node: &Node, place: String, runs: u64, cost: Bound) -> NodeEstimate {
        NodeEstimate {
            node_id: node.id.clone(),
            place,
            kind: NodeType::of(&node.kind),
            runs,
            attempts: attempts(node),
            worst_case_usd: cost.amount(),
            timeout_seconds: self.timeout(node).map(Seconds),
            expected_p50_usd: None,
            expected_p90_usd: None,
            expected_p50_seconds: None,
            expected_p90_seconds: None,
            samples: 0,
        }
    }
}

impl WorstCase {
    /// That of what is not there.
    pub(super) const fn nothing() -> Self {
        Self {
            cost: Bound::ZERO,
            span: Span::ZERO,
            critical_path: Vec::new(),
            cost_unbounded: Vec::new(),
            time_unbounded: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Ends it after this time at the latest.
    pub(super) fn end_after(&mut self, timeout: Duration) {
        self.span = self.span.min(Span::at_most(timeout));
        self.time_unbounded.clear();
    }
}

/// Attempts of a node at the most.
pub(super) fn attempts(node: &Node) -> u32 {
    node.retry.as_ref().map_or(1, |retry| retry.max_attempts.get())
}

/// A node because of which the worst case is beyond what money can count.
fn uncountable(node: &Node, place: &str, what: &str) -> Remark {
    let reason = format!(
        "{what} is more than {} USD, the most that can be counted",
        Usd::MAX
    );
    remark(node, place, reason)
}

fn place_of(around: &str, node: &Node) -> String {
    if around.is_empty() {
        node.id.clone()
    } else {
        format!("{around}/{}", node.id)
    }
}
