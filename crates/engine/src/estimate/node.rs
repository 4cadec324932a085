//! The worst case of one node.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use agentchains_cost::Bound;
use agentchains_machine::DEFAULT_ATTEMPT_TIMEOUT;
use agentchains_workflow::{AgentCall, HumanApproval, Node, NodeKind, Retry, ScopeIndex, Subworkflow};

use super::{
    Remark,
    body::Body,
    items::Items,
    span::Span,
    worst_case::{Analysis, WorstCase, attempts},
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
                    repeated(node, place, members, &body)
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
        let mut found = WorstCase::nothing();
        found.span = stretched(
            node,
            Span::at_most(self.attempt_timeout(node, call)),
            u64::from(attempts(node)),
        );
        match self.attempt_cost(node, call) {
            Ok(cost) => found.cost = cost * u64::from(attempts(node)),
            Err(reason) => {
                found.cost = Bound::Unbounded;
                found.cost_unbounded = vec![remark(node, place, reason)];
            }
        }
        found
    }

    /// The most that one attempt costs, whichever of the agents is asked that may take each other's place: what is
    /// reserved for it (language reference, section 9).
    fn attempt_cost(&self, node: &Node, call: &AgentCall) -> Result<Bound, String> {
        let mut most = Bound::ZERO;
        for agent_id in self.agents(call) {
            let terms = (self.around.terms)(&agent_id);
            if terms.is_none() && node.max_cost.is_none() {
                return Err(format!(
                    "agent {agent_id:?} is not registered, and the node has no max_cost"
                ));
            }
            let terms = terms.unwrap_or_default();
            let timeout = node.timeout.or(terms.timeout).unwrap_or(DEFAULT_ATTEMPT_TIMEOUT);
            let fixed = terms.prices.per_call.unwrap_or_default();
            let declared = node.max_cost.or(terms.max_cost).map(|most| most.max(fixed));
            let own = declared.or_else(|| terms.prices.worst_case(timeout));
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
                cost_unbounded: vec![remark(node, place, reason.clone())],
                time_unbounded: vec![remark(node, place, reason)],
                ..WorstCase::nothing()
            },
        };
        if let Some(most) = node.max_cost {
            found.spend_at_most(most);
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
        let remarks = found.cost_unbounded.iter_mut().chain(&mut found.time_unbounded);
        for inner in remarks.chain(&mut found.warnings) {
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

fn repeated(node: &Node, place: &str, mut members: WorstCase, body: &Body) -> WorstCase {
    members.cost = members.cost * body.times;
    if body.times == 0 {
        members.cost_unbounded.clear();
        members.warnings.clear();
    }
    if let Items::NoArray(what) = body.items {
        let reason =
            format!("with this input, `items` is {what} and not an array, so that the node would fail");
        members.warnings.push(remark(node, place, reason));
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
            found.time_unbounded = vec![remark(node, place, reason)];
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

pub(super) fn remark(node: &Node, place: &str, reason: String) -> Remark {
    Remark {
        node_id: node.id.clone(),
        place: place.to_owned(),
        reason,
    }
}
