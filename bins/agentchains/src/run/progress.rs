//! What `run` shows while it runs, and what it prints at the end.

use std::io::{self, Write};

use agentchains_engine::{
    machine::{Event, EventType, ExecutionRow},
    workflow,
};
use serde_json::{Value, json};

use crate::{
    cli::OutputFormat,
    terminal::{printable, table},
};

/// One line per thing that happens, on standard error.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
pub(crate) fn show(event: &Event) {
    let data = event.data.to_value();
    let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
    let cost = || format!("{} USD", data["cost_usd"]);
    let path = text("path");
    match event.kind {
        EventType::NodeStarted => eprintln!("{path:<20} started    attempt {}", data["attempt"]),
        EventType::NodeCompleted => eprintln!("{path:<20} completed  {}", cost()),
        EventType::NodeFailed => eprintln!("{path:<20} failed     {}", describe(&data["error"])),
        EventType::NodeRetrying => eprintln!("{path:<20} retrying   {}", describe(&data["error"])),
        EventType::NodeSkipped => {
            eprintln!("{path:<20} skipped    {}", text_of(&data["skip_reason"]["cause"]));
        }
        EventType::NodeCancelled => eprintln!("{path:<20} cancelled"),
        EventType::BudgetThreshold => {
            eprintln!(
                "budget               {}% of {} USD spent",
                data["percent"], data["max_budget"]
            );
        }
        EventType::BudgetExhausted => eprintln!("budget               exhausted"),
        _ => {}
    }
}

fn describe(error: &Value) -> String {
    printable(&format!(
        "{}: {}",
        text_of(&error["code"]),
        text_of(&error["message"])
    ))
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The execution's end, on standard output.
pub(crate) fn print_result(execution: &ExecutionRow, format: OutputFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Json => {
            let result = [
                ("execution_id", json!(execution.id).into()),
                ("status", json!(execution.status).into()),
                ("output", execution.output.clone().unwrap_or_default()),
                ("error", json!(execution.error).into()),
                ("cost_usd", json!(execution.spent).into()),
                ("cost_known", execution.cost_known.into()),
            ];
            writeln!(out, "{}", result.into_iter().collect::<workflow::Json>())
        }
        OutputFormat::Table => {
            let mut table = table();
            table.add_row(vec!["status".to_owned(), execution.status.to_string()]);
            table.add_row(vec!["cost".to_owned(), format!("{} USD", execution.spent)]);
            if let Some(error) = &execution.error {
                table.add_row(vec!["error".to_owned(), printable(&error.to_string())]);
            }
            writeln!(out, "{table}")?;
            match &execution.output {
                Some(output) => writeln!(out, "{output:#}"),
                None => Ok(()),
            }
        }
    }
}
