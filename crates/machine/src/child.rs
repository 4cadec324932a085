//! Child executions: what a `subworkflow` node asks of them, and what they tell (language reference, section 7).

use std::{collections::BTreeMap, sync::Arc};

use agentchains_cost::{Budget, Usd};
use agentchains_workflow::{NodeKind, Subworkflow};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    ChildCommand, ChildReport, ChildRun, Effect, EventType, ExecutionId, ExecutionStatus, Failure,
    FailureCode, Machine, NodePath, NodeRequest, NodeState, PauseReason, StartChild, dispatch::Deferred,
    event::budget_data, machine::after, scope::NodeKey,
};

/// What a child may spend.
struct Allowance {
    max_budget: Option<Usd>,
    reserve: Usd,
    /// The budget with that reservation.
    budget: Budget,
}

impl Machine {
    /// Wants a child execution started, or settles the node when none can be.
    pub(crate) fn start_child(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        settings: &Subworkflow,
    ) -> Result<(), Deferred> {
        let most = self.workflow.limits().max_subworkflow_depth;
        if self.execution.depth() >= most {
            let message = format!("executions are nested at most {most} deep (max_subworkflow_depth)");
            let failure = Failure::in_node(self.path(key), FailureCode::SubworkflowTooDeep, message);
            self.node_failed(now, key, failure);
            return Ok(());
        }
        let request = match self.child_request(key, settings) {
            Ok(request) => request,
            Err(failure) => {
                self.node_failed(now, key, failure);
                return Ok(());
            }
        };
        if self.take_over(now, key, &request) {
            return Ok(());
        }
        let allowance = self.allowance(key, settings)?;
        self.set_budget(&allowance.budget);
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
            max_budget: allowance.max_budget,
            spent: Usd::ZERO,
            reserved: allowance.reserve,
            deadline: deadline.filter(|_| settings.wait),
            pause_reason: None,
            cancel_by: None,
        };
        self.set_state(now, key, NodeState::Child(child));
        self.emit_node(now, EventType::NodeStarted, key);
        self.ensure_child(key);
        Ok(())
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

    /// What a child may spend: no more than the node's `max_cost` and what is left here, which is reserved for it. One
    /// that is not waited for answers for itself.
    fn allowance(&self, key: NodeKey, settings: &Subworkflow) -> Result<Allowance, Deferred> {
        let max_cost = self.node(key).max_cost;
        let mut budget = self.budget();
        let (max_budget, reserve) = match budget.remaining().filter(|_| settings.wait) {
            None => (max_cost, Usd::ZERO),
            Some(remaining) => {
                let wanted = max_cost.unwrap_or(remaining);
                let others_may_give_back = !self.execution.reserved.is_zero();
                if others_may_give_back && (max_cost.is_none() || wanted > remaining) {
                    return Err(Deferred::Budget);
                }
                let slice = wanted.min(remaining);
                budget.reserve(slice).map_err(|_| Deferred::Budget)?;
                (Some(slice), slice)
            }
        };
        Ok(Allowance {
            max_budget,
            reserve,
            budget,
        })
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
                self.give_back(&child);
                self.node_completed(now, key, report.output.unwrap_or_default(), None);
            }
            ExecutionStatus::Failed => {
                self.give_back(&child);
                self.child_failed(now, key, &child, report.error);
            }
            ExecutionStatus::Cancelled => {
                self.give_back(&child);
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
        if let Some((key, child)) = self.child_in_flight(path, execution_id) {
            self.give_back(&child);
            self.row_mut(key).child_execution_id = None;
            let failure = Failure::in_node(path, code, message);
            self.node_failed(now, key, failure);
        }
    }

    /// A child that was to be cancelled has not said so in time.
    pub(crate) fn child_abandoned(&mut self, now: Timestamp, key: NodeKey, child: &ChildRun) {
        self.give_back(child);
        self.child_cancelled(now, key, child);
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
        let released = new.min(child.reserved);
        let mut budget = self.budget();
        let settlement = budget.settle(released, new);
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
            reserved: child.reserved.saturating_sub(released),
            ..child
        }
    }

    /// What a child did not spend is free again.
    fn give_back(&mut self, child: &ChildRun) {
        let mut budget = self.budget();
        budget.settle(child.reserved, Usd::ZERO);
        self.set_budget(&budget);
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

    fn child_cancelled(&mut self, now: Timestamp, key: NodeKey, child: &ChildRun) {
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
