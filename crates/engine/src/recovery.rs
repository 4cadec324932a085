//! Recovery and waking: executions that need a driver and have none.

use std::{sync::Arc, time::Duration};

use agentchains_machine::{ExecutionId, Input};
use agentchains_ports::StoreError;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

use crate::{
    clock::add,
    shared::{Message, Shared},
};

/// Interrupted executions that are taken over at the same time.
const AT_ONCE: u32 = 64;
/// Due executions that are woken in one go.
const DUE_AT_ONCE: u32 = 256;
/// Between two looks at what is due.
const BREATH: Duration = Duration::from_millis(50);
/// Between two tries when the store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Takes over what an earlier process was driving when it ended.
pub(crate) async fn take_over(shared: Arc<Shared>) {
    let mut after = None;
    let mut total = 0_usize;
    loop {
        match shared.store.interrupted(after, AT_ONCE).await {
            Ok(interrupted) => {
                let Some(last) = interrupted.last() else { break };
                after = Some(*last);
                total += interrupted.len();
                if !take_over_all(&shared, &interrupted).await {
                    return;
                }
            }
            Err(error) => {
                if !wait_for_store(&shared, &error).await {
                    return;
                }
            }
        }
    }
    if total > 0 {
        info!(
            executions = total,
            "took over what an earlier process left unfinished"
        );
    }
}

/// Wakes the executions and waits until each has made its first commit. False when the engine stops.
async fn take_over_all(shared: &Arc<Shared>, interrupted: &[ExecutionId]) -> bool {
    let recorded: Vec<_> = interrupted
        .iter()
        .map(|id| {
            let (done, recorded) = oneshot::channel();
            shared.deliver(*id, Message::Recorded(Input::Tick, done));
            recorded
        })
        .collect();
    for recorded in recorded {
        tokio::select! {
            // Fails when the execution is gone or terminal, and then there is nothing to take over.
            _ = recorded => {}
            () = shared.draining.cancelled() => return false,
        }
    }
    true
}

/// Wakes parked executions when their time has come.
pub(crate) async fn wake_due(shared: Arc<Shared>) {
    while !shared.draining.is_cancelled() {
        match wake_all_due(&shared).await {
            Ok(next) => {
                let until = next
                    .unwrap_or(Timestamp::MAX)
                    .max(add(shared.clock.now(), BREATH));
                tokio::select! {
                    () = shared.clock.sleep_until(until) => {}
                    () = shared.parked.notified() => {}
                    () = shared.draining.cancelled() => {}
                }
            }
            Err(error) => {
                wait_for_store(&shared, &error).await;
            }
        }
    }
}

async fn wake_all_due(shared: &Arc<Shared>) -> Result<Option<Timestamp>, StoreError> {
    for id in shared.store.due(shared.clock.now(), DUE_AT_ONCE).await? {
        // A driver that is there knows its own timers.
        if !shared.has_driver(id) {
            shared.deliver(id, Message::Input(Input::Tick));
        }
    }
    shared.store.next_wake().await
}

/// Wakes executions that waited for a place among an agent's calls.
pub(crate) async fn wake_waiting_for_slots(
    shared: Arc<Shared>,
    mut freed: mpsc::UnboundedReceiver<ExecutionId>,
) {
    loop {
        tokio::select! {
            biased;
            () = shared.draining.cancelled() => return,
            waiting = freed.recv() => match waiting {
                Some(id) => shared.deliver(id, Message::Input(Input::Tick)),
                None => return,
            },
        }
    }
}

/// False when the engine stops meanwhile.
async fn wait_for_store(shared: &Shared, error: &StoreError) -> bool {
    error!(
        error = error as &dyn std::error::Error,
        "the store does not answer; trying again"
    );
    shared.metrics.store_failed();
    let until = add(shared.clock.now(), STORE_RETRY);
    tokio::select! {
        () = shared.clock.sleep_until(until) => true,
        () = shared.draining.cancelled() => false,
    }
}
