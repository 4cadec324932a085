//! `agentchains estimate`: what a workflow may cost and take before anything of it runs.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use agentchains_engine::{
    Caller, Engine, Estimate, EstimateRequest, Remark,
    cost::Usd,
    ports::{Creation, Seconds},
};
use serde_json::json;

use crate::{
    cli::{EstimateArgs, OutputFormat},
    exit::{CommandError, INVALID},
    run::{in_memory, read_agent, read_budget, read_input, refuses},
    settings::file_limits,
    terminal::{one_line, table},
    validate,
    wiring::wire,
};

/// Prints the worst case of the workflow, and the nodes that make it up.
pub(crate) async fn estimate(args: EstimateArgs) -> Result<ExitCode, CommandError> {
    let text = validate::read(&args.file)?;
    if refuses(&args.file, args.output, &text) {
        return Ok(INVALID.into());
    }
    let request = EstimateRequest {
        version: None,
        input: args.input.as_deref().map(read_input).transpose()?,
        max_budget: args.max_budget.as_deref().map(read_budget).transpose()?,
    };
    let mut settings = in_memory();
    settings.limits = file_limits(args.config.as_deref())?;
    let agents = args.agent.iter().map(|agent| read_agent(agent));
    let wired = wire(&settings, agents.collect::<Result<Vec<_>, _>>()?).await?;
    let estimated = of_document(&wired.engine, &text, request).await;
    wired.engine.shutdown(Duration::ZERO).await;
    wired.store.close().await;
    print(&estimated?, args.output)?;
    Ok(ExitCode::SUCCESS)
}

async fn of_document(
    engine: &Engine,
    text: &str,
    request: EstimateRequest,
) -> Result<Estimate, CommandError> {
    let caller = Caller::anonymous();
    match engine.create_workflow(&caller, text, None).await? {
        Creation::Created(view) | Creation::Replayed(view) => {
            Ok(engine.estimate(&caller, view.record.id, request).await?)
        }
        Creation::KeyReused => Err(agentchains_engine::EngineError::IdempotencyKeyReused.into()),
    }
}

fn print(estimate: &Estimate, format: OutputFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Json => writeln!(out, "{}", json!(estimate)),
        OutputFormat::Table => write!(out, "{}", report(estimate)),
    }
}

/// The worst case, then each node's part in it, then why there is no bound where there is none, and what would fail.
fn report(estimate: &Estimate) -> String {
    let (cost, duration) = (&estimate.cost, &estimate.duration);
    let mut whole = table();
    whole.add_row(vec!["worst case".to_owned(), usd(cost.worst_case_usd)]);
    if let Some(budget) = estimate.max_budget {
        let fits = match estimate.fits_budget {
            Some(true) => "the worst case fits",
            Some(false) => "holds the worst case down",
            None => "nobody knows whether the worst case fits",
        };
        whole.add_row(vec!["budget".to_owned(), format!("{budget} USD, {fits}")]);
        whole.add_row(vec!["without the budget".to_owned(), usd(cost.unbudgeted_usd)]);
    }
    whole.add_row(vec![
        "worst duration".to_owned(),
        seconds(duration.worst_case_seconds, "unbounded"),
    ]);
    whole.add_row(vec![
        "critical path".to_owned(),
        duration.critical_path.join(" → "),
    ]);
    let mut nodes = table();
    nodes.set_header(["node", "type", "runs", "attempts", "timeout", "worst case"]);
    for node in &estimate.nodes {
        nodes.add_row(vec![
            node.place.clone(),
            node.kind.to_string(),
            node.runs.to_string(),
            node.attempts.to_string(),
            seconds(node.timeout_seconds, "none"),
            usd(node.worst_case_usd),
        ]);
    }
    let mut text = format!("{whole}\n{nodes}\n");
    for (what, unbounded) in [("cost", &cost.unbounded), ("duration", &duration.unbounded)] {
        for Remark { place, reason, .. } in unbounded {
            text.push_str(&format!(
                "the {what} of {place} is unbounded: {}\n",
                one_line(reason)
            ));
        }
    }
    for Remark { place, reason, .. } in &estimate.warnings {
        text.push_str(&format!("warning: {place}: {}\n", one_line(reason)));
    }
    text
}

fn usd(amount: Option<Usd>) -> String {
    amount.map_or_else(|| "unbounded".to_owned(), |amount| format!("{amount} USD"))
}

fn seconds(time: Option<Seconds>, absent: &str) -> String {
    time.map_or_else(|| absent.to_owned(), |Seconds(time)| format!("{time:?}"))
}
