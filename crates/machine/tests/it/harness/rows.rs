//! The rows of one execution as a store would hold them after the committed steps.

use std::collections::BTreeMap;

use agentchains_machine::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Changes, Event, ExecutionRow, NodeRow, Snapshot,
};

/// Everything that was made durable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    pub(crate) execution: ExecutionRow,
    pub(crate) nodes: BTreeMap<String, NodeRow>,
    pub(crate) attempts: BTreeMap<(String, u32), AttemptRow>,
    pub(crate) approvals: BTreeMap<ApprovalId, ApprovalRow>,
    pub(crate) events: Vec<Event>,
}

impl Rows {
    pub(crate) fn new(execution: ExecutionRow) -> Self {
        Self {
            execution,
            nodes: BTreeMap::new(),
            attempts: BTreeMap::new(),
            approvals: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn write(&mut self, changes: &Changes) {
        self.execution = changes.execution.clone();
        for row in &changes.nodes {
            self.nodes.insert(row.path.as_str().to_owned(), row.clone());
        }
        for row in &changes.attempts {
            let key = (row.path.as_str().to_owned(), row.number);
            self.attempts.insert(key, row.clone());
        }
        for row in &changes.approvals {
            self.approvals.insert(row.id, row.clone());
        }
        self.events.extend(changes.events.iter().cloned());
    }

    /// What a claim of the execution reads.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let pending = |row: &&ApprovalRow| row.status == ApprovalStatus::Pending;
        Snapshot {
            execution: self.execution.clone(),
            nodes: self.nodes.values().cloned().collect(),
            approvals: self.approvals.values().filter(pending).cloned().collect(),
        }
    }
}
