//! Clients who see each execution to its end, whatever happens to the server: they ask again, under the same key, and
//! go on reading where they were.

use std::{error::Error, sync::Arc};

use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    works::input,
    world::{Start, World},
};
use crate::client::{Answer, Client};

type Lost = Box<dyn Error + Send + Sync>;

/// Runs one execution after the other until there is to be no further one.
pub(super) async fn keep_one_in_flight(world: Arc<World>, client: u64) {
    for turn in 0.. {
        if world.is_over() {
            return;
        }
        Run::new(&world, format!("{client}/{turn}"), turn * 1_000 + client)
            .see_to_its_end()
            .await;
    }
}

/// One execution, as its client knows it.
struct Run<'w> {
    world: &'w World,
    start: Start,
    id: Option<String>,
    /// The number of the last event that was seen.
    seen: u64,
    /// Questions whose decisions were not acknowledged.
    asked: Vec<String>,
}

impl<'w> Run<'w> {
    fn new(world: &'w World, key: String, number: u64) -> Self {
        let works = world.works.len();
        let work = world.chance.below(works as u64, "work", number);
        Self {
            world,
            start: Start {
                work: usize::try_from(work).unwrap(),
                key,
                input: input(world.chance, number),
            },
            id: None,
            seen: 0,
            asked: Vec::new(),
        }
    }

    async fn see_to_its_end(mut self) {
        let mut broken = None;
        loop {
            let life = self.world.life_after(broken).await;
            if self.with(&life.client).await.is_ok() {
                return;
            }
            broken = Some(life.number);
        }
    }

    /// Goes on with a server until the execution has ended, or the server has.
    async fn with(&mut self, client: &Client) -> Result<(), Lost> {
        let id = self.start(client).await?;
        self.decide(client).await?;
        let mut events = client.try_follow(&id, self.seen).await?;
        while let Some(event) = events.next().await {
            let kind = event["type"].as_str().unwrap();
            self.note(&id, &event);
            if kind == "approval.requested" {
                self.asked.push(event["data"]["id"].as_str().unwrap().to_owned());
                self.decide(client).await?;
            }
            if ["execution.completed", "execution.failed", "execution.cancelled"].contains(&kind) {
                return Ok(());
            }
        }
        Err("the server has gone".into())
    }

    fn note(&mut self, id: &str, event: &Value) {
        let Some(seq) = event["seq"].as_u64() else {
            return;
        };
        assert_eq!(seq, self.seen + 1, "{id}: an event is missing or comes twice");
        self.seen = seq;
        let kind = event["type"].as_str().unwrap().to_owned();
        self.world
            .acknowledge(|told| _ = told.events.insert((id.to_owned(), seq), kind));
    }

    /// Asks for the execution: the same one, however often it is asked for.
    async fn start(&mut self, client: &Client) -> Result<String, Lost> {
        let path = format!("/workflows/{}/execute", self.world.workflow(self.start.work));
        let body = json!({"input": self.start.input});
        let started = post(client, &path, &self.start.key, &body).await?;
        assert_eq!(started.status, 202, "{started:?}");
        let id = started.body["execution_id"].as_str().unwrap().to_owned();
        let first = self.id.get_or_insert_with(|| id.clone());
        assert_eq!(*first, id, "a key has started two executions");
        self.world
            .acknowledge(|told| _ = told.executions.insert(id.clone(), self.start.clone()));
        Ok(id)
    }

    async fn decide(&mut self, client: &Client) -> Result<(), Lost> {
        while let Some(question) = self.asked.last() {
            let decision = if self.start.input["deep"] == true {
                "yes"
            } else {
                "no"
            };
            let path = format!("/approvals/{question}/decision");
            let body = json!({"decision": decision, "by": "ann"});
            let decided = post(client, &path, &self.start.key, &body).await?;
            assert_eq!(decided.status, 200, "{decided:?}");
            self.world
                .acknowledge(|told| _ = told.decisions.insert(question.clone(), decision.to_owned()));
            self.asked.pop();
        }
        Ok(())
    }
}

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Result<Answer, Lost> {
    let request = client
        .request("POST", path)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(Full::from(body.to_string()))?;
    client.try_exchange(request).await
}
