//! One call, many after it, and one after these: what a wide execution takes by itself.

use super::{Run, median_ms};
use crate::{
    error::Result,
    report::{Aim, Figure, Unit},
    stage::{Stage, Witness},
    workflows,
};

/// A width, with how often it is played in a repetition.
pub(super) struct FanOut {
    figure: Figure,
    width: usize,
    times: usize,
}

pub(super) const HUNDRED: FanOut = FanOut {
    figure: Figure {
        name: "fan-out 1 → 100 → 1: p50",
        unit: Unit::Milliseconds,
        aim: Aim::AtMost(4.0),
    },
    width: 100,
    times: 50,
};

pub(super) const THOUSAND: FanOut = FanOut {
    figure: Figure {
        name: "fan-out 1 → 1,000 → 1: p50",
        unit: Unit::Milliseconds,
        aim: Aim::AtMost(35.0),
    },
    width: 1_000,
    times: 10,
};

const WARM_UP: usize = 5;

pub(super) async fn play(run: &mut Run, fan_out: &FanOut) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        let workflow = stage.publish(&workflows::fan_out(fan_out.width)).await?;
        let mut connection = stage.connect().await?;
        median_ms(&workflow, &mut connection, WARM_UP).await?;
        let p50 = median_ms(&workflow, &mut connection, fan_out.times).await?;
        run.report.record(fan_out.figure, p50);
    }
    Ok(())
}
