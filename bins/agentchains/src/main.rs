//! The program `agentchains`: server, demo and command line in one binary.
//!
//! This crate wires the others together and holds no rules of its own.

mod cli;
mod demo;
mod exit;
mod run;
mod serve;
mod settings;
mod telemetry;
mod validate;
mod wiring;

use std::process::ExitCode;

use crate::{
    cli::{Cli, Command},
    exit::CommandError,
};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::of_process().command {
        Command::Demo(args) => demo::demo(args).await,
        Command::Serve(args) => serve::serve(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Validate(args) => validate::validate(&args),
    };
    done.unwrap_or_else(|error| report(&error))
}

#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
fn report(error: &CommandError) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        eprintln!("  because {error}");
        cause = error.source();
    }
    error.exit_code()
}
