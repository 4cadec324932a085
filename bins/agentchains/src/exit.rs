//! How commands end: exit codes, and the errors that are reported as one sentence.

use std::{io, path::PathBuf, process::ExitCode};

use agentchains_agents::{InvalidKey, InvalidPlace, InvalidRange, TlsError, VaultError};
use agentchains_engine::{
    EngineError,
    ports::{DirectoryError, StoreError, WebhookError},
};
use agentchains_http::InvalidTls;
use agentchains_store::OpenError;
use thiserror::Error;

use crate::remote::RemoteError;

/// The execution failed, or the command could not be carried out.
pub(crate) const FAILED: u8 = 1;
/// The document is invalid.
pub(crate) const INVALID: u8 = 2;
/// The execution was cancelled.
pub(crate) const CANCELLED: u8 = 3;
/// The budget ended the execution.
pub(crate) const OVER_BUDGET: u8 = 4;

/// Why a command could not be carried out.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("cannot read {}; check the path", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a valid settings file", .path.display())]
    Settings { path: PathBuf, source: toml::de::Error },
    #[error("{0}")]
    Usage(String),
    #[error("cannot open the database")]
    Open(#[from] OpenError),
    #[error("cannot listen on {address}; is another server running there?")]
    Listen {
        address: std::net::SocketAddr,
        source: io::Error,
    },
    #[error("cannot start the demo's agents")]
    DemoAgents(#[source] io::Error),
    #[error("cannot measure")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("cannot serve")]
    Serve(#[source] io::Error),
    #[error("the MCP client did not speak as the protocol says")]
    Mcp(#[source] io::Error),
    #[error("the session with the server has ended; start this again")]
    McpServer,
    #[error("cannot make a temporary folder; name one with --dir")]
    TemporaryFolder(#[source] io::Error),
    #[error("the setting allow_agent_addresses is invalid")]
    AddressPolicy(#[from] InvalidRange),
    #[error("the setting allow_agent_secrets is invalid")]
    SecretPolicy(#[from] InvalidPlace),
    #[error("a built-in template cannot be read")]
    Template(#[source] serde_json::Error),
    #[error("{} is not UTF-8 text", .0.display())]
    NotUtf8(PathBuf),
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
    #[error("the server's certificate cannot be used")]
    ServerTls(#[from] InvalidTls),
    #[error("cannot register the agent {agent_id:?}")]
    Agent {
        agent_id: String,
        source: DirectoryError,
    },
    #[error("cannot use the webhooks of the settings")]
    Webhook(#[from] WebhookError),
    #[error("the key of stored secrets cannot be used")]
    SecretsKey(#[from] InvalidKey),
    #[error("the system has no randomness to make a key from")]
    Randomness(#[source] io::Error),
    #[error("cannot keep the secret")]
    Vault(#[from] VaultError),
    #[error("cannot read or write the database")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl CommandError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Engine(EngineError::InvalidWorkflow(_)) | Self::Usage(_) | Self::NotUtf8(_) => {
                INVALID.into()
            }
            Self::Remote(error) => error.exit_code(),
            _ => FAILED.into(),
        }
    }
}
