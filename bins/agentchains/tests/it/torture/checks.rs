//! What must hold, by SQL: at every moment at which the server may be killed, and once everything has ended.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    database::{Database, Look},
    world::{Acknowledged, World},
};

/// What finds violations of rules that hold at any moment.
const ALWAYS: &[(&str, &str)] = &[
    (
        "I1: one terminal event at the most, which is the last and says what the status is",
        "SELECT e.id FROM executions e JOIN events v ON v.execution_id = e.id
         WHERE v.type IN ('execution.completed', 'execution.failed', 'execution.cancelled')
         AND (v.seq <> e.last_seq OR v.type <> 'execution.' || e.status)",
    ),
    (
        "I9: an execution that a client has started has a key, and no other has the same",
        "SELECT e.id FROM executions e
         WHERE e.parent_execution_id IS NULL
         AND (SELECT COUNT(*) FROM idempotency_keys k WHERE k.resource_id = e.id) <> 1",
    ),
    (
        "I11: attempts are counted without gaps, and there are no more of them than may be",
        "SELECT execution_id || ' ' || path FROM attempts GROUP BY execution_id, path
         HAVING MIN(number) <> 1 OR MAX(number) <> COUNT(*) OR COUNT(*) > 4",
    ),
    (
        "I10: one attempt of a node is under way at the most",
        "SELECT execution_id || ' ' || path FROM attempts WHERE finished_at IS NULL
         GROUP BY execution_id, path HAVING COUNT(*) > 1",
    ),
    (
        "I17: what an execution without children has spent is the sum of its attempts",
        "SELECT e.id FROM executions e
         WHERE NOT EXISTS (SELECT 1 FROM executions c WHERE c.parent_execution_id = e.id)
         AND e.spent <> (SELECT COALESCE(SUM(a.cost), 0) FROM attempts a WHERE a.execution_id = e.id)",
    ),
    (
        "I17: a purse holds what the attempts below its execution have spent",
        "SELECT p.id FROM purses p
         WHERE p.spent <> (SELECT COALESCE(SUM(a.cost), 0) FROM attempts a
         JOIN executions e ON e.id = a.execution_id WHERE e.root_execution_id = p.id)",
    ),
    (
        "I17: a purse has reserved what the attempts under way below its execution may cost",
        "SELECT p.id FROM purses p
         WHERE p.reserved <> (SELECT COALESCE(SUM(a.reserved), 0) FROM attempts a
         JOIN executions e ON e.id = a.execution_id WHERE e.root_execution_id = p.id AND a.finished_at IS NULL)",
    ),
    (
        "I17: no budget is passed",
        "SELECT id FROM purses WHERE spent + reserved > max_budget",
    ),
    (
        "I29: the events of an execution are numbered from 1 on without gaps",
        "SELECT e.id FROM executions e
         WHERE e.last_seq <> (SELECT COUNT(*) FROM events v WHERE v.execution_id = e.id)
         OR e.last_seq <> (SELECT COALESCE(MAX(v.seq), 0) FROM events v WHERE v.execution_id = e.id)",
    ),
    (
        "I25: nothing goes on below an execution that has ended",
        "SELECT c.id FROM executions c JOIN executions p ON p.id = c.parent_execution_id
         WHERE p.status IN ('completed', 'failed', 'cancelled')
         AND c.status NOT IN ('completed', 'failed', 'cancelled')",
    ),
    (
        "I6: a node that is skipped has no attempt",
        "SELECT n.execution_id || ' ' || n.path FROM nodes n
         JOIN attempts a ON a.execution_id = n.execution_id AND a.path = n.path WHERE n.status = 'skipped'",
    ),
];

/// The same of rules that hold once everything has ended.
const IN_THE_END: &[(&str, &str)] = &[
    (
        "I2: every execution comes to an end",
        "SELECT id || ' ' || status FROM executions WHERE status NOT IN ('completed', 'failed', 'cancelled')",
    ),
    (
        "I2: no node is left behind",
        "SELECT execution_id || ' ' || path FROM nodes WHERE status IN ('pending', 'running', 'waiting')",
    ),
    (
        "I17: nothing is reserved",
        "SELECT id FROM executions WHERE reserved <> 0",
    ),
    (
        "I17: what an execution has spent is its own and that of its children",
        "SELECT e.id FROM executions e
         WHERE e.spent <> (SELECT COALESCE(SUM(a.cost), 0) FROM attempts a
         JOIN executions b ON b.id = a.execution_id WHERE b.id = e.id OR b.parent_execution_id = e.id)",
    ),
    (
        "I11: nodes are tried again as often as they fail",
        "SELECT execution_id || ' ' || path FROM attempts GROUP BY execution_id, path
         HAVING COUNT(*) <> CASE WHEN path = 'flaky' THEN 3 ELSE 1 END",
    ),
    (
        "I24: no iteration is lost or done twice",
        "SELECT execution_id FROM attempts WHERE path LIKE 'refine[%' GROUP BY execution_id
         HAVING COUNT(*) <> 3",
    ),
];

/// What must hold whenever the server is killed, or the power fails.
pub(super) async fn holds_always(database: &Database, told: &Acknowledged) {
    let mut look = database.look().await;
    holds(&mut look, ALWAYS).await;
    nothing_is_lost(&mut look, told).await;
    completed_once(&mut look).await;
}

/// What must hold once everything has ended.
pub(super) async fn holds_in_the_end(database: &Database, world: &World) {
    let told = world.acknowledged();
    holds_always(database, &told).await;
    let mut look = database.look().await;
    holds(&mut look, IN_THE_END).await;
    let keys: BTreeMap<String, String> = look
        .rows("SELECT resource_id, key FROM idempotency_keys")
        .await
        .into_iter()
        .collect();
    let ends: Vec<(String, String)> = look
        .rows("SELECT id, status FROM executions WHERE parent_execution_id IS NULL")
        .await;
    assert_eq!(
        ends.len(),
        told.executions.len(),
        "I9: one execution for each start"
    );
    for (id, status) in ends {
        let start = &told.executions[&id];
        let work = &world.works[start.work];
        assert_eq!(status, work.end, "I2: {id} of {}", work.name);
        assert_eq!(keys[&id], start.key, "I9: {id}");
    }
}

async fn holds(look: &mut Look, rules: &[(&str, &'static str)]) {
    for (rule, violations) in rules {
        let found = look.texts(violations).await;
        assert!(found.is_empty(), "{rule}; but: {found:?}");
    }
}

/// I33: what was acknowledged is there.
async fn nothing_is_lost(look: &mut Look, told: &Acknowledged) {
    let executions: BTreeSet<String> = look
        .texts("SELECT id FROM executions")
        .await
        .into_iter()
        .collect();
    let lost: Vec<_> = told
        .executions
        .keys()
        .filter(|id| !executions.contains(*id))
        .collect();
    assert!(lost.is_empty(), "I33: executions are lost: {lost:?}");
    let approvals: Vec<(String, String, String)> = look
        .rows("SELECT id, status, CAST(decisions AS TEXT) FROM approvals")
        .await;
    let approvals: BTreeMap<_, _> = approvals
        .iter()
        .map(|(id, status, given)| (id, (status, given)))
        .collect();
    for (id, decision) in &told.decisions {
        let (status, given) = approvals.get(id).expect("I33: a question is lost");
        let is_kept = *status == "decided" && given.contains(&format!("\"{decision}\""));
        assert!(
            is_kept,
            "I33: {id} was decided by {decision}, and is {status} by {given}"
        );
    }
    let events: Vec<(String, i64, String)> = look.rows("SELECT execution_id, seq, type FROM events").await;
    let events: BTreeMap<(String, u64), String> = events
        .into_iter()
        .map(|(id, seq, kind)| ((id, u64::try_from(seq).unwrap()), kind))
        .collect();
    for (place, kind) in &told.events {
        assert_eq!(events.get(place), Some(kind), "I33: {place:?} was shown");
    }
}

/// I3: at most one result of each node.
async fn completed_once(look: &mut Look) {
    let events: Vec<(String, String)> = look
        .rows("SELECT execution_id, CAST(data AS TEXT) FROM events WHERE type = 'node.completed'")
        .await;
    let mut completed = BTreeSet::new();
    for (id, data) in events {
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        let path = data["path"].as_str().unwrap().to_owned();
        assert!(
            completed.insert((id.clone(), path)),
            "I3: {id} has completed twice: {data}"
        );
    }
}
