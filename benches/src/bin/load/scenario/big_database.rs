//! 1,000,000 executions in the database against 1,000: whether the load goes on as fast, and how soon the first page of
//! the list is there.

use tokio::time::Instant;

use super::{Run, throughput::measure};
use crate::{
    error::Result,
    filled::Content,
    report::{Aim, Figure, Unit, median},
    stage::{Stage, api},
};

const SMALL: Figure = Figure {
    name: "with 1,000 executions in the database: nodes",
    unit: Unit::PerSecond,
    aim: Aim::None,
};

const LARGE: Figure = Figure {
    name: "with 1,000,000 executions in the database: nodes",
    unit: Unit::PerSecond,
    aim: Aim::None,
};

const RATIO: Figure = Figure {
    name: "… of the former",
    unit: Unit::Ratio,
    aim: Aim::AtLeast(0.9),
};

const PAGE: Figure = Figure {
    name: "… first page of the list: p50",
    unit: Unit::Milliseconds,
    aim: Aim::AtMost(5.0),
};

const TIMES: usize = 100;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let filled = run.filled().await?;
        filled.start(Content::Thousand).await?;
        let small = measure(&filled.stage, &filled.chain).await?.nodes_per_second;
        filled.start(Content::Million).await?;
        let page = first_page_ms(&filled.stage).await?;
        let large = measure(&filled.stage, &filled.chain).await?.nodes_per_second;
        run.report.record(SMALL, small);
        run.report.record(LARGE, large);
        run.report.record(RATIO, large / small);
        run.report.record(PAGE, page);
    }
    Ok(())
}

async fn first_page_ms(stage: &Stage) -> Result<f64> {
    let mut connection = stage.connect().await?;
    let mut took = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        connection.get(&api("/executions")).await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(took))
}
