//! The registry of agents: what is known of each, and where that is kept.

mod auth;
mod key;
mod protocol;
mod rate;
mod secrets;

use std::{collections::BTreeMap, num::NonZeroU32};

use agentchains_breaker::Settings as BreakerSettings;
use agentchains_cost::{PriceList, Usd};
use agentchains_workflow::OnUnknown;
use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Creation, Idempotency, Seconds, StoreError};

pub use self::{
    auth::{ApiKeyPlace, Auth, SecretRef},
    key::AgentKey,
    protocol::{HttpMethod, HttpSettings, McpSettings, OpenAiSettings, Protocol},
    rate::{InvalidRate, RateLimit},
    secrets::{SealedSecret, SecretStore},
};

/// What an agent's owner declares of it, as in the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentDefinition {
    /// How workflows name it: 1 to 200 characters.
    #[schemars(length(min = 1, max = 200))]
    pub agent_id: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it is called.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where it is called: its base address or that of its card, for A2A; the base address, such as `…/v1`, for
    /// `openai`; else the very address.
    #[schemars(regex(pattern = "^https?://"))]
    pub url: String,
    /// How it is shown who calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Sent with each of its requests. `{{secrets.NAME}}` in a value stands for what the encrypted store has under the
    /// name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Nothing new is sent to it while this is true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Limit of one attempt, where the node has none: seconds, or text such as `"30s"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// Calls that it may have in flight, over all executions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<NonZeroU32>,
    /// How often it may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Of [`Protocol::Http`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSettings>,
    /// Of [`Protocol::OpenAi`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai: Option<OpenAiSettings>,
    /// Of [`Protocol::Mcp`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpSettings>,
    /// What it charges.
    #[serde(default)]
    pub pricing: PriceList,
    /// The most that one attempt may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Usd>,
    /// What to do with an attempt whose outcome a crash left unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<OnUnknown>,
    /// The agent that is asked instead while the circuit breaker of this one is open. One that is not registered is
    /// passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_agent_id: Option<String>,
    /// Its circuit breaker: when it opens, for how long, and in which mode.
    #[serde(default)]
    pub circuit_breaker: BreakerSettings,
}

/// A registered agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRecord {
    /// Which agent it is, and whose.
    pub key: AgentKey,
    /// What was declared.
    pub definition: AgentDefinition,
    /// Where.
    pub source: AgentSource,
    /// Counts the changes; the entity tag.
    pub revision: u32,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Where an agent was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentSource {
    /// In the registry, where it can be changed.
    Registry,
    /// In the settings of the server, which are changed there.
    Settings,
}

/// Keeps the registry: the agents of [`AgentSource::Registry`].
#[async_trait]
pub trait AgentStore: Send + Sync + 'static {
    /// The agents of all tenants, by id and tenant.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn load_agents(&self) -> Result<Vec<AgentRecord>, StoreError>;

    /// Inserts an agent that was not there, or says which one the key has made before. `None` where there is an agent of
    /// that id already, which then stays as it is.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn create_agent(
        &self,
        record: &AgentRecord,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<Creation<AgentRecord>>, StoreError>;

    /// Inserts an agent, or replaces it.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn save_agent(&self, record: &AgentRecord) -> Result<(), StoreError>;

    /// Removes an agent. False when there was none.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn delete_agent(&self, agent: &AgentKey) -> Result<bool, StoreError>;
}

/// Why the registry did not do what was asked.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The definition breaks a rule.
    #[error("{message}")]
    Invalid {
        /// RFC 6901 pointer into the definition.
        pointer: &'static str,
        /// Stable code.
        code: &'static str,
        /// One sentence.
        message: String,
    },
    /// An agent of this id is registered.
    #[error("an agent {agent_id:?} is registered already")]
    Exists {
        /// The id.
        agent_id: String,
    },
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request; use a new one")]
    KeyReused,
    /// There is no such agent.
    #[error("there is no agent {agent_id:?}")]
    Absent {
        /// The id.
        agent_id: String,
    },
    /// The agent is declared in the settings of the server.
    #[error(
        "the agent {agent_id:?} is declared in the server's settings; change it there and start the server again"
    )]
    ReadOnly {
        /// The id.
        agent_id: String,
    },
    /// It has been changed since the caller saw it.
    #[error("the agent has been changed since revision {seen}")]
    Stale {
        /// What the caller saw.
        seen: u32,
    },
    /// The agent could not be reached, or what it answered is not what its protocol asks for.
    #[error("{message}")]
    Discovery {
        /// Stable code, as of failed nodes.
        code: &'static str,
        /// One sentence.
        message: String,
        /// Whether it was called at all: it is not, where its credential cannot be had or its address is refused.
        was_called: bool,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an agent's card says of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiscoveredAgent {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Where it is called.
    pub url: String,
    /// The version of A2A that is spoken there.
    pub protocol_version: String,
    /// Whether it streams.
    pub streaming: bool,
    /// The card itself.
    pub card: serde_json::Value,
}

/// The registry as the API sees it. A tenant sees its own agents and those that all share; of two with one id, the
/// shared one.
#[async_trait]
pub trait AgentDirectory: Send + Sync + 'static {
    /// All agents that a tenant sees, by id.
    fn list(&self, tenant: &str) -> Vec<AgentRecord>;

    /// One agent that a tenant sees.
    fn get(&self, tenant: &str, agent_id: &str) -> Option<AgentRecord>;

    /// Registers an agent of a tenant. The same request with the same key gives the agent that is there already.
    ///
    /// # Errors
    /// [`DirectoryError`] when it is not registered by this.
    async fn register(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError>;

    /// Replaces an agent's definition. `seen`, when given, must be the present revision.
    ///
    /// # Errors
    /// [`DirectoryError`] when it is not changed by this.
    async fn replace(
        &self,
        tenant: &str,
        definition: AgentDefinition,
        seen: Option<u32>,
        now: Timestamp,
    ) -> Result<AgentRecord, DirectoryError>;

    /// Removes an agent. `seen`, when given, must be the present revision.
    ///
    /// # Errors
    /// [`DirectoryError`] when it is not removed by this.
    async fn remove(&self, tenant: &str, agent_id: &str, seen: Option<u32>) -> Result<(), DirectoryError>;

    /// Reads the card of an agent that need not be registered.
    ///
    /// # Errors
    /// [`DirectoryError::Discovery`] when there is none to be had.
    async fn discover(&self, url: &str) -> Result<DiscoveredAgent, DirectoryError>;

    /// Finds out whether an agent answers, in the cheapest way that its protocol has, and with its credentials.
    ///
    /// # Errors
    /// [`DirectoryError::Discovery`] when it does not, [`DirectoryError::Absent`] when it is not registered.
    async fn check(&self, tenant: &str, agent_id: &str) -> Result<(), DirectoryError>;
}

impl AgentDefinition {
    /// An agent that speaks A2A at this address, with every setting at its default.
    #[must_use]
    pub fn a2a(agent_id: &str, url: &str) -> Self {
        Self {
            agent_id: agent_id.to_owned(),
            name: None,
            protocol: Protocol::A2a,
            url: url.to_owned(),
            auth: None,
            headers: BTreeMap::new(),
            disabled: false,
            timeout: None,
            max_concurrency: None,
            rate_limit: None,
            http: None,
            openai: None,
            mcp: None,
            pricing: PriceList::default(),
            max_cost: None,
            on_unknown: None,
            fallback_agent_id: None,
            circuit_breaker: BreakerSettings::default(),
        }
    }
}
