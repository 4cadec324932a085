//! What the agent saw against what the database says: nothing was asked that was not recorded, nothing after its
//! result, and nothing twice but what was under way when the server was killed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{
    agent::Received,
    database::{Database, Look},
    works::not_taken,
    world::World,
};

/// I12: every message so far was recorded before it was sent. Asked while no server runs, so that nothing can be
/// recorded belatedly.
pub(super) async fn everything_was_recorded(database: &Database, world: &World) {
    let recorded = database
        .look()
        .await
        .texts("SELECT message_id FROM attempts")
        .await;
    let recorded: BTreeSet<String> = recorded.into_iter().collect();
    for received in world.agent.received() {
        assert!(
            recorded.contains(&received.message_id),
            "I12: not recorded: {received:?}"
        );
    }
}

/// The rest, once everything has ended.
pub(super) async fn agrees(database: &Database, world: &World) {
    let received = world.agent.received();
    let mut look = database.look().await;
    in_the_time_of_its_attempt(&mut look, &received).await;
    once_in_each_life(&received);
    not_on_the_branch_not_taken(world, &received);
    after_what_it_depends_on(&mut look, world).await;
}

/// An attempt: execution, node, message, start and end.
type Attempt = (String, String, String, i64, Option<i64>);

/// I5 and I12: no message comes before its intent is recorded, or after its result.
async fn in_the_time_of_its_attempt(look: &mut Look, received: &[Received]) {
    let attempts: Vec<Attempt> = look
        .rows(
            "SELECT a.execution_id, n.node_id, a.message_id, a.started_at, a.finished_at FROM attempts a
             JOIN nodes n ON n.execution_id = a.execution_id AND n.path = a.path",
        )
        .await;
    let attempts: HashMap<&str, &Attempt> = attempts.iter().map(|line| (line.2.as_str(), line)).collect();
    let asked: BTreeSet<&str> = received.iter().map(|line| line.message_id.as_str()).collect();
    assert_eq!(asked.len(), attempts.len(), "I12: as many messages as attempts");
    for line in received {
        let (execution, node, _, started, finished) = attempts[line.message_id.as_str()];
        assert_eq!((&line.execution, &line.node), (execution, node), "I12: {line:?}");
        assert!(*started <= line.at, "I12: before it was recorded: {line:?}");
        assert!(Some(line.at) <= *finished, "I5: after its result: {line:?}");
    }
}

/// I9 and I10: what is sent again was under way when a server was killed, and has the same message id.
fn once_in_each_life(received: &[Received]) {
    let mut seen = BTreeSet::new();
    for line in received {
        assert!(
            seen.insert((line.life, &line.message_id)),
            "I10: sent twice: {line:?}"
        );
    }
}

/// I6.
fn not_on_the_branch_not_taken(world: &World, received: &[Received]) {
    let told = world.acknowledged();
    for line in received {
        if let Some(start) = told.executions.get(&line.execution) {
            assert_ne!(line.node, not_taken(&start.input), "I6: {line:?}");
        }
    }
}

/// I4: a node starts after all that it depends on have settled.
async fn after_what_it_depends_on(look: &mut Look, world: &World) {
    let events: Vec<(String, i64, String, String)> = look
        .rows("SELECT execution_id, seq, type, CAST(data AS TEXT) FROM events WHERE type LIKE 'node.%'")
        .await;
    let (mut started, mut settled) = (BTreeMap::new(), BTreeMap::new());
    for (id, seq, kind, data) in events {
        let data: Value = serde_json::from_str(&data).unwrap();
        let place = (id, data["path"].as_str().unwrap().to_owned());
        match kind.as_str() {
            "node.started" => _ = started.entry(place).or_insert(seq),
            "node.completed" | "node.skipped" | "node.failed" => _ = settled.insert(place, seq),
            _ => {}
        }
    }
    for (id, start) in &world.acknowledged().executions {
        for (before, after) in world.works[start.work].edges() {
            if let Some(started) = started.get(&(id.clone(), after.clone())) {
                let settled = settled.get(&(id.clone(), before.clone()));
                assert!(
                    settled < Some(started) && settled.is_some(),
                    "I4: {id}: {after} before {before}"
                );
            }
        }
    }
}
