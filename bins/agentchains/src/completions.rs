//! `agentchains completions`: what a shell needs to complete the program's words.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::{cli::Cli, exit::CommandError};

/// Prints the script for that shell.
pub(crate) fn completions(shell: Shell) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "agentchains", &mut script);
    // The generator itself would end the program with a panic where nobody reads on.
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
