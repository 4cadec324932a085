//! 54 calls of 20 ms in four lanes of diamonds: how much longer than its longest path an execution takes.

use super::{Run, median_ms};
use crate::{
    error::Result,
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness},
    workflows::{self, DIAMOND_LEVELS},
};

const RATIO: Figure = Figure {
    name: "54 nodes in four lanes of diamonds, agents of 20 ms: p50 / critical path of 140 ms",
    unit: Unit::Ratio,
    aim: Aim::AtMost(1.15),
};

const DELAY_MS: u32 = 20;

const WARM_UP: usize = 2;

const TIMES: usize = 10;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        let workflow = stage.publish(&workflows::diamonds(DELAY_MS.into())).await?;
        let mut connection = stage.connect().await?;
        median_ms(&workflow, &mut connection, WARM_UP).await?;
        let p50 = median_ms(&workflow, &mut connection, TIMES).await?;
        run.report
            .record(RATIO, p50 / f64::from(DIAMOND_LEVELS * DELAY_MS));
    }
    Ok(())
}
