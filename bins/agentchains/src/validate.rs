//! `agentchains validate`: what is wrong with documents, with the place in the text.

use std::{
    fs,
    io::{IsTerminal, stdout},
    path::Path,
    process::ExitCode,
};

use agentchains_engine::workflow::{Diagnostic, Diagnostics, Severity, check};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceOffset};
use serde_json::{Value, json};

use crate::{
    cli::{ValidateArgs, ValidateFormat},
    exit::{CommandError, INVALID},
};

/// A longer line is not shown: it is a document without line breaks.
const LONGEST_LINE_SHOWN: usize = 400;

/// Checks each document and prints what was found.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn validate(args: &ValidateArgs) -> Result<ExitCode, CommandError> {
    let mut findings = Vec::new();
    let mut errors = 0;
    for path in &args.files {
        let text = read(path)?;
        let checked = check(&text);
        errors += checked.diagnostics.errors().count();
        match args.format {
            ValidateFormat::Text => print_text(path, &text, &checked.diagnostics),
            ValidateFormat::Json => findings.push(as_json(path, &checked)),
        }
    }
    if args.format == ValidateFormat::Json {
        println!("{}", Value::Array(findings));
    }
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        INVALID.into()
    })
}

pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    let bytes = fs::read(path).map_err(|source| CommandError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    String::from_utf8(bytes).map_err(|_| CommandError::NotUtf8(path.to_path_buf()))
}

fn as_json(path: &Path, checked: &agentchains_engine::workflow::Checked) -> Value {
    json!({
        "file": path.display().to_string(),
        "valid": !checked.diagnostics.has_errors(),
        "errors": checked.diagnostics.errors().collect::<Vec<_>>(),
        "warnings": checked.diagnostics.warnings().collect::<Vec<_>>(),
    })
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn print_text(path: &Path, text: &str, diagnostics: &Diagnostics) {
    for diagnostic in diagnostics {
        print!("{}", render(path, text, diagnostic));
    }
    let errors = diagnostics.errors().count();
    let warnings = diagnostics.warnings().count();
    if diagnostics.omitted() > 0 {
        println!(
            "{}: {} more findings are not shown",
            path.display(),
            diagnostics.omitted()
        );
    }
    match (errors, warnings) {
        (0, 0) => println!("{}: valid", path.display()),
        (0, _) => println!("{}: valid, {warnings} warning(s)", path.display()),
        _ => println!("{}: {errors} error(s), {warnings} warning(s)", path.display()),
    }
}

/// What refuses a document, on standard error: for commands that need a valid one.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
pub(crate) fn print_errors(path: &Path, text: &str, diagnostics: &Diagnostics) {
    for found in diagnostics.errors() {
        eprint!("{}", render(path, text, found));
    }
}

/// One finding, with a caret under its place.
fn render(path: &Path, text: &str, found: &Diagnostic) -> String {
    let mut report = miette::MietteDiagnostic::new(found.message.clone())
        .with_code(found.code.as_str())
        .with_severity(match found.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        });
    if let Some(hint) = &found.hint {
        report = report.with_help(hint.clone());
    }
    let place = found
        .line
        .zip(found.column)
        .filter(|(line, _)| is_showable(text, *line));
    if let Some((line, column)) = place {
        let offset = SourceOffset::from_location(text, line as usize, column as usize);
        report = report.with_label(LabeledSpan::at_offset(offset.offset(), found.pointer.clone()));
    }
    let report = miette::Report::new(report)
        .with_source_code(NamedSource::new(path.display().to_string(), text.to_owned()));
    let mut rendered = String::new();
    let handler = GraphicalReportHandler::new_themed(theme())
        .with_width(110)
        .with_context_lines(1);
    if handler.render_report(&mut rendered, report.as_ref()).is_err() {
        rendered = format!("{}: {}: {}\n", path.display(), found.code.as_str(), found.message);
    }
    rendered
}

fn is_showable(text: &str, line: u32) -> bool {
    text.lines()
        .nth(line as usize - 1)
        .is_none_or(|line| line.len() <= LONGEST_LINE_SHOWN)
}

fn theme() -> GraphicalTheme {
    if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    }
}
