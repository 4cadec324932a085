//! What every store must do, as test bodies that run on each of them.
//!
//! A backend's tests call [`store_conformance!`](macro@crate::store_conformance) with an expression that makes a fresh
//! [`Backend`], and, where data outlive the store, [`store_reopening!`](crate::store_reopening) too. A body that
//! fails an assertion panics; one whose store fails returns the error.
#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "all bodies end alike: by an assertion that does not hold, or with the store's error"
)]

pub mod agents;
pub mod api_keys;
pub mod breakers;
pub mod commits;
pub mod creation;
pub mod deletion;
pub mod events;
pub mod history;
pub mod large_values;
pub mod ledger;
pub mod lists;
pub mod purses;
pub mod recovery;
pub mod round_trip;
pub mod secrets;
mod suite;
pub mod trees;
pub mod webhooks;
pub mod workflows;

use std::error::Error;

use agentchains_machine::{Changes, ExecutionId, ExecutionRow};
use agentchains_ports::{
    AgentStore, ApiKeyStore, BreakerStore, Commit, Creation, ExecutionQuery, ExecutionStore, Fence,
    PageRequest, SecretStore, WebhookStore, WorkflowStore,
};
use async_trait::async_trait;

use crate::samples;

/// How a body ends, unless it panics.
pub type TestResult = Result<(), Box<dyn Error + Send + Sync>>;

/// All that a store does.
pub trait Ports:
    ExecutionStore
    + ExecutionQuery
    + WorkflowStore
    + AgentStore
    + BreakerStore
    + SecretStore
    + ApiKeyStore
    + WebhookStore
{
}

impl<S> Ports for S where
    S: ExecutionStore
        + ExecutionQuery
        + WorkflowStore
        + AgentStore
        + BreakerStore
        + SecretStore
        + ApiKeyStore
        + WebhookStore
{
}

/// A place for data of its own, which are there as long as the value lives.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The store that is being tested.
    type Store: Ports + Clone;

    /// Opens it: empty at first, and as it was left after that.
    ///
    /// # Errors
    /// Whatever keeps it from being opened.
    async fn open(&self) -> Result<Self::Store, Box<dyn Error + Send + Sync>>;

    /// Closes it, so that it can be opened again.
    async fn close(&self, store: Self::Store);
}

/// Records an execution that must not have been there.
async fn create<S: Ports>(store: &S, changes: Changes) -> Result<Fence, Box<dyn Error + Send + Sync>> {
    let id = changes.execution.id;
    match store.create(changes, None).await? {
        Creation::Created((created, fence)) if created == id => Ok(fence),
        other => Err(format!("{other:?} is not a creation of {id}").into()),
    }
}

/// Records plain executions, one for each ordinal.
async fn create_plain<S: Ports>(
    store: &S,
    ordinals: impl IntoIterator<Item = u32>,
) -> Result<Vec<Fence>, Box<dyn Error + Send + Sync>> {
    let mut fences = Vec::new();
    for ordinal in ordinals {
        fences.push(create(store, samples::changes(samples::execution(ordinal), 1)).await?);
    }
    Ok(fences)
}

/// Reads an execution of the samples' tenant, which must be there.
async fn read<S: Ports>(store: &S, id: ExecutionId) -> Result<ExecutionRow, Box<dyn Error + Send + Sync>> {
    store
        .execution(samples::TENANT, id)
        .await?
        .ok_or_else(|| format!("execution {id} is not there").into())
}

/// Changes an execution and commits that under a fence.
async fn advance<S: Ports>(
    store: &S,
    id: ExecutionId,
    fence: Fence,
    change: impl FnOnce(&mut ExecutionRow),
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut row = read(store, id).await?;
    change(&mut row);
    Ok(store
        .commit(Commit {
            fence,
            changes: samples::changes(row, 1),
            purses: Vec::new(),
        })
        .await?)
}

fn first_page(limit: u32) -> PageRequest {
    PageRequest { limit, cursor: None }
}

/// Reads a list in parts of `limit` to its end, which must come.
macro_rules! read_all {
    ($limit:expr, $page:ident => $read:expr) => {{
        let mut items = Vec::new();
        let mut request = $crate::store_conformance::first_page($limit);
        loop {
            let $page = &request;
            let part = $read.await?;
            assert!(
                part.items.len() <= usize::try_from($limit)?,
                "a part has more items than were wanted"
            );
            items.extend(part.items);
            match part.next_cursor {
                Some(cursor) => request.cursor = Some(cursor),
                None => break items,
            }
        }
    }};
}
use read_all;
