//! What can go wrong in one exchange with an agent, before it is known what that means for an attempt.

use http::StatusCode;
use jiff::Timestamp;
use thiserror::Error;

use crate::{
    a2a::{RpcError, RpcErrorKind},
    credentials::CredentialError,
    net::TransportError,
};

/// Why an exchange has no result.
#[derive(Debug, Clone, Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the agent answered with HTTP status {status}")]
    Status {
        status: StatusCode,
        retry_after: Option<Timestamp>,
        /// The beginning of the body, fit to be shown.
        excerpt: String,
    },
    /// The reply is not what the protocol allows. The text completes "its reply …" or stands for itself.
    #[error("{0}")]
    Protocol(String),
    /// The reply ends before it is whole.
    #[error("its reply breaks off")]
    CutOff,
    /// Nothing was sent.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

impl CallError {
    /// A reply that the protocol does not allow.
    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }

    /// Whether we have not even tried to reach the agent.
    pub(crate) const fn is_refusal_of_ours(&self) -> bool {
        matches!(
            self,
            Self::Credential(_) | Self::Transport(TransportError::Refused(_))
        )
    }

    /// Whether the connection is the trouble, so that what is remembered of the agent may be out of date.
    pub(crate) const fn is_connection_trouble(&self) -> bool {
        matches!(
            self,
            Self::Transport(
                TransportError::Unreachable(_)
                    | TransportError::Unsafe(_)
                    | TransportError::Lost(_)
                    | TransportError::TimedOut { .. }
            )
        )
    }

    /// Whether the same harmless question may be answered when it is asked again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Credential(error) => error.is_transient,
            other => other.is_connection_trouble(),
        }
    }

    /// Whether the agent may have taken what was sent, although it did not say so.
    pub(crate) fn leaves_outcome_open(&self) -> bool {
        match self {
            Self::Transport(TransportError::Lost(_) | TransportError::TimedOut { connected: true })
            | Self::CutOff => true,
            Self::Status { status, .. } => matches!(
                *status,
                StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
            ),
            Self::Rpc(error) => error.kind == RpcErrorKind::Internal,
            _ => false,
        }
    }
}
