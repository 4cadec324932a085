//! Agents that answer with too much, too slowly, with rubbish or with lies: each case of the corpus against the real
//! server, which must come out of it unharmed.

mod acts;
pub(crate) mod agent;
pub(crate) mod corpus;
mod judge;
mod memory;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::Instant};

use self::{
    agent::HostileAgent,
    corpus::{Behaviour, Case, Corpus},
    judge::{Seen, judge},
    memory::Memory,
};
use crate::{
    client::Client,
    server::{Log, Server},
};

/// What the server is given as the credential of agents, and where it finds it.
const SECRET: (&str, &str) = ("HOSTILE_AGENT_TOKEN", "sesame-7f3a91");

/// Groups of cases that mostly wait: theirs are played at the same time, and their memory is judged together.
const WAITING: [&str; 2] = ["time", "a2a"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_comes_out_as_the_corpus_says() {
    let corpus: Corpus = serde_json::from_str(include_str!("../../corpus/hostile_agents.json")).unwrap();
    let stage = Stage::open().await;
    let (waiting, others): (Vec<Case>, Vec<Case>) = corpus
        .cases
        .into_iter()
        .partition(|case| WAITING.contains(&case.group.as_str()));
    let mut wrong = Vec::new();
    for case in others {
        wrong.extend(stage.play_all(vec![case]).await);
    }
    wrong.extend(stage.play_all(waiting).await);
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// One server for all cases.
struct Stage {
    server: Server,
    /// Answers at once, and is asked after each case.
    honest: HostileAgent,
    ordinary: String,
    _folder: TempDir,
}

impl Stage {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serve_with(
            folder.path(),
            &["--log", "json"],
            &[SECRET, ("RUST_LOG", "info,sqlx=warn")],
        )
        .await;
        let honest = HostileAgent::start(Behaviour::honest("true"), String::new()).await;
        register(&server.client, "ordinary", &honest.url, false).await;
        let document =
            json!({"name": "ordinary", "nodes": [{"id": "a", "type": "agent_call", "agent_id": "ordinary"}]});
        let ordinary = server.client.create(&document).await;
        Self {
            server,
            honest,
            ordinary,
            _folder: folder,
        }
    }

    /// Plays cases at the same time, and says what was wrong, with the server's health afterwards.
    async fn play_all(&self, cases: Vec<Case>) -> Vec<String> {
        let ids: Vec<String> = cases.iter().map(|case| case.id.clone()).collect();
        let most = cases.iter().map(|case| case.expect.max_rss_growth_mib).min();
        let memory = Memory::watch(self.server.process());
        let mut playing = JoinSet::new();
        for case in cases {
            let (client, log) = (self.server.client.clone(), self.server.log());
            playing.spawn(async move { play(&client, &log, case).await });
        }
        let mut wrong: Vec<String> = playing.join_all().await.into_iter().flatten().collect();
        let growth = memory.growth();
        if most.is_some_and(|most| growth > most) {
            wrong.push(format!(
                "{ids:?}: memory grew by {growth} MiB, more than {most:?}"
            ));
        }
        if !self.is_healthy().await {
            wrong.push(format!(
                "{ids:?}: an ordinary execution does not complete afterwards"
            ));
        }
        wrong
    }

    async fn is_healthy(&self) -> bool {
        let before = self.honest.messages();
        let execution = self.server.client.execute(&self.ordinary, &json!({})).await;
        self.server.client.follow(&execution, 0).await.rest().await;
        let ended = self.server.client.execution(&execution).await;
        ended["status"] == "completed" && self.honest.messages() == before + 1
    }
}

/// Plays one case, and says what was wrong.
async fn play(client: &Client, log: &Log, case: Case) -> Vec<String> {
    let Case {
        id,
        what,
        behaviour,
        expect,
        ..
    } = case;
    let canary = HostileAgent::start(Behaviour::honest("true"), String::new()).await;
    let next = HostileAgent::start(Behaviour::honest("true"), String::new()).await;
    let has_credential = behaviour.takes_a_credential();
    let agent = HostileAgent::start(behaviour, canary.url.clone()).await;
    let (hostile, honest) = (format!("{id}-hostile"), format!("{id}-honest"));
    register(client, &hostile, &agent.url, has_credential).await;
    register(client, &honest, &next.url, false).await;
    let workflow = client
        .create(&document(&id, &hostile, &honest, expect.approval_still_pending))
        .await;

    let (begin, logged) = (Instant::now(), log.len());
    let execution = client.execute(&workflow, &json!({})).await;
    let mut events = client.follow(&execution, 0).await;
    while let Some(event) = events.next().await {
        if event["type"] == "execution.paused" {
            break;
        }
    }
    let took = begin.elapsed();
    let approvals = client.get(&format!("/approvals?execution_id={execution}")).await;
    let seen = Seen {
        took,
        node: client.node(&execution, "a").await,
        execution: client.execution(&execution).await,
        events: events.seen,
        approvals: approvals.body["approvals"].clone(),
        attempts: agent.messages(),
        cancels: agent.cancels(),
        next_calls: next.messages(),
        canary_requests: canary.requests(),
        secret: SECRET.1,
        log: log.since(logged),
    };
    let wrong = judge(&expect, &seen);
    wrong
        .into_iter()
        .map(|wrong| format!("{id} ({what}): {wrong}"))
        .collect()
}

/// The workflow of a case: the hostile agent, and after it an honest one or a person.
fn document(name: &str, hostile: &str, honest: &str, asks_a_person: bool) -> Value {
    let next = if asks_a_person {
        json!({"id": "b", "type": "human_approval", "config": {"message": "Go on?"}})
    } else {
        json!({"id": "b", "type": "agent_call", "agent_id": honest})
    };
    json!({
        "name": name, "max_budget": 1.00, "edges": [{"from": "a", "to": "b"}],
        "nodes": [
            {
                "id": "a", "type": "agent_call", "agent_id": hostile, "timeout": "2s", "max_cost": 0.10,
                "retry": {"max_attempts": 2, "initial_interval": "100ms", "jitter": "none"},
            },
            next,
        ],
    })
}

async fn register(client: &Client, agent_id: &str, url: &str, has_credential: bool) {
    let mut agent = json!({"agent_id": agent_id, "url": url});
    if has_credential {
        agent["auth"] = json!({"type": "bearer", "token": {"env": SECRET.0}});
    }
    let registered = client.post("/agents", &agent).await;
    assert_eq!(registered.status, 201, "{registered:?}");
}
