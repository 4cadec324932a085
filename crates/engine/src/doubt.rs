//! Doubt: writes that failed, and may have been made all the same because only their answer was lost.

use std::sync::Arc;

use agentchains_machine::ExecutionId;
use agentchains_ports::{Commit, StoreError};
use tokio::sync::mpsc;

use crate::{loading::Patience, recovery::wake, shared::Shared};

/// Whether a commit that was tried before, and is refused as fenced, is what fences itself. However long the store
/// takes to tell; false when the engine stops before that.
pub(crate) async fn was_made(shared: &Shared, commit: &Commit) -> bool {
    let mut patience = Patience::new();
    loop {
        match is_there(shared, commit).await {
            Ok(is_there) => return is_there,
            Err(error) => {
                if !patience
                    .after(shared, &error, "cannot read what became of a commit")
                    .await
                {
                    return false;
                }
            }
        }
    }
}

/// Only one driver writes under a lease, so that the revision after the commit's own is the commit's.
async fn is_there(shared: &Shared, commit: &Commit) -> Result<bool, StoreError> {
    let execution = &commit.changes.execution;
    // Takes nothing over: the lease is this process's already, or is a later one, which stays as it is.
    if let Some(claimed) = shared.store.claim(execution.id).await? {
        return Ok(claimed.fence == commit.fence.advanced());
    }
    let ended = shared.query.execution(&execution.tenant, execution.id).await?;
    Ok(ended.is_some_and(|row| (row.status, row.last_seq) == (execution.status, execution.last_seq)))
}

/// Gives executions a driver whose creation failed, where they were recorded all the same. One after the other:
/// while the store does not answer, any number may come together.
pub(crate) async fn take_up_recorded(
    shared: Arc<Shared>,
    mut in_doubt: mpsc::UnboundedReceiver<ExecutionId>,
) {
    let each = async {
        while let Some(id) = in_doubt.recv().await {
            // Fails where it was not recorded.
            let _ = wake(&shared, id).await;
        }
    };
    tokio::select! {
        () = each => {}
        () = shared.draining.cancelled() => {}
    }
}
