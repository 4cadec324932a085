//! `agentchains run`: one workflow in this process, from its document to its output.

mod approvals;
pub(crate) mod progress;

use std::{path::Path, process::ExitCode};

use agentchains_engine::{
    Caller, Caps, Engine, EngineError, EventStream, StartRequest,
    cost::Usd,
    machine::{EventType, ExecutionRow, ExecutionStatus, FailureCode},
    ports::{AgentDefinition, Creation},
    workflow::{Limits, OnBudget},
};
use serde_json::{Value, json};

use crate::{
    cli::{A2aPublish, Auth, Durability, OutputFormat, RunArgs},
    exit::{CANCELLED, CommandError, FAILED, INVALID, OVER_BUDGET},
    oidc::OidcSettings,
    settings::Settings,
    stop::StopSignals,
    validate,
    wiring::wire,
};

/// Validates and runs the workflow, shows its progress, and prints its output.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode, CommandError> {
    let text = validate::read(&args.file)?;
    if refuses(&args.file, args.output, &text) {
        return Ok(INVALID.into());
    }
    let request = StartRequest {
        input: read_input(&args.input)?,
        max_budget: args.max_budget.as_deref().map(read_budget).transpose()?,
        // Nobody is there to raise the budget of a run that pauses for it.
        on_budget: Some(OnBudget::Fail),
        ..StartRequest::default()
    };
    let agents = args
        .agent
        .iter()
        .map(|agent| read_agent(agent))
        .collect::<Result<Vec<_>, _>>()?;
    let wired = wire(&in_memory(), agents).await?;
    let ended = run_to_the_end(&wired.engine, &text, request, args.yes).await;
    wired.engine.shutdown(std::time::Duration::ZERO).await;
    wired.store.close().await;
    let execution = ended?;
    progress::print_result(&execution, args.output)?;
    Ok(exit_code(&execution))
}

/// Whether a document is invalid, after saying so.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
pub(crate) fn refuses(file: &Path, output: OutputFormat, text: &str) -> bool {
    let checked = agentchains_engine::workflow::check(text);
    if !checked.diagnostics.has_errors() {
        return false;
    }
    match output {
        OutputFormat::Json => eprintln!(
            "{}",
            json!({
                "type": "urn:agentchains:problem:invalid_workflow",
                "title": "Invalid workflow",
                "status": 422,
                "code": "invalid_workflow",
                "detail": format!("{} is no valid workflow", file.display()),
                "errors": checked.diagnostics.errors().collect::<Vec<_>>(),
            })
        ),
        OutputFormat::Table => validate::print_errors(file, text, &checked.diagnostics),
    }
    true
}

async fn run_to_the_end(
    engine: &Engine,
    text: &str,
    request: StartRequest,
    yes: bool,
) -> Result<ExecutionRow, CommandError> {
    let caller = Caller::anonymous();
    let view = match engine.create_workflow(&caller, text, None).await? {
        Creation::Created(view) | Creation::Replayed(view) => view,
        Creation::KeyReused => return Err(EngineError::IdempotencyKeyReused.into()),
    };
    let execution = engine.start(&caller, view.record.id, request).await?;
    let mut stops = StopSignals::listen();
    let mut events = engine.follow(&caller, execution.id, 0).await?;
    loop {
        let interrupted = tokio::select! {
            followed = follow(engine, &caller, &mut events, yes) => {
                followed?;
                false
            }
            () = stops.next() => true,
        };
        if !interrupted {
            return Ok(engine.execution(&caller, execution.id).await?);
        }
        // Already over when it is refused: the next turn reads the end.
        let _ = engine.cancel(&caller, execution.id).await;
    }
}

/// Shows each event, and asks when a person is asked.
async fn follow(
    engine: &Engine,
    caller: &Caller,
    events: &mut EventStream,
    yes: bool,
) -> Result<(), CommandError> {
    while let Some(event) = events.next().await? {
        progress::show(&event);
        if event.kind == EventType::ApprovalRequested {
            approvals::answer(engine, caller, &event, yes).await?;
        }
    }
    Ok(())
}

/// An input as it is given on the command line: JSON, or @FILE.
pub(crate) fn read_input(argument: &str) -> Result<Value, CommandError> {
    let text = match argument.strip_prefix('@') {
        Some(path) => validate::read(path.as_ref())?,
        None => argument.to_owned(),
    };
    serde_json::from_str(&text)
        .map_err(|error| CommandError::Usage(format!("the input is not JSON: {error}")))
}

/// A budget in USD as it is given on the command line.
pub(crate) fn read_budget(argument: &str) -> Result<Usd, CommandError> {
    let budget = argument
        .parse::<Usd>()
        .ok()
        .filter(|budget| !budget.is_negative());
    budget.ok_or_else(|| {
        CommandError::Usage(format!(
            "the budget {argument:?} is not an amount in USD; write 0 or more, with at most 9 decimals, such as 1.50"
        ))
    })
}

/// An agent as it is given on the command line: ID=URL.
pub(crate) fn read_agent(argument: &str) -> Result<AgentDefinition, CommandError> {
    let (id, url) = argument
        .split_once('=')
        .ok_or_else(|| CommandError::Usage(format!("{argument:?} does not name an agent; write ID=URL")))?;
    Ok(AgentDefinition::a2a(id, url))
}

/// What the engine of one run stands on: nothing stays behind.
pub(crate) fn in_memory() -> Settings {
    Settings {
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        database: "sqlite::memory:".to_owned(),
        auth: Auth::Off,
        allow_agent_addresses: "loopback".to_owned(),
        allow_inline_endpoints: true,
        allow_agent_secrets: "any".to_owned(),
        secrets_key_file: None,
        agents: Vec::new(),
        webhooks: Vec::new(),
        allowed_origins: Vec::new(),
        a2a_publish: A2aPublish::None,
        a2a_tck: false,
        mcp_approvals: false,
        durability: Durability::Normal,
        drain: std::time::Duration::ZERO,
        oidc: OidcSettings::default(),
        retention: None,
        rate_limit: None,
        tls_certificate: None,
        tls_key: None,
        log: None,
        limits: Limits::default(),
        caps: Caps::default(),
    }
}

fn exit_code(execution: &ExecutionRow) -> ExitCode {
    let over_budget = execution
        .error
        .as_ref()
        .is_some_and(|error| error.code == FailureCode::BudgetExceeded);
    match execution.status {
        ExecutionStatus::Completed => ExitCode::SUCCESS,
        ExecutionStatus::Cancelled => CANCELLED.into(),
        _ if over_budget => OVER_BUDGET.into(),
        _ => FAILED.into(),
    }
}
