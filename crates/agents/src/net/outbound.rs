//! What all ways out have in common: the policy, the clock, the connections.

use std::{fmt, sync::Arc};

use agentchains_ports::Clock;
use thiserror::Error;

use super::{AddressPolicy, channel::Channel, transport::Transport};

/// Connects to what its policy allows, and to nothing else. Clones share connections.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    policy: Arc<AddressPolicy>,
    clock: Arc<dyn Clock>,
}

/// TLS could not be set up.
#[derive(Debug, Error)]
#[error("TLS cannot be set up")]
pub struct TlsError(#[source] rustls::Error);

impl Outbound {
    /// Connects to what `policy` allows, and reads what agents say about time by `clock`.
    ///
    /// # Errors
    /// [`TlsError`] when the TLS library refuses its own defaults.
    pub fn new(policy: AddressPolicy, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let policy = Arc::new(policy);
        let transport = Transport::new(Arc::clone(&policy)).map_err(TlsError)?;
        let shared = Shared {
            transport,
            policy,
            clock,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What may be connected to.
    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.shared.policy
    }

    /// A way to one agent.
    pub(crate) fn channel(&self) -> Channel {
        Channel::new(self.shared.transport.clone(), Arc::clone(&self.shared.clock))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("policy", &self.shared.policy)
            .finish_non_exhaustive()
    }
}
