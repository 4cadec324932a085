//! Executions: steered and read.

use std::{sync::Arc, time::Duration};

use agentchains_cost::Budget;
use agentchains_machine::{
    AttemptRow, Event, ExecutionId, ExecutionRow, Explanation, Input, Machine, NodeRow,
};
use agentchains_ports::{ExecutionFilter, Page, PageRequest, PurseId};
use agentchains_workflow::{Compiled, Node, NodeKind};
use tokio::sync::oneshot;

use crate::{
    Bill, Caller, Engine, EngineError, Spending,
    clock::add,
    events::EventStream,
    gate::DriverGate,
    purses::Sources,
    shared::{CarriedOut, CommandError, Message},
};

/// How long a command may take to be recorded before whoever gave it is told that the store is away.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

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
    /// Lets nothing new start.
    ///
    /// # Errors
    /// [`EngineError`] when it does not apply.
    pub async fn pause(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRow, EngineError> {
        let by = Some(caller.name.clone());
        self.command(caller, id, Input::Pause { by }).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`EngineError`] when it does not apply.
    pub async fn cancel(&self, caller: &Caller, id: ExecutionId) -> Result<ExecutionRow, EngineError> {
        let by = Some(caller.name.clone());
        self.command(caller, id, Input::Cancel { by }).await
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
        let done = self.command_known(caller, id, input).await?;
        Ok(done.execution)
    }

    /// The same for an execution that is known to be the caller's.
    pub(crate) async fn command_known(
        &self,
        caller: &Caller,
        id: ExecutionId,
        input: Input,
    ) -> Result<CarriedOut, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.shared.deliver(id, Message::Command(input, reply));
        let until = add(self.shared.clock.now(), ANSWER_WITHIN);
        let answered = tokio::select! {
            answered = answer => answered,
            // Whatever holds it up, it is carried out once that has gone.
            () = self.shared.clock.sleep_until(until) => return Err(EngineError::StoreAway),
        };
        match answered {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(CommandError::Rejected(rejected))) => Err(rejected.into()),
            Ok(Err(CommandError::NotActive)) => Err(conflict(&self.execution(caller, id).await?)),
            Ok(Err(CommandError::Unreadable)) => Err(EngineError::Unreadable { id: id.to_string() }),
            Ok(Err(CommandError::TakenOver)) => Err(EngineError::TakenOver),
            Ok(Err(CommandError::StoreAway)) => Err(EngineError::StoreAway),
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
            .compiled(execution.workflow_id, execution.workflow_version)
            .await?;
        Ok(ExecutionView {
            execution,
            nodes,
            workflow,
        })
    }

    /// Says of each node that has not settled what it waits for, and of each that was skipped why.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn explain(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<(ExecutionRow, Vec<Explanation>), EngineError> {
        let machine = self.restored(caller, id).await?;
        let now = self.now();
        let sources = Sources::of(&self.shared.purses, machine.execution());
        sources.load(&*self.shared.query, now).await?;
        let gate = DriverGate::new(&self.shared, machine.execution(), &sources);
        Ok((machine.execution().clone(), machine.explain(now, &gate)))
    }

    /// An execution as the store has it, in a machine that is only asked and takes no step.
    pub(crate) async fn restored(&self, caller: &Caller, id: ExecutionId) -> Result<Machine, EngineError> {
        let snapshot = self.shared.query.snapshot(&caller.tenant, id).await?;
        let snapshot = snapshot.ok_or_else(|| EngineError::not_found("execution", id))?;
        let execution = &snapshot.execution;
        let workflow = self
            .compiled(execution.workflow_id, execution.workflow_version)
            .await?;
        Ok(Machine::restore(workflow, snapshot))
    }

    /// The child executions that an execution has started, ascending.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn children(&self, caller: &Caller, id: ExecutionId) -> Result<Vec<ExecutionRow>, EngineError> {
        self.execution(caller, id).await?;
        Ok(self.shared.query.children(id).await?)
    }

    /// The nodes of an execution that wait for something, or for which a child execution runs.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn waiting_nodes(&self, caller: &Caller, id: ExecutionId) -> Result<Vec<NodeRow>, EngineError> {
        self.execution(caller, id).await?;
        Ok(self.shared.query.waiting_nodes(id).await?)
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

    /// How many executions there are of those that are wanted.
    ///
    /// # Errors
    /// [`EngineError`] when the store could not be read.
    pub async fn count_executions(
        &self,
        caller: &Caller,
        filter: &ExecutionFilter,
    ) -> Result<u64, EngineError> {
        Ok(self.shared.query.count_executions(&caller.tenant, filter).await?)
    }

    /// The attempts of an execution: the ledger, by path and number.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn attempts(&self, caller: &Caller, id: ExecutionId) -> Result<Vec<AttemptRow>, EngineError> {
        self.execution(caller, id).await?;
        Ok(self.shared.query.attempts(id).await?)
    }

    /// What an execution and everything below it have cost, summed exactly and read at one moment.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn bill(&self, caller: &Caller, id: ExecutionId) -> Result<Bill, EngineError> {
        let ledger = self.shared.query.ledger(&caller.tenant, id).await?;
        ledger
            .map(Bill::of)
            .ok_or_else(|| EngineError::not_found("execution", id))
    }

    /// The total of that alone. What an execution without children has cost is in its row, which is `execution`.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn spending(&self, caller: &Caller, execution: &ExecutionRow) -> Result<Spending, EngineError> {
        if !self.may_have_children(execution).await? {
            return Ok(Spending {
                cost: execution.spent,
                reserved: execution.reserved,
            });
        }
        let total = self.bill(caller, execution.id).await?.total;
        Ok(Spending {
            cost: total.cost,
            reserved: total.reserved,
        })
    }

    /// Whether any execution was started below this one. Only where its workflow starts some need the store be asked.
    async fn may_have_children(&self, execution: &ExecutionRow) -> Result<bool, EngineError> {
        let workflow = self
            .compiled(execution.workflow_id, execution.workflow_version)
            .await?;
        let starts_workflows = |node: &Node| matches!(node.kind, NodeKind::Subworkflow(_));
        Ok(workflow.nodes().any(starts_workflows) && self.shared.query.has_children(execution.id).await?)
    }

    /// The purse of an execution with a budget: what it and the executions below it have spent and reserved.
    ///
    /// # Errors
    /// [`EngineError`] when there is no such execution, or the store could not be read.
    pub async fn purse(&self, caller: &Caller, id: ExecutionId) -> Result<Option<Budget>, EngineError> {
        self.execution(caller, id).await?;
        Ok(self.shared.query.purse(&PurseId::of_execution(id)).await?)
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
        let watch = self.shared.hub.watch_execution(id);
        let row = self.execution(caller, id).await?;
        // Beyond the last event there is nothing that the reader could have seen.
        let after_seq = after_seq.min(row.last_seq);
        Ok(EventStream::new(Arc::clone(&self.shared), id, after_seq, watch))
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
