//! From names to addresses.

use std::{io, net::IpAddr};

use async_trait::async_trait;
use tokio::net::lookup_host;

/// Finds the addresses of hosts. Programs that embed the engine may bring one of their own, such as one that asks a
/// certain name server, or a fake for tests.
///
/// It is asked once for each connection. Whatever it answers is judged by the [`AddressPolicy`](crate::AddressPolicy),
/// and the connection is made to an address that was judged.
///
/// ```
/// use std::{io, net::IpAddr};
///
/// use agentchains_agents::Resolve;
/// use async_trait::async_trait;
///
/// /// Knows one host.
/// struct OneHost;
///
/// #[async_trait]
/// impl Resolve for OneHost {
///     async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
///         match host {
///             "agents.internal" => Ok(vec![IpAddr::from([10, 0, 0, 7])]),
///             _ => Err(io::ErrorKind::NotFound.into()),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of a host, those to try first at the front. It is never asked about a host that is given in
    /// numbers.
    ///
    /// # Errors
    /// Any error means that the agent cannot be reached.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug)]
pub(super) struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(lookup_host((host, 0))
            .await?
            .map(|address| address.ip())
            .collect())
    }
}
