//! Child executions: what a `subworkflow` node asks of them, and what they tell (language reference, section 7).

use std::{collections::BTreeMap, sync::Arc};

use agentchains_cost::Usd;
use agentchains_workflow::{NodeKind, Subworkflow};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    ChildCommand, ChildReport, ChildRun, Effect, EventType, ExecutionId, ExecutionStatus, Failure,
    FailureCode, Gate, Machine, NodePath, NodeRequest, NodeState, PauseReason, StartChild, Wanted,
    event::budget_data, machine::after, scope::NodeKey,
};

impl Machine {
    /// Wants a child execution started, or settles the node when none can be.
    pub(crate) fn start_child(&mut self, now: Timestamp, key: NodeKey, settings: &Subworkflow) {
        let most = self.workflow.limits().max_subworkflow_depth;
        if self.execution.depth() >= most {
            let message = format!("executions are nested at most {most} deep (max_subworkflow_depth)");
            let failure = Failure::in_node(self.path(key), FailureCode::SubworkflowTooDeep, message);
            return self.node_failed(now, key, failure);
        }
        let request = match self.child_request(key, settings) {
            Ok(request) => request,
            Err(failure) => return self.node_failed(now, key, failure),
        };
        if self.take_over(now, key, &request) {
            return;
        }
        let deadline = self.node(key).timeout.map(|timeout| after(now, timeout));
        let deadline = deadline.into_iter().chain(self.execution.deadline).min();
        let parent = self.execution.id;
        let row = self.row_mut(key);
        row.attempts += 1;
        row.request = Some(request);
        let execution_id = ExecutionId::of_child(parent, &row.path, row.attempts, now);
        row.child_execution_id = Some(execution_id);
        let child = ChildRun {
            execution_id,
            max_budget: self.node(key).max_cost,
            spent: Usd::ZERO,
            deadline: deadline.filter(|_| settings.wait),
            pause_reason: None,
            cancel_by: None,
        };
        self.set_state(now, key, NodeState::Child(child));
        self.emit_node(now, EventType::NodeStarted, key);
        self.ensure_child(key);
    }

    fn child_request(&self, key: NodeKey, settings: &Subworkflow) -> Result<Arc<NodeRequest>, Failure> {
        if let Some(request) = &self.row(key).request {
            return Ok(Arc::clone(request));
        }
        let upstream = self.live_predecessors(key);
        let config = match &settings.input {
            Some(template) => self.render(key, template)?,
            None => {
                let input = &self.execution.input;
                let mut members = input
                    .members()
                    .unwrap_or_else(|| BTreeMap::from([("input".to_owned(), input.clone())]));
                let outputs = self.outputs_of(key.scope, &upstream);
                members.extend(outputs.map(|(id, output)| (id.to_owned(), output)));
                members.into_iter().collect()
            }
        };
        self.check_input(key, &config, "the child's input")?;
        Ok(Arc::new(NodeRequest {
            config,
            items: None,
            upstream,
        }))
    }

    /// Wants a child to be there and to go on.
    pub(crate) fn ensure_child(&mut self, key: NodeKey) {
        let workflow = Arc::clone(&self.workflow);
        let row = self.row(key);
        let (NodeKind::Subworkflow(settings), NodeState::Child(child), Some(request)) =
            (&self.node_in(&workflow, key).kind, &row.state, &row.request)
        else {
            return;
        };
        let start = StartChild {
            path: row.path.clone(),
            execution_id: child.execution_id,
            workflow: settings.workflow.clone(),
            version: settings.version.map(std::num::NonZeroU32::get),
            input: request.config.clone(),
            max_budget: child.max_budget,
            deadline: child.deadline,
            waits: settings.wait,
            made_from: self.child_left_for(key),
        };
        self.effect(Effect::StartChild(Box::new(start)));
    }

    pub(crate) fn child_reported(
        &mut self,
        now: Timestamp,
        path: &NodePath,
        execution_id: ExecutionId,
        report: ChildReport,
    ) {
        let Some((key, child)) = self.child_in_flight(path, execution_id) else {
            return;
        };
        let waits = match &self.node(key).kind {
            NodeKind::Subworkflow(settings) => settings.wait,
            _ => true,
        };
        if !waits {
            let output = json!({ "execution_id": execution_id }).into();
            return self.node_completed(now, key, output, None);
        }
        let child = self.charge_child(now, key, child, &report);
        match report.status {
            ExecutionStatus::Completed => {
                self.node_completed(now, key, report.output.unwrap_or_default(), None);
            }
            ExecutionStatus::Failed => {
                self.child_failed(now, key, &child, report.error);
            }
            ExecutionStatus::Cancelled => {
                self.child_cancelled(now, key, &child);
            }
            _ => {
                let pause_reason = report.pause_reason;
                self.set_state(
                    now,
                    key,
                    NodeState::Child(ChildRun {
                        pause_reason,
                        ..child
                    }),
                );
            }
        }
    }

    pub(crate) fn child_refused(
        &mut self,
        now: Timestamp,
        path: &NodePath,
        execution_id: ExecutionId,
        code: FailureCode,
        message: String,
    ) {
        if let Some((key, _)) = self.child_in_flight(path, execution_id) {
            self.row_mut(key).child_execution_id = None;
            let failure = Failure::in_node(path, code, message);
            self.node_failed(now, key, failure);
        }
    }

    /// An execution below has no room for a call in the budget of this one, as far as it can tell.
    pub(crate) fn short_below(&mut self, now: Timestamp, path: &NodePath, wanted: Wanted, gate: &dyn Gate) {
        let Some(key) = self.find(path) else { return };
        let is_child = matches!(self.row(key).state, NodeState::Child(_));
        let shortage = gate.shortage(&self.budget(), wanted, now);
        if is_child && self.may_start_nodes() && shortage.is_some_and(|shortage| shortage.exhausted) {
            self.budget_exhausted(now, key);
        }
    }

    fn child_in_flight(&self, path: &NodePath, execution_id: ExecutionId) -> Option<(NodeKey, ChildRun)> {
        let key = self.find(path)?;
        match &self.row(key).state {
            NodeState::Child(child) if child.execution_id == execution_id => Some((key, child.clone())),
            _ => None,
        }
    }

    /// What a child has spent since it last told counts here.
    fn charge_child(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        child: ChildRun,
        report: &ChildReport,
    ) -> ChildRun {
        let new = report.spent.saturating_sub(child.spent);
        let mut budget = self.budget();
        let settlement = budget.settle(Usd::ZERO, new);
        self.set_budget(&budget);
        self.execution.cost_known &= report.cost_known;
        let row = self.row_mut(key);
        row.cost = row.cost.saturating_add(new);
        row.cost_known &= report.cost_known;
        self.node_changed(key);
        for percent in settlement.crossed {
            let data = budget_data(&self.execution, Some(percent));
            self.emit(now, EventType::BudgetThreshold, data);
        }
        ChildRun {
            spent: report.spent.max(child.spent),
            ..child
        }
    }

    fn child_failed(&mut self, now: Timestamp, key: NodeKey, child: &ChildRun, error: Option<Failure>) {
        let execution_id = child.execution_id;
        let is_over = |deadline: Option<Timestamp>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.execution.deadline) {
            // What ends it is the timeout of this execution, which has not been looked at yet.
            let cancelled = NodeState::Cancelled { remote_cancel: None };
            return self.settle(now, key, cancelled, EventType::NodeCancelled);
        }
        let path = self.path(key);
        let out_of_time = FailureCode::ExecutionTimeout;
        if is_over(child.deadline) && error.as_ref().is_some_and(|error| error.code == out_of_time) {
            let message = format!("execution {execution_id} took longer than the node's timeout; raise it");
            let failure = Failure::in_node(path, FailureCode::AgentTimeout, message);
            return self.try_again_or_give_up(now, key, failure, true, None);
        }
        let code = FailureCode::SubworkflowFailed;
        let (failure, retryable) = match error {
            Some(cause) => {
                let message = format!("execution {execution_id} failed: {}", cause.innermost());
                let retryable = cause.innermost().code.is_transient();
                (Failure::in_node(path, code, message).caused_by(cause), retryable)
            }
            None => {
                let message = format!("execution {execution_id} failed");
                (Failure::in_node(path, code, message), false)
            }
        };
        self.try_again_or_give_up(now, key, failure, retryable, None);
    }

    pub(crate) fn child_cancelled(&mut self, now: Timestamp, key: NodeKey, child: &ChildRun) {
        if child.cancel_by.is_some() {
            let cancelled = NodeState::Cancelled { remote_cancel: None };
            return self.settle(now, key, cancelled, EventType::NodeCancelled);
        }
        let message = format!("execution {} was cancelled", child.execution_id);
        let failure = Failure::in_node(self.path(key), FailureCode::SubworkflowFailed, message);
        self.node_failed(now, key, failure);
    }

    /// Passes a pause, or its end, on to all children.
    pub(crate) fn command_children(&mut self, command: ChildCommand) {
        for key in self.all_keys() {
            if let NodeState::Child(child) = &self.row(key).state {
                let execution_id = child.execution_id;
                self.effect(Effect::CommandChild {
                    execution_id,
                    command,
                });
            }
        }
    }

    /// Takes up a child again after a crash: it is asked how it stands, and told again what was asked of it.
    pub(crate) fn recover_child(&mut self, key: NodeKey, child: &ChildRun) {
        self.ensure_child(key);
        let by_parent = self.execution.parent.as_ref().is_some_and(|parent| parent.holds);
        let is_held = by_parent || self.execution.pause_reason == Some(PauseReason::User);
        let command = match child.cancel_by {
            Some(_) => ChildCommand::Cancel,
            None if is_held => ChildCommand::Hold,
            None => ChildCommand::Release,
        };
        self.effect(Effect::CommandChild {
            execution_id: child.execution_id,
            command,
        });
    }
}
