//! What groups and loops have in common: how they begin, when what is inside of them stops, and how they fail.

use std::sync::Arc;

use agentchains_workflow::{NodeIndex, NodeKind, OnFailure};
use jiff::Timestamp;

use crate::{
    EventType, Failure, FailureCode, Gate, Machine, NodeState, SkipCause, Waiting,
    machine::after,
    scope::{NodeKey, ScopeId},
};

impl Machine {
    /// The members of a node may start.
    pub(crate) fn open(&mut self, now: Timestamp, key: NodeKey) {
        let deadline = self.node(key).timeout.map(|timeout| after(now, timeout));
        self.row_mut(key).attempts += 1;
        self.set_state(now, key, NodeState::Open { deadline });
        self.emit_node(now, EventType::NodeStarted, key);
    }

    /// Draws the consequences of what has happened inside of groups and loops, innermost first.
    pub(crate) fn review_scopes(&mut self, now: Timestamp, gate: &dyn Gate) {
        while let Some((_, scope)) = self.touched.pop_last() {
            self.review(now, scope, gate);
        }
    }

    fn review(&mut self, now: Timestamp, scope: ScopeId, gate: &dyn Gate) {
        let cut_short = self.is_cut_short();
        let Some(around) = self.scope(scope).around else {
            return;
        };
        if !self.is_open(around.node) {
            return self.wake_retries_around(now, scope);
        }
        if cut_short {
            return;
        }
        let workflow = Arc::clone(&self.workflow);
        match &self.node_in(&workflow, around.node).kind {
            NodeKind::Loop(settings) => self.review_iteration(now, scope, settings, gate),
            NodeKind::ParallelGroup(group) => self.review_group(now, scope, group, gate),
            _ => {}
        }
    }

    /// What was aborted has ended: a node around it whose next attempt is due may have waited for that.
    fn wake_retries_around(&mut self, now: Timestamp, scope: ScopeId) {
        let mut next = self.scope(scope).around;
        while let Some(around) = next {
            if let NodeState::Waiting(Waiting::Retry { due_at, .. }) = &self.row(around.node).state
                && *due_at <= now
            {
                self.enqueue(around.node);
            }
            next = self.scope(around.node.scope).around;
        }
    }

    /// Whether nothing new starts in a scope, because something in it or around it fails.
    pub(crate) fn is_stopping(&self, scope: ScopeId) -> bool {
        if self.workflow.settings().on_failure == OnFailure::Continue {
            return false;
        }
        let mut scope = scope;
        while let Some(around) = self.scope(scope).around {
            let own = self.scope(scope).tally.unhandled > 0;
            let stops = match &self.node(around.node).kind {
                NodeKind::ParallelGroup(group) => {
                    (own && around.ordinal.is_some()) || self.group_stops(around.node, group)
                }
                _ => own,
            };
            if stops {
                return true;
            }
            scope = around.node.scope;
        }
        false
    }

    /// A node fails because of its members; the earliest of their failures is its cause.
    pub(crate) fn members_failed(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        code: FailureCode,
        message: String,
    ) {
        let (failure, retryable) = match self.first_failure(&self.inner_scopes(key)) {
            Some((cause, retryable)) => {
                let message = format!("{message}: {}", cause.innermost());
                (
                    Failure::in_node(self.path(key), code, message).caused_by(cause),
                    retryable,
                )
            }
            None => (Failure::in_node(self.path(key), code, message), false),
        };
        self.try_again_or_give_up(now, key, failure, retryable, None);
    }

    /// The earliest failure in these scopes that nothing handled, and whether trying again may help. A function of the
    /// rows, so that it is the same after a restart.
    pub(crate) fn first_failure(&self, scopes: &[ScopeId]) -> Option<(Failure, bool)> {
        let failed = scopes
            .iter()
            .filter(|scope| self.scope(**scope).tally.unhandled > 0)
            .flat_map(|scope| &self.scope(*scope).nodes);
        failed
            .filter_map(|row| match &row.state {
                NodeState::Failed(failed) if !failed.handled => Some((row.finished_at, failed)),
                _ => None,
            })
            .min_by_key(|(finished_at, _)| *finished_at)
            .map(|(_, failed)| (failed.failure.clone(), failed.retryable))
    }

    /// The members of a node took longer than its timeout.
    pub(crate) fn members_timed_out(&mut self, now: Timestamp, key: NodeKey, gate: &dyn Gate) {
        for scope in self.inner_scopes(key) {
            self.cut_off(now, scope, gate);
        }
        let message = "the node took longer than its timeout; raise it, or let its members do less";
        let failure = Failure::in_node(self.path(key), FailureCode::AgentTimeout, message);
        self.try_again_or_give_up(now, key, failure, true, None);
    }

    /// Whether something inside of a node is in flight. What was aborted must have ended before it is tried again.
    pub(crate) fn has_members_in_flight(&self, key: NodeKey) -> bool {
        self.inner_scopes(key)
            .iter()
            .any(|scope| self.scope(*scope).tally.active > 0)
    }

    /// Runs again what did not complete in a scope; what did is kept.
    pub(crate) fn try_scope_again(&mut self, now: Timestamp, scope: ScopeId) {
        self.reset_scope(now, scope);
        self.start_scope(scope);
    }

    /// Takes back what did not complete in a scope.
    pub(crate) fn reset_scope(&mut self, now: Timestamp, scope: ScopeId) {
        let to_repeat: Vec<NodeKey> = self
            .keys(scope)
            .filter(|key| self.is_to_be_repeated(*key))
            .collect();
        for key in to_repeat {
            let has_members = matches!(
                self.node(key).kind,
                NodeKind::ParallelGroup(_) | NodeKind::Loop(_)
            );
            let row = self.row_mut(key);
            row.attempts_before = row.attempts;
            if !has_members {
                row.request = None;
                row.remote_task = None;
            }
            self.set_state(now, key, NodeState::Pending);
            self.emit_node(now, EventType::NodeRetrying, key);
        }
        self.recompute(scope);
        self.scope_mut(scope).tally.finished = false;
    }

    /// Lets what is ready in a scope start.
    pub(crate) fn start_scope(&mut self, scope: ScopeId) {
        self.requeue_ready_nodes(scope);
        // A scope in which nothing is left to be done has come to its end already.
        self.touch(scope);
    }

    fn is_to_be_repeated(&self, key: NodeKey) -> bool {
        match &self.row(key).state {
            NodeState::Failed(failed) => !failed.handled,
            NodeState::Cancelled { .. } => true,
            NodeState::Skipped(reason) => matches!(
                reason.cause,
                SkipCause::UpstreamFailed | SkipCause::ExecutionFailed
            ),
            _ => false,
        }
    }

    /// Whether nodes of a scope were ended from outside.
    pub(crate) fn was_cut_off(&self, scope: ScopeId) -> bool {
        let nodes: Vec<NodeIndex> = self.graph(scope).indices().collect();
        nodes.into_iter().any(|node| {
            let key = NodeKey { scope, node };
            !matches!(self.row(key).state, NodeState::Failed(_)) && self.is_to_be_repeated(key)
        })
    }
}
