//! Loading: an execution that is parked, or was left by an earlier process, gets a driver.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agentchains_machine::{ExecutionId, ExecutionStatus, Input, Machine};
use agentchains_ports::{Claimed, Fence, StoreError};
use jiff::Timestamp;
use tracing::{Instrument, error, info_span, warn};

use crate::{
    clock::add,
    driver::Driver,
    shared::{CommandError, Message, Received, Shared},
};

/// Between tries of what the store refuses; doubled each time, up to the second one.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Failures in a row after which a store is taken to be away, and whoever waits for an answer is told so.
const HICCUPS: u32 = 3;

/// The growing wait between tries of what must be done in the end.
pub(crate) struct Patience {
    wait: Duration,
    failures: u32,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        Self {
            wait: RETRY.0,
            failures: 0,
        }
    }

    /// Tells of a failure, the louder the longer it lasts, and waits a while before the store is tried again. False when
    /// the engine has stopped meanwhile.
    pub(crate) async fn after(&mut self, shared: &Shared, error: &StoreError, failed: &str) -> bool {
        self.failures += 1;
        self.tell(shared, error, failed);
        shared.metrics.store_failed();
        let until = add(shared.clock.now(), self.wait);
        self.wait = (self.wait * 2).min(RETRY.1);
        tokio::select! {
            () = shared.clock.sleep_until(until) => true,
            () = shared.stopped.cancelled() => false,
        }
    }

    fn tell(&self, shared: &Shared, error: &StoreError, failed: &str) {
        let is_loud = self.is_at_its_end();
        let Some(untold) = shared.store_complaints.make(shared.clock.now(), is_loud) else {
            return;
        };
        let error = error.with_causes();
        if is_loud {
            error!(error, untold, "{failed}; trying again");
        } else {
            warn!(error, untold, "{failed}; trying again");
        }
    }

    /// Whether this is no hiccup any more.
    pub(crate) const fn is_at_its_end(&self) -> bool {
        self.failures >= HICCUPS
    }
}

/// Between two complaints about a store that is away, unless the second is louder.
const SILENCE: Duration = Duration::from_secs(5);

/// What the log was told of the store: of a thousand executions that cannot be written for one reason, one speaks for all.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Option<Complaint>>);

#[derive(Debug)]
struct Complaint {
    at: Timestamp,
    is_loud: bool,
    /// Those that were not told since.
    untold: u64,
}

impl Complaints {
    /// Whether this one is to be told, and if so, how many were not since the last one.
    fn make(&self, now: Timestamp, is_loud: bool) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_mut()
            && now < add(last.at, SILENCE)
            && (last.is_loud || !is_loud)
        {
            last.untold += 1;
            return None;
        }
        let untold = last.as_ref().map_or(0, |last| last.untold);
        *last = Some(Complaint {
            at: now,
            is_loud,
            untold: 0,
        });
        Some(untold)
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
    mut mailbox: Received,
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
            let driver = Box::new(Driver::new(shared, machine, fence, mailbox));
            let first = first.map(Message::Input);
            driver.run(first).instrument(info_span!("execution", %id)).await;
        }
        None => {
            shared.unregister(id);
            mailbox.close();
            while let Some(message) = mailbox.recv().await {
                refuse(*message, CommandError::NotActive);
            }
        }
    }
}

/// `None` when there is nothing to drive, or the engine stops.
async fn load(
    shared: &Arc<Shared>,
    id: ExecutionId,
    mailbox: &mut Received,
    knows_children: &mut bool,
) -> Option<(Machine, Fence)> {
    let mut patience = Patience::new();
    while !shared.stopped.is_cancelled() {
        match try_load(shared, id).await {
            Ok(loaded) => return loaded,
            Err(error) => {
                // Waiting may mend a store that is away, but hardly one that cannot be understood.
                if matches!(error, StoreError::Corrupt { .. }) {
                    // What children reported goes with the rest, so they must be asked again.
                    *knows_children = false;
                    while let Ok(message) = mailbox.try_recv() {
                        refuse(*message, CommandError::Unreadable);
                    }
                }
                patience.after(shared, &error, "cannot load the execution").await;
                if patience.is_at_its_end() {
                    answer_commands(shared, id, mailbox);
                }
            }
        }
    }
    None
}

/// Tells those who wait for commands that the store is away. What they want is carried out all the same.
fn answer_commands(shared: &Arc<Shared>, id: ExecutionId, mailbox: &mut Received) {
    for _ in 0..mailbox.len() {
        let Ok(message) = mailbox.try_recv() else { return };
        let message = match *message {
            Message::Command(input, reply) => {
                // The caller may have gone; nobody else wants to know.
                let _ = reply.send(Err(CommandError::StoreAway));
                Message::Input(input)
            }
            other => other,
        };
        shared.deliver(id, message);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_complaint_speaks_for_all_until_one_is_louder_or_time_has_passed() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let complaints = Complaints::default();
        for (second, is_loud, told) in [
            (0, false, Some(0)),
            (1, false, None),
            (2, true, Some(1)),
            (3, true, None),
            (4, false, None),
            (7, false, Some(2)),
            (100, true, Some(0)),
        ] {
            assert_eq!(complaints.make(at(second), is_loud), told, "at second {second}");
        }
    }
}
