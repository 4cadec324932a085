//! Where a credential may go: to the host that the definition names, and only where nobody else can read it.

use std::net::IpAddr;

use http::{Uri, uri::Scheme};

use super::CredentialError;

/// The host that an agent's credential is for.
#[derive(Debug)]
pub(crate) struct Home {
    host: String,
}

impl Home {
    /// The host of this address.
    pub(crate) fn of(uri: &Uri) -> Self {
        Self {
            host: host(uri).to_owned(),
        }
    }

    /// Refuses to send the credential to another host: an agent's card may name an address of somebody else. All of
    /// this machine counts as one host.
    pub(crate) fn check_host(&self, uri: &Uri) -> Result<(), CredentialError> {
        let target = host(uri);
        if target != self.host && !(is_loopback(target) && is_loopback(&self.host)) {
            return Err(CredentialError::permanent(format!(
                "its credential is for {:?}, but its card leads to {target:?}; register the agent at the host that its \
                 card names, if that is the right one",
                self.host
            )));
        }
        Ok(())
    }
}

/// Refuses to send a credential where it can be read on the way.
pub(crate) fn check_privacy(uri: &Uri) -> Result<(), CredentialError> {
    if is_private(uri) {
        return Ok(());
    }
    Err(CredentialError::permanent(format!(
        "its credential would go to {:?} in the clear; use an address that begins with https://, unless it is on this \
         machine",
        host(uri)
    )))
}

/// Whether what is sent there can be read at its end only: over TLS, or without leaving this machine.
pub(crate) fn is_private(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS) || is_loopback(host(uri))
}

fn host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

/// An address of this machine. Of all names only `localhost` always is (RFC 6761, section 6.3).
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_to_its_own_host_over_tls_or_within_this_machine() {
        for (home, target, refused) in [
            ("https://a.example/x", "https://a.example/y", None),
            ("https://a.example", "https://a.example:8443/", None),
            ("http://127.0.0.1:1/", "http://localhost:2/", None),
            ("http://[::1]:1/", "http://127.0.0.9/", None),
            ("https://a.example", "http://a.example/", Some("in the clear")),
            (
                "https://a.example",
                "https://b.example/",
                Some("leads to \"b.example\""),
            ),
            (
                "https://a.example",
                "https://a.example.b.example/",
                Some("leads to"),
            ),
            ("https://a.example", "http://127.0.0.1/", Some("leads to")),
            ("http://127.0.0.1/", "https://a.example/", Some("leads to")),
            ("http://10.0.0.1/", "http://10.0.0.1/", Some("in the clear")),
            (
                "http://localhost.a.example/",
                "http://localhost.a.example/",
                Some("in the clear"),
            ),
        ] {
            let target: Uri = target.parse().unwrap();
            let home = Home::of(&home.parse().unwrap());
            let checked = home.check_host(&target).and_then(|()| check_privacy(&target));
            match (checked, refused) {
                (Ok(()), None) => {}
                (Err(error), Some(said)) if error.to_string().contains(said) => {}
                (other, _) => panic!("{home:?} to {target}: {other:?}"),
            }
        }
    }
}
