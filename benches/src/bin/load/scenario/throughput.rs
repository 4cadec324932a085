//! 2,000 chains of ten calls, 64 at once: durable nodes per second, and what each costs in CPU time. The client's costs
//! are those of another process.

use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use crate::{
    connection::concurrently,
    error::Result,
    process::own_cpu_time,
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness, Workflow},
    workflows::{self, CHAIN_NODES},
};

const RATE: Figure = Figure {
    name: "2,000 such chains, 64 at once: nodes",
    unit: Unit::PerSecond,
    aim: Aim::AtLeast(30_000.0),
};

const CPU: Figure = Figure {
    name: "CPU of the engine per node",
    unit: Unit::Microseconds,
    aim: Aim::AtMost(45.0),
};

const AGENT_CPU: Figure = Figure {
    name: "CPU of the agent per node",
    unit: Unit::Microseconds,
    aim: Aim::None,
};

const LOAD_CPU: Figure = Figure {
    name: "CPU of the load per node",
    unit: Unit::Microseconds,
    aim: Aim::None,
};

pub(super) const CONCURRENCY: usize = 64;

const WARM_UP: usize = 300;

const EXECUTIONS: usize = 2_000;

/// What a load took.
pub(super) struct Throughput {
    pub(super) nodes_per_second: f64,
    engine: Duration,
    agent: Duration,
    load: Duration,
}

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        let workflow = stage.publish(&workflows::chain()).await?;
        let found = measure(&stage, &workflow).await?;
        run.report.record(RATE, found.nodes_per_second);
        run.report.record(CPU, found.engine.as_secs_f64() * 1e6);
        run.report.record(AGENT_CPU, found.agent.as_secs_f64() * 1e6);
        run.report.record(LOAD_CPU, found.load.as_secs_f64() * 1e6);
    }
    Ok(())
}

/// Plays the load on a workflow that is a chain, after a warm-up.
///
/// # Errors
/// When an execution does not complete.
pub(super) async fn measure(stage: &Stage, workflow: &Workflow) -> Result<Throughput> {
    let server = stage.server()?;
    let play = async |count| {
        let one = async |connection: &mut _, _| workflow.run(connection).await;
        concurrently(server.address, CONCURRENCY, count, one).await
    };
    play(WARM_UP).await?;
    let cpu = || Ok([server.cpu_time()?, stage.agent.cpu_time()?, own_cpu_time()?]);
    let before: [Duration; 3] = cpu()?;
    let begun = Instant::now();
    play(EXECUTIONS).await?;
    let took = begun.elapsed();
    let after = cpu()?;
    let nodes = u32::try_from(EXECUTIONS * CHAIN_NODES).unwrap_or(u32::MAX);
    let [engine, agent, load] = [0, 1, 2].map(|process: usize| (after[process] - before[process]) / nodes);
    Ok(Throughput {
        nodes_per_second: f64::from(nodes) / took.as_secs_f64(),
        engine,
        agent,
        load,
    })
}
