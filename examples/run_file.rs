//! A workflow file, run by an embedded engine whose agents all answer with what they were asked.
//!
//! `cargo run -p agentchains-examples --bin run_file -- examples/workflows/research-pipeline.json`

use std::{error::Error, sync::Arc};

use agentchains_engine::{
    AgentRequest, Caller, Engine, LocalAgents, StartRequest, machine::EventType, ports::Creation,
    workflow::check,
};
use agentchains_store::{Store, StoreOptions};
use serde_json::json;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("name a workflow file")?;
    let document = std::fs::read_to_string(&file)?;
    let workflow = check(&document)
        .workflow
        .ok_or("the document has errors; agentchains validate shows them")?;
    let mut agents = LocalAgents::new();
    for (_, call) in workflow.agents() {
        agents = agents.with(&call.agent_id, async |request: AgentRequest| {
            Ok(json!({"asked": request.config, "given": request.upstream}).into())
        });
    }

    let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
    let engine = Engine::builder(Arc::new(store), Arc::new(agents)).start();
    let caller = Caller::anonymous();
    let Creation::Created(stored) = engine.create_workflow(&caller, &document, None).await? else {
        return Err("the workflow was there already".into());
    };
    let request = StartRequest {
        input: json!({"topic": "quantum computing"}),
        ..StartRequest::default()
    };
    let id = engine.start(&caller, stored.record.id, request).await?.id;

    let mut events = engine.follow(&caller, id, 0).await?;
    while let Some(event) = events.next().await? {
        println!(
            "{:>3} {:<22} {}",
            event.seq,
            event.kind.as_str(),
            event.data.to_value()["path"].as_str().unwrap_or_default()
        );
        if event.kind == EventType::ExecutionPaused {
            println!("    somebody approves");
            engine.resume(&caller, id, None).await?;
        }
    }
    println!("{:#}", json!(engine.execution(&caller, id).await?.output));
    Ok(())
}
