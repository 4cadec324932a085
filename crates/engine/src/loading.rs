//! Loading: an execution that is parked, or was left by an earlier process, gets a driver.

use std::{sync::Arc, time::Duration};

use agentchains_machine::{ExecutionId, ExecutionStatus, Input, Machine};
use agentchains_ports::{Claimed, Fence, StoreError};
use tokio::sync::mpsc;
use tracing::{Instrument, error, info_span};

use crate::{
    clock::add,
    driver::Driver,
    shared::{CommandError, Message, Shared},
};

/// Between tries of what the store refuses; doubled each time, up to the second one.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// The growing wait between tries of what must be done in the end.
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) const fn new() -> Self {
        Self(RETRY.0)
    }

    /// Waits a while before the store is tried again. False when the engine has stopped meanwhile.
    pub(crate) async fn wait(&mut self, shared: &Shared) -> bool {
        let until = add(shared.clock.now(), self.0);
        self.0 = (self.0 * 2).min(RETRY.1);
        tokio::select! {
            () = shared.clock.sleep_until(until) => true,
            () = shared.stopped.cancelled() => false,
        }
    }
}

/// What an execution is loaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To go on.
    Drive,
    /// To be ended, because it may be what makes the process crash.
    Quarantine,
}

/// Takes an execution over and drives it. `knows_children`: its child executions report to this process already.
pub(crate) async fn load_and_drive(
    shared: Arc<Shared>,
    id: ExecutionId,
    mut mailbox: mpsc::UnboundedReceiver<Message>,
    mut knows_children: bool,
    purpose: Purpose,
) {
    shared.breakers.restored().await;
    match load(&shared, id, &mut mailbox, &mut knows_children).await {
        Some((machine, fence)) => {
            let execution = machine.execution();
            let interrupted = execution.in_flight > 0 || (execution.children > 0 && !knows_children);
            let first = match execution.status {
                _ if purpose == Purpose::Quarantine => Some(Input::Quarantine),
                ExecutionStatus::Pending => Some(Input::Start),
                _ => interrupted.then_some(Input::Recover),
            };
            let driver = Driver::new(shared, machine, fence, mailbox);
            let first = first.map(Message::Input);
            driver.run(first).instrument(info_span!("execution", %id)).await;
        }
        None => {
            shared.unregister(id);
            mailbox.close();
            while let Some(message) = mailbox.recv().await {
                refuse(message, CommandError::NotActive);
            }
        }
    }
}

/// `None` when there is nothing to drive, or the engine stops.
async fn load(
    shared: &Arc<Shared>,
    id: ExecutionId,
    mailbox: &mut mpsc::UnboundedReceiver<Message>,
    knows_children: &mut bool,
) -> Option<(Machine, Fence)> {
    let mut patience = Patience::new();
    while !shared.stopped.is_cancelled() {
        match try_load(shared, id).await {
            Ok(loaded) => return loaded,
            Err(error) => {
                error!(%id, error = &error as &dyn std::error::Error, "cannot load the execution; trying again");
                shared.metrics.store_failed();
                // Waiting may mend a store that is away, but hardly one that cannot be understood.
                if matches!(error, StoreError::Corrupt { .. }) {
                    // What children reported goes with the rest, so they must be asked again.
                    *knows_children = false;
                    while let Ok(message) = mailbox.try_recv() {
                        refuse(message, CommandError::Unreadable);
                    }
                }
                patience.wait(shared).await;
            }
        }
    }
    None
}

async fn try_load(shared: &Arc<Shared>, id: ExecutionId) -> Result<Option<(Machine, Fence)>, StoreError> {
    let Some(Claimed { fence, snapshot }) = shared.store.claim(id).await? else {
        return Ok(None);
    };
    let execution = &snapshot.execution;
    let (workflow, version) = (execution.workflow_id, execution.workflow_version);
    let compiled = shared.compiled.get(&*shared.workflows, workflow, version).await?;
    let compiled = compiled.ok_or_else(|| StoreError::Corrupt {
        place: "executions.workflow_version",
        source: format!("there is no version {version} of workflow {workflow}").into(),
    })?;
    Ok(Some((Machine::restore(compiled, snapshot), fence)))
}

/// Says no to whoever waits for an answer.
pub(crate) fn refuse(message: Message, error: CommandError) {
    if let Message::Command(_, reply) = message {
        // The caller may have gone; nobody else wants to know.
        let _ = reply.send(Err(error));
    }
}
