//! Waking: parked executions get a driver when their time has come, or a place among an agent's calls is free.

use std::{sync::Arc, time::Duration};

use agentchains_machine::{ExecutionId, Input};
use agentchains_ports::StoreError;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::error;

use crate::{
    clock::add,
    shared::{Message, Shared},
};

/// Due executions that are woken in one go.
const DUE_AT_ONCE: u32 = 256;
/// Between two looks at what is due.
const BREATH: Duration = Duration::from_millis(50);
/// Between two tries when the store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

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
pub(crate) async fn wait_for_store(shared: &Shared, error: &StoreError) -> bool {
    error!(
        error = error.with_causes(),
        "the store does not answer; trying again"
    );
    shared.metrics.store_failed();
    let until = add(shared.clock.now(), STORE_RETRY);
    tokio::select! {
        () = shared.clock.sleep_until(until) => true,
        () = shared.draining.cancelled() => false,
    }
}
