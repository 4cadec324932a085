//! Compiled workflows, kept by version so that an execution's start and recovery need not check them again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_machine::WorkflowId;
use agentchains_ports::{StoreError, WorkflowStore};
use agentchains_workflow::{Compiled, Limits, check_within};
use thiserror::Error;

/// Versions that are kept.
const CAPACITY: usize = 256;

type Key = (WorkflowId, u32);

#[derive(Debug)]
pub(crate) struct CompiledCache {
    limits: Limits,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Key, Arc<Compiled>>,
    /// The keys as they came in: the oldest one makes room.
    order: VecDeque<Key>,
}

/// A stored document that no longer passes its check.
#[derive(Debug, Error)]
#[error("version {version} of workflow {id} has {errors} error(s)")]
struct NoLongerValid {
    id: WorkflowId,
    version: u32,
    errors: usize,
}

impl CompiledCache {
    /// Nothing yet. Documents are held to these limits when they come in, executions whenever they run.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Mutex::default(),
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn insert(&self, id: WorkflowId, version: u32, workflow: Arc<Compiled>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Entries { by_key, order } = &mut *entries;
        if by_key.insert((id, version), workflow).is_none() {
            order.push_back((id, version));
        }
        if order.len() > CAPACITY
            && let Some(oldest) = order.pop_front()
        {
            by_key.remove(&oldest);
        }
    }

    /// The compiled version; `None` when there is no such version.
    pub(crate) async fn get(
        &self,
        store: &dyn WorkflowStore,
        id: WorkflowId,
        version: u32,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        if let Some(workflow) = self.lookup(id, version) {
            return Ok(Some(workflow));
        }
        let Some(record) = store.version(id, version).await? else {
            return Ok(None);
        };
        let checked = check_within(&record.document, self.limits.for_accepted_documents());
        let errors = checked.diagnostics.errors().count();
        let workflow = checked.workflow.ok_or_else(|| StoreError::Corrupt {
            place: "workflow_versions.document",
            source: Box::new(NoLongerValid { id, version, errors }),
        })?;
        let workflow = Arc::new(workflow);
        self.insert(id, version, Arc::clone(&workflow));
        Ok(Some(workflow))
    }

    fn lookup(&self, id: WorkflowId, version: u32) -> Option<Arc<Compiled>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.by_key.get(&(id, version)).cloned()
    }
}
