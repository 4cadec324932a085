//! What all ways out have in common: where they may lead, the clock, the connections.

use std::{fmt, sync::Arc, time::Duration};

use agentchains_ports::Clock;
use rustls::ClientConfig;

use super::{
    AddressPolicy, Resolve, TlsError, TlsSettings, channel::Channel, connect::Routes, limits::IDLE_LIMIT,
    resolve::SystemResolver, transport::Transport,
};

/// Connects to what its policy allows, and to nothing else. Clones share connections.
///
/// ```
/// use std::{sync::Arc, time::Duration};
///
/// use agentchains_agents::{AddressPolicy, Outbound, TlsSettings};
/// use agentchains_ports::Clock;
///
/// /// Also reaches agents in a private network, whose certificates are of an authority of its own.
/// fn outbound(clock: Arc<dyn Clock>, authority: &[u8]) -> Result<Outbound, Box<dyn std::error::Error>> {
///     let policy: AddressPolicy = "10.1.0.0/16".parse()?;
///     let tls = TlsSettings::default().trusting(authority)?;
///     Ok(Outbound::new(policy, clock)?
///         .with_tls(tls)?
///         .with_idle_limit(Duration::from_secs(30)))
/// }
/// ```
#[derive(Clone)]
pub struct Outbound {
    routes: Routes,
    tls: Arc<TlsSettings>,
    config: Arc<ClientConfig>,
    clock: Arc<dyn Clock>,
    idle_limit: Duration,
    transport: Transport,
}

impl Outbound {
    /// Connects to what `policy` allows, and reads what agents say about time by `clock`. Names are resolved by the
    /// operating system.
    ///
    /// # Errors
    /// [`TlsError`] when the TLS library refuses its own defaults.
    pub fn new(policy: AddressPolicy, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let routes = Routes {
            policy: Arc::new(policy),
            resolver: Arc::new(SystemResolver),
        };
        let tls = TlsSettings::default();
        let config = tls.config()?;
        Ok(Self {
            transport: Transport::new(routes.clone(), config.clone()),
            routes,
            tls: Arc::new(tls),
            config: Arc::new(config),
            clock,
            idle_limit: IDLE_LIMIT,
        })
    }

    /// Has names resolved by `resolver`. Its connections are its own.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.routes.resolver = resolver;
        self.transport = Transport::new(self.routes.clone(), (*self.config).clone());
        self
    }

    /// Connects with these settings of TLS. Its connections are its own, so that none is used for an agent that must
    /// not see its certificate.
    ///
    /// # Errors
    /// [`TlsError`] when the certificates or the key cannot be used.
    pub fn with_tls(mut self, tls: TlsSettings) -> Result<Self, TlsError> {
        let config = tls.config()?;
        self.transport = Transport::new(self.routes.clone(), config.clone());
        self.tls = Arc::new(tls);
        self.config = Arc::new(config);
        Ok(self)
    }

    /// Takes a connection for lost when no piece of a reply's body has come for this long; 60 s unless it is said. How
    /// long the first piece may take is a matter of the attempt's own time.
    #[must_use]
    pub fn with_idle_limit(mut self, idle_limit: Duration) -> Self {
        self.idle_limit = idle_limit;
        self
    }

    /// The settings of TLS that it connects with.
    #[must_use]
    pub fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// What may be connected to.
    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.routes.policy
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// A way to one agent.
    pub(crate) fn channel(&self) -> Channel {
        Channel::new(self.transport.clone(), Arc::clone(&self.clock), self.idle_limit)
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("policy", &self.routes.policy)
            .field("tls", &self.tls)
            .field("idle_limit", &self.idle_limit)
            .finish_non_exhaustive()
    }
}
