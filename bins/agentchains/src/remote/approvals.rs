//! `agentchains approvals`.

use std::num::NonZeroUsize;

use clap::Subcommand;

use super::{
    Plan,
    call::{Call, DEFAULT_LIMIT, Members, Shown, Task, json},
};
use crate::exit::CommandError;

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Lists questions to people, pending ones first
    #[command(after_help = "Example:\n  agentchains approvals list --status pending --mine")]
    List {
        /// pending, decided, expired or withdrawn
        #[arg(long)]
        status: Option<String>,
        /// Of this execution
        #[arg(long, value_name = "ID")]
        execution: Option<String>,
        /// Only those that this key may decide
        #[arg(long)]
        mine: bool,
        /// How many at the most
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: NonZeroUsize,
    },
    /// Prints a question, and what is shown with it
    Show { id: String },
    /// Answers a question
    #[command(
        after_help = "Example:\n  agentchains approvals decide 01a203ed-b8d1-7a35-a2e0-3b1c4a8e5d10 approve --comment 'looks good'"
    )]
    Decide {
        id: String,
        /// One of the question's actions, such as approve or reject
        decision: String,
        /// What is said about it
        #[arg(long)]
        comment: Option<String>,
        /// What the question's form asks for: JSON, or @FILE
        #[arg(long, value_name = "JSON|@FILE")]
        data: Option<String>,
    },
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("kind", "/kind"),
    ("status", "/status"),
    ("node", "/path"),
    ("asks", "/message"),
    ("expires", "/expires_at"),
];

impl Plan for ApprovalsCommand {
    fn plan(self) -> Result<Task, CommandError> {
        Ok(Task::Call(match self {
            Self::List {
                status,
                execution,
                mine,
                limit,
            } => Call::get(&["approvals"], Shown::List("approvals", COLUMNS))
                .query("status", status)
                .query("execution_id", execution)
                .query("mine", mine.then_some(true))
                .limit(limit),
            Self::Show { id } => Call::get(&["approvals", &id], Shown::One),
            Self::Decide {
                id,
                decision,
                comment,
                data,
            } => Call::post(&["approvals", &id, "decision"], Shown::One).body(
                Members::default()
                    .with("decision", Some(decision))
                    .with("comment", comment)
                    .with("data", json(data.as_deref())?),
            ),
        }))
    }
}
