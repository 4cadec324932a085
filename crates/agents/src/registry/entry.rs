//! A registered agent, with everything that follows from its definition.

use std::sync::Arc;

use agentchains_machine::AgentTerms;
use agentchains_ports::{AgentProfile, AgentRecord, AgentSource};

use crate::{
    Outbound,
    agent::{Agent, connect},
    credentials::{CredentialError, Credentials, SecretSource},
    net::{Channel, Endpoint},
};

/// A registered agent.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) record: AgentRecord,
    pub(super) profile: Arc<AgentProfile>,
    pub(super) agent: Arc<dyn Agent>,
    /// The way to it, with its credentials.
    pub(super) channel: Channel,
    pub(super) endpoint: Endpoint,
}

impl Entry {
    /// The agent of a record, whose address is `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`CredentialError`] when the definition is one that is not registered.
    pub(super) fn new(
        record: AgentRecord,
        endpoint: Endpoint,
        outbound: &Outbound,
        secrets: &SecretSource,
    ) -> Result<Self, CredentialError> {
        let own = record.key.tenant().map(|tenant| secrets.of_tenant(tenant));
        let secrets = own.as_ref().unwrap_or(secrets);
        let credentials = Credentials::of(&record.definition, &endpoint, secrets, outbound)?;
        let channel = outbound.channel().presenting(credentials);
        let agent = connect(&record.definition, channel.clone(), endpoint.clone());
        Ok(Self {
            profile: Arc::new(profile(&record, agent.finds_tasks())),
            agent,
            record,
            channel,
            endpoint,
        })
    }
}

fn profile(record: &AgentRecord, finds_tasks: bool) -> AgentProfile {
    let definition = &record.definition;
    let terms = AgentTerms {
        timeout: definition.timeout.map(|timeout| timeout.0),
        max_cost: definition.max_cost,
        prices: definition.pricing.clone(),
        price_version: (record.source == AgentSource::Registry).then_some(record.revision),
        fallback_agent_id: definition.fallback_agent_id.clone(),
        on_unknown: definition.on_unknown.unwrap_or_default(),
        finds_tasks,
    };
    // What is not called has no limits, so that nobody waits to be told that it is disabled.
    let is_called = !definition.disabled;
    AgentProfile {
        terms: Arc::new(terms),
        breaker: definition.circuit_breaker.clone(),
        max_concurrency: definition.max_concurrency.filter(|_| is_called),
        rate_limit: definition.rate_limit.filter(|_| is_called),
    }
}
