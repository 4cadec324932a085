//! Webhooks over real sockets: what they are told, how it is signed, and what becomes of it where it fails.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agentchains_agents::{DeclaredWebhook, Outbound, SecretsKey, Vault, Webhooks};
use agentchains_machine::{Event, ExecutionId, ExecutionRow};
use agentchains_ports::{
    Clock, EventSink as _, ExecutionStore as _, NewWebhook, SecretRef, SecretStore, Webhook,
    WebhookDirectory as _, WebhookStore,
};
use agentchains_testkit::{
    ManualClock, MemoryStore,
    samples::{TENANT, changes, execution, execution_id},
};
use serde_json::json;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::yield_now,
};

use crate::scripted::{Act, Request, Scripted};

/// An address that is told of events. It answers with the statuses that it was given, and with 200 after them.
struct Receiver {
    server: Scripted,
    told: UnboundedReceiver<Request>,
}

impl Receiver {
    async fn answering(answers: &[&str]) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let mut answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        answers.reverse();
        let answers = Mutex::new(answers);
        let server = Scripted::start(move |request, _| {
            sender.send(request.clone()).unwrap();
            let answer = answers.lock().unwrap().pop();
            let head = answer.unwrap_or_else(|| "200 OK".to_owned());
            Act::Send(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into())
        });
        Self {
            server: server.await,
            told,
        }
    }

    /// The number of the next event that it is told of.
    async fn next(&mut self) -> u64 {
        self.told.recv().await.unwrap().body["seq"].as_u64().unwrap()
    }
}

/// An event as the tests send it: so that the text can be had again from what was received.
fn text(execution_id: ExecutionId, event: &Event) -> String {
    json!({"execution_id": execution_id, "seq": event.seq, "type": event.kind}).to_string()
}

struct World {
    store: MemoryStore,
    clock: ManualClock,
    webhooks: Arc<Webhooks>,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new(execution(1).created_at);
        let world = Self::on(MemoryStore::new(), clock, "loopback", None);
        world.await
    }

    async fn on(store: MemoryStore, clock: ManualClock, allow: &str, key: Option<SecretsKey>) -> Self {
        let shared = Arc::new(clock.clone()) as Arc<dyn Clock>;
        let outbound = Outbound::new(allow.parse().unwrap(), Arc::clone(&shared)).unwrap();
        let secrets = Arc::new(store.clone()) as Arc<dyn SecretStore>;
        let vault = Vault::new(secrets, TENANT, key);
        let webhooks = Webhooks::load(Arc::new(store.clone()), outbound, vault, text, shared);
        Self {
            webhooks: webhooks.await.unwrap(),
            store,
            clock,
        }
    }

    /// The same after a restart.
    async fn again(self, allow: &str, key: Option<SecretsKey>) -> Self {
        self.webhooks.stop().await;
        Self::on(self.store.reopened(), self.clock, allow, key).await
    }

    async fn webhook(&self, url: &str) -> (Webhook, String) {
        let wanted = NewWebhook {
            url: url.to_owned(),
            events: Vec::new(),
            workflow_id: None,
            secret: None,
        };
        let made = self.webhooks.create(TENANT, wanted, None, self.clock.now());
        made.await.unwrap()
    }

    /// Lets so many events happen in an execution, at this moment.
    async fn happen(&self, ordinal: u32, events: u32) {
        let mut changes = changes(execution(ordinal), events);
        for event in &mut changes.events {
            event.at = self.clock.now();
        }
        let row: ExecutionRow = changes.execution.clone();
        let events = changes.events.clone();
        self.store.create(changes, None).await.unwrap();
        self.webhooks.publish(&row, &events);
    }

    /// A webhook once it is as it should be.
    async fn until(&self, id: &str, is_so: impl Fn(&Webhook) -> bool) -> Webhook {
        loop {
            let webhook = self.webhooks.get(TENANT, id).unwrap();
            if is_so(&webhook) {
                return webhook;
            }
            yield_now().await;
        }
    }

    /// How long it is from now until something is to be told, once something has failed.
    async fn until_again(&self, id: &str) -> Duration {
        self.until(id, |webhook| webhook.last_failure.is_some()).await;
        let next = self.store.next_delivery(id).await.unwrap().unwrap();
        next.duration_since(self.clock.now()).try_into().unwrap()
    }

    async fn until_all_is_told(&self, id: &str) {
        while self.store.pending_deliveries(id).await.unwrap() > 0 {
            yield_now().await;
        }
    }
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.header(name).unwrap()
}

#[tokio::test]
async fn an_event_is_signed_as_the_standard_says_and_keeps_its_id_where_it_is_sent_again() {
    let mut receiver = Receiver::answering(&["500 No", "200 OK"]).await;
    let world = World::new().await;
    let (webhook, secret) = world.webhook(&receiver.server.url).await;
    world.happen(1, 1).await;

    let first = receiver.told.recv().await.unwrap();
    assert_eq!(world.until_again(&webhook.id).await, Duration::from_secs(5));
    world.clock.advance(Duration::from_secs(5));
    let second = receiver.told.recv().await.unwrap();
    let library = standardwebhooks::Webhook::new(&secret).unwrap();
    for request in [&first, &second] {
        let id = header(request, "webhook-id");
        assert_eq!(id, format!("evt_{}_1", execution_id(1)));
        let at: i64 = header(request, "webhook-timestamp").parse().unwrap();
        let expected = library.sign(id, at, request.body.to_string().as_bytes()).unwrap();
        assert_eq!(header(request, "webhook-signature"), expected);
        assert_eq!(header(request, "content-type"), "application/json");
    }
    let at = |request| header(request, "webhook-timestamp").parse::<i64>().unwrap();
    assert_eq!(at(&second), at(&first) + 5);
    world.until_all_is_told(&webhook.id).await;
}

#[tokio::test]
async fn after_an_outage_the_events_of_an_execution_come_in_their_order() {
    let mut receiver = Receiver::answering(&["503 Later"]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 3).await;
    assert_eq!(receiver.next().await, 1);
    assert_eq!(world.until_again(&webhook.id).await, Duration::from_secs(5));
    world.clock.advance(Duration::from_secs(5));
    for seq in 1..=3 {
        assert_eq!(receiver.next().await, seq);
    }
    world.until_all_is_told(&webhook.id).await;
}

#[tokio::test]
async fn an_event_that_the_address_does_not_want_keeps_none_after_it() {
    let mut receiver = Receiver::answering(&["422 Not this one"]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 3).await;
    for seq in 1..=3 {
        assert_eq!(receiver.next().await, seq);
    }
    world.until_again(&webhook.id).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(receiver.next().await, 1);
    world.until_all_is_told(&webhook.id).await;
}

#[tokio::test]
async fn an_address_says_when_it_wants_to_be_asked_again() {
    let mut receiver = Receiver::answering(&["429 Slow down\r\nretry-after: 120"]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 1).await;
    assert_eq!(receiver.next().await, 1);
    assert_eq!(world.until_again(&webhook.id).await, Duration::from_secs(120));
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_leads_nowhere() {
    let mut elsewhere = Receiver::answering(&[]).await;
    let redirect = format!("307 There\r\nlocation: {}", elsewhere.server.url);
    let mut receiver = Receiver::answering(&[&redirect]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 1).await;
    assert_eq!(receiver.next().await, 1);
    let failed = world.until(&webhook.id, |webhook| webhook.last_failure.is_some());
    let reason = failed.await.last_failure.unwrap().reason;
    assert!(reason.contains("307"), "{reason}");
    assert!(elsewhere.told.try_recv().is_err());
}

#[tokio::test]
async fn an_address_that_is_gone_is_told_of_nothing_more() {
    let mut receiver = Receiver::answering(&["410 Gone"]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 1).await;
    assert_eq!(receiver.next().await, 1);
    world
        .until(&webhook.id, |webhook| webhook.disabled_at.is_some())
        .await;
    world.until_all_is_told(&webhook.id).await;
    world.happen(2, 1).await;
    assert_eq!(world.store.pending_deliveries(&webhook.id).await.unwrap(), 0);
    let world = world.again("loopback", None).await;
    let kept = world.webhooks.get(TENANT, &webhook.id).unwrap();
    assert!(kept.disabled_at.is_some());
}

#[tokio::test]
async fn what_was_still_to_be_told_is_told_after_a_restart() {
    let mut receiver = Receiver::answering(&["500 No"]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 2).await;
    assert_eq!(receiver.next().await, 1);
    world.until_again(&webhook.id).await;
    let world = world.again("loopback", None).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!((receiver.next().await, receiver.next().await), (1, 2));
    world.until_all_is_told(&webhook.id).await;
}

#[tokio::test]
async fn an_address_that_is_not_allowed_any_more_is_not_connected_to() {
    let mut receiver = Receiver::answering(&[]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    let world = world.again("none", None).await;
    world.happen(1, 1).await;
    let failed = world.until(&webhook.id, |webhook| webhook.last_failure.is_some());
    let reason = failed.await.last_failure.unwrap().reason;
    assert!(reason.contains("--allow-agent-addresses"), "{reason}");
    assert!(receiver.told.try_recv().is_err());
}

#[tokio::test]
async fn a_webhook_that_was_removed_is_told_of_nothing_more() {
    let mut receiver = Receiver::answering(&["500 No"]).await;
    let world = World::new().await;
    let (webhook, _) = world.webhook(&receiver.server.url).await;
    world.happen(1, 1).await;
    assert_eq!(receiver.next().await, 1);
    world.until_again(&webhook.id).await;
    world.webhooks.remove(TENANT, &webhook.id).await.unwrap();
    world.clock.advance(Duration::from_secs(3600));
    world.happen(2, 1).await;
    assert!(world.webhooks.list(TENANT).is_empty());
    assert_eq!(world.store.pending_deliveries(&webhook.id).await.unwrap(), 0);
    // Nothing is sent while its couriers come to their end, and none is left after that.
    world.webhooks.stop().await;
    assert!(receiver.told.try_recv().is_err());
}

#[tokio::test]
async fn a_secret_is_sealed_where_there_is_a_key_and_deliveries_are_signed_with_it_still() {
    let key = || {
        Some(
            "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
                .parse::<SecretsKey>()
                .unwrap(),
        )
    };
    let mut receiver = Receiver::answering(&[]).await;
    let world = World::new().await.again("loopback", key()).await;
    let (webhook, secret) = world.webhook(&receiver.server.url).await;
    assert!(!webhook.secret.0.contains(&secret));
    let world = world.again("loopback", key()).await;
    world.happen(1, 1).await;
    let told = receiver.told.recv().await.unwrap();
    let at = header(&told, "webhook-timestamp").parse().unwrap();
    let library = standardwebhooks::Webhook::new(&secret).unwrap();
    let body = told.body.to_string();
    let expected = library
        .sign(header(&told, "webhook-id"), at, body.as_bytes())
        .unwrap();
    assert_eq!(header(&told, "webhook-signature"), expected);

    // Who has the database and not the key signs nothing.
    let world = world.again("loopback", None).await;
    world.happen(2, 1).await;
    let failed = world.until(&webhook.id, |webhook| webhook.last_failure.is_some());
    let reason = failed.await.last_failure.unwrap().reason;
    assert!(reason.contains("--secrets-key-file"), "{reason}");
}

#[tokio::test]
async fn those_of_the_settings_are_those_that_are_declared_and_stay_who_they_are() {
    let world = World::new().await;
    let declared = |url: &str| DeclaredWebhook {
        tenant: TENANT.to_owned(),
        url: url.to_owned(),
        events: Vec::new(),
        workflow_id: None,
        secret: SecretRef::Env("WEBHOOK_SECRET".to_owned()),
    };
    let (own, _) = world.webhook("http://127.0.0.1:9/own").await;
    let (first, second) = ("http://127.0.0.1:9/first", "http://127.0.0.1:9/second");
    let now = world.clock.now();
    let both = vec![declared(first), declared(second)];
    world.webhooks.declare(both, now).await.unwrap();
    let urls = |world: &World| {
        let mut listed: Vec<(String, String)> = world
            .webhooks
            .list(TENANT)
            .into_iter()
            .map(|webhook| (webhook.url, webhook.id))
            .collect();
        listed.sort();
        listed
    };
    let before = urls(&world);
    let removed = world.webhooks.remove(TENANT, &before[0].1).await;
    assert!(
        removed.unwrap_err().to_string().contains("settings"),
        "{before:?}"
    );

    let world = world.again("loopback", None).await;
    world.webhooks.declare(vec![declared(first)], now).await.unwrap();
    let after = urls(&world);
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!((&after[0], &after[1].1), (&before[0], &own.id));
}
