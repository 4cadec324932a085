//! The worst case of one workflow: every call at its limit, every retry needed, every loop to its end.

use std::{collections::HashMap, sync::Arc, time::Duration};

use agentchains_cost::Bound;
use agentchains_machine::{AgentTerms, NodeType};
use agentchains_ports::Seconds;
use agentchains_workflow::{
    Compiled, FanOut, Graph, Json, Loop, Node, NodeIndex, NodeKind, ParallelGroup, Repeat, Scheduling,
    ScopeIndex,
};

use super::{
    NodeEstimate, Unbounded,
    choices::dearest,
    items::known_count,
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
    /// Why there is no bound of the cost, where there is none.
    pub(super) cost_unbounded: Vec<Unbounded>,
    /// Why there is no end, where there is none.
    pub(super) time_unbounded: Vec<Unbounded>,
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

/// How a node runs through its members.
pub(super) struct Body {
    pub(super) scope: ScopeIndex,
    /// How often at the most in one run of the node, its retries included.
    pub(super) times: u64,
    /// How often one after the other.
    pub(super) rounds: u64,
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

    /// How a node runs through its members, where it has any.
    pub(super) fn body(&self, node: &Node) -> Option<Body> {
        match &node.kind {
            NodeKind::ParallelGroup(group) => Some(self.body_of_group(node, group)),
            NodeKind::Loop(settings) => Some(self.body_of_loop(node, settings)),
            _ => None,
        }
    }

    /// What did not complete may run again in each attempt of the group.
    fn body_of_group(&self, node: &Node, group: &ParallelGroup) -> Body {
        let attempts = u64::from(attempts(node));
        let all = self.workflow.settings().max_concurrency;
        match &group.fan_out {
            FanOut::Members(scope) => Body {
                scope: *scope,
                times: attempts,
                rounds: attempts,
                places: Some(group.max_concurrency.unwrap_or(all).get()),
            },
            FanOut::Items { items, body } => {
                let most = u64::try_from(self.workflow.limits().max_items).unwrap_or(u64::MAX);
                let known = self.input.and_then(|input| known_count(items, input));
                let count = known.map_or(most, |count| count.min(most));
                let at_once = group.max_concurrency.map_or(all, |own| own.min(all));
                Body {
                    scope: *body,
                    times: count.saturating_mul(attempts),
                    rounds: count.div_ceil(u64::from(at_once.get())).saturating_mul(attempts),
                    places: None,
                }
            }
        }
    }

    /// Each retry goes on at the iteration that failed, so that it adds one.
    fn body_of_loop(&self, node: &Node, settings: &Loop) -> Body {
        let most = u64::from(settings.max_iterations.get());
        let known = match &settings.repeat {
            Repeat::Items(items) => self.input.and_then(|input| known_count(items, input)),
            Repeat::Until(_) | Repeat::While(_) => None,
        };
        let iterations = known.map_or(most, |count| count.min(most));
        let again = if iterations == 0 {
            0
        } else {
            u64::from(attempts(node)) - 1
        };
        let times = iterations.saturating_add(again);
        Body {
            scope: settings.body,
            times,
            rounds: times,
            places: None,
        }
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
            let found = self.node(node, &place, inner);
            costs.push(found.cost);
            spans.push(found.span);
            let shown = NodeEstimate {
                node_id: node.id.clone(),
                place,
                kind: NodeType::of(&node.kind),
                runs: opened.times,
                attempts: attempts(node),
                worst_case_usd: (found.cost * opened.times).amount(),
                timeout_seconds: self.timeout(node).map(Seconds),
                expected_p50_usd: None,
                expected_p90_usd: None,
                expected_p50_seconds: None,
                expected_p90_seconds: None,
                samples: 0,
            };
            nodes.push((node.position, shown));
            whole.cost_unbounded.extend(found.cost_unbounded);
            whole.time_unbounded.extend(found.time_unbounded);
        }
        let pace = Pace {
            layered: self.workflow.settings().scheduling == Scheduling::Layered,
            places: opened.places,
        };
        (whole.critical_path, whole.span) = longest_way(graph, &spans, pace);
        whole.cost = dearest(graph, &costs);
        whole
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

fn place_of(around: &str, node: &Node) -> String {
    if around.is_empty() {
        node.id.clone()
    } else {
        format!("{around}/{}", node.id)
    }
}
