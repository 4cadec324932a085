//! Trees of executions: how large they may become, and that no workflow runs inside of itself (language reference,
//! sections 7 and 10).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_machine::{ExecutionId, Parent, WorkflowId};
use agentchains_ports::{ExecutionQuery, StoreError};

/// The trees that are growing at present, so that children which start at the same time are all counted.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    growing: Mutex<HashMap<ExecutionId, Arc<Tree>>>,
}

/// The number of executions in a tree, once it was read.
type Tree = tokio::sync::Mutex<Option<u64>>;

/// One execution's place in its tree. Kept until the execution is in the store, where it is counted from then on.
#[derive(Debug)]
pub(super) struct Place {
    _tree: Arc<Tree>,
}

impl Trees {
    /// Takes a place for one execution more; `None` when the tree has `most` already.
    pub(super) async fn take_place(
        &self,
        query: &dyn ExecutionQuery,
        root: ExecutionId,
        most: u64,
    ) -> Result<Option<Place>, StoreError> {
        let tree = self.tree(root);
        let mut size = tree.lock().await;
        let present = match *size {
            Some(present) => present,
            None => query.count_in_tree(root).await?,
        };
        let fits = present < most;
        *size = Some(present + u64::from(fits));
        drop(size);
        Ok(fits.then_some(Place { _tree: tree }))
    }

    fn tree(&self, root: ExecutionId) -> Arc<Tree> {
        let mut growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody holds a place in has all its executions in the store.
        growing.retain(|_, tree| Arc::strong_count(tree) > 1);
        Arc::clone(growing.entry(root).or_default())
    }
}

/// Whether a workflow is running in one of the executions above a child.
pub(super) async fn runs_above(
    query: &dyn ExecutionQuery,
    tenant: &str,
    parent: &Parent,
    workflow: WorkflowId,
) -> Result<bool, StoreError> {
    let mut above = Some(parent.execution_id);
    while let Some(id) = above {
        let Some(row) = query.execution(tenant, id).await? else {
            return Ok(false);
        };
        if row.workflow_id == workflow {
            return Ok(true);
        }
        above = row.parent.map(|parent| parent.execution_id);
    }
    Ok(false)
}
