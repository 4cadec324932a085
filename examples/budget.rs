//! Five agents side by side that cost up to 3 USD each, with 10 USD for all of them: three run and two wait.
//!
//! `cargo run -p agentchains-examples --bin budget`

use std::{error::Error, sync::Arc, time::Duration};

use agentchains_engine::{
    AgentAnswer, AgentRequest, Caller, Engine, LocalAgents, StartRequest,
    machine::{EventType, ExecutionId, NodeStatus},
    ports::Creation,
};
use agentchains_store::{Store, StoreOptions};
use serde_json::json;

const ANALYSTS: [&str; 5] = ["ada", "grace", "edsger", "barbara", "donald"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The agent turns out to be cheaper than it might have been, so that in the end all five fit.
    let agents = LocalAgents::new().with("analyst", async |request: AgentRequest| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let cost = "1.5".parse().unwrap_or_default();
        Ok(AgentAnswer::costing(request.config, cost))
    });
    let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
    let engine = Engine::builder(Arc::new(store), Arc::new(agents)).start();
    let caller = Caller::anonymous();
    let nodes =
        ANALYSTS.map(|id| json!({"id": id, "type": "agent_call", "agent_id": "analyst", "max_cost": 3}));
    let document = json!({"name": "Five opinions", "max_budget": 10, "nodes": nodes});
    let Creation::Created(workflow) = engine
        .create_workflow(&caller, &document.to_string(), None)
        .await?
    else {
        return Err("the workflow was there already".into());
    };
    let execution = engine
        .start(&caller, workflow.record.id, StartRequest::default())
        .await?;
    let mut events = engine.follow(&caller, execution.id, 0).await?;
    while let Some(event) = events.next().await? {
        if matches!(event.kind, EventType::NodeStarted | EventType::NodeCompleted) {
            print_standing(&engine, execution.id).await?;
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn print_standing(engine: &Engine, id: ExecutionId) -> Result<(), Box<dyn Error>> {
    let caller = Caller::anonymous();
    let view = engine.execution_view(&caller, id).await?;
    let with = |status: NodeStatus| {
        view.nodes
            .iter()
            .filter(|node| node.state.status() == status)
            .count()
    };
    let (running, completed) = (with(NodeStatus::Running), with(NodeStatus::Completed));
    let waiting = ANALYSTS.len() - running - completed;
    let purse = engine.purse(&caller, id).await?.unwrap_or_default();
    println!(
        "running {running}, waiting {waiting}, completed {completed}: {} USD spent, {} USD reserved of 10 USD",
        purse.spent(),
        purse.reserved(),
    );
    Ok(())
}
