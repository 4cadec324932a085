//! Loops: one iteration after the other, each a scope of its own (language reference, section 7).

use std::sync::Arc;

use agentchains_workflow::{Loop, LoopField, OnExhausted, OnFailure, Predicate, Repeat};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    Failure, FailureCode, Gate, Machine, NodeRequest,
    scope::{Around, NodeKey, ScopeId},
};

/// Why a loop has come to its end.
#[derive(Debug, Clone, Copy)]
enum StoppedBy {
    Condition,
    Exhausted,
    Items,
}

impl StoppedBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Exhausted => "exhausted",
            Self::Items => "items",
        }
    }
}

impl Machine {
    /// Begins a loop, or goes on at the iteration that failed when it is tried again.
    pub(crate) fn begin_loop(&mut self, now: Timestamp, key: NodeKey, settings: &Loop) {
        if self.row(key).request.is_none() {
            match self.loop_request(key, settings) {
                Ok(request) => self.row_mut(key).request = Some(Arc::new(request)),
                Err(failure) => return self.node_failed(now, key, failure),
            }
        }
        self.open(now, key);
        self.begin_iteration(now, key, settings);
    }

    fn loop_request(&self, key: NodeKey, settings: &Loop) -> Result<NodeRequest, Failure> {
        let mut over = None;
        if let Repeat::Items(items) = &settings.repeat {
            let items = self.render_items(key, items)?;
            let most = settings.max_iterations;
            if items.len() > most.get() as usize {
                let message = format!("{} items are more than {most} (max_iterations)", items.len());
                return Err(Failure::in_node(
                    self.path(key),
                    FailureCode::TooManyItems,
                    message,
                ));
            }
            over = Some(items.into());
        }
        Ok(NodeRequest {
            config: json!({}).into(),
            items: over,
            upstream: self.live_predecessors(key),
        })
    }

    /// Begins the iteration that the loop is at, unless it is over before it.
    fn begin_iteration(&mut self, now: Timestamp, key: NodeKey, settings: &Loop) {
        let iteration = self.row(key).iteration;
        if let Some(scope) = self.inner(key, Some(iteration)) {
            return self.try_scope_again(now, scope);
        }
        match &settings.repeat {
            Repeat::Items(_) if iteration as usize == self.items_of(key).map_or(0, <[_]>::len) => {
                return self.loop_ended(now, key, iteration, StoppedBy::Items);
            }
            Repeat::While(predicate) => match self.holds_before(key, iteration, predicate) {
                Err(failure) => return self.node_failed(now, key, failure),
                Ok(false) => return self.loop_ended(now, key, iteration, StoppedBy::Condition),
                Ok(true) if iteration == settings.max_iterations.get() => {
                    return self.loop_exhausted(now, key, iteration, settings);
                }
                Ok(true) => {}
            },
            Repeat::Items(_) | Repeat::Until(_) => {}
        }
        if !self.has_room_for(self.workflow.scope(settings.body).len()) {
            let failure = self.too_many_node_runs(key);
            return self.node_failed(now, key, failure);
        }
        let ordinal = Some(iteration);
        self.open_scope(Around { node: key, ordinal }, settings.body);
    }

    /// Draws the consequences of what has happened in an iteration.
    pub(crate) fn review_iteration(
        &mut self,
        now: Timestamp,
        scope: ScopeId,
        settings: &Loop,
        gate: &dyn Gate,
    ) {
        let Some(around) = self.scope(scope).around else {
            return;
        };
        let key = around.node;
        let iteration = self.row(key).iteration;
        if around.ordinal != Some(iteration) {
            return;
        }
        let tally = self.scope(scope).tally;
        let stops = tally.unhandled > 0 && self.workflow.settings().on_failure != OnFailure::Continue;
        if stops {
            self.wind_down(now, scope, gate);
        }
        if !self.scope(scope).tally.is_done() {
            return;
        }
        if tally.unhandled > 0 {
            let message = format!("iteration {iteration} failed");
            return self.members_failed(now, key, FailureCode::LoopFailed, message);
        }
        let done = iteration + 1;
        if let Repeat::Until(predicate) = &settings.repeat {
            match self.holds_after(scope, key, iteration, predicate) {
                Err(failure) => return self.node_failed(now, key, failure),
                Ok(true) => return self.loop_ended(now, key, done, StoppedBy::Condition),
                Ok(false) if done == settings.max_iterations.get() => {
                    return self.loop_exhausted(now, key, done, settings);
                }
                Ok(false) => {}
            }
        }
        if self.execution.ending.is_none() && !self.is_stopping(key.scope) {
            self.row_mut(key).iteration = done;
            self.node_changed(key);
            self.begin_iteration(now, key, settings);
        }
    }

    /// What `while` says before an iteration.
    fn holds_before(&self, key: NodeKey, iteration: u32, predicate: &Predicate) -> Result<bool, Failure> {
        let mut document = self.document(key.scope, predicate.reach(), || self.upstream_of(key));
        let last = iteration.checked_sub(1);
        document.extend(self.loop_of(key, iteration, last, predicate));
        self.ask_predicate(key, predicate, document)
    }

    /// What `until` says after an iteration: it sees the body's members, and the output of this iteration as the last.
    fn holds_after(
        &self,
        scope: ScopeId,
        key: NodeKey,
        iteration: u32,
        predicate: &Predicate,
    ) -> Result<bool, Failure> {
        let members = || self.graph(scope).indices().collect();
        let mut document = self.document(scope, predicate.reach(), members);
        document.extend(self.loop_of(key, iteration, Some(iteration), predicate));
        self.ask_predicate(key, predicate, document)
    }

    /// `loop` as a predicate sees it at an iteration.
    fn loop_of(
        &self,
        key: NodeKey,
        iteration: u32,
        last: Option<u32>,
        predicate: &Predicate,
    ) -> Option<(String, Value)> {
        self.loop_member(predicate.reach(), |field| match field {
            LoopField::Index => Some(iteration.into()),
            LoopField::Last => self.iteration_output(key, last?),
            LoopField::Results => Some(self.iteration_outputs(key, last.map_or(0, |last| last + 1))),
        })
    }

    fn ask_predicate(
        &self,
        key: NodeKey,
        predicate: &Predicate,
        document: Map<String, Value>,
    ) -> Result<bool, Failure> {
        predicate
            .holds(&document.into())
            .map_err(|error| Failure::in_node(self.path(key), FailureCode::ConditionError, error.to_string()))
    }

    fn loop_exhausted(&mut self, now: Timestamp, key: NodeKey, iterations: u32, settings: &Loop) {
        match settings.on_exhausted {
            OnExhausted::Complete => self.loop_ended(now, key, iterations, StoppedBy::Exhausted),
            OnExhausted::Fail => {
                let message = format!(
                    "{iterations} iterations were made and the condition does not end the loop; raise \
                     max_iterations, or let it complete with on_exhausted"
                );
                let failure = Failure::in_node(self.path(key), FailureCode::LoopExhausted, message);
                self.node_failed(now, key, failure);
            }
        }
    }

    fn loop_ended(&mut self, now: Timestamp, key: NodeKey, iterations: u32, stopped_by: StoppedBy) {
        let last = iterations
            .checked_sub(1)
            .and_then(|last| self.iteration_output(key, last));
        let results = self.iteration_outputs(key, iterations);
        let output = [
            ("iterations", iterations.into()),
            ("last", last.unwrap_or_default()),
            ("results", results),
            ("stopped_by", stopped_by.as_str().into()),
        ];
        self.node_completed(now, key, output.into_iter().collect(), None);
    }
}
