//! An execution as it happens, over its stream of events.

use std::{io::Write as _, process::ExitCode, time::Duration};

use agentchains_engine::machine::Event;
use futures_util::StreamExt as _;
use http_body_util::BodyDataStream;
use hyper::{
    HeaderMap, Method,
    header::{ACCEPT, HeaderName, HeaderValue},
};
use serde_json::Value;
use sse_stream::SseStream;

use super::{
    call::{Call, Shown},
    client::Client,
    show,
};
use crate::{
    cli::OutputFormat,
    exit::{CANCELLED, CommandError, FAILED, OVER_BUDGET},
    run::progress,
};

/// How long to wait before a stream that broke off is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often in a row that may be in vain.
const TRIES: u32 = 60;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Whether the server is known to be there, so that it is waited for where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It has just answered.
    Yes,
    /// Not before it has told of an event; an execution has one from its beginning on.
    No,
}

/// Shows an execution until it has ended, and exits as `run` does.
pub(super) async fn watch(
    client: &Client,
    id: &str,
    known: Known,
    output: OutputFormat,
) -> Result<ExitCode, CommandError> {
    let mut last = String::from("0");
    let mut in_vain = if known == Known::Yes { 0 } else { TRIES };
    loop {
        let before = last.clone();
        let followed = follow(client, id, &mut last, output).await;
        in_vain = if last == before { in_vain + 1 } else { 0 };
        match followed {
            Ok(true) => break,
            Err(CommandError::Remote(error)) if error.may_pass() && in_vain < TRIES => {}
            Err(error) => return Err(error),
            Ok(false) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    let execution = client.answer(&Call::get(&["executions", id], Shown::One)).await?;
    if output == OutputFormat::Table {
        show::print(&execution, &Shown::One, output)?;
    }
    Ok(exit_code(&execution))
}

/// Shows what a stream tells. True once it has told of the end.
async fn follow(
    client: &Client,
    id: &str,
    last: &mut String,
    output: OutputFormat,
) -> Result<bool, CommandError> {
    let path = ["executions", id, "events"].map(str::to_owned);
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.extend(
        HeaderValue::try_from(last.as_str())
            .ok()
            .map(|last| (LAST_EVENT_ID, last)),
    );
    let response = client
        .send(&Method::GET, &client.address(&path)?, &headers, String::new())
        .await?;
    if response.status().as_u16() == 204 {
        return Ok(true);
    }
    let mut events = SseStream::from_bytes_stream(BodyDataStream::new(response.into_body()));
    while let Some(Ok(event)) = events.next().await {
        let Some(data) = event.data else { continue };
        let frame: Value = serde_json::from_str(&data).unwrap_or_default();
        if let Some(id) = event.id {
            *last = id;
        }
        match output {
            OutputFormat::Json => writeln!(std::io::stdout(), "{frame}")?,
            OutputFormat::Table => {
                // What an agent says while it works is no event.
                if let Ok(event) = serde_json::from_value::<Event>(frame.clone()) {
                    progress::show(&event);
                }
            }
        }
        if matches!(
            frame["type"].as_str(),
            Some("execution.completed" | "execution.failed" | "execution.cancelled")
        ) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn exit_code(execution: &Value) -> ExitCode {
    match execution["status"].as_str() {
        Some("completed") => ExitCode::SUCCESS,
        Some("cancelled") => CANCELLED.into(),
        _ if execution["error"]["code"] == "budget_exceeded" => OVER_BUDGET.into(),
        _ => FAILED.into(),
    }
}
