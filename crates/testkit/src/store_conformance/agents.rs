//! The registry of agents.

use std::{num::NonZeroU32, time::Duration};

use agentchains_cost::Usd;
use agentchains_ports::{
    AgentDefinition, AgentKey, AgentRecord, AgentSource, Creation, Idempotency, Seconds,
};
use agentchains_workflow::OnUnknown;

use super::{Ports, TestResult};
use crate::samples::at;

fn agent(agent_id: &str) -> AgentRecord {
    AgentRecord {
        key: AgentKey::of("acme", agent_id),
        definition: AgentDefinition::a2a(agent_id, "http://127.0.0.1:9000"),
        source: AgentSource::Registry,
        revision: 1,
        created_at: at(1),
        updated_at: at(1),
    }
}

/// Listed by id, with every field.
pub async fn agents_are_saved_replaced_and_deleted<S: Ports>(store: &S) -> TestResult {
    assert_eq!(store.load_agents().await?, []);
    let plain = agent("web-search");
    let mut full = agent("critic");
    full.definition.name = Some("Critic".to_owned());
    full.definition.timeout = Some(Seconds(Duration::from_millis(1500)));
    full.definition.max_concurrency = NonZeroU32::new(3);
    full.definition.pricing.per_call = Some(Usd::from_nanos(1));
    full.definition.max_cost = Some(Usd::from_nanos(123_456_789_123));
    full.definition.on_unknown = Some(OnUnknown::Ask);
    full.definition.fallback_agent_id = Some("web-search".to_owned());
    full.definition.circuit_breaker.failure_threshold = NonZeroU32::MIN;
    store.save_agent(&plain).await?;
    store.save_agent(&full).await?;
    assert_eq!(store.load_agents().await?, [full.clone(), plain.clone()]);

    let changed = AgentRecord {
        revision: 2,
        updated_at: at(2),
        ..agent("critic")
    };
    store.save_agent(&changed).await?;
    assert_eq!(store.load_agents().await?, [changed, plain.clone()]);

    let critic = AgentKey::of("acme", "critic");
    assert!(store.delete_agent(&critic).await?);
    assert!(!store.delete_agent(&critic).await?);
    assert_eq!(store.load_agents().await?, [plain]);
    Ok(())
}

/// Of the same id, each with its own definition.
pub async fn agents_of_two_tenants_are_two_agents<S: Ports>(store: &S) -> TestResult {
    let of_acme = agent("critic");
    let mut of_umbrella = agent("critic");
    of_umbrella.key = AgentKey::of("umbrella", "critic");
    of_umbrella.definition.url = "http://127.0.0.1:9001".to_owned();
    store.save_agent(&of_umbrella).await?;
    store.save_agent(&of_acme).await?;
    assert_eq!(store.load_agents().await?, [of_acme.clone(), of_umbrella.clone()]);
    assert!(!store.delete_agent(&AgentKey::of("initech", "critic")).await?);
    assert!(store.delete_agent(&of_acme.key).await?);
    assert_eq!(store.load_agents().await?, [of_umbrella]);
    Ok(())
}

/// The same request gets the agent as it is now; another request under the key gets none, and one for an agent that is
/// there uses up no key.
pub async fn a_key_makes_one_agent<S: Ports>(store: &S) -> TestResult {
    let key = |fingerprint: &str| {
        Some(Idempotency {
            key: "key".to_owned(),
            fingerprint: fingerprint.to_owned(),
            expires_at: at(100),
        })
    };
    let (critic, writer) = (agent("critic"), agent("writer"));
    store.save_agent(&writer).await?;
    assert_eq!(store.create_agent(&writer, key("another")).await?, None);
    let made = store.create_agent(&critic, key("one")).await?;
    assert_eq!(made, Some(Creation::Created(critic.clone())));
    let changed = AgentRecord {
        revision: 2,
        ..critic.clone()
    };
    store.save_agent(&changed).await?;
    let again = store.create_agent(&critic, key("one")).await?;
    assert_eq!(again, Some(Creation::Replayed(changed)));
    for (record, fingerprint) in [(&critic, "two"), (&agent("third"), "one")] {
        let refused = store.create_agent(record, key(fingerprint)).await?;
        assert_eq!(refused, Some(Creation::KeyReused));
    }
    assert_eq!(store.create_agent(&critic, None).await?, None);
    let late = AgentRecord {
        created_at: at(101),
        ..agent("third")
    };
    let made = store.create_agent(&late, key("two")).await?;
    assert_eq!(made, Some(Creation::Created(late)), "the key has expired");
    Ok(())
}
