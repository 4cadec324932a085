//! The engine in your own program, with an agent that is a Rust closure.
//!
//! `cargo run -p agentchains-examples --bin embed`

use std::{error::Error, sync::Arc};

use agentchains_engine::{AgentRequest, Caller, Engine, LocalAgents, StartRequest, ports::Creation};
use agentchains_store::{Store, StoreOptions};
use serde_json::json;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let agents = LocalAgents::new().with("greeter", async |request: AgentRequest| {
        Ok(
            json!({"greeting": format!("Hello, {}!", request.config["name"].as_str().unwrap_or("you"))})
                .into(),
        )
    });
    let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
    let engine = Engine::builder(Arc::new(store), Arc::new(agents)).start();
    let caller = Caller::anonymous();
    let document = json!({
        "name": "Greeting",
        "nodes": [{"id": "greet", "type": "agent_call", "agent_id": "greeter", "config": {"name": "{{input.name}}"}}],
    });
    let Creation::Created(workflow) = engine
        .create_workflow(&caller, &document.to_string(), None)
        .await?
    else {
        return Err("the workflow was there already".into());
    };
    let request = StartRequest {
        input: json!({"name": "Ada"}),
        ..StartRequest::default()
    };
    let execution = engine.start(&caller, workflow.record.id, request).await?;
    let mut events = engine.follow(&caller, execution.id, 0).await?;
    while let Some(event) = events.next().await? {
        println!("{} {}", event.seq, event.kind);
    }
    println!("{}", json!(engine.execution(&caller, execution.id).await?.output));
    Ok(())
}
