//! The conformance suite over HTTP: the real server, and scripted A2A agents on a socket.

pub(crate) mod agents;
mod rpc;

use std::{sync::Arc, time::Duration};

use agentchains_conformance::{Answer, Desk, Request, RunnerKind, Stage, Subject, run};
use http_body_util::Full;
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::sleep};

use self::agents::Agents;
use crate::{client::Client, server::Server};

/// Cases that are played at the same time. Most of their time they wait.
const AT_ONCE: usize = 16;

/// Between two looks at a server, which is another process and tells nobody when it has nothing left to do.
const MOMENT: Duration = Duration::from_millis(5);

/// Moments after which something that is under way should have arrived: five seconds.
const ARRIVAL: usize = 1_000;

/// Moments after which nothing more is expected to happen: thirty seconds.
const PATIENCE: usize = 6_000;

/// One server for all cases that do not kill it.
struct ServerStage {
    runtime: Runtime,
    agents: Agents,
    shared: Arc<Server>,
}

/// A server, the one of all or one of its own.
struct ServerSubject<'a> {
    stage: &'a ServerStage,
    number: usize,
    client: Client,
    /// With its folder.
    own: Option<(Server, TempDir)>,
}

impl Stage for ServerStage {
    type Subject<'a> = ServerSubject<'a>;

    fn subject(&self, number: usize, desk: Arc<Desk>, restarts: bool) -> ServerSubject<'_> {
        self.agents.seat(number, desk);
        let own = restarts.then(|| {
            let folder = tempfile::tempdir().unwrap();
            let server = self.runtime.block_on(Server::serve(folder.path()));
            (server, folder)
        });
        let server = own.as_ref().map_or(self.shared.as_ref(), |(server, _)| server);
        ServerSubject {
            stage: self,
            number,
            client: server.client.clone(),
            own,
        }
    }
}

impl Subject for ServerSubject<'_> {
    fn send(&mut self, request: Request) -> Answer {
        let mut built = self.client.request(request.method, &request.path);
        if request.body.is_some() {
            built = built.header("content-type", "application/json");
        }
        if let Some(key) = &request.key {
            built = built.header("idempotency-key", key);
        }
        let body = Full::from(request.body.unwrap_or_default());
        let sent = self.client.exchange(built.body(body).unwrap());
        let answer = self.stage.runtime.block_on(sent);
        Answer {
            status: answer.status,
            body: answer.body,
        }
    }

    fn agent_url(&self, agent_id: &str) -> String {
        self.stage.agents.url(self.number, agent_id)
    }

    fn settle(&mut self, round: usize) -> bool {
        self.stage.runtime.block_on(async { sleep(MOMENT).await });
        round < ARRIVAL
    }

    fn pass_time(&mut self, round: usize) -> bool {
        round < PATIENCE
    }

    fn advance(&mut self, by: &str) {
        panic!("a real server cannot be moved on by {by}: the case is for simulated time only");
    }

    fn restart(&mut self, meanwhile: &dyn Fn()) {
        let (server, folder) = self
            .own
            .take()
            .expect("a case that restarts has a server of its own");
        let server = self.stage.runtime.block_on(async {
            server.kill().await;
            meanwhile();
            Server::serve(folder.path()).await
        });
        self.client = server.client.clone();
        self.own = Some((server, folder));
    }
}

#[test]
fn every_case_holds_over_http() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stage = ServerStage {
        agents: runtime.block_on(Agents::listen()),
        shared: Arc::new(runtime.block_on(Server::serve(folder.path()))),
        runtime,
    };
    let report = run(RunnerKind::Server, &stage, AT_ONCE).unwrap();
    report.verdict().unwrap_or_else(|failures| panic!("{failures}"));
}
