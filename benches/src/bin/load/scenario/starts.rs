//! Starts of a workflow that calls nobody: how many are acknowledged in a second, and how long one takes alone.

use tokio::time::Instant;

use super::{Run, number, throughput::CONCURRENCY};
use crate::{
    connection::concurrently,
    error::Result,
    report::{Aim, Figure, Unit, median},
    stage::{Stage, Witness},
    workflows,
};

const RATE: Figure = Figure {
    name: "starts of an empty workflow, 64 at once",
    unit: Unit::PerSecond,
    aim: Aim::AtLeast(5_000.0),
};

const P50: Figure = Figure {
    name: "start of an empty workflow, one at a time: p50",
    unit: Unit::Milliseconds,
    aim: Aim::AtMost(2.0),
};

const EXECUTIONS: usize = 10_000;

const TIMES: usize = 500;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        let workflow = stage.publish(&workflows::empty()).await?;
        let mut connection = stage.connect().await?;
        let mut took = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begun = Instant::now();
            workflow.start(&mut connection).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        stage.until_rest().await?;
        let begun = Instant::now();
        let one = async |connection: &mut _, _| workflow.start(connection).await.map(|_| ());
        concurrently(stage.server()?.address, CONCURRENCY, EXECUTIONS, one).await?;
        let rate = number(EXECUTIONS as u64) / begun.elapsed().as_secs_f64();
        run.report.record(RATE, rate);
        run.report.record(P50, median(took));
        stage.until_rest().await?;
    }
    Ok(())
}
