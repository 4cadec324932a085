//! 100,000 executions that wait for a person: what each takes, and how soon a decision has its effect. The first 10,000
//! fill the caches that a server has anyway, and count for nothing.

use bytes::Bytes;
use hyper::Method;
use serde_json::json;
use tokio::time::Instant;

use super::{Run, number, throughput::CONCURRENCY};
use crate::{
    agent_log::AgentLog,
    connection::{Connection, concurrently},
    error::{LoadError, Result},
    process::monotonic_nanos,
    report::{Aim, Figure, Unit, median},
    stage::{Stage, Witness, Workflow, api},
    workflows,
};

const MEMORY: Figure = Figure {
    name: "100,000 executions parked on approvals: memory each",
    unit: Unit::Bytes,
    aim: Aim::AtMost(64.0),
};

const DISK: Figure = Figure {
    name: "… disk each",
    unit: Unit::Kibibytes,
    aim: Aim::AtMost(1.5),
};

const DELAY: Figure = Figure {
    name: "… decision → next call: p50",
    unit: Unit::Milliseconds,
    aim: Aim::AtMost(1.0),
};

const RATE: Figure = Figure {
    name: "… decisions, 64 at once",
    unit: Unit::PerSecond,
    aim: Aim::AtLeast(5_000.0),
};

const WARM_UP: usize = 10_000;

const EXECUTIONS: usize = 90_000;

/// Decisions of one repetition that are made one at a time.
const SINGLY: usize = 200;

/// Decisions of one repetition that are made at once.
const TOGETHER: usize = 4_000;

/// Approvals in one page of the list.
const PAGE: usize = 200;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    let stage = Stage::set(&run.settings, Witness::Kept).await?;
    let workflow = stage.publish(&workflows::approval()).await?;
    park(&stage, &workflow, WARM_UP).await?;
    let (memory, disk) = (stage.server()?.memory()?, stage.disk()?);
    park(&stage, &workflow, EXECUTIONS).await?;
    let each = |bytes: u64| number(bytes) / number(EXECUTIONS as u64);
    let memory = stage.server()?.memory()?.saturating_sub(memory);
    run.report.record(MEMORY, each(memory));
    let disk = stage.disk()?.saturating_sub(disk);
    run.report.record(DISK, each(disk) / 1_024.0);

    let mut connection = stage.connect().await?;
    let questions = pending(&mut connection, run.settings.repeat * (SINGLY + TOGETHER)).await?;
    let mut log = stage.agent_log();
    for questions in questions.chunks_exact(SINGLY + TOGETHER) {
        let (singly, together) = questions.split_at(SINGLY);
        run.report
            .record(DELAY, delay_ms(&mut connection, &mut log, singly).await?);
        let begun = Instant::now();
        let one = async |connection: &mut _, number: usize| match together.get(number) {
            Some(id) => approve(connection, id).await,
            None => Ok(()),
        };
        concurrently(stage.server()?.address, CONCURRENCY, TOGETHER, one).await?;
        let rate = number(TOGETHER as u64) / begun.elapsed().as_secs_f64();
        run.report.record(RATE, rate);
        stage.until_rest().await?;
        log.read()?;
    }
    Ok(())
}

async fn park(stage: &Stage, workflow: &Workflow, count: usize) -> Result<()> {
    let one = async |connection: &mut _, _| workflow.start(connection).await.map(|_| ());
    concurrently(stage.server()?.address, CONCURRENCY, count, one).await?;
    stage.until_rest().await
}

/// The ids of so many questions.
async fn pending(connection: &mut Connection, count: usize) -> Result<Vec<String>> {
    let first = api(&format!("/approvals?status=pending&limit={PAGE}"));
    let (mut ids, mut path) = (Vec::new(), first.clone());
    while ids.len() < count {
        let page = connection.get(&path).await?;
        let approvals = page["approvals"].as_array().into_iter().flatten();
        ids.extend(approvals.filter_map(|approval| approval["id"].as_str().map(str::to_owned)));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("{first}&cursor={cursor}"),
            None => break,
        }
    }
    if ids.len() < count {
        return Err(LoadError::new(format!(
            "find {count} approvals: there are {}",
            ids.len()
        )));
    }
    ids.truncate(count);
    Ok(ids)
}

/// The median of the milliseconds from the decision's request to the call that it allows.
async fn delay_ms(connection: &mut Connection, log: &mut AgentLog, questions: &[String]) -> Result<f64> {
    let mut took = Vec::with_capacity(questions.len());
    log.read()?;
    for id in questions {
        let calls = log.received_count;
        let begun = monotonic_nanos();
        approve(connection, id).await?;
        log.until_received(calls + 1).await?;
        let nanos = log.last_received_at.saturating_sub(begun);
        took.push(number(u64::try_from(nanos).unwrap_or_default()) / 1e6);
    }
    Ok(median(took))
}

async fn approve(connection: &mut Connection, id: &str) -> Result<()> {
    let path = api(&format!("/approvals/{id}/decision"));
    let body = Bytes::from(json!({"decision": "approve"}).to_string());
    connection.succeed(Method::POST, &path, body).await.map(|_| ())
}
