//! The torture: the real server is killed again and again under load, and loses nothing (I1 to I6, I9 to I12, I17, I29,
//! I33).
//!
//! `TORTURE_ROUNDS` has more rounds of it, and `TORTURE_SEED` others.

mod agent;
mod chance;
mod checks;
mod client;
mod database;
mod power;
mod witness;
mod works;
mod world;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::timeout};

use self::{
    chance::{Chance, Named},
    client::keep_one_in_flight,
    database::Database,
    world::World,
};
use crate::server::Server;

/// Executions in flight at each moment.
const IN_FLIGHT: u64 = 64;
/// Kills in one round.
const KILLS: u32 = 20;
/// What happens between two kills: fewer things than that.
const BETWEEN: u64 = 1_200;
/// After that long something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn clients(world: &Arc<World>) -> JoinSet<()> {
    (0..IN_FLIGHT)
        .map(|client| keep_one_in_flight(Arc::clone(world), client))
        .collect()
}

/// Lets everything that was started come to its end.
async fn come_to_an_end(world: &World, clients: JoinSet<()>) {
    world.winds_down();
    let ended = timeout(PATIENCE, clients.join_all()).await;
    assert!(ended.is_ok(), "I2: executions do not come to an end");
}

async fn round(chance: Chance, database: Database) {
    let _named = Named(chance);
    let world = Arc::new(World::new(chance).await);
    let mut server = Server::serve_on(&database.url, &[], &[]).await;
    world.furnish(&server.client).await;
    world.begins(0, &server);
    let clients = clients(&world);
    for kill in 1..=KILLS {
        let by = chance.below(BETWEEN, "kill", kill.into());
        timeout(PATIENCE, world.goes_on(by))
            .await
            .expect("nothing goes on any more");
        world.ends();
        server.kill().await;
        world.agent.next_life().await;
        checks::holds_always(&database, &world.acknowledged()).await;
        witness::everything_was_recorded(&database, &world).await;
        server = Server::serve_on(&database.url, &[], &[]).await;
        world.begins(kill, &server);
    }
    come_to_an_end(&world, clients).await;
    assert!(server.terminate().await.success());
    checks::holds_in_the_end(&database, &world).await;
    witness::agrees(&database, &world).await;
}

fn rounds() -> impl Iterator<Item = Chance> {
    let rounds = std::env::var("TORTURE_ROUNDS").ok();
    let rounds = rounds.map_or(1, |rounds| rounds.parse().expect("TORTURE_ROUNDS is a number"));
    (0..rounds).map(Chance::of_round)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_under_load_on_sqlite_lose_nothing_and_repeat_nothing_that_has_a_result() {
    for chance in rounds() {
        round(chance, Database::sqlite()).await;
    }
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn twenty_kills_under_load_lose_nothing_and_repeat_nothing_that_has_a_result() {
        for chance in rounds() {
            let Some(database) = Database::postgres() else {
                return;
            };
            round(chance, database).await;
        }
    }
}
