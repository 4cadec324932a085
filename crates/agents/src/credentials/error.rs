//! Why a request was not sent: its credential could not be had, or may not go there.

use agentchains_machine::FailureCode;
use thiserror::Error;

use crate::AddressRefused;

/// A request was not sent because of its credential. Says what to do, and never what the credential is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub(crate) struct CredentialError {
    what: String,
    /// What the failure is called.
    pub(crate) code: FailureCode,
    /// Whether the same may succeed later.
    pub(crate) is_transient: bool,
}

impl CredentialError {
    /// Somebody has to change something first.
    pub(crate) fn permanent(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            code: FailureCode::AgentAuthError,
            is_transient: false,
        }
    }

    /// `place`, where the credential is to be had, is at an address that must not be connected to.
    pub(crate) fn address_refused(place: &str, refused: AddressRefused) -> Self {
        Self {
            code: FailureCode::AgentAddressRefused,
            ..Self::permanent(format!("{place} cannot be used: {refused}"))
        }
    }

    /// Whatever gives the credential out has a trouble that may pass.
    pub(crate) fn transient(what: impl Into<String>) -> Self {
        Self {
            is_transient: true,
            ..Self::permanent(what)
        }
    }
}
