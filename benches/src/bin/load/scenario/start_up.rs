//! How long the server takes to be ready: on no database, and on one of 1,000,000 finished executions and 10,000 that
//! were interrupted in the middle of a call.

use super::Run;
use crate::{
    error::Result,
    filled::Content,
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness},
};

const EMPTY: Figure = Figure {
    name: "start with an empty database: ready",
    unit: Unit::Seconds,
    aim: Aim::AtMost(0.1),
};

const FILLED: Figure = Figure {
    name: "start with 1,000,000 finished and 10,000 interrupted executions: ready",
    unit: Unit::Seconds,
    aim: Aim::AtMost(1.0),
};

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        run.report.record(EMPTY, stage.first_start.as_secs_f64());
    }
    for _ in 0..run.settings.repeat {
        let ready = run.filled().await?.start(Content::Interrupted).await?;
        run.report.record(FILLED, ready.as_secs_f64());
    }
    // Thousands of calls in flight would slow down what is measured next.
    run.filled().await?.stage.kill_server().await
}
