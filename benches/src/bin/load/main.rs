//! The load program: drives the real server over HTTP with an echo agent, and prints what it measured as a table.
//!
//! ```console
//! $ cargo build --release -p agentchains
//! $ cargo run --release -p agentchains-benches --bin load -- all
//! $ cargo run --release -p agentchains-benches --bin load -- --repeat 3 chain throughput
//! ```
//!
//! Server, agent and load are three processes on one machine, on loopback. Whatever is started is killed, and what is
//! written is deleted, when a scenario ends, and when an interrupt or SIGTERM ends the program.

mod agent_log;
mod connection;
mod echo_agent;
mod error;
mod filled;
mod group_commit;
mod process;
mod report;
mod scenario;
mod stage;
mod workflows;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};

use crate::{
    echo_agent::EchoAgentArgs,
    error::{LoadError, Result, While as _},
    scenario::{Run, Scenario},
    stage::{Settings, own_directory},
};

/// Measures the server under load.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    load: LoadArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the agent alone, until it is killed
    EchoAgent(EchoAgentArgs),
}

#[derive(Debug, Args)]
struct LoadArgs {
    /// What is measured
    #[arg(value_enum, required = true)]
    scenarios: Vec<Scenario>,
    /// The server's program [default: agentchains beside this program]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where temporary directories are made, on a disk and not in memory [default: beside this program]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// A PostgreSQL database, empty at first, for the scenarios that can share one [default: a SQLite file for each]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// How often each scenario is played
    #[arg(long, value_name = "TIMES", default_value_t = 5)]
    repeat: usize,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::EchoAgent(arguments)) => echo_agent::serve(&arguments).await,
        None => select! {
            done = measure(cli.load) => done,
            stopped = stop_signal() => stopped,
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.in_full());
            ExitCode::FAILURE
        }
    }
}

/// Plays the scenarios, and prints what was measured up to the first that fails.
#[expect(clippy::print_stdout, reason = "this is what the program is for")]
async fn measure(arguments: LoadArgs) -> Result<()> {
    let own = own_directory()?;
    let mut run = Run::new(Settings {
        server: arguments.server.unwrap_or_else(|| own.join("agentchains")),
        directory: arguments.directory.unwrap_or(own),
        database: arguments.database,
        repeat: arguments.repeat,
    });
    let mut played = Ok(());
    for scenario in arguments.scenarios {
        played = run.play(scenario).await;
        if played.is_err() {
            break;
        }
    }
    println!("{}", run.report);
    played
}

/// Fails when the program is told to end, so that what it has started ends with it.
async fn stop_signal() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).during("listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).during("listen for signals")?;
    select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Err(LoadError::new("come to the end: it was stopped"))
}
