//! Client certificates (RFC 8446, section 4.4.2): connections that present one are nobody else's.

use std::sync::{Mutex, PoisonError};

use agentchains_ports::SecretRef;
use secrecy::{ExposeSecret, SecretString};

use super::{CredentialError, SecretSource};
use crate::Outbound;

/// A client certificate, where it is.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: SecretRef,
    pub(crate) private_key: SecretRef,
    pub(crate) authority: Option<SecretRef>,
    made: Mutex<Option<Made>>,
}

/// The way out that presents a certificate, with what it was made of.
#[derive(Debug)]
struct Made {
    of: Material,
    outbound: Outbound,
}

/// Certificate, key, and authority.
#[derive(Debug)]
struct Material([Option<SecretString>; 3]);

impl PartialEq for Material {
    fn eq(&self, other: &Self) -> bool {
        let exposed = |text: &Option<SecretString>| text.as_ref().map(|text| text.expose_secret().to_owned());
        self.0.iter().map(exposed).eq(other.0.iter().map(exposed))
    }
}

impl Identity {
    pub(crate) fn new(certificate: SecretRef, private_key: SecretRef, authority: Option<SecretRef>) -> Self {
        Self {
            certificate,
            private_key,
            authority,
            made: Mutex::default(),
        }
    }

    /// A way out that presents the certificate: the one of the last time, as long as nothing has changed.
    pub(crate) async fn outbound(
        &self,
        secrets: &SecretSource,
        base: &Outbound,
    ) -> Result<Outbound, CredentialError> {
        let authority = match &self.authority {
            Some(authority) => Some(secrets.read(authority).await?),
            None => None,
        };
        let certificate = secrets.read(&self.certificate).await?;
        let private_key = secrets.read(&self.private_key).await?;
        let material = Material([Some(certificate), Some(private_key), authority]);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| made.of == material) {
            return Ok(made.outbound.clone());
        }
        let outbound = self.make(&material, base)?;
        *made = Some(Made {
            of: material,
            outbound: outbound.clone(),
        });
        Ok(outbound)
    }

    fn make(&self, material: &Material, base: &Outbound) -> Result<Outbound, CredentialError> {
        let bytes = |index: usize| {
            let text: Option<&SecretString> = material.0[index].as_ref();
            text.map_or(&[][..], |text| text.expose_secret().as_bytes())
        };
        let unusable = |place: String, error: &dyn std::error::Error| {
            CredentialError::permanent(format!("{place} cannot be used: {error}"))
        };
        let mut tls = base
            .tls()
            .clone()
            .identified_by(bytes(0), bytes(1))
            .map_err(|error| unusable(format!("{} with {}", self.certificate, self.private_key), &error))?;
        if let Some(authority) = &self.authority {
            tls = tls
                .trusting(bytes(2))
                .map_err(|error| unusable(authority.to_string(), &error))?;
        }
        base.clone()
            .with_tls(tls)
            .map_err(|error| unusable(format!("{} with {}", self.certificate, self.private_key), &error))
    }
}
