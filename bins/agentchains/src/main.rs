//! The program `agentchains`: server, demo and command line in one binary.
//!
//! This crate wires the others together and holds no rules of its own.

mod cli;
mod completions;
mod config;
mod demo;
mod estimate;
mod excerpt;
mod exit;
mod graph;
mod import;
mod keys;
mod mcp;
mod oidc;
mod remote;
mod run;
mod secrets;
mod serve;
mod settings;
mod stop;
mod telemetry;
mod terminal;
mod validate;
mod wiring;

use std::{io::ErrorKind, process::ExitCode};

use mimalloc::MiMalloc;
use tokio::runtime::Runtime;

use crate::{
    cli::{Cli, Command},
    exit::CommandError,
};

/// Gives memory back after a large document, input or output was dealt with.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = Cli::of_process().command;
    let done = Runtime::new().map_err(CommandError::Runtime).and_then(|runtime| {
        let done = runtime.block_on(carry_out(command));
        // A thread may still wait for a person at the terminal; nobody waits for that thread.
        runtime.shutdown_background();
        done
    });
    match done {
        // Whoever reads the output has seen enough, as `head` has after ten lines.
        Err(CommandError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        done => done.unwrap_or_else(|error| report(&error)),
    }
}

async fn carry_out(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Demo(args) => demo::demo(args).await,
        Command::Serve(args) => serve::serve(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Estimate(args) => estimate::estimate(args).await,
        Command::Mcp(args) => mcp::mcp(args).await,
        Command::Keys(args) => keys::keys(args).await,
        Command::Secrets(args) => secrets::secrets(args.command).await,
        Command::Config(command) => config::config(command).await,
        Command::Completions { shell } => completions::completions(shell),
        Command::Validate(args) => validate::validate(&args),
        Command::Workflows(args) => remote::carry_out(args).await,
        Command::Executions(args) => remote::carry_out(args).await,
        Command::Approvals(args) => remote::carry_out(args).await,
        Command::Agents(args) => remote::carry_out(args).await,
        Command::Graph(args) => graph::graph(&args),
        Command::Import(args) => import::import(&args),
    }
}

#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
pub(crate) fn report(error: &CommandError) -> ExitCode {
    eprintln!("error: {error}");
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Some errors say what their cause says.
        let words = error.to_string();
        if !said.contains(&words) {
            eprintln!("  because {words}");
            said = words;
        }
        cause = error.source();
    }
    error.exit_code()
}
