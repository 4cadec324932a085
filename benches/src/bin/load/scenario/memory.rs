//! Resident memory of the server: idle, under the load of `throughput`, and with 10,000 executions that wait for a call
//! each, in flight or queued.

use std::time::Duration;

use tokio::time::sleep;

use super::{Run, number, throughput};
use crate::{
    connection::concurrently,
    error::Result,
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness},
    workflows,
};

const IDLE: Figure = Figure {
    name: "memory, idle",
    unit: Unit::Mebibytes,
    aim: Aim::AtMost(25.0),
};

const BUSY: Figure = Figure {
    name: "memory at full load, the most",
    unit: Unit::Mebibytes,
    aim: Aim::AtMost(40.0),
};

const ACTIVE: Figure = Figure {
    name: "memory with 10,000 executions active",
    unit: Unit::Mebibytes,
    aim: Aim::AtMost(250.0),
};

/// How long a server is left alone until nothing of what was begun goes on.
const SETTLE: Duration = Duration::from_secs(2);

const EXECUTIONS: usize = 10_000;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        sleep(SETTLE).await;
        run.report.record(IDLE, mebibytes(stage.server()?.memory()?));
        let workflow = stage.publish(&workflows::chain()).await?;
        throughput::measure(&stage, &workflow).await?;
        run.report.record(BUSY, mebibytes(stage.server()?.peak_memory()?));
        run.report.record(ACTIVE, mebibytes(active(run).await?));
    }
    Ok(())
}

/// Bytes with no call answered.
async fn active(run: &Run) -> Result<u64> {
    let stage = Stage::set(&run.settings, Witness::None).await?;
    let workflow = stage.publish(&workflows::held()).await?;
    let one = async |connection: &mut _, _| workflow.start(connection).await.map(|_| ());
    concurrently(stage.server()?.address, throughput::CONCURRENCY, EXECUTIONS, one).await?;
    sleep(SETTLE).await;
    stage.server()?.memory()
}

fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1_048_576.0
}
