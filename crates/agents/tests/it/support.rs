//! A runner with one agent, calls for it, and a memory store.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use agentchains_agents::{AgentRunner, Outbound, Registry};
use agentchains_machine::{
    AgentReply, AttemptFailure, Call, ExecutionId, MessageId, NodePath, NodeRequest, RemoteCancel, RemoteTask,
};
use agentchains_ports::{
    AgentDefinition, AgentKey, AgentRecord, AgentStore, CallOutcome, CallProgress, Clock, Creation,
    Idempotency, NodeRunner, StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// The moment at which all tests happen.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A clock that stands still.
pub(crate) struct StoppedClock;

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending::<()>().await;
    }
}

/// A store in memory that can be told to fail.
#[derive(Default)]
pub(crate) struct MemoryStore {
    pub(crate) agents: Mutex<BTreeMap<AgentKey, AgentRecord>>,
    pub(crate) broken: Mutex<bool>,
}

impl MemoryStore {
    fn check(&self) -> Result<(), StoreError> {
        if *self.broken.lock().unwrap() {
            return Err(StoreError::Unavailable("it is broken".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl AgentStore for MemoryStore {
    async fn load_agents(&self) -> Result<Vec<AgentRecord>, StoreError> {
        self.check()?;
        Ok(self.agents.lock().unwrap().values().cloned().collect())
    }

    async fn create_agent(
        &self,
        record: &AgentRecord,
        _: Option<Idempotency>,
    ) -> Result<Option<Creation<AgentRecord>>, StoreError> {
        self.check()?;
        let mut agents = self.agents.lock().unwrap();
        if agents.contains_key(&record.key) {
            return Ok(None);
        }
        agents.insert(record.key.clone(), record.clone());
        Ok(Some(Creation::Created(record.clone())))
    }

    async fn save_agent(&self, record: &AgentRecord) -> Result<(), StoreError> {
        self.check()?;
        self.agents
            .lock()
            .unwrap()
            .insert(record.key.clone(), record.clone());
        Ok(())
    }

    async fn delete_agent(&self, agent: &AgentKey) -> Result<bool, StoreError> {
        self.check()?;
        Ok(self.agents.lock().unwrap().remove(agent).is_some())
    }
}

/// Remembers which tasks were named.
#[derive(Default)]
pub(crate) struct Accepted(Mutex<Vec<RemoteTask>>);

impl Accepted {
    pub(crate) fn tasks(&self) -> Vec<RemoteTask> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl CallProgress for Accepted {
    async fn task_accepted(&self, task: RemoteTask) {
        self.task_told(task);
    }

    fn task_told(&self, task: RemoteTask) {
        self.0.lock().unwrap().push(task);
    }
}

/// A registry of which nothing but `allow` may be connected to besides public addresses.
pub(crate) async fn registry(allow: &str) -> (Arc<Registry>, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::default());
    (registry_on(&store, allow).await, store)
}

/// A registry of what a store holds.
pub(crate) async fn registry_on(store: &Arc<MemoryStore>, allow: &str) -> Arc<Registry> {
    Registry::load(Arc::clone(store) as Arc<dyn AgentStore>, outbound(allow))
        .await
        .unwrap()
}

/// A way out to public addresses and these.
pub(crate) fn outbound(allow: &str) -> Outbound {
    Outbound::new(allow.parse().unwrap(), Arc::new(StoppedClock)).unwrap()
}

/// A runner that calls the agent `a` at an address through this way out.
pub(crate) async fn runner_through(outbound: Outbound, url: &str) -> AgentRunner {
    let registry = Registry::load(Arc::<MemoryStore>::default(), outbound)
        .await
        .unwrap();
    registry.upsert(TENANT, definition("a", url), NOW).await.unwrap();
    AgentRunner::new(registry)
}

/// Whose agents the tests call.
pub(crate) const TENANT: &str = "default";

/// An agent of theirs.
pub(crate) fn own(agent_id: &str) -> AgentKey {
    AgentKey::of(TENANT, agent_id)
}

/// Calls the agent that a call names.
pub(crate) trait Ask {
    async fn ask(&self, call: &Call, progress: &dyn CallProgress) -> CallOutcome;
}

impl Ask for AgentRunner {
    async fn ask(&self, call: &Call, progress: &dyn CallProgress) -> CallOutcome {
        let agent = self.key(TENANT, &call.agent_id);
        self.call(&agent, execution(), call, progress).await
    }
}

/// One attempt of the agent `a` with an empty config.
pub(crate) async fn attempt(runner: &AgentRunner, limit: Duration) -> CallOutcome {
    let call = call("a", json!({}), limit);
    runner.ask(&call, &Accepted::default()).await
}

/// A definition with the least that is needed.
pub(crate) fn definition(agent_id: &str, url: &str) -> AgentDefinition {
    serde_json::from_value(json!({"agent_id": agent_id, "url": url})).unwrap()
}

/// A runner that may call loopback, with these agents registered.
pub(crate) async fn runner(agents: &[(&str, &str)]) -> AgentRunner {
    let (registry, _) = registry("loopback").await;
    for (agent_id, url) in agents {
        registry
            .upsert(TENANT, definition(agent_id, url), NOW)
            .await
            .unwrap();
    }
    AgentRunner::new(registry)
}

/// An attempt with this config.
pub(crate) fn call(agent_id: &str, config: Value, limit: Duration) -> Call {
    let path = NodePath::top_level("node");
    Call {
        message_id: MessageId::of_attempt(execution(), &path, 1),
        path,
        agent_id: agent_id.to_owned(),
        attempt: 1,
        deadline: NOW.checked_add(limit).unwrap(),
        request: Arc::new(NodeRequest {
            config: config.into(),
            items: None,
            upstream: vec!["before".to_owned()],
        }),
        input: json!({"topic": "quantum computing"}).into(),
        upstream: json!({"before": {"text": "It is so."}}).into(),
        item: None,
        loop_context: None,
        remote_task: None,
        answer: None,
        output_schema: None,
        is_lookup: false,
        admitted: true,
    }
}

/// The execution that all attempts belong to.
pub(crate) fn execution() -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128(7))
}

/// Calls the agent `a` at an address with an empty config.
pub(crate) async fn call_at(url: &str, limit: Duration) -> CallOutcome {
    runner(&[("a", url)])
        .await
        .ask(&call("a", json!({}), limit), &Accepted::default())
        .await
}

/// Cancels a task of the agent `a` at an address.
pub(crate) async fn cancel_at(url: &str, task_id: &str) -> RemoteCancel {
    let task = RemoteTask {
        task_id: task_id.to_owned(),
        context_id: None,
    };
    runner(&[("a", url)]).await.cancel(&own("a"), &task).await
}

/// The output of a reply, to look into.
pub(crate) fn output(reply: &AgentReply) -> Value {
    reply.output.to_value()
}

/// The reply of an outcome that must have one.
pub(crate) fn reply(outcome: CallOutcome) -> AgentReply {
    match outcome {
        CallOutcome::Reply(reply) => reply,
        other => panic!("expected a reply, got {other:?}"),
    }
}

/// The failure of an outcome that must be one, and whether the breaker counts it.
pub(crate) fn failure(outcome: CallOutcome) -> (AttemptFailure, bool) {
    match outcome {
        CallOutcome::Failed {
            failure,
            agent_unhealthy,
        } => (failure, agent_unhealthy),
        other => panic!("expected a failure, got {other:?}"),
    }
}
