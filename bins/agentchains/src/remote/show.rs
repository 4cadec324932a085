//! What commands print of answers.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    process::ExitCode,
};

use comfy_table::Table;
use serde_json::Value;

use super::{RemoteError, call::Shown};
use crate::{
    cli::OutputFormat,
    terminal::{printable, table},
};

/// The answer on standard output.
pub(super) fn print(answer: &Value, shown: &Shown, format: OutputFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match (format, shown) {
        (OutputFormat::Json, Shown::Done(_)) => Ok(()),
        (OutputFormat::Json, _) => writeln!(out, "{answer}"),
        (OutputFormat::Table, Shown::Done(word)) => writeln!(out, "{word}"),
        (OutputFormat::Table, Shown::One) => writeln!(out, "{}", members(answer)),
        (OutputFormat::Table, Shown::List(plural, columns)) => {
            writeln!(out, "{}", rows(&answer[*plural], columns))?;
            if answer["next_cursor"].is_string() {
                writeln!(out, "there are more; see them with --limit")?;
            }
            Ok(())
        }
    }
}

/// The problem on standard error, as the API tells it.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
pub(super) fn print_problem(error: &RemoteError) -> ExitCode {
    eprintln!("{}", error.to_json());
    error.exit_code()
}

fn rows(items: &Value, columns: &[(&str, &str)]) -> Table {
    let mut table = table();
    table.set_header(columns.iter().map(|(name, _)| *name));
    for item in items.as_array().into_iter().flatten() {
        table.add_row(columns.iter().map(|(_, pointer)| cell(item.pointer(pointer))));
    }
    table
}

/// Each member in a row; what is a list of objects has a table of its own, below and under its name.
fn members(answer: &Value) -> String {
    let mut whole = table();
    let mut lists = String::new();
    for (name, value) in answer.as_object().into_iter().flatten() {
        let name = printable(name);
        if let Some(rows) = value.as_array().and_then(|items| objects(items)) {
            lists += &format!("\n{name}\n{rows}");
            continue;
        }
        let shown = cell(Some(value));
        if !shown.is_empty() {
            whole.add_row([name, shown]);
        }
    }
    format!("{whole}{lists}")
}

/// A table of objects, with a column for each member that one of them has.
fn objects(items: &[Value]) -> Option<Table> {
    let objects: Vec<_> = items.iter().map(Value::as_object).collect::<Option<_>>()?;
    let columns: BTreeSet<&String> = objects.iter().flat_map(|object| object.keys()).collect();
    if columns.is_empty() {
        return None;
    }
    let mut table = table();
    table.set_header(columns.iter().map(|name| printable(name)));
    for object in objects {
        table.add_row(columns.iter().map(|name| cell(object.get(*name))));
    }
    Some(table)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Object(members)) if members.is_empty() => String::new(),
        Some(Value::Array(items)) if items.is_empty() => String::new(),
        Some(Value::Array(items)) if !items.iter().any(|item| item.is_object() || item.is_array()) => {
            let items: Vec<String> = items.iter().map(|item| cell(Some(item))).collect();
            items.join(", ")
        }
        Some(nested @ (Value::Object(_) | Value::Array(_))) => printable(&nested.to_string()),
        Some(other) => other.to_string(),
    }
}
