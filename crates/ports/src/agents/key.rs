//! Which agent is meant: tenants may have agents of the same id.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Tells an agent from all others: one of a tenant, or one that all tenants share.
///
/// ```
/// use agentchains_ports::AgentKey;
///
/// let acme = AgentKey::of("acme", "critic");
/// assert_ne!(acme, AgentKey::shared("critic"));
/// assert_eq!((acme.agent_id(), acme.tenant()), ("critic", Some("acme")));
/// assert!(acme.is_seen_by("acme") && !acme.is_seen_by("umbrella"));
/// ```
#[derive(Clone)]
pub struct AgentKey {
    /// The id, and after a line break the tenant. Neither an id nor an address has a line break.
    text: Arc<str>,
    id_bytes: usize,
}

impl AgentKey {
    /// One that all tenants share: by its id, or by its address.
    #[must_use]
    pub fn shared(agent_id: &str) -> Self {
        Self {
            text: agent_id.into(),
            id_bytes: agent_id.len(),
        }
    }

    /// One of a tenant.
    #[must_use]
    pub fn of(tenant: &str, agent_id: &str) -> Self {
        Self {
            text: format!("{agent_id}\n{tenant}").into(),
            id_bytes: agent_id.len(),
        }
    }

    /// How workflows name it.
    #[must_use]
    pub fn agent_id(&self) -> &str {
        self.text.get(..self.id_bytes).unwrap_or_default()
    }

    /// Whose it is; `None` for one that all tenants share.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.text.get(self.id_bytes + 1..)
    }

    /// Whether a tenant may know of it.
    #[must_use]
    pub fn is_seen_by(&self, tenant: &str) -> bool {
        self.tenant().is_none_or(|owner| owner == tenant)
    }

    /// One text for each key, for tables in memory.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for AgentKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for AgentKey {}

impl PartialOrd for AgentKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AgentKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for AgentKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentKey")
            .field("agent_id", &self.agent_id())
            .field("tenant", &self.tenant())
            .finish()
    }
}
