//! What this machine allows at the most: a bare program that calls the agent and commits one row before the next call,
//! with no parsing, no scheduling and no API; and SQLite by itself.

use bytes::Bytes;
use hyper::Method;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Run, number, throughput::CONCURRENCY};
use crate::{
    connection::{Connection, concurrently},
    error::Result,
    group_commit::{Writer, commit, open},
    process::own_cpu_time,
    report::{Aim, Figure, Unit, median},
    stage::{Stage, Witness},
    workflows::CHAIN_NODES,
};

const CHAIN: Figure = Figure {
    name: "ceiling: chain of 10 calls, one at a time: p50",
    unit: Unit::Milliseconds,
    aim: Aim::None,
};

const RATE: Figure = Figure {
    name: "ceiling: 2,000 such chains, 64 at once: nodes",
    unit: Unit::PerSecond,
    aim: Aim::None,
};

const CPU: Figure = Figure {
    name: "ceiling: CPU per node",
    unit: Unit::Microseconds,
    aim: Aim::None,
};

const COMMITS: Figure = Figure {
    name: "SQLite alone: commits of one row",
    unit: Unit::PerSecond,
    aim: Aim::None,
};

const ROWS: Figure = Figure {
    name: "SQLite alone: rows in commits of 100",
    unit: Unit::PerSecond,
    aim: Aim::None,
};

const ONE_AT_A_TIME: usize = 200;

const EXECUTIONS: usize = 2_000;

const COMMIT_COUNT: u32 = 5_000;

pub(super) async fn play(run: &mut Run) -> Result<()> {
    for _ in 0..run.settings.repeat {
        let stage = Stage::set(&run.settings, Witness::None).await?;
        let bare = Bare {
            writer: Writer::start(&stage.file("bare.db"))?,
        };
        let address = stage.agent.address;
        let mut connection = Connection::open(address).await?;
        let mut took = Vec::new();
        for execution in 0..ONE_AT_A_TIME {
            let begun = Instant::now();
            bare.chain(&mut connection, execution).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        run.report.record(CHAIN, median(took));

        let (begun, cpu) = (Instant::now(), own_cpu_time()?);
        let one =
            async |connection: &mut _, execution| bare.chain(connection, ONE_AT_A_TIME + execution).await;
        concurrently(address, CONCURRENCY, EXECUTIONS, one).await?;
        let (took, cpu) = (begun.elapsed(), own_cpu_time()?.saturating_sub(cpu));
        let nodes = number((EXECUTIONS * CHAIN_NODES) as u64);
        run.report.record(RATE, nodes / took.as_secs_f64());
        run.report.record(CPU, cpu.as_secs_f64() * 1e6 / nodes);
        drop(bare);
        run.report.record(COMMITS, rows_per_second(&stage, 1)?);
        run.report.record(ROWS, rows_per_second(&stage, 100)?);
    }
    Ok(())
}

struct Bare {
    writer: Writer,
}

impl Bare {
    async fn chain(&self, connection: &mut Connection, execution: usize) -> Result<()> {
        for node in 0..CHAIN_NODES {
            connection.succeed(Method::POST, "/", message()).await?;
            let key = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            self.writer.commit(key(execution), key(node)).await?;
        }
        Ok(())
    }
}

/// The message that the engine would send for a node of the chain.
fn message() -> Bytes {
    let id = Uuid::now_v7();
    let data = json!({"config": {}, "input": {}, "upstream": {"n0": {}}});
    let message = json!({"messageId": id, "role": "ROLE_USER", "parts": [{"data": data}]});
    json!({"jsonrpc": "2.0", "id": id, "method": "SendMessage", "params": {"message": message}})
        .to_string()
        .into()
}

/// Rows that one thread commits, so many at a time.
fn rows_per_second(stage: &Stage, batch: u32) -> Result<f64> {
    let database = open(&stage.file(&format!("alone-{batch}.db")))?;
    let begun = Instant::now();
    for number in 0..COMMIT_COUNT {
        let rows = (0..batch).map(|row| (i64::from(number), i64::from(row)));
        commit(&database, rows)?;
    }
    Ok(f64::from(COMMIT_COUNT * batch) / begun.elapsed().as_secs_f64())
}
