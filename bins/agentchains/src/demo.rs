//! `agentchains demo`: the whole thing on one machine, with nothing else installed.

use std::{net::SocketAddr, process::ExitCode};

use agentchains_demo::{DemoAgent, DemoAgents, DemoSettings};
use agentchains_engine::{
    Caller,
    ports::{AgentDefinition, Creation, PageRequest, WorkflowFilter},
};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::DemoArgs,
    exit::CommandError,
    serve::{self, listen, scheme, until_stopped},
    settings::Settings,
    stop::StopSignals,
    telemetry::{self, Metrics},
    wiring::{Wired, wire},
};

/// The database's file in the demo's folder.
const DATABASE: &str = "demo.db";
/// Other names of the agents: those of the guide's first example.
const ALIASES: &[(&str, &str)] = &[
    ("agent-search-001", "web-search"),
    ("agent-summary-001", "summarizer"),
];
/// The template that the line to try starts.
const TEMPLATE_TO_TRY: &str = "fan-out-fan-in";

/// Starts the agents and the server, and says what to try.
pub(crate) async fn demo(args: DemoArgs) -> Result<ExitCode, CommandError> {
    let mut server = args.server;
    // Kept until the end: dropping it removes the folder.
    let mut temporary: Option<TempDir> = None;
    if server.database.is_none() {
        let folder = match args.dir {
            Some(folder) => {
                std::fs::create_dir_all(&folder)?;
                folder
            }
            None => {
                let made = tempfile::Builder::new()
                    .prefix("agentchains-demo-")
                    .tempdir()
                    .map_err(CommandError::TemporaryFolder)?;
                temporary.insert(made).path().to_path_buf()
            }
        };
        server.database = Some(format!("sqlite:{}", folder.join(DATABASE).display()));
    }
    let settings = Settings::load(server)?;
    telemetry::init(settings.log);
    serve::outlive_file_limits();
    let tls = settings.tls()?;
    let listener = listen(settings.listen).await?;
    let agents = agentchains_demo::start_all(DemoSettings::default())
        .await
        .map_err(CommandError::DemoAgents)?;
    let metrics = Metrics::install()?;
    let wired = wire(&settings, definitions(&agents)).await?;
    let to_try = store_templates(&wired).await?;
    let address = listener.local_addr().map_err(CommandError::Serve)?;
    let stops = StopSignals::listen();
    announce(address, scheme(tls.as_ref()), &agents, &settings, &to_try);
    let ended = until_stopped(listener, tls, wired, &metrics, &settings, stops).await;
    agents.shutdown().await;
    drop(temporary);
    ended
}

/// The parts of a template that matter here.
#[derive(Deserialize)]
struct Template {
    key: String,
    name: String,
    workflow: Value,
}

/// The agents under their own names, and under those that the guide's first example calls them by.
fn definitions(agents: &DemoAgents) -> Vec<AgentDefinition> {
    let named = |agent: &DemoAgent, agent_id: &str| {
        let mut definition = AgentDefinition::a2a(agent_id, &agent.url);
        definition.name = Some(agent.name.to_owned());
        definition
    };
    let by_alias = ALIASES.iter().filter_map(|(alias, agent_id)| {
        let agent = agents.agents().iter().find(|agent| agent.id == *agent_id)?;
        Some(named(agent, alias))
    });
    let by_id = agents.agents().iter().map(|agent| named(agent, agent.id));
    by_id.chain(by_alias).collect()
}

/// Stores each template as a workflow, unless one of its name is there, and gives the id of the one to try.
async fn store_templates(wired: &Wired) -> Result<String, CommandError> {
    let caller = Caller::anonymous();
    let mut to_try = String::new();
    for template in agentchains_http::templates() {
        let template: Template = serde_json::from_str(template).map_err(CommandError::Template)?;
        let filter = WorkflowFilter {
            name_contains: Some(template.name.clone()),
            archived: Some(false),
            ..WorkflowFilter::default()
        };
        let page = PageRequest {
            limit: 1,
            cursor: None,
        };
        let stored = wired
            .engine
            .workflows(&caller, &filter, &page)
            .await?
            .items
            .into_iter()
            .next();
        let id = match stored {
            Some(record) => record.id,
            None => match wired
                .engine
                .create_workflow(&caller, &template.workflow.to_string(), None)
                .await?
            {
                Creation::Created(view) | Creation::Replayed(view) => view.record.id,
                Creation::KeyReused => continue,
            },
        };
        if template.key == TEMPLATE_TO_TRY {
            to_try = id.to_string();
        }
    }
    Ok(to_try)
}

#[expect(clippy::print_stdout, reason = "this is what the demo is for")]
fn announce(address: SocketAddr, scheme: &str, agents: &DemoAgents, settings: &Settings, to_try: &str) {
    let api = format!("{scheme}://{address}/api/v3/orchestration");
    serve::announce(address, scheme);
    println!("database  {}", settings.shown_database());
    for agent in agents.agents() {
        println!("agent     {:<16} {}", agent.id, agent.url);
    }
    println!();
    println!("Try it in another terminal:");
    println!(
        "  curl -X POST '{api}/workflows/{to_try}/execute?wait=30' \\\n    \
         -H 'content-type: application/json' -d '{{\"input\": {{\"topic\": \"quantum computing\"}}, \"max_budget\": 1.00}}'"
    );
    println!();
    println!("Stop it with Ctrl-C.");
}
