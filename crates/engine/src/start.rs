//! Starting executions: what must hold before one is recorded, and its first step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use agentchains_cost::Usd;
use agentchains_machine::{
    ExecutionId, ExecutionRow, ExecutionStatus, Input, Machine, NewExecution, WorkflowId,
};
use agentchains_ports::{Creation, Idempotency};
use agentchains_workflow::{Compiled, Json, OnBudget, UnknownCost};
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::{Instrument, info_span};

use crate::{
    Caller, Engine, EngineError, driver::Driver, gate::DriverGate, purses::Sources, shared::Message,
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
        let idempotency = request.idempotency.clone();
        let (workflow, new) = self.prepare(caller, workflow_id, request).await?;
        self.launch(workflow, new, idempotency).await
    }

    /// What a request starts, where it may be started at all.
    pub(crate) async fn prepare(
        &self,
        caller: &Caller,
        workflow_id: WorkflowId,
        request: StartRequest,
    ) -> Result<(Arc<Compiled>, NewExecution), EngineError> {
        let (workflow, version) = self.startable(caller, workflow_id, request.version).await?;
        let settings = workflow.settings();
        let max_budget = request.max_budget.or(settings.max_budget);
        let input = Json::from(request.input);
        self.check_start(&caller.tenant, &workflow, &input, max_budget.is_some())
            .await?;
        let new = NewExecution {
            id: self.new_execution_id(),
            tenant: caller.tenant.clone(),
            workflow_id,
            workflow_version: version,
            input,
            max_budget,
            on_budget: request.on_budget.unwrap_or(settings.on_budget),
            timeout: request.timeout.or(settings.timeout),
            labels: request.labels,
            initiated_by: caller.name.clone(),
            parent: None,
            ends_by: None,
            forked_from: None,
            seeds: Vec::new(),
        };
        Ok((workflow, new))
    }

    /// The version of a workflow that is to run, where it may be started at all.
    pub(crate) async fn startable(
        &self,
        caller: &Caller,
        id: WorkflowId,
        version: Option<u32>,
    ) -> Result<(Arc<Compiled>, u32), EngineError> {
        if self.is_draining() {
            return Err(EngineError::ShuttingDown);
        }
        let latest = match self.shared.latest.get(&caller.tenant, id) {
            Ok(latest) => latest,
            Err(reading) => {
                let record = self.workflow_record(caller, id).await?;
                if record.archived {
                    return Err(EngineError::Archived { id: id.to_string() });
                }
                self.shared
                    .latest
                    .keep(reading, &caller.tenant, id, record.version);
                record.version
            }
        };
        let version = version.unwrap_or(latest);
        Ok((self.compiled(id, version).await?, version))
    }

    /// What must hold before an execution of a workflow may start.
    pub(crate) async fn check_start(
        &self,
        tenant: &str,
        workflow: &Compiled,
        input: &Json,
        has_budget: bool,
    ) -> Result<(), EngineError> {
        check_input(workflow, input)?;
        self.check_surroundings(tenant, workflow, has_budget).await
    }

    /// The same whatever the input is.
    pub(crate) async fn check_surroundings(
        &self,
        tenant: &str,
        workflow: &Compiled,
        has_budget: bool,
    ) -> Result<(), EngineError> {
        let agents = self.unknown_agents(tenant, workflow);
        if !agents.is_empty() {
            return Err(EngineError::UnknownAgents { agents });
        }
        let workflows = self.unknown_workflows(tenant, workflow).await?;
        if !workflows.is_empty() {
            return Err(EngineError::UnknownWorkflows { workflows });
        }
        if has_budget && workflow.settings().unknown_cost == UnknownCost::Refuse {
            self.check_costs_are_known(tenant, workflow)?;
        }
        Ok(())
    }

    pub(crate) fn check_costs_are_known(&self, tenant: &str, workflow: &Compiled) -> Result<(), EngineError> {
        let agents = self.shared.agents_of(tenant);
        match workflow.nodes().find(|node| agents.worst_case(node).is_none()) {
            Some(node) => Err(EngineError::UnknownCost {
                node: node.id.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Begins an execution in a task of its own: a caller that goes away must not leave one that nobody drives.
    pub(crate) async fn launch(
        &self,
        workflow: Arc<Compiled>,
        new: NewExecution,
        idempotency: Option<Idempotency>,
    ) -> Result<ExecutionRow, EngineError> {
        let engine = self.clone();
        let begun = self
            .shared
            .tasks
            .spawn(async move { engine.begin(workflow, new, idempotency).await });
        begun.await.map_err(|_| EngineError::ShuttingDown)?
    }

    /// Records the execution with its first step, and gives it a driver.
    pub(crate) async fn begin(
        self,
        workflow: Arc<Compiled>,
        new: NewExecution,
        idempotency: Option<Idempotency>,
    ) -> Result<ExecutionRow, EngineError> {
        let id = new.id;
        self.shared.breakers.restored().await;
        let now = self.now();
        let mut machine = Machine::create(workflow, new, now);
        let sources = Sources::of(&self.shared.purses, machine.execution());
        // What is drawn from purses is drawn by a commit, which may be refused.
        let first = if sources.is_empty() {
            Input::Start
        } else {
            Input::Tick
        };
        let mut gate = DriverGate::new(&self.shared, machine.execution(), &sources);
        let step = machine.step(now, first, &mut gate)?;
        // Before it can be found in the store, so that nobody else makes a driver for it.
        let mailbox = self.shared.register(id);
        let began = self.now();
        let created = self.shared.store.create(step.changes.clone(), idempotency).await;
        let took = self.now().duration_since(began);
        if !matches!(created, Ok(Creation::Created(_))) {
            self.shared.unregister(id);
        }
        if created.is_err() && machine.execution().parent.is_none() {
            // Fails only when the engine is gone. A child's parent asks for it again.
            let _ = self.shared.doubted.send(id);
        }
        match created? {
            Creation::Created((_, fence)) => {
                self.shared.metrics.committed(&step.changes, took);
                let execution = machine.execution().clone();
                let mut driver = Box::new(Driver::new(Arc::clone(&self.shared), machine, fence, mailbox));
                driver.act(&step.changes.events, step.effects, gate);
                driver.assume_start_is_known();
                let pending = execution.status == ExecutionStatus::Pending;
                let (reply, started) = oneshot::channel();
                let first = pending.then(|| Message::Command(Input::Start, reply));
                self.shared
                    .tasks
                    .spawn(driver.run(first).instrument(info_span!("execution", %id)));
                // Without an answer the engine stops, and the next process starts what is recorded.
                let done = started.await.ok().and_then(Result::ok);
                Ok(done.map_or(execution, |done| done.execution))
            }
            Creation::Replayed((earlier, _)) => {
                let tenant = &machine.execution().tenant;
                let row = self.shared.query.execution(tenant, earlier).await?;
                row.ok_or_else(|| EngineError::not_found("execution", earlier))
            }
            Creation::KeyReused => Err(EngineError::IdempotencyKeyReused),
        }
    }

    pub(crate) fn new_execution_id(&self) -> ExecutionId {
        ExecutionId::from_uuid(self.new_uuid())
    }
}

/// Whether an execution of the workflow may have this input.
pub(crate) fn check_input(workflow: &Compiled, input: &Json) -> Result<(), EngineError> {
    if let Some(excess) = workflow.limits().excess(input) {
        return Err(EngineError::InputTooLarge { excess });
    }
    if let Some(schema) = &workflow.settings().input_schema {
        schema
            .validate(&input.to_value())
            .map_err(|mismatch| EngineError::InputMismatch {
                message: mismatch.to_string(),
            })?;
    }
    Ok(())
}
