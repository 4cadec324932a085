//! Webhooks, and what they are still to be told.

use agentchains_machine::{EventType, ExecutionStatus};
use agentchains_ports::{
    Commit, CommitError, Creation, Delivery, DeliveryFailure, Fence, Idempotency, KeptSecret, MAX_WEBHOOKS,
    Settled, Webhook,
};

use super::{Backend, Ports, TestResult, advance, create};
use crate::samples::{self, TENANT, at, execution, execution_id, workflow_id};

fn webhook(id: &str) -> Webhook {
    Webhook {
        id: id.to_owned(),
        tenant: TENANT.to_owned(),
        url: format!("https://{id}.example/hook"),
        events: Vec::new(),
        workflow_id: None,
        secret: KeptSecret(format!("{{\"{id}\":\"kept\"}}")),
        is_declared: false,
        created_at: at(1),
        disabled_at: None,
        last_failure: None,
    }
}

async fn make<S: Ports>(store: &S, webhook: Webhook) -> TestResult {
    let made = store.create_webhook(&webhook, None).await?;
    assert_eq!(made, Some(Creation::Created(webhook)));
    Ok(())
}

/// What a webhook is to be told by the end of time, as ordinals of executions and numbers of events.
async fn told<S: Ports>(
    store: &S,
    id: &str,
) -> Result<Vec<(u32, u64)>, Box<dyn std::error::Error + Send + Sync>> {
    let due = store.due_deliveries(id, at(1_000_000), 100).await?;
    assert_eq!(store.pending_deliveries(id).await?, due.len() as u64);
    let mut told = Vec::new();
    for Delivery {
        execution_id: of,
        event,
        ..
    } in due
    {
        let ordinal = (0..100).find(|ordinal| execution_id(*ordinal) == of);
        told.push((ordinal.ok_or("another execution")?, event.seq));
    }
    Ok(told)
}

/// Everything that is known of one is kept, also where it changes.
pub async fn webhooks_are_made_replaced_and_removed<S: Ports>(store: &S) -> TestResult {
    let (first, second) = (webhook("a"), webhook("b"));
    make(store, second.clone()).await?;
    make(store, first).await?;
    let first = Webhook {
        events: vec![EventType::NodeFailed, EventType::ApprovalRequested],
        workflow_id: Some(workflow_id(7)),
        is_declared: true,
        disabled_at: Some(at(9)),
        last_failure: Some(DeliveryFailure {
            at: at(8),
            reason: "the address answered with HTTP status 410".to_owned(),
        }),
        ..webhook("a")
    };
    store.save_webhook(&first).await?;
    assert_eq!(store.load_webhooks().await?, [first.clone(), second]);
    assert!(store.delete_webhook("b").await?);
    assert!(!store.delete_webhook("b").await?);
    store.save_webhook(&webhook("b")).await?;
    assert_eq!(store.load_webhooks().await?, [first]);
    Ok(())
}

/// The second request with a key gets what the first one made, and another request nothing.
pub async fn a_key_makes_one_webhook<S: Ports>(store: &S) -> TestResult {
    let key = |fingerprint: &str| {
        Some(Idempotency {
            key: "key".to_owned(),
            fingerprint: fingerprint.to_owned(),
            expires_at: at(1_000),
        })
    };
    let first = webhook("a");
    let made = store.create_webhook(&first, key("one")).await?;
    assert_eq!(made, Some(Creation::Created(first.clone())));
    let again = store.create_webhook(&webhook("b"), key("one")).await?;
    assert_eq!(again, Some(Creation::Replayed(first.clone())));
    let other = store.create_webhook(&webhook("c"), key("two")).await?;
    assert_eq!(other, Some(Creation::KeyReused));
    assert_eq!(store.load_webhooks().await?, [first]);
    Ok(())
}

/// As many as a tenant may have, and a request that was answered before is answered still.
pub async fn a_tenant_has_so_many_webhooks_and_no_more<S: Ports>(store: &S) -> TestResult {
    let key = |key: &str| {
        Some(Idempotency {
            key: key.to_owned(),
            fingerprint: "the same".to_owned(),
            expires_at: at(1_000),
        })
    };
    let first = webhook("first");
    store.create_webhook(&first, key("first")).await?;
    for number in 1..MAX_WEBHOOKS {
        make(store, webhook(&format!("{number:03}"))).await?;
    }
    assert_eq!(store.create_webhook(&webhook("more"), key("more")).await?, None);
    let again = store.create_webhook(&webhook("again"), key("first")).await?;
    assert_eq!(again, Some(Creation::Replayed(first)));
    let elsewhere = Webhook {
        tenant: "other".to_owned(),
        ..webhook("elsewhere")
    };
    make(store, elsewhere).await?;
    assert!(store.delete_webhook("001").await?);
    let more = store.create_webhook(&webhook("more"), key("more")).await?;
    assert_eq!(more, Some(Creation::Created(webhook("more"))));
    Ok(())
}

/// Which events a webhook is told of is decided when they are written.
pub async fn events_are_to_be_told_to_whoever_wants_them<S: Ports>(store: &S) -> TestResult {
    let sample = samples::changes(execution(1), 2);
    let kind = sample.events[0].kind;
    let other = EventType::ALL.iter().copied().find(|other| *other != kind);
    for wanting in [
        webhook("everything"),
        Webhook {
            events: vec![kind],
            ..webhook("this-kind")
        },
        Webhook {
            events: other.into_iter().collect(),
            ..webhook("another-kind")
        },
        Webhook {
            workflow_id: Some(sample.execution.workflow_id),
            ..webhook("this-workflow")
        },
        Webhook {
            workflow_id: Some(workflow_id(99)),
            ..webhook("another-workflow")
        },
        Webhook {
            tenant: "other".to_owned(),
            ..webhook("another-tenant")
        },
        Webhook {
            disabled_at: Some(at(1)),
            ..webhook("disabled")
        },
    ] {
        make(store, wanting).await?;
    }
    assert!(sample.events.iter().all(|event| event.kind == kind));
    create(store, sample).await?;
    make(store, webhook("too-late")).await?;
    for (id, expected) in [
        ("everything", true),
        ("this-kind", true),
        ("another-kind", false),
        ("this-workflow", true),
        ("another-workflow", false),
        ("another-tenant", false),
        ("disabled", false),
        ("too-late", false),
    ] {
        let all: &[(u32, u64)] = if expected { &[(1, 1), (1, 2)] } else { &[] };
        assert_eq!(told(store, id).await?, all, "{id}");
    }
    Ok(())
}

/// A commit that is refused has told nobody anything.
pub async fn what_is_not_written_is_not_told<S: Ports>(store: &S) -> TestResult {
    make(store, webhook("a")).await?;
    let fence = create(store, samples::changes(execution(1), 1)).await?;
    let stale = Fence {
        revision: fence.revision + 7,
        ..fence
    };
    let mut row = execution(1);
    row.last_seq = 1;
    let commit = |fence| Commit {
        fence,
        changes: samples::changes(row.clone(), 2),
        purses: Vec::new(),
    };
    let refused = store.commit(commit(stale)).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    assert_eq!(told(store, "a").await?, [(1, 1)]);
    store.commit(commit(fence)).await?;
    assert_eq!(told(store, "a").await?, [(1, 1), (1, 2), (1, 3)]);
    Ok(())
}

/// What was delivered is not due any more, and what failed is due later.
pub async fn deliveries_are_settled_or_due_again<S: Ports>(store: &S) -> TestResult {
    make(store, webhook("a")).await?;
    make(store, webhook("b")).await?;
    let sample = samples::changes(execution(1), 3);
    let begin = sample.events[0].at;
    create(store, sample.clone()).await?;
    assert_eq!(store.next_delivery("a").await?, Some(begin));
    let first = store.due_deliveries("a", at(1_000), 1).await?;
    assert_eq!(
        first,
        [Delivery {
            execution_id: execution_id(1),
            event: sample.events[0].clone(),
            failures: 0,
        }]
    );
    let settled = |seq, again| Settled {
        execution_id: execution_id(1),
        seq,
        again,
    };
    let outcomes = [settled(1, None), settled(2, Some((3, at(2_000))))];
    store.settle_deliveries("a", &outcomes).await?;
    let due = store.due_deliveries("a", at(1_999), 10).await?;
    assert_eq!(due.iter().map(|due| due.event.seq).collect::<Vec<_>>(), [3]);
    store.settle_deliveries("a", &[settled(3, None)]).await?;
    assert_eq!(store.next_delivery("a").await?, Some(at(2_000)));
    let again = store.due_deliveries("a", at(2_000), 10).await?;
    assert_eq!(
        again
            .iter()
            .map(|due| (due.event.seq, due.failures))
            .collect::<Vec<_>>(),
        [(2, 3)]
    );
    assert_eq!(told(store, "b").await?, [(1, 1), (1, 2), (1, 3)]);

    assert!(store.delete_webhook("b").await?);
    assert_eq!(told(store, "b").await?, []);
    Ok(())
}

/// Nobody can be told of what is not there any more.
pub async fn deliveries_go_with_their_execution<S: Ports>(store: &S) -> TestResult {
    make(store, webhook("a")).await?;
    let fence = create(store, samples::changes(execution(1), 1)).await?;
    create(store, samples::changes(execution(2), 1)).await?;
    advance(store, execution_id(1), fence, |row| {
        row.status = ExecutionStatus::Completed;
        row.last_seq = 1;
    })
    .await?;
    assert_eq!(told(store, "a").await?, [(1, 1), (1, 2), (2, 1)]);
    assert!(store.delete_terminal(TENANT, execution_id(1)).await?);
    assert_eq!(told(store, "a").await?, [(2, 1)]);
    let gone = Settled {
        execution_id: execution_id(1),
        seq: 1,
        again: Some((1, at(5))),
    };
    store.settle_deliveries("a", &[gone]).await?;
    assert_eq!(told(store, "a").await?, [(2, 1)]);
    Ok(())
}

/// What was to be told before a restart is to be told after it, and what happens then too.
pub async fn webhooks_are_there_after_reopening<B: Backend>(backend: &B) -> TestResult {
    use agentchains_ports::WebhookStore as _;

    let store = backend.open().await?;
    make(&store, webhook("a")).await?;
    create(&store, samples::changes(execution(1), 1)).await?;
    backend.close(store).await;
    let store = backend.open().await?;
    assert_eq!(store.load_webhooks().await?, [webhook("a")]);
    create(&store, samples::changes(execution(2), 1)).await?;
    assert_eq!(told(&store, "a").await?, [(1, 1), (2, 1)]);
    backend.close(store).await;
    Ok(())
}
