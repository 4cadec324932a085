//! The [`NodeRunner`] over the network.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_machine::{Call, ExecutionId, FailureCode, RemoteCancel, RemoteTask};
use agentchains_ports::{AgentProfile, CallOutcome, CallProgress, NodeRunner};
use async_trait::async_trait;

use crate::{Registry, a2a::A2aAgent, agent::Agent, failure::Classified, net::Endpoint};

/// How many agents that documents name by their address are remembered, with what is known of them.
const REMEMBERED_ADDRESSES: usize = 1024;

/// Calls the agents of a [`Registry`], and where that is allowed, A2A agents by the addresses that documents give.
#[derive(Debug, Clone)]
pub struct AgentRunner {
    registry: Arc<Registry>,
    inline: Option<Arc<InlineAgents>>,
}

/// Agents of which nothing but their address is known.
#[derive(Debug, Default)]
struct InlineAgents {
    profile: Arc<AgentProfile>,
    by_address: Mutex<HashMap<String, Arc<dyn Agent>>>,
}

impl AgentRunner {
    /// A runner for these agents.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            inline: None,
        }
    }

    /// Also calls agents that are not registered, where their address is given in the place of an id. The address is
    /// judged as those of registered agents are.
    #[must_use]
    pub fn with_inline_endpoints(self) -> Self {
        Self {
            inline: Some(Arc::default()),
            ..self
        }
    }

    /// An agent by its id or its address. No id has a `/`, so that none can be taken for an address.
    fn agent(&self, agent_id: &str) -> Option<Arc<dyn Agent>> {
        let inline = || self.inline.as_ref()?.agent(agent_id, &self.registry);
        self.registry.agent(agent_id).or_else(inline)
    }
}

impl InlineAgents {
    fn agent(&self, address: &str, registry: &Registry) -> Option<Arc<dyn Agent>> {
        let mut known = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = known.get(address) {
            return Some(Arc::clone(agent));
        }
        let endpoint = Endpoint::parse(address).ok()?;
        if known.len() >= REMEMBERED_ADDRESSES {
            known.clear();
        }
        let agent: Arc<dyn Agent> = Arc::new(A2aAgent::new(registry.outbound().channel(), endpoint));
        known.insert(address.to_owned(), Arc::clone(&agent));
        Some(agent)
    }
}

#[async_trait]
impl NodeRunner for AgentRunner {
    fn profile(&self, agent_id: &str) -> Option<Arc<AgentProfile>> {
        let inline = || {
            let inline = self.inline.as_ref()?;
            Endpoint::parse(agent_id)
                .ok()
                .map(|_| Arc::clone(&inline.profile))
        };
        self.registry.profile(agent_id).or_else(inline)
    }

    async fn call(&self, execution: ExecutionId, call: &Call, progress: &dyn CallProgress) -> CallOutcome {
        let Some(agent) = self.agent(&call.agent_id) else {
            let what = "is not registered; register it or name another one".to_owned();
            let failure = Classified::stated(FailureCode::AgentDisabled, what, false);
            return Classified {
                reached: false,
                ..failure
            }
            .outcome(call);
        };
        tracing::debug!(%execution, path = %call.path, attempt = call.attempt, agent = call.agent_id, "calling");
        agent.call(call, progress).await
    }

    async fn cancel(&self, agent_id: &str, task: &RemoteTask) -> RemoteCancel {
        match self.agent(agent_id) {
            Some(agent) => agent.cancel(task).await,
            None => RemoteCancel::Unknown,
        }
    }
}
