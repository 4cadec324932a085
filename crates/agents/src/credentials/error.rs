//! Why a request was not sent: its credential could not be had, or may not go there.

use thiserror::Error;

/// A request was not sent because of its credential. Says what to do, and never what the credential is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub(crate) struct CredentialError {
    what: String,
    /// Whether the same may succeed later.
    pub(crate) is_transient: bool,
}

impl CredentialError {
    /// Somebody has to change something first.
    pub(crate) fn permanent(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            is_transient: false,
        }
    }

    /// Whatever gives the credential out has a trouble that may pass.
    pub(crate) fn transient(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            is_transient: true,
        }
    }
}
