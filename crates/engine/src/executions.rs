//! Executions: started, steered and read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use agentchains_cost::Usd;
use agentchains_machine::{
    AttemptRow, Event, ExecutionId, ExecutionRow, Input, Machine, NewExecution, NodeRow, Resume, WorkflowId,
};
use agentchains_ports::{Creation, ExecutionFilter, Idempotency, Page, PageRequest};
use agentchains_workflow::{Compiled, OnBudget, UnknownCost};
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::{Instrument, info_span};

use crate::{
    Caller, Engine, EngineError, UnknownAgent,
    driver::Driver,
    events::EventStream,
    gate::DriverGate,
    shared::{CommandError, Message},
};

/// What an execution is started with. Absent fields are the workflow's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StartRequest {
    /// The version; absent: the latest.
    pub version: Option<u32>,
    /// Its input.
    pub input: Value,
    /// The limit of its spending.
    pub max_budget: Option<Usd>,
    /// What happens when that is reached.
    pub on_budget: Option<OnBudget>,
    /// Its own timeout.
    pub timeout: Option<Duration>,
    /// Names that the caller gives it.
    pub labels: BTreeMap<String, String>,
    /// Makes the same request start one execution, however often it is sent.
    pub idempotency: Option<Idempotency>,
}

/// An execution with its nodes and its workflow.
#[derive(Debug, Clone)]
pub struct ExecutionView {
    /// The execution.
    pub execution: ExecutionRow,
    /// Its nodes that have left `pending`, by position.
    pub nodes: Vec<NodeRow>,
    /// Its workflow.
    pub workflow: Arc<Compiled>,
}

impl Engine {
    /// Starts an execution of a workflow.
    ///
    /// # Errors
    /// [`EngineError`] when none was started.
    pub async fn start(
        &self,
        caller: &Caller,
        workflow_id: WorkflowId,
        request: StartRequest,
    ) -> Result<ExecutionRow, EngineError> {
        if self.is_draining() {
            return Err(EngineError::ShuttingDown);
        }
        let view = self.workflow(caller, workflow_id, request.version).await?;
        if view.record.archived {
            return Err(EngineError::Archived {
                id: workflow_id.to_string(),
            });
        }
        self.check_start(&view.workflow, &request)?;
        let settings = view.workflow.settings();
        let new = NewExecution {
            id: ExecutionId::from_uuid(self.new_uuid()),
            tenant: caller.tenant.clone(),
            workflow_id,
            workflow_version: view.version,
            input: Arc::new(request.input),
            max_budget: request.max_budget.or(settings.max_budget),
            on_budget: request.on_budget.unwrap_or(settings.on_budget),
            timeout: request.timeout.or(settings.timeout),
            labels: request.labels,
            initiated_by: caller.name.clone(),
        };
        // In a task of its own: a caller that goes away must not leave an execution that nobody drives.
        let engine = self.clone();
        let workflow = view.workflow;
        let begun = self
            .shared
            .tasks
            .spawn(async move { engine.begin(workflow, new, request.idempotency).await });
        begun.await.map_err(|_| EngineError::ShuttingDown)?
    }

    fn check_start(&self, workflow: &Compiled, request: &StartRequest) -> Result<(), EngineError> {
        if let Some(schema) = &workflow.settings().input_schema {
            schema
                .validate(&request.input)
                .map_err(|mismatch| EngineError::InputMismatch {
                    message: mismatch.to_string(),
                })?;
        }
        let agents: Vec<UnknownAgent> = workflow
            .agents()
            .filter(|(_, agent_id)| self.shared.runner.profile(agent_id).is_none())
            .map(|(pointer, agent_id)| UnknownAgent {
                agent_id: agent_id.to_owned(),
                pointer,
            })
            .collect();
        if !agents.is_empty() {
            return Err(EngineError::UnknownAgents { agents });
        }
        let has_budget = request.max_budget.or(workflow.settings().max_budget).is_some();
        if has_budget && workflow.settings().unknown_cost == UnknownCost::Refuse {
            self.check_costs_are_known(workflow)?;
        }
        Ok(())
    }

    fn check_costs_are_known(&self, workflow: &Compiled) -> Result<(), EngineError> {
        let graph = workflow.graph();
        for index in graph.indices() {
            let node = graph.node(index);
            if self.worst_case(node).is_none() {
                return Err(EngineError::UnknownCost {
                    node: node.id.clone(),
                });
            }
        }
        Ok(())
    }

    /// Records the execution with its first step, and gives it a driver.
    async fn begin(
        self,
        workflow: Arc<Compiled>,
        new: NewExecution,
        idempotency: Option<Idempotency>,
    ) -> Result<ExecutionRow, EngineError> {
        let id = new.id;
        let now = self.now();
        let mut gate = DriverGate::new(&self.shared, id);
        let mut machine = Machine::create(workflow, new, now);
        let step = machine.step(now, Input::Start, &mut gate)?;
        // Before it can be found in the store, so that nobody else makes a driver for it.
        let mailbox = self.shared.register(id);
        let created = self.shared.store.create(step.changes.clone(), idempotency).await;
        if !matches!(created, Ok(Creation::Created(_))) {
            self.shared.unregister(id);
        }
        match created? {
            Creation::Created((_, fence)) => {
                let execution = machine.execution().clone();
                let mut driver = Driver::new(Arc::clone(&self.shared), machine, fence, mailbox);
                driver.act(step, gate);
                self.shared
                    .tasks
                    .spawn(driver.run(None).instrument(info_span!("execution", %id)));
                Ok(execution)
            }
            Creation::Replayed((earlier, _)) => {
                let tenant = &machine.execution().tenant;
                let row = self.shared.query.execution(tenant, earlier).await?;
                row.ok_or_else(|| EngineError::not_found("execution", earlier))
            }
            Creation::KeyReused => Err(EngineError::IdempotencyKeyReused),
        }
    }

    /// Lets nothing new start.
    ///
    /// # Errors
    /// [`EngineError`] when it does not apply.
    pub async fn pause(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRow, EngineError> {
        self.command(caller, id, Input::Pause).await
    }

    /// Lets it go on; one that waits for exactly one approval is approved by it.
    ///
    /// # Errors
    /// [`EngineError`] when it does not apply.
    pub async fn resume(
        &self,
        caller: &Caller,
        id: ExecutionId,
        max_budget: Option<Usd>,
    ) -> Result<ExecutionRow, EngineError> {
        let resume = Resume {
            max_budget,
            by: caller.name.clone(),
            roles: caller.roles.clone(),
        };
        self.command(caller, id, Input::Resume(resume)).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`EngineError`] when it does not apply.
    pub async fn cancel(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRow, EngineError> {
        self.command(caller, id, Input::Cancel).await
    }

    /// Delivers a command to the execution's driver, and waits for what it says.
    pub(crate) async fn command(
        &self,
        caller: &Caller,
        id: ExecutionId,
        input: Input,
    ) -> Result<ExecutionRow, EngineError> {
        let before = self.execution(caller, id).await?;
        if before.status.is_terminal() {
            return Err(conflict(&before));
        }
        let (reply, answer) = oneshot::channel();
        self.shared.deliver(id, Message::Command(input, reply));
        match answer.await {
            Ok(Ok(row)) => Ok(row),
            Ok(Err(CommandError::Rejected(rejected))) => Err(rejected.into()),
            Ok(Err(CommandError::NotActive)) => Err(conflict(&self.execution(caller, id).await?)),
            Ok(Err(CommandError::Unreadable)) => Err(EngineError::Unreadable { id: id.to_string() }),
            Ok(Err(CommandError::TakenOver)) => Err(EngineError::TakenOver),
            Err(_) => Err(EngineError::ShuttingDown),
        }
    }

    /// One execution.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or the store could not be read.
    pub async fn execution(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRow, EngineError> {
        let row = self.shared.query.execution(&caller.tenant, id).await?;
        row.ok_or_else(|| EngineError::not_found("execution", id))
    }

    /// One execution with its nodes and its workflow.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or the store could not be read.
    pub async fn execution_view(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<ExecutionView, EngineError> {
        let execution = self.execution(caller, id).await?;
        let nodes = self.shared.query.nodes(id).await?;
        let workflow = self
            .shared
            .compiled
            .get(
                &*self.shared.workflows,
                execution.workflow_id,
                execution.workflow_version,
            )
            .await?
            .ok_or_else(|| EngineError::not_found("workflow", execution.workflow_id))?;
        Ok(ExecutionView {
            execution,
            nodes,
            workflow,
        })
    }

    /// Executions, newest first.
    ///
    /// # Errors
    /// [`EngineError`] when the store could not be read.
    pub async fn executions(
        &self,
        caller: &Caller,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionRow>, EngineError> {
        Ok(self.shared.query.executions(&caller.tenant, filter, page).await?)
    }

    /// The attempts of an execution: the ledger, by path and number.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn attempts(&self, caller: &Caller, id: ExecutionId) -> Result<Vec<AttemptRow>, EngineError> {
        self.execution(caller, id).await?;
        Ok(self.shared.query.attempts(id).await?)
    }

    /// The events of an execution from the one after `after_seq` on.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn events(
        &self,
        caller: &Caller,
        id: ExecutionId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Event>, EngineError> {
        self.execution(caller, id).await?;
        Ok(self.shared.query.events(id, after_seq, limit).await?)
    }

    /// The same as they happen, up to the terminal one.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn follow(
        &self,
        caller: &Caller,
        id: ExecutionId,
        after_seq: u64,
    ) -> Result<EventStream, EngineError> {
        let changed = self.shared.hub.watch_execution(id);
        let row = self.execution(caller, id).await?;
        // Beyond the last event there is nothing that the reader could have seen.
        let after_seq = after_seq.min(row.last_seq);
        Ok(EventStream::new(Arc::clone(&self.shared), id, after_seq, changed))
    }

    /// Forgets a terminal execution.
    ///
    /// # Errors
    /// [`EngineError`] when there is none, or it is not terminal.
    pub async fn delete_execution(&self, caller: &Caller, id: ExecutionId) -> Result<(), EngineError> {
        let row = self.execution(caller, id).await?;
        if self.shared.query.delete_terminal(&caller.tenant, id).await? {
            return Ok(());
        }
        Err(EngineError::NotTerminal { status: row.status })
    }
}

fn conflict(row: &ExecutionRow) -> EngineError {
    EngineError::Rejected(agentchains_machine::Rejected::Conflict {
        status: row.status,
        pause_reason: row.pause_reason,
    })
}
