//! The subject in memory: a whole engine for each case, on a thread of its own.

use std::{pin::Pin, sync::Arc, time::Duration};

use agentchains_agents::{AgentRunner, Outbound, Registry};
use agentchains_conformance::{Answer, Desk, Request, Stage, Subject};
use agentchains_engine::{Engine, ports::Clock, workflow::parse_duration};
use agentchains_http::{Access, App, BASE_PATH, ServerOptions, router};
use agentchains_testkit::MemoryStore;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::{clock::SimulatedClock, runner::DeskRunner};

/// More jumps than any case needs; a case that is still waiting then waits for ever.
const MAX_JUMPS: usize = 20_000;

/// Makes subjects in memory.
pub(crate) struct MemoryStage;

impl Stage for MemoryStage {
    type Subject<'a> = MemorySubject;

    fn subject(&self, number: usize, desk: Arc<Desk>, _: bool) -> MemorySubject {
        let world = World {
            number,
            desk,
            clock: SimulatedClock::default(),
            store: MemoryStore::new(),
        };
        let process = Some(world.process());
        MemorySubject { world, process }
    }
}

/// What outlives a crash.
struct World {
    number: usize,
    desk: Arc<Desk>,
    clock: SimulatedClock,
    store: MemoryStore,
}

/// What does not.
struct Process {
    runtime: Runtime,
    api: Api,
}

type Sent = Pin<Box<dyn Future<Output = Answer>>>;
type Api = Box<dyn Fn(http::Request<Full<Bytes>>) -> Sent>;

/// An engine behind its API.
pub(crate) struct MemorySubject {
    world: World,
    process: Option<Process>,
}

impl World {
    fn process(&self) -> Process {
        // Paused, so that a sleep ends exactly when nothing else is left to do.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let api = runtime.block_on(self.start());
        Process { runtime, api }
    }

    async fn start(&self) -> Api {
        let clock = Arc::new(self.clock.clone());
        let outbound =
            Outbound::new("loopback".parse().unwrap(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let registry = Registry::load(Arc::new(self.store.clone()), outbound)
            .await
            .unwrap();
        let runner = DeskRunner {
            registered: AgentRunner::new(Arc::clone(&registry)).with_inline_endpoints(),
            desk: Arc::clone(&self.desk),
            clock: self.clock.clone(),
        };
        let engine = Engine::builder(Arc::new(self.store.clone()), Arc::new(runner))
            .clock(clock)
            .start();
        let router = router(App {
            engine,
            agents: registry,
            webhooks: None,
            metrics: None,
            doors: Vec::new(),
            access: Access::Open,
            tls: None,
            options: ServerOptions::default(),
        });
        Box::new(move |request| {
            let router = router.clone();
            Box::pin(async move {
                let response = router.oneshot(request).await.unwrap();
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                let body = if body.is_empty() {
                    Value::Null
                } else {
                    serde_json::from_slice(&body).unwrap()
                };
                Answer { status, body }
            })
        })
    }
}

impl MemorySubject {
    fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }
}

impl Subject for MemorySubject {
    fn send(&mut self, request: Request) -> Answer {
        let mut built = http::Request::builder()
            .method(request.method)
            .uri(format!("{BASE_PATH}{}", request.path));
        if request.body.is_some() {
            built = built.header("content-type", "application/json");
        }
        if let Some(key) = &request.key {
            built = built.header("idempotency-key", key);
        }
        let body = Full::from(request.body.unwrap_or_default());
        let process = self.process();
        process.runtime.block_on((process.api)(built.body(body).unwrap()))
    }

    fn agent_url(&self, agent_id: &str) -> String {
        format!("http://127.0.0.1:9/{}/{agent_id}", self.world.number)
    }

    fn settle(&mut self, _: usize) -> bool {
        let moment = Duration::from_millis(1);
        self.process()
            .runtime
            .block_on(async { tokio::time::sleep(moment).await });
        false
    }

    fn pass_time(&mut self, round: usize) -> bool {
        round < MAX_JUMPS && self.world.clock.jump()
    }

    fn advance(&mut self, by: &str) {
        self.world.clock.advance(parse_duration(by).unwrap());
    }

    fn restart(&mut self, meanwhile: &dyn Fn()) {
        self.process = None;
        meanwhile();
        self.world.store = self.world.store.reopened();
        self.process = Some(self.world.process());
    }
}
