//! `agentchains validate`: what is wrong with documents, with the place in the text.

use std::{
    fs,
    io::{IsTerminal, stdout},
    path::Path,
    process::ExitCode,
};

use agentchains_engine::workflow::{Checked, Diagnostic, Diagnostics, Severity, check};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan};
use serde_json::{Value, json};

use crate::{
    cli::{ValidateArgs, ValidateFormat},
    excerpt::Excerpts,
    exit::{CommandError, INVALID},
    terminal::{one_line, printable},
};

/// Checks each document and prints what was found. One that cannot be read does not keep the others from it.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn validate(args: &ValidateArgs) -> Result<ExitCode, CommandError> {
    let mut findings = Vec::new();
    let mut code = ExitCode::SUCCESS;
    let mut is_refused = false;
    for path in &args.files {
        let text = match read(path) {
            Ok(text) => text,
            Err(error) => {
                code = crate::report(&error);
                findings.push(json!({"file": file(path), "valid": false, "unreadable": error.to_string()}));
                continue;
            }
        };
        let checked = check(&text);
        is_refused |= checked.diagnostics.has_errors();
        match args.format {
            ValidateFormat::Text => print_text(path, &text, &checked.diagnostics),
            ValidateFormat::Json => findings.push(as_json(path, &checked)),
        }
    }
    if args.format == ValidateFormat::Json {
        println!("{}", Value::Array(findings));
    }
    Ok(if is_refused { INVALID.into() } else { code })
}

pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    let bytes = fs::read(path).map_err(|source| CommandError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    String::from_utf8(bytes).map_err(|_| CommandError::NotUtf8(path.to_path_buf()))
}

fn file(path: &Path) -> String {
    path.display().to_string()
}

fn as_json(path: &Path, checked: &Checked) -> Value {
    json!({
        "file": file(path),
        "valid": !checked.diagnostics.has_errors(),
        "errors": checked.diagnostics.errors().collect::<Vec<_>>(),
        "warnings": checked.diagnostics.warnings().collect::<Vec<_>>(),
        "omitted": checked.diagnostics.omitted(),
    })
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn print_text(path: &Path, text: &str, diagnostics: &Diagnostics) {
    let mut excerpts = excerpts(path, text);
    for diagnostic in diagnostics {
        print!("{}", render(&mut excerpts, diagnostic));
    }
    let name = one_line(&file(path));
    let errors = diagnostics.errors().count();
    let warnings = diagnostics.warnings().count();
    let more = more(diagnostics);
    match (errors, warnings) {
        (0, 0) => println!("{name}: valid"),
        (0, _) => println!("{name}: valid, {warnings} warning(s){more}"),
        _ => println!("{name}: {errors} error(s), {warnings} warning(s){more}"),
    }
}

/// What refuses a document, on standard error: for commands that need a valid one.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
pub(crate) fn print_errors(path: &Path, text: &str, diagnostics: &Diagnostics) {
    let mut excerpts = excerpts(path, text);
    for found in diagnostics.errors() {
        eprint!("{}", render(&mut excerpts, found));
    }
    let errors = diagnostics.errors().count();
    eprintln!(
        "{}: {errors} error(s){}",
        one_line(&file(path)),
        more(diagnostics)
    );
}

/// That there are findings beyond the limit, where there are.
fn more(diagnostics: &Diagnostics) -> String {
    match diagnostics.omitted() {
        0 => String::new(),
        omitted => format!(" … and {omitted} more"),
    }
}

fn excerpts<'t>(path: &Path, text: &'t str) -> Excerpts<'t> {
    Excerpts::of(one_line(&file(path)), text)
}

/// One finding, with a caret under its place.
fn render(excerpts: &mut Excerpts<'_>, found: &Diagnostic) -> String {
    let message = printable(&found.message);
    let mut report = miette::MietteDiagnostic::new(&message)
        .with_code(found.code.as_str())
        .with_severity(match found.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        });
    if let Some(hint) = &found.hint {
        report = report.with_help(printable(hint));
    }
    let excerpt = excerpts.at(found.line.unwrap_or(1), found.column.unwrap_or(1));
    let report = report.with_label(LabeledSpan::at_offset(excerpt.caret, one_line(&found.pointer)));
    let report = miette::Report::new(report).with_source_code(excerpt);
    let mut rendered = String::new();
    let handler = GraphicalReportHandler::new_themed(theme())
        .with_width(110)
        .with_context_lines(1);
    if handler.render_report(&mut rendered, report.as_ref()).is_err() {
        rendered = format!("{}: {message}\n", found.code.as_str());
    }
    rendered
}

fn theme() -> GraphicalTheme {
    if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    }
}
