//! The seams between the engine and the world: small traits with plain data and their errors.
//!
//! A store implements [`ExecutionStore`], [`ExecutionQuery`], [`WorkflowStore`], [`AgentStore`], [`SecretStore`],
//! [`ApiKeyStore`], [`WebhookStore`] and [`BreakerStore`];
//! something that calls agents implements [`NodeRunner`]; a [`Clock`] tells the time; an [`EventSink`] receives what
//! happened.
//! This crate changes rarely, and knows neither a database nor a network.

mod access;
mod agents;
mod breakers;
mod clock;
mod history;
mod ledger;
mod order;
mod page;
mod purses;
mod query;
mod runner;
mod seconds;
mod store;
mod webhooks;
mod workflows;

pub use crate::{
    access::{ApiKey, ApiKeyStore, Right, Rights, Role, UnknownRole},
    agents::{
        AgentDefinition, AgentDirectory, AgentKey, AgentRecord, AgentSource, AgentStore, ApiKeyPlace, Auth,
        DirectoryError, DiscoveredAgent, HttpMethod, HttpSettings, InvalidRate, McpSettings, OpenAiSettings,
        Protocol, RateLimit, SealedSecret, SecretRef, SecretStore,
    },
    breakers::{BreakerRecord, BreakerSnapshot, BreakerStore, MAX_KEPT_BREAKERS},
    clock::Clock,
    history::{History, HistoryRequest, PastExecution, PastNodeRun, PastRun},
    ledger::{Account, Ledger, Told},
    order::{compare_attempts, compare_nodes, compare_paths},
    page::{InvalidCursor, Page, PageRequest},
    purses::{PurseChange, PurseId},
    query::{ApprovalFilter, ExecutionFilter, ExecutionQuery},
    runner::{AgentProfile, CallOutcome, CallProgress, NodeRunner},
    seconds::Seconds,
    store::{
        Claimed, Commit, CommitError, Creation, EventSink, ExecutionStore, Fence, Idempotency, Interrupted,
        StoreError,
    },
    webhooks::{
        Delivery, DeliveryFailure, KeptSecret, MAX_WEBHOOKS, NewWebhook, Settled, Webhook, WebhookDirectory,
        WebhookError, WebhookStore,
    },
    workflows::{Change, NewVersion, VersionRecord, WorkflowFilter, WorkflowRecord, WorkflowStore},
};
