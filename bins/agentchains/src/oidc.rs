//! Callers with tokens of an OpenID provider: the settings, and where the keys of tokens are read.

use std::{io, sync::Arc};

use agentchains_http::{SigningKeys, TokenRules};
use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use hyper::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{exit::CommandError, remote::Client};

/// Which tokens are taken besides API keys, and where their claims stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OidcSettings {
    /// The OpenID provider whose tokens are taken besides API keys, where these are required
    #[arg(
        id = "oidc_issuer",
        long = "oidc-issuer",
        value_name = "URL",
        env = "AGENTCHAINS_OIDC_ISSUER"
    )]
    issuer: Option<String>,
    /// Whom its tokens must be for (their claim aud)
    #[arg(
        id = "oidc_audience",
        long = "oidc-audience",
        value_name = "AUDIENCE",
        env = "AGENTCHAINS_OIDC_AUDIENCE"
    )]
    audience: Option<String>,
    /// The claim with a role or a list of roles, or a JSON pointer to it [default: roles]
    #[arg(
        id = "oidc_role_claim",
        long = "oidc-role-claim",
        value_name = "CLAIM",
        env = "AGENTCHAINS_OIDC_ROLE_CLAIM"
    )]
    role_claim: Option<String>,
    /// The claim with the tenant, or a JSON pointer to it [default: tenant]
    #[arg(
        id = "oidc_tenant_claim",
        long = "oidc-tenant-claim",
        value_name = "CLAIM",
        env = "AGENTCHAINS_OIDC_TENANT_CLAIM"
    )]
    tenant_claim: Option<String>,
    /// The claim by which people are known; one that they cannot choose [default: sub]
    #[arg(
        id = "oidc_name_claim",
        long = "oidc-name-claim",
        value_name = "CLAIM",
        env = "AGENTCHAINS_OIDC_NAME_CLAIM"
    )]
    name_claim: Option<String>,
}

impl OidcSettings {
    /// These, and what a settings file says where these say nothing.
    pub(crate) fn or(self, file: Self) -> Self {
        Self {
            issuer: self.issuer.or(file.issuer),
            audience: self.audience.or(file.audience),
            role_claim: self.role_claim.or(file.role_claim),
            tenant_claim: self.tenant_claim.or(file.tenant_claim),
            name_claim: self.name_claim.or(file.name_claim),
        }
    }

    /// What tokens are judged by; `None` where none are taken.
    ///
    /// # Errors
    /// [`CommandError::Usage`] where something is missing, or the provider is no address.
    pub(crate) fn rules(&self) -> Result<Option<TokenRules>, CommandError> {
        let (issuer, audience) = match (&self.issuer, &self.audience) {
            (None, None) => return Ok(None),
            (Some(issuer), Some(audience)) => (issuer.clone(), audience.clone()),
            _ => {
                let said = "--oidc-issuer and --oidc-audience are given together, or not at all";
                return Err(CommandError::Usage(said.to_owned()));
            }
        };
        let or = |claim: &Option<String>, default: &str| claim.clone().unwrap_or_else(|| default.to_owned());
        Ok(Some(TokenRules {
            keys: Arc::new(Provider {
                client: Client::new(&issuer, None)
                    .map_err(|_| CommandError::Usage(format!("--oidc-issuer {issuer:?} is no address")))?,
                issuer: issuer.clone(),
            }),
            issuer,
            audience,
            role_claim: or(&self.role_claim, "roles"),
            tenant_claim: or(&self.tenant_claim, "tenant"),
            name_claim: or(&self.name_claim, "sub"),
        }))
    }
}

/// An OpenID provider.
struct Provider {
    client: Client,
    issuer: String,
}

impl Provider {
    async fn read(&self, address: &Url) -> io::Result<Bytes> {
        let headers = HeaderMap::new();
        let asked = self
            .client
            .exchange(&Method::GET, address, &headers, Bytes::new());
        let answer = asked.await.map_err(io::Error::other)?;
        if !answer.status().is_success() {
            return Err(io::Error::other(format!(
                "{address} answers with status {}",
                answer.status()
            )));
        }
        self.client.read(answer).await.map_err(io::Error::other)
    }
}

#[async_trait]
impl SigningKeys for Provider {
    /// As OpenID Connect Discovery 1.0 says, section 4: the provider's own document names where its keys are.
    async fn fetch(&self) -> io::Result<Vec<u8>> {
        let place = self.client.below(&[".well-known", "openid-configuration"]);
        let document: Value = serde_json::from_slice(&self.read(&place).await?).map_err(io::Error::other)?;
        // Section 4.3: a document of another issuer is none of this one.
        if document["issuer"] != self.issuer.as_str() {
            return Err(io::Error::other(format!(
                "{place} is that of {}",
                document["issuer"]
            )));
        }
        let keys = document["jwks_uri"].as_str().unwrap_or_default();
        let keys: Url = keys.parse().map_err(io::Error::other)?;
        // What came over TLS does not go on without it.
        if keys.scheme() != place.scheme() && keys.scheme() != "https" {
            return Err(io::Error::other(format!("{keys} is no address of HTTPS")));
        }
        Ok(self.read(&keys).await?.to_vec())
    }
}
