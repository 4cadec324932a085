//! Ten calls one after the other, one execution at a time: what a step costs when nothing can be shared.

use super::{Run, median_ms};
use crate::{
    error::Result,
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness},
    workflows,
};

const P50: Figure = Figure {
    name: "chain of 10 calls, one at a time: p50",
    unit: Unit::Milliseconds,
    aim: Aim::AtMost(2.8),
};

const WARM_UP: usize = 50;

const TIMES: usize = 200;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        let workflow = stage.publish(&workflows::chain()).await?;
        let mut connection = stage.connect().await?;
        median_ms(&workflow, &mut connection, WARM_UP).await?;
        run.report
            .record(P50, median_ms(&workflow, &mut connection, TIMES).await?);
    }
    Ok(())
}
