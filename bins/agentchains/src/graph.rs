//! `agentchains graph`: the picture of a document.

use std::process::ExitCode;

use agentchains_engine::workflow::{PictureFormat, check};

use crate::{
    cli::{GraphArgs, GraphFormat},
    exit::{CommandError, INVALID},
    validate,
};

/// Prints the picture, or what is wrong with the document.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn graph(args: &GraphArgs) -> Result<ExitCode, CommandError> {
    let text = validate::read(&args.file)?;
    let checked = check(&text);
    let Some(workflow) = checked.workflow else {
        validate::print_errors(&args.file, &text, &checked.diagnostics);
        return Ok(INVALID.into());
    };
    let format = match args.format {
        GraphFormat::Mermaid => PictureFormat::Mermaid,
        GraphFormat::Dot => PictureFormat::Dot,
        GraphFormat::Svg => PictureFormat::Svg,
    };
    print!("{}", workflow.picture(format));
    Ok(ExitCode::SUCCESS)
}
