//! `agentchains executions`.

use std::num::NonZeroUsize;

use clap::Subcommand;

use super::{
    Plan,
    call::{Call, DEFAULT_LIMIT, Members, Shown, Task, budget, json},
};
use crate::exit::CommandError;

#[derive(Debug, Subcommand)]
pub(crate) enum ExecutionsCommand {
    /// Lists executions, the newest first
    #[command(after_help = "Example:\n  agentchains executions list --status paused")]
    List {
        /// Of this workflow
        #[arg(long, value_name = "ID")]
        workflow: Option<String>,
        /// In this status; may be repeated
        #[arg(long)]
        status: Vec<String>,
        /// How many at the most
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: NonZeroUsize,
    },
    /// Prints an execution
    Show { id: String },
    /// Lists the nodes of an execution
    Nodes {
        id: String,
        /// How many at the most
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: NonZeroUsize,
    },
    /// Prints what an execution has cost
    Cost { id: String },
    /// Lists the events of an execution
    Events {
        id: String,
        /// Only those after this number
        #[arg(long)]
        after: Option<u64>,
        /// How many at the most
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: NonZeroUsize,
    },
    /// Says why nodes wait or were skipped
    Explain { id: String },
    /// Shows what happens in an execution until its end
    #[command(
        after_help = "Example:\n  agentchains executions watch 01a203ed-b04d-745a-9337-f6b646e9caf2\n\nExit codes: 0 completed, 1 failed, 3 cancelled, 4 budget"
    )]
    Watch { id: String },
    /// Lets nothing new start
    Pause { id: String },
    /// Lets an execution go on; one that waits for one approval is approved
    Resume {
        id: String,
        /// A higher budget, in USD
        #[arg(long, value_name = "USD", allow_negative_numbers = true)]
        max_budget: Option<String>,
    },
    /// Ends an execution
    Cancel { id: String },
    /// Tries again what did not complete, in a new execution
    Retry { id: String },
    /// Runs an execution once more from a node on, in a new one
    #[command(
        after_help = "Example:\n  agentchains executions fork 01a203ed-b04d-745a-9337-f6b646e9caf2 --from merge"
    )]
    Fork {
        id: String,
        /// The node
        #[arg(long, value_name = "NODE")]
        from: Option<String>,
        /// Another version of the workflow
        #[arg(long)]
        version: Option<u32>,
        /// Another input: JSON, or @FILE
        #[arg(long, value_name = "JSON|@FILE")]
        input: Option<String>,
        /// The most that may be spent, in USD
        #[arg(long, value_name = "USD", allow_negative_numbers = true)]
        max_budget: Option<String>,
    },
    /// Forgets an execution that has ended
    Delete { id: String },
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("workflow", "/workflow_id"),
    ("status", "/status"),
    ("nodes", "/nodes_settled"),
    ("of", "/nodes_total"),
    ("cost (USD)", "/cost_usd"),
    ("created", "/created_at"),
];

const NODES: &[(&str, &str)] = &[
    ("path", "/path"),
    ("type", "/type"),
    ("status", "/status"),
    ("attempts", "/attempt"),
    ("cost (USD)", "/cost_usd"),
    ("error", "/error/message"),
];

const EVENTS: &[(&str, &str)] = &[
    ("seq", "/seq"),
    ("at", "/at"),
    ("type", "/type"),
    ("node", "/data/path"),
    ("by", "/data/by"),
];

const REASONS: &[(&str, &str)] = &[("path", "/path"), ("status", "/status"), ("why", "/message")];

impl Plan for ExecutionsCommand {
    fn plan(self) -> Result<Task, CommandError> {
        let act = |id: &str, action: &str| Call::post(&["executions", id, action], Shown::One);
        let part = |id: &str, part: &str, shown: Shown| Call::get(&["executions", id, part], shown);
        Ok(Task::Call(match self {
            Self::List {
                workflow,
                status,
                limit,
            } => {
                let call = Call::get(&["executions"], Shown::List("executions", COLUMNS));
                let filtered = status
                    .into_iter()
                    .fold(call, |call, status| call.query("status", Some(status)));
                filtered.query("workflow_id", workflow).limit(limit)
            }
            Self::Show { id } => Call::get(&["executions", &id], Shown::One),
            Self::Nodes { id, limit } => part(&id, "nodes", Shown::List("nodes", NODES)).limit(limit),
            Self::Cost { id } => part(&id, "cost", Shown::One),
            Self::Events { id, after, limit } => part(&id, "events", Shown::List("events", EVENTS))
                .query("after", after)
                .limit(limit),
            Self::Explain { id } => part(&id, "explain", Shown::List("nodes", REASONS)),
            Self::Watch { id } => return Ok(Task::Watch(id)),
            Self::Pause { id } => act(&id, "pause"),
            Self::Resume { id, max_budget } => {
                let body = Members::default().with("max_budget", budget(max_budget.as_deref())?);
                act(&id, "resume").body(body)
            }
            Self::Cancel { id } => act(&id, "cancel"),
            Self::Retry { id } => act(&id, "retry"),
            Self::Fork {
                id,
                from,
                version,
                input,
                max_budget,
            } => act(&id, "fork").body(
                Members::default()
                    .with("from", from)
                    .with("version", version)
                    .with("input", json(input.as_deref())?)
                    .with("max_budget", budget(max_budget.as_deref())?),
            ),
            Self::Delete { id } => Call::delete(&["executions", &id], "deleted"),
        }))
    }
}
