//! Agents as the workflows of one tenant name them.

use std::{fmt, sync::Arc};

use agentchains_ports::{AgentKey, AgentProfile, NodeRunner};

use crate::shared::Shared;

/// The agents that a tenant's workflows can name.
#[derive(Clone)]
pub(crate) struct TenantAgents {
    runner: Arc<dyn NodeRunner>,
    tenant: String,
}

impl TenantAgents {
    pub(crate) fn key(&self, agent_id: &str) -> AgentKey {
        self.runner.key(&self.tenant, agent_id)
    }

    pub(crate) fn profile(&self, agent_id: &str) -> Option<Arc<AgentProfile>> {
        self.runner.profile(&self.key(agent_id))
    }
}

impl Shared {
    pub(crate) fn agents_of(&self, tenant: &str) -> TenantAgents {
        TenantAgents {
            runner: Arc::clone(&self.runner),
            tenant: tenant.to_owned(),
        }
    }
}

impl fmt::Debug for TenantAgents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantAgents")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
