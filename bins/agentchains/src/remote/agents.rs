//! `agentchains agents`.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Subcommand;
use hyper::Method;

use super::{
    Plan,
    call::{Call, DEFAULT_LIMIT, Members, Shown, Task},
};
use crate::exit::CommandError;

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Lists the agents, the newest first
    List {
        /// How many at the most
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: NonZeroUsize,
    },
    /// Prints an agent; never its credential
    Show { id: String },
    /// Registers an agent from a file with its definition in JSON
    #[command(after_help = "Example:\n  agentchains agents create web-search.json")]
    Create { file: PathBuf },
    /// Replaces an agent's definition
    Update { id: String, file: PathBuf },
    /// Removes an agent
    Delete { id: String },
    /// Reads the card of an A2A agent
    Discover { url: String },
    /// Says whether an agent answers
    Health { id: String },
    /// Prints an agent's circuit breaker
    Breaker { id: String },
    /// Closes an agent's circuit breaker
    #[command(after_help = "Example:\n  agentchains agents reset web-search")]
    Reset { id: String },
    /// Holds an agent's circuit breaker open until it is reset
    ForceOpen { id: String },
}

const COLUMNS: &[(&str, &str)] = &[
    ("agent", "/agent_id"),
    ("protocol", "/protocol"),
    ("address", "/url"),
    ("disabled", "/disabled"),
    ("declared in", "/source"),
];

impl Plan for AgentsCommand {
    fn plan(self) -> Result<Task, CommandError> {
        let breaker = "circuit-breaker";
        Ok(Task::Call(match self {
            Self::List { limit } => Call::get(&["agents"], Shown::List("agents", COLUMNS)).limit(limit),
            Self::Show { id } => Call::get(&["agents", &id], Shown::One),
            Self::Create { file } => Call::post(&["agents"], Shown::One).file(&file)?,
            Self::Update { id, file } => Call::new(Method::PUT, &["agents", &id], Shown::One).file(&file)?,
            Self::Delete { id } => Call::delete(&["agents", &id], "removed"),
            Self::Discover { url } => Call::post(&["agents", "discover"], Shown::One)
                .body(Members::default().with("url", Some(url))),
            Self::Health { id } => Call::get(&["agents", &id, "health"], Shown::One),
            Self::Breaker { id } => Call::get(&["agents", &id, breaker], Shown::One),
            Self::Reset { id } => Call::post(&["agents", &id, breaker, "reset"], Shown::One),
            Self::ForceOpen { id } => Call::post(&["agents", &id, breaker, "force-open"], Shown::One),
        }))
    }
}
