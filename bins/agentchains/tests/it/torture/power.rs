//! Loss of power: the files as they are at some moment under load, opened elsewhere, hold everything that was
//! acknowledged before.

use std::{fs, path::Path, sync::Arc};

use serde_json::json;
use tokio::time::timeout;

use super::{
    PATIENCE,
    chance::{Chance, Named},
    checks, clients, come_to_an_end,
    database::Database,
    world::{Acknowledged, World},
};
use crate::{client::Client, server::Server};

/// Copies that are made under load.
const COPIES: u64 = 12;
/// Bytes of a write-ahead log's header; the second half has the salts (section 4.1 of SQLite's file format).
const HEADER: usize = 32;
/// Bytes of the header of one of its frames, before the page.
const FRAME_HEADER: usize = 24;

/// A write-ahead log as it was read.
struct Log(Vec<u8>);

impl Log {
    fn read(path: &Path) -> Self {
        Self(fs::read(path).unwrap())
    }

    /// What changes whenever the log begins again from its start.
    fn salts(&self) -> Option<&[u8]> {
        self.0.get(16..24)
    }

    /// Where the frames end that were written since it began.
    fn end(&self) -> usize {
        let Some(page_size) = self.0.get(8..12) else {
            return 0;
        };
        let page_size = u32::from_be_bytes(page_size.try_into().unwrap());
        let frame = FRAME_HEADER + usize::try_from(page_size).unwrap();
        let frames = self.0[HEADER..].chunks_exact(frame);
        let written = frames
            .take_while(|frame| frame.get(8..16) == self.salts())
            .count();
        HEADER + written * frame
    }
}

/// A copy of the files as a loss of power could have left them, and what was acknowledged before.
///
/// The database is copied first. What it has of the log's frames must be in the copy of the log too, because SQLite
/// copies a frame into the database only when it is safe in the log. Beyond these the log may end anywhere, in the
/// middle of a frame as well.
async fn copy(world: &World, database: &Database, number: u64) -> (Database, Acknowledged) {
    loop {
        let told = world.acknowledged();
        let copied = Database::sqlite();
        let before = Log::read(&database.log_path());
        fs::copy(database.path(), copied.path()).unwrap();
        let safe = Log::read(&database.log_path());
        world
            .goes_on(world.chance.below(20, "after the copy", number))
            .await;
        let mut after = Log::read(&database.log_path());
        // Otherwise the log has begun again, and frames may be missing that the copy of the database has not got.
        if before.salts() == safe.salts() && safe.salts() == after.salts() && before.salts().is_some() {
            let unsafe_bytes = after.end().saturating_sub(safe.end()) as u64;
            let kept = world.chance.below(unsafe_bytes + 1, "bytes kept", number);
            after.0.truncate(safe.end() + usize::try_from(kept).unwrap());
            fs::write(copied.log_path(), &after.0).unwrap();
            return (copied, told);
        }
    }
}

/// A server on the copy goes on with all of it.
async fn goes_on(copied: &Database, told: &Acknowledged) {
    let server = Server::serve_on(&copied.url, &[], &[]).await;
    for id in told.executions.keys() {
        timeout(PATIENCE, comes_to_its_end(&server.client, id))
            .await
            .unwrap_or_else(|_| panic!("I2: {id} does not come to its end"));
    }
    assert!(server.terminate().await.success());
}

async fn comes_to_its_end(client: &Client, id: &str) {
    let mut events = client.follow(id, 0).await;
    while let Some(event) = events.next().await {
        if event["type"] == "approval.requested" {
            let path = format!("/approvals/{}/decision", event["data"]["id"].as_str().unwrap());
            let decided = client.post(&path, &json!({"decision": "yes", "by": "bob"})).await;
            // 409 where it was decided before the copy was made.
            assert!([200, 409].contains(&decided.status), "{decided:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_loss_of_power_leaves_holds_all_that_was_acknowledged() {
    let chance = Chance::of_round(0);
    let _named = Named(chance);
    let database = Database::sqlite();
    let world = Arc::new(World::new(chance).await);
    let server = Server::serve_on(&database.url, &[], &[]).await;
    world.furnish(&server.client).await;
    world.begins(0, &server);
    let clients = clients(&world);
    for number in 0..COPIES {
        world.goes_on(chance.below(1_500, "copy", number)).await;
        let (copied, told) = copy(&world, &database, number).await;
        let sound = copied.look().await.texts("PRAGMA integrity_check").await;
        assert_eq!(sound, ["ok"]);
        checks::holds_always(&copied, &told).await;
        if number % 4 == 0 {
            goes_on(&copied, &told).await;
            checks::holds_always(&copied, &told).await;
        }
    }
    come_to_an_end(&world, clients).await;
    assert!(server.terminate().await.success());
}
