//! `agentchains import`: an older document, rewritten in today's form.

use std::process::ExitCode;

use agentchains_engine::workflow;

use crate::{
    cli::ImportArgs,
    exit::{CommandError, INVALID},
    validate,
};

/// Prints the converted document, or what cannot be converted.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn import(args: &ImportArgs) -> Result<ExitCode, CommandError> {
    let text = validate::read(&args.file)?;
    match workflow::import(&text) {
        Ok(document) => {
            println!("{document:#}");
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnostics) => {
            validate::print_errors(&args.file, &text, &diagnostics);
            Ok(INVALID.into())
        }
    }
}
