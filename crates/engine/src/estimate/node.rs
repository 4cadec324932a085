//! The worst case of one node.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use agentchains_cost::Bound;
use agentchains_machine::DEFAULT_ATTEMPT_TIMEOUT;
use agentchains_workflow::{AgentCall, HumanApproval, Node, NodeKind, Retry, ScopeIndex, Subworkflow};

use super::{
    Unbounded,
    span::Span,
    worst_case::{Analysis, Body, WorstCase, attempts},
};

impl Analysis<'_> {
    /// What one run of a node costs and takes at the most, given the worst cases of its members.
    pub(super) fn node(
        &self,
        node: &Node,
        place: &str,
        inner: &mut HashMap<ScopeIndex, WorstCase>,
    ) -> WorstCase {
        match &node.kind {
            NodeKind::AgentCall(call) => self.call(node, place, call),
            NodeKind::Condition(_) => WorstCase::nothing(),
            NodeKind::HumanApproval(settings) => question(node, place, settings),
            NodeKind::ParallelGroup(_) | NodeKind::Loop(_) => {
                let body = self.body(node);
                let members = body.and_then(|body| Some((inner.remove(&body.scope)?, body)));
                members.map_or_else(WorstCase::nothing, |(members, body)| {
                    repeated(node, members, &body)
                })
            }
            NodeKind::Subworkflow(settings) => self.child(node, place, settings),
        }
    }

    /// The limit of one attempt, or of a question.
    pub(super) fn timeout(&self, node: &Node) -> Option<Duration> {
        match &node.kind {
            NodeKind::AgentCall(call) => Some(self.attempt_timeout(node, call)),
            NodeKind::HumanApproval(settings) => settings.timeout,
            _ => node.timeout,
        }
    }

    fn call(&self, node: &Node, place: &str, call: &AgentCall) -> WorstCase {
        let attempt = match node.max_cost {
            Some(most) => Ok(Bound::AtMost(most)),
            None => self.attempt_cost(node, call),
        };
        let mut found = WorstCase::nothing();
        found.span = stretched(
            node,
            Span::at_most(self.attempt_timeout(node, call)),
            u64::from(attempts(node)),
        );
        match attempt {
            Ok(cost) => found.cost = cost * u64::from(attempts(node)),
            Err(reason) => {
                found.cost = Bound::Unbounded;
                found.cost_unbounded = vec![unbounded(node, place, reason)];
            }
        }
        found
    }

    /// The most that one attempt costs, whichever of the agents is asked that may take each other's place.
    fn attempt_cost(&self, node: &Node, call: &AgentCall) -> Result<Bound, String> {
        let mut most = Bound::ZERO;
        for agent_id in self.agents(call) {
            let Some(terms) = (self.around.terms)(&agent_id) else {
                return Err(format!(
                    "agent {agent_id:?} is not registered, and the node has no max_cost"
                ));
            };
            let timeout = node.timeout.or(terms.timeout).unwrap_or(DEFAULT_ATTEMPT_TIMEOUT);
            let own = terms.max_cost.or_else(|| terms.prices.worst_case(timeout));
            let own = own.ok_or_else(|| {
                format!(
                    "neither the node nor agent {agent_id:?} has a max_cost or prices that bound an attempt"
                )
            })?;
            most = most.max(Bound::AtMost(own));
        }
        Ok(most)
    }

    fn attempt_timeout(&self, node: &Node, call: &AgentCall) -> Duration {
        let of_agents = || {
            let agents = self.agents(call).into_iter();
            let known = agents.filter_map(|agent_id| (self.around.terms)(&agent_id));
            known
                .map(|terms| terms.timeout.unwrap_or(DEFAULT_ATTEMPT_TIMEOUT))
                .max()
        };
        node.timeout.or_else(of_agents).unwrap_or(DEFAULT_ATTEMPT_TIMEOUT)
    }

    /// The agent of a call, and those that are asked while its breaker is open. One of these that is not registered is
    /// not asked.
    fn agents(&self, call: &AgentCall) -> BTreeSet<String> {
        let mut agents = BTreeSet::from([call.agent_id.clone()]);
        let mut next = (self.around.terms)(&call.agent_id);
        while let Some(fallback) = next.and_then(|terms| terms.fallback_agent_id.clone()) {
            next = (self.around.terms)(&fallback).filter(|_| agents.insert(fallback));
        }
        agents
    }

    /// A child execution that is not waited for answers for itself.
    fn child(&self, node: &Node, place: &str, settings: &Subworkflow) -> WorstCase {
        if !settings.wait {
            return WorstCase::nothing();
        }
        let rounds = u64::from(attempts(node));
        let mut found = match (self.around.child)(&node.id) {
            Ok(child) => child.within(place),
            Err(reason) => WorstCase {
                cost: Bound::Unbounded,
                span: Span::ENDLESS,
                cost_unbounded: vec![unbounded(node, place, reason.clone())],
                time_unbounded: vec![unbounded(node, place, reason)],
                ..WorstCase::nothing()
            },
        };
        if let (Bound::AtMost(cost), Some(most)) = (found.cost, node.max_cost) {
            found.cost = Bound::AtMost(cost.min(most));
        }
        found.cost = found.cost * rounds;
        found.stretch(node, rounds);
        found
    }
}

impl WorstCase {
    /// The same, with its places within a node that starts it.
    fn within(&self, place: &str) -> Self {
        let mut found = self.clone();
        for inner in found.cost_unbounded.iter_mut().chain(&mut found.time_unbounded) {
            inner.place = format!("{place}/{}", inner.place);
        }
        found
    }

    /// Does it so many times one after the other, within what the node's timeout and retries allow.
    fn stretch(&mut self, node: &Node, rounds: u64) {
        self.span = stretched(node, self.span, rounds);
        if self.span.bound().is_some() {
            self.time_unbounded.clear();
        }
    }
}

fn repeated(node: &Node, mut members: WorstCase, body: &Body) -> WorstCase {
    members.cost = members.cost * body.times;
    if body.times == 0 {
        members.cost_unbounded.clear();
    }
    members.stretch(node, body.rounds);
    members
}

fn question(node: &Node, place: &str, settings: &HumanApproval) -> WorstCase {
    let mut found = WorstCase::nothing();
    match settings.timeout {
        Some(timeout) => found.span = Span::at_most(timeout),
        None => {
            let reason = "it waits for a person, and has no timeout".to_owned();
            found.span = Span::ENDLESS;
            found.time_unbounded = vec![unbounded(node, place, reason)];
        }
    }
    found
}

/// So many rounds, cut short by the node's timeout in each attempt, with the delays between attempts.
fn stretched(node: &Node, round: Span, rounds: u64) -> Span {
    let whole = round * rounds;
    let cut = match node.timeout {
        Some(timeout) => whole.min(Span::at_most(timeout) * u64::from(attempts(node))),
        None => whole,
    };
    cut + node.retry.as_ref().map_or(Span::ZERO, delays)
}

/// The delays between all attempts, each as long as it may be (language reference, section 8).
fn delays(retry: &Retry) -> Span {
    let mut delay = retry.initial_interval.min(retry.max_interval);
    let mut sum = Span::ZERO;
    for _ in 1..retry.max_attempts.get() {
        sum = sum + Span::at_most(delay);
        let longer = Duration::try_from_secs_f64(delay.as_secs_f64() * retry.multiplier);
        delay = longer.unwrap_or(retry.max_interval).min(retry.max_interval);
    }
    sum
}

fn unbounded(node: &Node, place: &str, reason: String) -> Unbounded {
    Unbounded {
        node_id: node.id.clone(),
        place: place.to_owned(),
        reason,
    }
}
