//! The server is killed in the middle of 200 chains while the agent holds a call of each, and started again: how soon it
//! is ready, how soon all has completed, and which calls the agent saw twice.

use bytes::Bytes;
use hyper::Method;
use tokio::time::Instant;

use super::{Run, number, throughput::CONCURRENCY};
use crate::{
    connection::{Connection, concurrently},
    echo_agent::RELEASE,
    error::{LoadError, Result},
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness, Workflow, api, is_empty},
    workflows::{self, CHAIN_NODES, HELD},
};

const READY: Figure = Figure {
    name: "kill -9 with 200 in flight: ready",
    unit: Unit::Seconds,
    aim: Aim::AtMost(0.05),
};

const DONE: Figure = Figure {
    name: "… all done",
    unit: Unit::Seconds,
    aim: Aim::AtMost(0.35),
};

const REPEATED: Figure = Figure {
    name: "… calls repeated",
    unit: Unit::Count,
    aim: Aim::AtMost(200.0),
};

const RENAMED: Figure = Figure {
    name: "… calls repeated under another message id, or more than once",
    unit: Unit::Count,
    aim: Aim::AtMost(0.0),
};

const EXECUTIONS: usize = 200;

/// Calls up to and with those that are held.
const CALLS_BEFORE: usize = EXECUTIONS * (HELD + 1);

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let mut stage = Stage::set(&run.settings, Witness::Kept).await?;
        let workflow = stage.publish(&workflows::held_chain()).await?;
        let mut log = stage.agent_log();
        let one = async |connection: &mut _, _| workflow.start(connection).await.map(|_| ());
        concurrently(stage.server()?.address, CONCURRENCY, EXECUTIONS, one).await?;
        log.until_received(CALLS_BEFORE).await?;
        stage.kill_server().await?;
        let mut agent = Connection::open(stage.agent.address).await?;
        agent.succeed(Method::POST, RELEASE, Bytes::new()).await?;
        let begun = Instant::now();
        let ready = stage.start_server().await?;
        stage.until_rest().await?;
        let done = begun.elapsed();
        check_completed(&stage, &workflow).await?;
        log.read()?;
        let repeated = log.received.values().filter(|times| **times > 1).count();
        // Each node has one message id, which comes once, or twice where its call was cut off.
        let other_ids = log.received.len().saturating_sub(EXECUTIONS * CHAIN_NODES);
        let too_often = log.received.values().filter(|times| **times > 2).count();
        run.report.record(READY, ready.as_secs_f64());
        run.report.record(DONE, done.as_secs_f64());
        run.report.record(REPEATED, number(repeated as u64));
        run.report.record(RENAMED, number((other_ids + too_often) as u64));
    }
    Ok(())
}

/// Every execution must have completed; none may be lost.
async fn check_completed(stage: &Stage, workflow: &Workflow) -> Result<()> {
    let mut connection = stage.connect().await?;
    let list = api(&format!("/executions?limit=200&workflow_id={}", workflow.id));
    let completed = connection.get(&format!("{list}&status=completed")).await?;
    let count = completed["executions"].as_array().map_or(0, Vec::len);
    let others = format!("{list}&status=failed&status=cancelled&status=paused");
    let others = connection.get(&others).await?;
    if count < EXECUTIONS || !is_empty(&others, "executions") {
        let doing = format!(
            "complete all executions after a kill: {count} did; one that did not: {}",
            others["executions"][0]
        );
        return Err(LoadError::new(doing));
    }
    Ok(())
}
