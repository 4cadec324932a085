//! Retention: what ended long ago is forgotten.

use std::{sync::Arc, time::Duration};

use agentchains_ports::StoreError;
use jiff::Timestamp;

use crate::{clock::add, shared::Shared, waking::wait_for_store};

/// Between two looks at what has been kept for long enough.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Executions that are looked for at once.
const BATCH: u32 = 100;

/// Forgets executions that ended longer ago than they are to be kept, until the engine stops.
pub(crate) async fn forget(shared: Arc<Shared>, keep: Duration) {
    while !shared.draining.is_cancelled() {
        if let Err(error) = forget_all(&shared, keep).await {
            wait_for_store(&shared, &error).await;
            continue;
        }
        let until = add(shared.clock.now(), LOOK_EVERY);
        tokio::select! {
            () = shared.clock.sleep_until(until) => {}
            () = shared.draining.cancelled() => {}
        }
    }
}

async fn forget_all(shared: &Shared, keep: Duration) -> Result<(), StoreError> {
    // Nothing can be older than time itself.
    let Ok(before) = shared.clock.now().checked_sub(keep) else {
        return Ok(());
    };
    let mut forgotten = 0_u64;
    loop {
        let deleted = forget_some(shared, before).await?;
        forgotten += deleted;
        // None where all that was found is there still, as when somebody else is at it.
        if deleted == 0 || shared.draining.is_cancelled() {
            break;
        }
    }
    if forgotten > 0 {
        tracing::info!(forgotten, "executions were kept for long enough");
    }
    Ok(())
}

async fn forget_some(shared: &Shared, before: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for (tenant, id) in shared.query.ended_before(before, BATCH).await? {
        deleted += u64::from(shared.query.delete_terminal(&tenant, id).await?);
    }
    Ok(deleted)
}
