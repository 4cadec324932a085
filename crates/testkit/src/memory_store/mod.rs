//! A store in plain maps, for tests of what stands above a store.
//!
//! It keeps the contract of the ports, which [`crate::store_conformance`] holds it to, but nothing on disk.

mod agents;
mod api_keys;
mod breakers;
mod executions;
mod history;
mod ledger;
mod paging;
mod queries;
mod secrets;
mod webhooks;
mod workflows;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_cost::Budget;
use agentchains_machine::{
    ApprovalId, ApprovalRow, ApprovalStatus, AttemptRow, Changes, Event, ExecutionId, ExecutionRow, NodePath,
    NodeRow, Seed, Snapshot, WorkflowId,
};
use agentchains_ports::{
    AgentKey, AgentRecord, ApiKey, BreakerRecord, Fence, Idempotency, PurseId, SealedSecret, StoreError,
    VersionRecord, Webhook, WorkflowRecord, compare_attempts, compare_nodes,
};
use jiff::Timestamp;

use self::webhooks::Pending;

/// A store in memory. Clones share their data and their epoch.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
    epoch: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            data: Arc::default(),
            epoch: 0,
        }
        .reopened()
    }

    /// The same data as a later process would open it: under a new epoch, by which earlier claims lapse one by
    /// one as executions are claimed again.
    #[must_use]
    pub fn reopened(&self) -> Self {
        let mut data = self.data();
        data.epoch += 1;
        Self {
            data: Arc::clone(&self.data),
            epoch: data.epoch,
        }
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Data {
    epoch: u64,
    executions: BTreeMap<ExecutionId, Entry>,
    workflows: BTreeMap<WorkflowId, Stored>,
    agents: BTreeMap<AgentKey, AgentRecord>,
    /// By the number of the change.
    breakers: BTreeMap<u64, BreakerRecord>,
    breaker_changes: u64,
    keys: HashMap<(String, String), UsedKey>,
    purses: BTreeMap<PurseId, Budget>,
    /// By tenant and name.
    secrets: BTreeMap<(String, String), SealedSecret>,
    api_keys: BTreeMap<String, ApiKey>,
    webhooks: BTreeMap<String, Webhook>,
    deliveries: Vec<Pending>,
}

/// An execution with everything that belongs to it.
#[derive(Debug)]
struct Entry {
    row: ExecutionRow,
    fence: Fence,
    nodes: BTreeMap<NodePath, NodeRow>,
    attempts: BTreeMap<(NodePath, u32), AttemptRow>,
    approvals: BTreeMap<ApprovalId, ApprovalRow>,
    events: Vec<Event>,
    seeds: BTreeMap<NodePath, Seed>,
}

impl Entry {
    fn new(mut changes: Changes, fence: Fence) -> Self {
        let seeds = std::mem::take(&mut changes.seeds);
        let mut entry = Self {
            row: changes.execution.clone(),
            fence,
            nodes: BTreeMap::new(),
            attempts: BTreeMap::new(),
            approvals: BTreeMap::new(),
            events: Vec::new(),
            seeds: seeds.into_iter().map(|row| (row.path.clone(), row)).collect(),
        };
        entry.apply(changes);
        entry
    }

    fn apply(&mut self, changes: Changes) {
        let Changes {
            execution,
            nodes,
            attempts,
            approvals,
            events,
            // They come with the creation only.
            seeds: _,
        } = changes;
        self.row = execution;
        self.nodes
            .extend(nodes.into_iter().map(|row| (row.path.clone(), row)));
        self.attempts.extend(
            attempts
                .into_iter()
                .map(|row| ((row.path.clone(), row.number), row)),
        );
        self.approvals
            .extend(approvals.into_iter().map(|row| (row.id, row)));
        self.events.extend(events);
    }

    /// Whether it was being driven in an earlier epoch.
    fn is_interrupted(&self, epoch: u64) -> bool {
        self.fence.epoch < epoch && self.row.is_driven
    }

    fn nodes(&self) -> Vec<NodeRow> {
        let mut nodes: Vec<NodeRow> = self.nodes.values().cloned().collect();
        nodes.sort_by(compare_nodes);
        nodes
    }

    fn attempts(&self) -> Vec<AttemptRow> {
        let mut attempts: Vec<AttemptRow> = self.attempts.values().cloned().collect();
        attempts.sort_by(compare_attempts);
        attempts
    }

    fn snapshot(&self) -> Snapshot {
        let pending = |row: &&ApprovalRow| row.status == ApprovalStatus::Pending;
        Snapshot {
            execution: self.row.clone(),
            nodes: self.nodes(),
            approvals: self.approvals.values().filter(pending).cloned().collect(),
            seeds: self.seeds.values().cloned().collect(),
        }
    }
}

/// A workflow with its versions, the first one first.
#[derive(Debug)]
struct Stored {
    record: WorkflowRecord,
    versions: Vec<VersionRecord>,
}

/// What an idempotency key has made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Made {
    Execution(ExecutionId),
    Workflow(WorkflowId),
    Agent(AgentKey),
    Webhook(String),
}

/// An idempotency key and what it made.
#[derive(Debug)]
struct UsedKey {
    fingerprint: String,
    resource: Made,
    expires_at: Timestamp,
}

/// What a key says about a request.
enum KeyVerdict {
    /// It has not been used.
    Fresh,
    /// The same request made this.
    Replay(Made),
    /// Another request used it.
    Reused,
}

impl Data {
    /// Forgets the keys that have expired, and looks one up.
    fn key_verdict(&mut self, tenant: &str, key: &Idempotency, now: Timestamp) -> KeyVerdict {
        self.keys.retain(|_, used| used.expires_at > now);
        match self.keys.get(&(tenant.to_owned(), key.key.clone())) {
            None => KeyVerdict::Fresh,
            Some(used) if used.fingerprint == key.fingerprint => KeyVerdict::Replay(used.resource.clone()),
            Some(_) => KeyVerdict::Reused,
        }
    }

    /// Notes what a key has made.
    fn use_key(&mut self, tenant: &str, key: Idempotency, resource: Made) {
        let Idempotency {
            key,
            fingerprint,
            expires_at,
        } = key;
        self.keys.insert(
            (tenant.to_owned(), key),
            UsedKey {
                fingerprint,
                resource,
                expires_at,
            },
        );
    }
}

fn repeated(place: &'static str) -> StoreError {
    StoreError::Corrupt {
        place,
        source: "it is there already".into(),
    }
}
