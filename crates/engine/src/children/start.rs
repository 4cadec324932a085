//! Starting a child execution: once, however often it is asked for and whatever the store does meanwhile.

use std::{collections::BTreeMap, sync::Arc};

use agentchains_machine::{
    ChildReport, ExecutionId, ExecutionRow, FailureCode, Input, Machine, NewExecution, Parent, StartChild,
};
use agentchains_ports::StoreError;
use agentchains_workflow::{Compiled, OnBudget, UnknownCost};
use tracing::warn;

use super::tree::{Place, runs_above};
use crate::{
    Engine, EngineError,
    loading::Patience,
    references::Resolved,
    shared::{Message, Shared},
};

/// A child that is to be started.
#[derive(Debug)]
pub(crate) struct Birth {
    start: StartChild,
    parent: Parent,
    tenant: String,
    initiated_by: String,
}

/// Why a child was not started.
enum NotStarted {
    /// It never will be: its parent is told.
    Refused(FailureCode, String),
    /// The store failed; it is tried again.
    Store(StoreError),
}

impl From<StoreError> for NotStarted {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Store(error),
            error => Self::Refused(FailureCode::SubworkflowFailed, error.to_string()),
        }
    }
}

impl From<EngineError> for NotStarted {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            error => Self::Refused(FailureCode::SubworkflowFailed, error.to_string()),
        }
    }
}

impl Birth {
    pub(crate) fn new(machine: &Machine, start: StartChild) -> Self {
        let above = machine.execution();
        let unknown_cost = machine.workflow().settings().unknown_cost;
        Self {
            parent: Parent {
                execution_id: above.id,
                root_execution_id: above.root(),
                path: start.path.clone(),
                depth: above.depth().saturating_add(1),
                waits: start.waits,
                budgets: above.budgets_below(&start.path, unknown_cost),
                holds: false,
            },
            tenant: above.tenant.clone(),
            initiated_by: above.initiated_by.clone(),
            start,
        }
    }

    /// The id of the child.
    pub(super) const fn id(&self) -> ExecutionId {
        self.start.execution_id
    }

    fn tell(&self, shared: &Arc<Shared>, input: Input) {
        shared.deliver(self.parent.execution_id, Message::Input(input));
    }

    /// Tells the parent that the child is there, and how it stands.
    fn report(&self, shared: &Arc<Shared>, row: &ExecutionRow) {
        let input = Input::ChildReported {
            path: self.parent.path.clone(),
            execution_id: row.id,
            report: ChildReport::of(row),
        };
        self.tell(shared, input);
    }

    fn refuse(&self, shared: &Arc<Shared>, code: FailureCode, message: String) {
        warn!(%code, message, "the child execution is not started");
        let input = Input::ChildRefused {
            path: self.parent.path.clone(),
            execution_id: self.id(),
            code,
            message,
        };
        self.tell(shared, input);
    }
}

/// Starts the child, or takes care that it goes on when it is there.
pub(super) async fn start(shared: &Arc<Shared>, birth: Birth) {
    let mut patience = Patience::new();
    let mut place = None;
    while !shared.stopped.is_cancelled() {
        match try_start(shared, &birth, &mut place).await {
            Ok(()) => return,
            Err(NotStarted::Refused(code, message)) => return birth.refuse(shared, code, message),
            Err(NotStarted::Store(error)) => {
                patience
                    .after(shared, &error, "cannot start the child execution")
                    .await;
            }
        }
    }
}

async fn try_start(shared: &Arc<Shared>, birth: &Birth, place: &mut Option<Place>) -> Result<(), NotStarted> {
    if let Some(row) = shared.query.execution(&birth.tenant, birth.id()).await? {
        go_on(shared, birth, &row);
        return Ok(());
    }
    let engine = Engine {
        shared: Arc::clone(shared),
    };
    let (workflow, new) = engine.prepare_child(birth).await?;
    let most = shared.compiled.limits().max_executions;
    if place.is_none() {
        let root = birth.parent.root_execution_id;
        *place = shared.trees.take_place(&*shared.query, root, most).await?;
    }
    if place.is_none() {
        let message = format!("there are at most {most} executions under one root (max_executions)");
        return Err(NotStarted::Refused(FailureCode::SubworkflowTooDeep, message));
    }
    let row = engine.begin(workflow, new, None).await?;
    if !birth.parent.waits {
        birth.report(shared, &row);
    }
    Ok(())
}

/// What a child that is waited for has to tell comes from its driver, so that it comes in order. One that is terminal
/// has no driver, and one that is not waited for tells nothing but that it is there.
fn go_on(shared: &Arc<Shared>, birth: &Birth, row: &ExecutionRow) {
    let is_over = row.status.is_terminal();
    if is_over || !birth.parent.waits {
        birth.report(shared, row);
    }
    if !is_over {
        // It may have been recorded by a try whose answer was lost, and then it has no driver.
        shared.deliver(row.id, Message::Input(Input::Tick));
    }
}

impl Engine {
    /// Finds the child's workflow and checks that it may run there.
    async fn prepare_child(&self, birth: &Birth) -> Result<(Arc<Compiled>, NewExecution), NotStarted> {
        let (start, tenant) = (&birth.start, &birth.tenant);
        let refused = |code, message| Err(NotStarted::Refused(code, message));
        let found = match self.resolve(tenant, &start.workflow, start.version).await? {
            Ok(found) => found,
            Err(unknown) => return refused(FailureCode::SubworkflowFailed, unknown.to_string()),
        };
        let name = &found.record.name;
        if runs_above(&*self.shared.query, tenant, &birth.parent, found.record.id).await? {
            let message = format!(
                "workflow {name:?} runs already in an execution above: references to workflows must not form a ring"
            );
            return refused(FailureCode::SubworkflowTooDeep, message);
        }
        let workflow = self.compiled(found.record.id, found.version).await?;
        let mut new = birth.execution(&found, &workflow);
        if let Some(source) = start.made_from {
            self.take_over_results(source, &mut new).await?;
        }
        let above = &birth.parent.budgets;
        let has_budget = new.max_budget.is_some() || !above.is_empty();
        let is_refused = above
            .iter()
            .any(|budget| budget.unknown_cost == UnknownCost::Refuse);
        let mut checked = self.check_start(tenant, &workflow, &new.input, has_budget).await;
        if is_refused {
            checked = checked.and_then(|()| self.check_costs_are_known(tenant, &workflow));
        }
        match checked {
            Ok(()) => Ok((workflow, new)),
            Err(EngineError::Store(error)) => Err(error.into()),
            Err(error) => {
                let message = format!("workflow {name:?} cannot be started: {error}");
                refused(FailureCode::SubworkflowFailed, message)
            }
        }
    }

    /// What completed in a child execution of an earlier attempt at the whole is kept for the one in its place.
    async fn take_over_results(&self, source: ExecutionId, new: &mut NewExecution) -> Result<(), StoreError> {
        let Some(snapshot) = self.shared.query.snapshot(&new.tenant, source).await? else {
            return Ok(());
        };
        let earlier = &snapshot.execution;
        let (workflow_id, version) = (earlier.workflow_id, earlier.workflow_version);
        if !earlier.status.is_terminal() || workflow_id != new.workflow_id {
            return Ok(());
        }
        let is_the_same = version == new.workflow_version && earlier.input == new.input;
        let compiled = &self.shared.compiled;
        if let Some(workflow) = compiled
            .get(&*self.shared.workflows, workflow_id, version)
            .await?
        {
            let machine = Machine::restore(workflow, snapshot);
            new.forked_from = Some(source);
            new.seeds = if is_the_same {
                machine.seeds_to_retry()
            } else {
                machine.seeds(&[])
            };
        }
        Ok(())
    }
}

impl Birth {
    /// The child as it is to be recorded.
    pub(crate) fn execution(&self, found: &Resolved, workflow: &Compiled) -> NewExecution {
        let (start, settings) = (&self.start, workflow.settings());
        let budgets = [settings.max_budget, start.max_budget];
        // A child that pauses for what its parent allows it would wait for a raise that nobody can bring.
        let on_budget = match start.max_budget {
            Some(_) if start.waits => OnBudget::Fail,
            _ => settings.on_budget,
        };
        NewExecution {
            id: self.id(),
            tenant: self.tenant.clone(),
            workflow_id: found.record.id,
            workflow_version: found.version,
            input: start.input.clone(),
            max_budget: budgets.into_iter().flatten().min(),
            on_budget,
            timeout: settings.timeout,
            labels: BTreeMap::new(),
            initiated_by: self.initiated_by.clone(),
            parent: Some(self.parent.clone()),
            ends_by: start.deadline,
            forked_from: None,
            seeds: Vec::new(),
        }
    }
}
