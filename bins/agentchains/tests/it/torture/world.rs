//! What outlives a kill: the agent, the database, and what clients were told.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    agent::Agent,
    chance::Chance,
    works::{Work, works},
};
use crate::{client::Client, server::Server};

/// A server, from its start to the kill.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) number: u32,
    pub(super) client: Client,
}

/// Everything that a server has said was done, which therefore must be there for ever (I33).
#[derive(Clone, Default)]
pub(super) struct Acknowledged {
    /// The executions that were started, by their ids.
    pub(super) executions: BTreeMap<String, Start>,
    /// Decisions by the ids of their questions.
    pub(super) decisions: BTreeMap<String, String>,
    /// Events that a subscriber has seen: by execution and number, their types.
    pub(super) events: BTreeMap<(String, u64), String>,
}

/// An execution that was started.
#[derive(Clone)]
pub(super) struct Start {
    /// Its workflow, as a position in [`World::works`].
    pub(super) work: usize,
    pub(super) key: String,
    pub(super) input: Value,
}

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) agent: Agent,
    pub(super) works: Vec<Work>,
    workflows: Mutex<Vec<String>>,
    pulse: watch::Sender<u64>,
    life: watch::Sender<Option<Life>>,
    is_over: AtomicBool,
    acknowledged: Mutex<Acknowledged>,
}

impl World {
    pub(super) async fn new(chance: Chance) -> Self {
        let pulse = watch::Sender::new(0);
        Self {
            chance,
            agent: Agent::start(chance, pulse.clone()).await,
            works: works(),
            workflows: Mutex::default(),
            pulse,
            life: watch::Sender::new(None),
            is_over: AtomicBool::new(false),
            acknowledged: Mutex::default(),
        }
    }

    /// Registers the agent and stores the workflows.
    pub(super) async fn furnish(&self, client: &Client) {
        let agent = json!({"agent_id": "witness", "url": self.agent.url});
        let registered = client.post("/agents", &agent).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        for work in &self.works {
            let id = client.create(&work.document()).await;
            self.workflows.lock().unwrap().push(id);
        }
    }

    /// The id of a workflow.
    pub(super) fn workflow(&self, work: usize) -> String {
        self.workflows.lock().unwrap()[work].clone()
    }

    /// A server answers from here on.
    pub(super) fn begins(&self, number: u32, server: &Server) {
        let client = server.client.clone();
        self.life.send_replace(Some(Life { number, client }));
    }

    /// No server answers, until the next one does.
    pub(super) fn ends(&self) {
        self.life.send_replace(None);
    }

    /// The server, once it is one after this one.
    pub(super) async fn life_after(&self, broken: Option<u32>) -> Life {
        let mut life = self.life.subscribe();
        let is_later = |life: &Option<Life>| life.as_ref().is_some_and(|life| Some(life.number) > broken);
        life.wait_for(is_later).await.unwrap().clone().unwrap()
    }

    /// Returns when so much more has happened: requests to the agent, answers and events to clients.
    pub(super) async fn goes_on(&self, by: u64) {
        let until = *self.pulse.borrow() + by;
        self.pulse
            .subscribe()
            .wait_for(|pulse| *pulse >= until)
            .await
            .unwrap();
    }

    /// No new execution is started any more.
    pub(super) fn winds_down(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Notes what a server has said.
    pub(super) fn acknowledge(&self, note: impl FnOnce(&mut Acknowledged)) {
        note(&mut self.notes());
        self.pulse.send_modify(|pulse| *pulse += 1);
    }

    pub(super) fn acknowledged(&self) -> Acknowledged {
        self.notes().clone()
    }

    fn notes(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap()
    }
}
