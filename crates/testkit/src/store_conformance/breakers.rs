//! Circuit breakers.

use agentchains_ports::{AgentKey, BreakerRecord, BreakerSnapshot, BreakerStore};
use serde_json::json;

use super::{Backend, Ports, TestResult};

/// A breaker that has opened so many times in a row.
fn open(openings_in_a_row: u32) -> Result<BreakerSnapshot, serde_json::Error> {
    serde_json::from_value(json!({
        "state": "open",
        "mode": "normal",
        "failure_count": 5,
        "openings_in_a_row": openings_in_a_row,
        "opened_at": "2026-11-22T12:00:00.123Z",
        "retry_at": "2026-11-22T12:00:30.123Z",
        "half_open_in_flight": 1,
        "window": {"calls": 20, "failures": 11, "slow_calls": 3},
        "transitions": [{
            "at": "2026-11-22T12:00:00.123Z", "from": "closed", "to": "open", "reason": "failure_rate",
        }],
    }))
}

/// The agents whose breakers changed after that number, in order.
async fn agents_after<S: Ports>(
    store: &S,
    after: u64,
    limit: u32,
) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    let records = store.load_breakers(after, limit).await?;
    Ok(records
        .into_iter()
        .map(|record| record.agent.agent_id().to_owned())
        .collect())
}

/// With every field.
pub async fn a_breaker_is_kept_until_it_is_replaced_or_deleted<S: Ports>(store: &S) -> TestResult {
    assert_eq!(store.load_breakers(0, 10).await?, []);
    store.delete_breaker(&AgentKey::shared("critic")).await?;
    for openings in [1, 2] {
        store
            .save_breaker(&AgentKey::shared("critic"), &open(openings)?)
            .await?;
        let kept = BreakerRecord {
            change: openings.into(),
            agent: AgentKey::shared("critic"),
            snapshot: open(openings)?,
        };
        assert_eq!(store.load_breakers(0, 10).await?, [kept]);
    }
    store.delete_breaker(&AgentKey::shared("critic")).await?;
    assert_eq!(store.load_breakers(0, 10).await?, []);
    Ok(())
}

/// A replica that has read up to a number misses no later change, whatever was deleted meanwhile.
pub async fn breakers_are_read_in_the_order_of_their_changes_and_in_parts<S: Ports>(store: &S) -> TestResult {
    for agent_id in ["c", "a", "b", "c"] {
        store.save_breaker(&AgentKey::shared(agent_id), &open(1)?).await?;
    }
    assert_eq!(agents_after(store, 0, 10).await?, ["a", "b", "c"]);
    assert_eq!(agents_after(store, 0, 2).await?, ["a", "b"]);
    assert_eq!(agents_after(store, 3, 10).await?, ["c"]);
    assert!(agents_after(store, 4, 10).await?.is_empty());
    assert!(agents_after(store, u64::MAX, 10).await?.is_empty());

    store.delete_breaker(&AgentKey::shared("c")).await?;
    store.save_breaker(&AgentKey::shared("d"), &open(1)?).await?;
    assert_eq!(agents_after(store, 4, 10).await?, ["d"]);
    Ok(())
}

/// Numbers that were given before are not given again, so that who has read them misses nothing.
pub async fn a_breaker_is_there_after_reopening_and_changes_are_numbered_on<B: Backend>(
    backend: &B,
) -> TestResult {
    let store = backend.open().await?;
    store.save_breaker(&AgentKey::shared("a"), &open(1)?).await?;
    store.save_breaker(&AgentKey::shared("b"), &open(1)?).await?;
    store.delete_breaker(&AgentKey::shared("b")).await?;
    backend.close(store).await;

    let store = backend.open().await?;
    assert_eq!(agents_after(&store, 0, 10).await?, ["a"]);
    store.save_breaker(&AgentKey::shared("c"), &open(1)?).await?;
    assert_eq!(agents_after(&store, 2, 10).await?, ["c"]);
    backend.close(store).await;
    Ok(())
}

/// Of the same id, each with its own breaker; and so has the one that all share.
pub async fn breakers_of_two_tenants_agents_are_two<S: Ports>(store: &S) -> TestResult {
    let [acme, umbrella] = ["acme", "umbrella"].map(|tenant| AgentKey::of(tenant, "critic"));
    let agents = [acme.clone(), AgentKey::shared("critic"), umbrella];
    for agent in &agents {
        store.save_breaker(agent, &open(1)?).await?;
    }
    let kept = store.load_breakers(0, 10).await?;
    let kept: Vec<AgentKey> = kept.into_iter().map(|record| record.agent).collect();
    assert_eq!(kept, agents);
    store.delete_breaker(&acme).await?;
    assert_eq!(store.load_breakers(0, 10).await?.len(), 2);
    Ok(())
}
