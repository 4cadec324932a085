//! Settings of the server: flags win over the environment, the environment over the file, the file over defaults.

use std::{
    env, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use agentchains_agents::{DeclaredWebhook, SecretsKey};
use agentchains_engine::{
    Caps,
    ports::{AgentDefinition, InvalidRate, RateLimit},
    workflow::{Limits, parse_duration},
};
use agentchains_http::ServerTls;
use agentchains_store::StoreOptions;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    cli::{A2aPublish, Auth, Durability, LogFormat, SecretsPlace, ServeArgs},
    exit::CommandError,
    oidc::OidcSettings,
};

/// Made in the working folder when no database is named.
const DEFAULT_DATABASE: &str = "sqlite:agentchains.db";

/// Holds the key of stored secrets itself.
const SECRETS_KEY: &str = "AGENTCHAINS_SECRETS_KEY";

/// Read when no file is named, where it exists.
const DEFAULT_FILE: &str = "agentchains.toml";

/// What the server runs with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) database: String,
    pub(crate) auth: Auth,
    /// Tokens that are taken besides keys.
    pub(crate) oidc: OidcSettings,
    pub(crate) allow_agent_addresses: String,
    pub(crate) allow_inline_endpoints: bool,
    /// What agents may name that are registered over the API.
    pub(crate) allow_agent_secrets: String,
    pub(crate) secrets_key_file: Option<PathBuf>,
    /// The certificate that is shown, and its key.
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    /// Declared here, and nowhere else.
    pub(crate) agents: Vec<AgentDefinition>,
    /// Addresses that are told of events.
    pub(crate) webhooks: Vec<DeclaredWebhook>,
    pub(crate) allowed_origins: Vec<String>,
    /// Which workflows are A2A agents besides those that are published.
    pub(crate) a2a_publish: A2aPublish,
    /// Whether the agent for the A2A protocol's test kit is served.
    pub(crate) a2a_tck: bool,
    /// Whether questions to people may be answered through MCP clients.
    pub(crate) mcp_approvals: bool,
    pub(crate) durability: Durability,
    pub(crate) drain: Duration,
    /// How long executions are kept after their end; for ever unless given.
    pub(crate) retention: Option<Duration>,
    /// How often each key may ask.
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) log: Option<LogFormat>,
    pub(crate) limits: Limits,
    pub(crate) caps: Caps,
}

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    listen: Option<SocketAddr>,
    database: Option<String>,
    auth: Option<Auth>,
    oidc: Option<OidcSettings>,
    allow_agent_addresses: Option<String>,
    allow_inline_endpoints: Option<bool>,
    allow_agent_secrets: Option<String>,
    secrets_key_file: Option<PathBuf>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    agents: Option<Vec<toml::Value>>,
    webhooks: Option<Vec<toml::Value>>,
    allowed_origins: Option<Vec<String>>,
    a2a_publish: Option<A2aPublish>,
    a2a_tck: Option<bool>,
    mcp_approvals: Option<bool>,
    durability: Option<Durability>,
    drain: Option<String>,
    retention: Option<String>,
    rate_limit: Option<String>,
    log: Option<LogFormat>,
    limits: Option<toml::Table>,
    caps: Option<toml::Table>,
}

impl Settings {
    /// Puts the layers together.
    pub(crate) fn load(args: ServeArgs) -> Result<Self, CommandError> {
        let file = read_file(args.config.as_deref())?;
        let retention = args.retention.or(file.retention);
        let retention = retention.as_deref().map(parse_duration).transpose();
        let retention = retention.map_err(|error| CommandError::Usage(format!("retention: {error}")))?;
        let rate_limit = args.rate_limit.or(file.rate_limit);
        let rate_limit = rate_limit.as_deref().map(str::parse).transpose();
        let rate_limit =
            rate_limit.map_err(|error: InvalidRate| CommandError::Usage(format!("rate_limit: {error}")))?;
        let drain = args.drain.or(file.drain).unwrap_or_else(|| "30s".to_owned());
        let drain = parse_duration(&drain).map_err(|error| CommandError::Usage(format!("drain: {error}")))?;
        let default_listen = SocketAddr::from(([127, 0, 0, 1], 7420));
        let listen = args.listen.or(file.listen).unwrap_or(default_listen);
        let auth = auth(args.auth.or(file.auth), listen)?;
        Ok(Self {
            listen,
            auth,
            oidc: args.oidc.or(file.oidc.unwrap_or_default()),
            database: args
                .database
                .or(file.database)
                .unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
            allow_agent_addresses: args
                .allow_agent_addresses
                .or(file.allow_agent_addresses)
                .unwrap_or_else(|| if auth == Auth::Off { "loopback" } else { "none" }.to_owned()),
            // Where nobody is asked who they are, whoever may write a document may register an agent as well.
            allow_inline_endpoints: args
                .allow_inline_endpoints
                .or(file.allow_inline_endpoints)
                .unwrap_or(auth == Auth::Off),
            allow_agent_secrets: args
                .allow_agent_secrets
                .or(file.allow_agent_secrets)
                .unwrap_or_else(|| if auth == Auth::Off { "any" } else { "none" }.to_owned()),
            secrets_key_file: key_file(args.secrets_key_file, file.secrets_key_file),
            tls_certificate: args.tls_certificate.or(file.tls_certificate),
            tls_key: args.tls_key.or(file.tls_key),
            agents: declared("agents", file.agents.unwrap_or_default())?,
            webhooks: declared("webhooks", file.webhooks.unwrap_or_default())?,
            allowed_origins: args.allowed_origins.or(file.allowed_origins).unwrap_or_default(),
            a2a_publish: args.a2a_publish.or(file.a2a_publish).unwrap_or_default(),
            a2a_tck: args.a2a_tck.or(file.a2a_tck).unwrap_or_default(),
            mcp_approvals: args.mcp_approvals.or(file.mcp_approvals).unwrap_or_default(),
            durability: args.durability.or(file.durability).unwrap_or(Durability::Full),
            drain,
            retention,
            rate_limit,
            log: args.log.or(file.log),
            limits: limits(file.limits.unwrap_or_default(), args.limit)?,
            caps: caps(file.caps.unwrap_or_default(), args.cap)?,
        })
    }

    /// The certificate that the server shows, where it has one.
    pub(crate) fn tls(&self) -> Result<Option<ServerTls>, CommandError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| CommandError::Read {
                path: path.to_path_buf(),
                source,
            })
        };
        match (&self.tls_certificate, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                Ok(Some(ServerTls::from_pem(&read(certificate)?, &read(key)?)?))
            }
            _ => Err(CommandError::Usage(
                "--tls-certificate and --tls-key are given together, or not at all".to_owned(),
            )),
        }
    }

    /// Each setting with its value, by the name that it has in the file. Secrets are not among them.
    pub(crate) fn shown(&self) -> Vec<(String, Value)> {
        let seconds = |duration: Duration| format!("{}s", duration.as_secs_f64());
        let rate = |rate: RateLimit| format!("{}/{}", rate.calls, seconds(rate.per.0));
        let agents: Vec<&str> = self.agents.iter().map(|agent| agent.agent_id.as_str()).collect();
        let named = json!({
            "listen": self.listen,
            "database": self.shown_database(),
            "auth": self.auth,
            "allow_agent_addresses": self.allow_agent_addresses,
            "allow_inline_endpoints": self.allow_inline_endpoints,
            "allow_agent_secrets": self.allow_agent_secrets,
            "secrets_key_file": self.secrets_key_file,
            "tls_certificate": self.tls_certificate,
            "tls_key": self.tls_key,
            "agents": agents,
            // Their addresses may hold secrets.
            "webhooks": self.webhooks.len(),
            "allowed_origins": self.allowed_origins,
            "a2a_publish": self.a2a_publish,
            "a2a_tck": self.a2a_tck,
            "mcp_approvals": self.mcp_approvals,
            "durability": self.durability,
            "drain": seconds(self.drain),
            "retention": self.retention.map(seconds),
            "rate_limit": self.rate_limit.map(rate),
            "log": self.log,
        });
        let groups = [
            ("oidc", json!(self.oidc)),
            ("limits", json!(self.limits)),
            ("caps", json!(self.caps)),
        ];
        let of = |object: Value| object.as_object().cloned().unwrap_or_default().into_iter();
        let grouped = groups.into_iter().flat_map(|(group, members)| {
            of(members).map(move |(name, value)| (format!("{group}.{name}"), value))
        });
        of(named).chain(grouped).collect()
    }

    /// The database's address as it may be logged.
    pub(crate) fn shown_database(&self) -> String {
        StoreOptions::new(&self.database).shown_url()
    }
}

/// Where nobody is asked who they are, nobody else may reach the server.
fn auth(wanted: Option<Auth>, listen: SocketAddr) -> Result<Auth, CommandError> {
    match wanted {
        Some(Auth::Required) => Ok(Auth::Required),
        Some(Auth::Off) | None if listen.ip().is_loopback() => Ok(Auth::Off),
        Some(Auth::Off) | None => Err(CommandError::Usage(format!(
            "{listen} is not a loopback address, and nobody would be asked who they are; add --auth required, and make a \
             key with `agentchains keys create`"
        ))),
    }
}

/// The limits of the file, with those of the flags or the environment in their place.
fn limits(mut table: toml::Table, given: Vec<String>) -> Result<Limits, CommandError> {
    for assignment in given {
        let (name, value) = assignment
            .split_once('=')
            .and_then(|(name, value)| Some((name, value.parse::<i64>().ok()?)))
            .ok_or_else(|| CommandError::Usage(format!("limit: {assignment:?} is not NAME=NUMBER")))?;
        table.insert(name.to_owned(), value.into());
    }
    table
        .try_into()
        .map_err(|error| CommandError::Usage(format!("limits: {}", error.message())))
}

/// The caps of the file, with those of the flags or the environment in their place.
fn caps(mut table: toml::Table, given: Vec<String>) -> Result<Caps, CommandError> {
    for assignment in given {
        let (name, amount) = assignment
            .split_once('=')
            .ok_or_else(|| CommandError::Usage(format!("cap: {assignment:?} is not NAME=USD")))?;
        table.insert(name.to_owned(), amount.into());
    }
    table
        .try_into()
        .map_err(|error| CommandError::Usage(format!("caps: {}", error.message())))
}

/// The tables of that name in the file. What is wrong is told without the line that it stands on, which may hold a secret.
fn declared<T: DeserializeOwned>(name: &str, tables: Vec<toml::Value>) -> Result<Vec<T>, CommandError> {
    let each = tables.into_iter().enumerate().map(|(index, table)| {
        table.try_into().map_err(|error: toml::de::Error| {
            CommandError::Usage(format!("{name}: number {}: {}", index + 1, error.message()))
        })
    });
    each.collect()
}

/// The file that holds the key of stored secrets. A key in the environment wins over a file that the settings name.
fn key_file(given: Option<PathBuf>, in_settings: Option<PathBuf>) -> Option<PathBuf> {
    given.or_else(|| in_settings.filter(|_| env::var_os(SECRETS_KEY).is_none()))
}

/// The key of stored secrets, where there is one: that of a file, or the one in the environment.
pub(crate) fn secrets_key(file: Option<&Path>) -> Result<Option<SecretsKey>, CommandError> {
    match file {
        Some(file) => Ok(Some(SecretsKey::from_file(file)?)),
        None => Ok(env::var(SECRETS_KEY).ok().map(|key| key.parse()).transpose()?),
    }
}

/// The database that a command works on.
pub(crate) fn database(given: Option<String>, config: Option<&Path>) -> Result<String, CommandError> {
    let database = given.or(read_file(config)?.database);
    Ok(database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()))
}

/// Where secrets are stored, and the key to them where there is one.
pub(crate) fn secrets_place(place: SecretsPlace) -> Result<(String, Option<SecretsKey>), CommandError> {
    let file = read_file(place.config.as_deref())?;
    let database = place.database.or(file.database);
    let key_file = key_file(place.secrets_key_file, file.secrets_key_file);
    Ok((
        database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
        secrets_key(key_file.as_deref())?,
    ))
}

/// The limits of the settings file, for commands that need nothing else of it.
pub(crate) fn file_limits(named: Option<&Path>) -> Result<Limits, CommandError> {
    limits(read_file(named)?.limits.unwrap_or_default(), Vec::new())
}

/// The settings file that is read, where it exists.
pub(crate) fn file_path(named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| PathBuf::from(DEFAULT_FILE), Path::to_path_buf)
}

/// What the settings file says, whatever that is.
pub(crate) fn file_table(named: Option<&Path>) -> Result<toml::Table, CommandError> {
    read(named)
}

fn read_file(named: Option<&Path>) -> Result<SettingsFile, CommandError> {
    read(named)
}

fn read<T: DeserializeOwned + Default>(named: Option<&Path>) -> Result<T, CommandError> {
    let path = file_path(named);
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|source| CommandError::Settings { path, source }),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(source) => Err(CommandError::Read { path, source }),
    }
}

#[cfg(test)]
mod tests;
