//! Commands against a server: what `workflows`, `executions`, `approvals` and `agents` ask of it, and what they print.

mod agents;
mod approvals;
mod call;
mod client;
mod executions;
mod show;
mod watch;
mod workflows;

use std::process::ExitCode;

use clap::Args;

pub(crate) use self::{
    agents::AgentsCommand,
    approvals::ApprovalsCommand,
    client::{Client, RemoteError},
    executions::ExecutionsCommand,
    workflows::WorkflowsCommand,
};
use self::{call::Task, watch::Known};
use crate::{cli::OutputFormat, exit::CommandError};

/// A group of commands, and the server that they are for.
#[derive(Debug, Args)]
pub(crate) struct RemoteArgs<C: clap::Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    place: Place,
}

/// Where the server is, who asks, and how the answer is printed.
#[derive(Debug, Args)]
struct Place {
    /// The server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "AGENTCHAINS_SERVER",
        default_value = "http://127.0.0.1:7420"
    )]
    server: String,
    /// The API key, where the server needs one
    #[arg(long, global = true, env = "AGENTCHAINS_KEY", hide_env_values = true)]
    key: Option<String>,
    /// How answers are printed; json is that of the API, and errors are its problem objects
    #[arg(long, global = true, value_enum, default_value = "table")]
    output: OutputFormat,
}

/// What a command comes to.
pub(crate) trait Plan {
    /// The requests that it makes.
    ///
    /// # Errors
    /// [`CommandError`] where a file or an argument cannot be used.
    fn plan(self) -> Result<Task, CommandError>;
}

/// Carries out a command of one of the groups.
pub(crate) async fn carry_out<C: clap::Subcommand + Plan>(
    args: RemoteArgs<C>,
) -> Result<ExitCode, CommandError> {
    let Place { server, key, output } = args.place;
    let done = async {
        let task = args.command.plan()?;
        let client = Client::new(&server, key.as_deref())?;
        match task {
            Task::Call(call) => {
                show::print(&client.answer(&call).await?, &call.shown, output)?;
                Ok(ExitCode::SUCCESS)
            }
            Task::Execute(call) => {
                let started = client.answer(&call).await?;
                let id = started["execution_id"].as_str().unwrap_or_default();
                watch::watch(&client, id, Known::Yes, output).await
            }
            Task::Watch(id) => watch::watch(&client, &id, Known::No, output).await,
        }
    };
    match done.await {
        Err(CommandError::Remote(error)) if output == OutputFormat::Json => Ok(show::print_problem(&error)),
        done => done,
    }
}
