//! The [`NodeRunner`] over the network.

use std::{sync::Arc, time::Duration};

use agentchains_machine::{Call, ExecutionId, FailureCode, RemoteCancel, RemoteTask};
use agentchains_ports::{AgentProfile, CallOutcome, CallProgress, NodeRunner};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    A2aClient, Registry, cancel, conversation::Conversation, endpoint::Endpoint, failure::Classified,
};

/// How long an agent has to say what became of a task that is cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(3);

/// Calls the agents of a [`Registry`] over A2A, and where that is allowed, agents by the addresses that documents give.
#[derive(Debug, Clone)]
pub struct A2aRunner {
    registry: Arc<Registry>,
    client: A2aClient,
    /// What holds for an agent of which nothing but its address is known; absent where none may be called.
    inline: Option<Arc<AgentProfile>>,
}

impl A2aRunner {
    /// A runner for these agents.
    #[must_use]
    pub fn new(registry: Arc<Registry>, client: A2aClient) -> Self {
        Self {
            registry,
            client,
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

    /// Where an agent is. No id has a `/`, so that none can be taken for an address.
    fn endpoint(&self, agent_id: &str) -> Option<Arc<Endpoint>> {
        let registered = self.registry.endpoint(agent_id);
        registered.or_else(|| self.inline.as_ref().and_then(|_| inline_endpoint(agent_id)))
    }
}

fn inline_endpoint(address: &str) -> Option<Arc<Endpoint>> {
    Endpoint::parse(address).ok().map(Arc::new)
}

#[async_trait]
impl NodeRunner for A2aRunner {
    fn profile(&self, agent_id: &str) -> Option<Arc<AgentProfile>> {
        let inline = || {
            let profile = self.inline.as_ref()?;
            inline_endpoint(agent_id).map(|_| Arc::clone(profile))
        };
        self.registry.profile(agent_id).or_else(inline)
    }

    async fn call(&self, execution: ExecutionId, call: &Call, progress: &dyn CallProgress) -> CallOutcome {
        let Some(base) = self.endpoint(&call.agent_id) else {
            let what = "is not registered; register it or name another one".to_owned();
            let failure = Classified::stated(FailureCode::AgentDisabled, what, false);
            return Classified {
                reached: false,
                ..failure
            }
            .outcome(call);
        };
        tracing::debug!(%execution, path = %call.path, attempt = call.attempt, agent = call.agent_id, "calling");
        Conversation::new(&self.client, &base, call).run(progress).await
    }

    async fn cancel(&self, agent_id: &str, task: &RemoteTask) -> RemoteCancel {
        let Some(base) = self.endpoint(agent_id) else {
            return RemoteCancel::Unknown;
        };
        let deadline = Instant::now() + CANCEL_LIMIT;
        match self.client.card(&base, deadline).await {
            Ok(card) => cancel::cancel(&self.client, &card.interface, &task.task_id, deadline).await,
            Err(_) => RemoteCancel::Unknown,
        }
    }
}
