//! The [`NodeRunner`] over the network.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_machine::{AgentTerms, Call, ExecutionId, FailureCode, MessageId, RemoteCancel, RemoteTask};
use agentchains_ports::{AgentKey, AgentProfile, CallOutcome, CallProgress, NodeRunner};
use async_trait::async_trait;

use crate::{Registry, a2a::A2aAgent, agent::Agent, failure::Classified, net::Endpoint, trace::TraceContext};

/// How many agents that documents name by their address are remembered, with what is known of them.
const REMEMBERED_ADDRESSES: usize = 1024;

/// Calls the agents of a [`Registry`], and where that is allowed, A2A agents by the addresses that documents give.
#[derive(Debug, Clone)]
pub struct AgentRunner {
    registry: Arc<Registry>,
    inline: Option<Arc<InlineAgents>>,
}

/// Agents of which nothing but their address is known.
#[derive(Debug)]
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
            inline: Some(Arc::new(InlineAgents::new())),
            ..self
        }
    }

    /// An agent by its id or its address, and whether it is disabled. No id has a `/`, so that none can be taken for an
    /// address.
    fn agent(&self, agent: &AgentKey) -> Option<(Arc<dyn Agent>, bool)> {
        let inline = || {
            Some((
                self.inline.as_ref()?.agent(agent.agent_id(), &self.registry)?,
                false,
            ))
        };
        self.registry.agent(agent).or_else(inline)
    }
}

impl InlineAgents {
    fn new() -> Self {
        let terms = AgentTerms {
            // As all that speak A2A.
            finds_tasks: true,
            ..AgentTerms::default()
        };
        Self {
            profile: Arc::new(AgentProfile {
                terms: Arc::new(terms),
                ..AgentProfile::default()
            }),
            by_address: Mutex::default(),
        }
    }

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

/// Whether an attempt would give the agent work that it does not have yet: neither goes on with a task, nor looks for
/// one.
const fn is_new(call: &Call) -> bool {
    call.remote_task.is_none() && !call.is_lookup
}

fn not_called(call: &Call, what: &str) -> CallOutcome {
    let failure = Classified::stated(FailureCode::AgentDisabled, what.to_owned(), false);
    Classified {
        reached: false,
        ..failure
    }
    .outcome(call)
}

#[async_trait]
impl NodeRunner for AgentRunner {
    fn key(&self, tenant: &str, agent_id: &str) -> AgentKey {
        self.registry.key(tenant, agent_id)
    }

    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        let inline = || {
            let inline = self.inline.as_ref()?;
            Endpoint::parse(agent.agent_id())
                .ok()
                .map(|_| Arc::clone(&inline.profile))
        };
        self.registry.profile(agent).or_else(inline)
    }

    async fn call(
        &self,
        agent: &AgentKey,
        execution: ExecutionId,
        call: &Call,
        progress: &dyn CallProgress,
    ) -> CallOutcome {
        let Some((agent, is_disabled)) = self.agent(agent) else {
            return not_called(call, "is not registered; register it or name another one");
        };
        if is_disabled && is_new(call) {
            return not_called(
                call,
                "is disabled; enable it and retry the execution, or name another one",
            );
        }
        tracing::debug!(%execution, path = %call.path, attempt = call.attempt, agent = call.agent_id, "calling");
        let trace = TraceContext::of(execution, call.message_id);
        agent.call(call, &trace, progress).await
    }

    async fn has_moved_on(&self, agent: &AgentKey, task: &RemoteTask, question_id: Option<&str>) -> bool {
        match self.agent(agent) {
            Some((agent, _)) => agent.has_moved_on(task, question_id).await,
            None => false,
        }
    }

    async fn withdraw(&self, agent: &AgentKey, message_id: MessageId) -> Option<RemoteCancel> {
        Some(match self.agent(agent) {
            Some((agent, _)) => agent.withdraw(message_id).await,
            None => RemoteCancel::Unknown,
        })
    }

    async fn cancel(&self, agent: &AgentKey, task: &RemoteTask) -> RemoteCancel {
        match self.agent(agent) {
            Some((agent, _)) => agent.cancel(task).await,
            None => RemoteCancel::Unknown,
        }
    }
}
