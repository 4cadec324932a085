//! Which version of a workflow a start means, kept so that a start need not read it.
//!
//! Workflows are changed through the engine that starts them, which then forgets what it knew.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use agentchains_machine::WorkflowId;

/// Workflows that are kept. All are forgotten when there are more.
const CAPACITY: usize = 4096;

/// The latest versions of workflows that may be started.
#[derive(Debug, Default)]
pub(crate) struct LatestVersions {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    versions: HashMap<WorkflowId, (String, u32)>,
    /// Counts what was forgotten.
    changes: u64,
}

/// Until when what was read may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    changes: u64,
}

impl LatestVersions {
    /// The latest version of a tenant's workflow, where it is known.
    ///
    /// # Errors
    /// Where it isn't, what must be there to keep it once it was read.
    pub(crate) fn get(&self, tenant: &str, id: WorkflowId) -> Result<u32, Reading> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.versions.get(&id) {
            Some((owner, version)) if owner == tenant => Ok(*version),
            _ => Err(Reading {
                changes: known.changes,
            }),
        }
    }

    /// Keeps what was read, unless a workflow has changed since the reading began.
    pub(crate) fn keep(&self, reading: Reading, tenant: &str, id: WorkflowId, version: u32) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.changes != reading.changes {
            return;
        }
        if known.versions.len() >= CAPACITY {
            known.versions.clear();
        }
        known.versions.insert(id, (tenant.to_owned(), version));
    }

    /// Forgets a workflow that has changed.
    pub(crate) fn forget(&self, id: WorkflowId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.versions.remove(&id);
        known.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let (latest, id) = (LatestVersions::default(), WorkflowId::from_uuid(Uuid::nil()));
        let before = latest.get("a", id).unwrap_err();
        latest.forget(id);
        latest.keep(before, "a", id, 1);
        let after = latest.get("a", id).unwrap_err();
        latest.keep(after, "a", id, 2);
        assert_eq!(latest.get("a", id).ok(), Some(2));
    }

    #[test]
    fn a_version_is_its_tenants() {
        let (latest, id) = (LatestVersions::default(), WorkflowId::from_uuid(Uuid::nil()));
        let reading = latest.get("a", id).unwrap_err();
        latest.keep(reading, "a", id, 1);
        assert!(latest.get("b", id).is_err());
    }
}
