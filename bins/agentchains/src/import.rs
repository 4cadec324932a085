//! `agentchains import`: an older document, rewritten in today's form.

use std::process::ExitCode;

use agentchains_engine::workflow;

use crate::{
    cli::ImportArgs,
    exit::{CommandError, INVALID},
    validate,
};

/// Prints the converted document, or what cannot be converted.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what the command is for"
)]
pub(crate) fn import(args: &ImportArgs) -> Result<ExitCode, CommandError> {
    let text = validate::read(&args.file)?;
    match workflow::import(&text) {
        Ok(document) => {
            println!("{document:#}");
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnostics) => {
            for found in diagnostics.errors() {
                eprint!("{}", validate::render(&args.file, &text, found));
            }
            Ok(INVALID.into())
        }
    }
}
