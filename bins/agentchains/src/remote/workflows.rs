//! `agentchains workflows`.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Subcommand;
use hyper::Method;

use super::{
    Plan,
    call::{Call, DEFAULT_LIMIT, Members, Shown, Task, budget, json},
};
use crate::exit::CommandError;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowsCommand {
    /// Lists workflows, the newest first
    #[command(after_help = "Example:\n  agentchains workflows list --name research")]
    List {
        /// What their names contain
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// active or archived
        #[arg(long)]
        status: Option<String>,
        /// How many at the most
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: NonZeroUsize,
    },
    /// Prints a workflow
    Show {
        id: String,
        /// A version other than the latest
        #[arg(long)]
        version: Option<u32>,
    },
    /// Creates a workflow from a document
    #[command(after_help = "Example:\n  agentchains workflows create research.json")]
    Create { file: PathBuf },
    /// Makes a new version from a document
    Update { id: String, file: PathBuf },
    /// Lists the versions of a workflow
    Versions { id: String },
    /// Archives a workflow, so that it cannot be started any more
    Archive { id: String },
    /// Makes a workflow an A2A agent
    Publish { id: String },
    /// Takes that back
    Unpublish { id: String },
    /// Starts an execution of a workflow
    #[command(
        after_help = "Example:\n  agentchains workflows execute 01a203ed-b02b-776b-802f-03640bf7a101 --input '{\"topic\": \"tea\"}' --watch\n\nExit codes with --watch: 0 completed, 1 failed, 3 cancelled, 4 budget"
    )]
    Execute {
        id: String,
        /// The execution's input: JSON, or @FILE
        #[arg(long, value_name = "JSON|@FILE")]
        input: Option<String>,
        /// The most that may be spent, in USD
        #[arg(long, value_name = "USD", allow_negative_numbers = true)]
        max_budget: Option<String>,
        /// A version other than the latest
        #[arg(long)]
        version: Option<u32>,
        /// Shows what happens until the end
        #[arg(long)]
        watch: bool,
    },
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("version", "/version"),
    ("status", "/status"),
    ("published", "/published"),
    ("updated", "/updated_at"),
];

const VERSIONS: &[(&str, &str)] = &[
    ("version", "/version"),
    ("by", "/created_by"),
    ("created", "/created_at"),
    ("hash", "/hash"),
];

impl Plan for WorkflowsCommand {
    fn plan(self) -> Result<Task, CommandError> {
        let of = |id: &str, action: &str| Call::post(&["workflows", id, action], Shown::One);
        Ok(Task::Call(match self {
            Self::List { name, status, limit } => {
                Call::get(&["workflows"], Shown::List("workflows", COLUMNS))
                    .query("q", name)
                    .query("status", status)
                    .limit(limit)
            }
            Self::Show { id, version } => {
                Call::get(&["workflows", &id], Shown::One).query("version", version)
            }
            Self::Create { file } => Call::post(&["workflows"], Shown::One).file(&file)?,
            Self::Update { id, file } => {
                Call::new(Method::PUT, &["workflows", &id], Shown::One).file(&file)?
            }
            Self::Versions { id } => {
                Call::get(&["workflows", &id, "versions"], Shown::List("versions", VERSIONS))
            }
            Self::Archive { id } => Call::delete(&["workflows", &id], "archived"),
            Self::Publish { id } => of(&id, "publish"),
            Self::Unpublish { id } => of(&id, "unpublish"),
            Self::Execute {
                id,
                input,
                max_budget,
                version,
                watch,
            } => {
                let body = Members::default()
                    .with("input", json(input.as_deref())?)
                    .with("max_budget", budget(max_budget.as_deref())?)
                    .with("version", version);
                let call = of(&id, "execute").body(body);
                return Ok(if watch {
                    Task::Execute(call)
                } else {
                    Task::Call(call)
                });
            }
        }))
    }
}
