//! The rows of one execution as a store would hold them after the committed steps.

use std::collections::BTreeMap;

use agentchains_machine::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Changes, Event, ExecutionRow, NodeRow, NodeStatus,
    Seed, Snapshot,
};

/// Everything that was made durable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    pub(crate) execution: ExecutionRow,
    pub(crate) nodes: BTreeMap<String, NodeRow>,
    pub(crate) attempts: BTreeMap<(String, u32), AttemptRow>,
    pub(crate) approvals: BTreeMap<ApprovalId, ApprovalRow>,
    pub(crate) events: Vec<Event>,
    pub(crate) seeds: Vec<Seed>,
}

impl Rows {
    pub(crate) fn new(execution: ExecutionRow) -> Self {
        Self {
            execution,
            nodes: BTreeMap::new(),
            attempts: BTreeMap::new(),
            approvals: BTreeMap::new(),
            events: Vec::new(),
            seeds: Vec::new(),
        }
    }

    /// The status of a node; one without a row is pending.
    pub(crate) fn status(&self, path: &str) -> NodeStatus {
        let row = self.nodes.get(path);
        row.map_or(NodeStatus::Pending, |row| row.state.status())
    }

    /// The rows alone: what a check compares the next ones with.
    pub(crate) fn without_events(&self) -> Self {
        Self {
            execution: self.execution.clone(),
            nodes: self.nodes.clone(),
            attempts: self.attempts.clone(),
            approvals: self.approvals.clone(),
            events: Vec::new(),
            seeds: self.seeds.clone(),
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
        self.seeds.extend(changes.seeds.iter().cloned());
    }

    /// What a claim of the execution reads.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let pending = |row: &&ApprovalRow| row.status == ApprovalStatus::Pending;
        Snapshot {
            execution: self.execution.clone(),
            nodes: self.nodes.values().cloned().collect(),
            approvals: self.approvals.values().filter(pending).cloned().collect(),
            seeds: self.seeds.clone(),
        }
    }
}
