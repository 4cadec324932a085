//! The desk: what the agents of a case have got and what they answer, for whoever speaks for them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::agent::{Agent, Fail, Reply, as_key};

/// The agents of one case, and all that has happened to them.
#[derive(Debug)]
pub struct Desk {
    agents: BTreeMap<String, Agent>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    turns: Vec<Turn>,
    /// Calls so far, by agent and script.
    counts: HashMap<(String, String), usize>,
    cancels: BTreeMap<String, usize>,
    /// The ids of messages, in the order of their first arrival.
    message_ids: BTreeMap<String, Vec<String>>,
}

impl State {
    /// The number of a message, counted from 1 for each agent; one that is sent again keeps its number.
    fn number_message(&mut self, agent_id: &str, message_id: &str) -> usize {
        let known = self.message_ids.entry(agent_id.to_owned()).or_default();
        let position = known.iter().position(|known| known == message_id);
        position.unwrap_or_else(|| {
            known.push(message_id.to_owned());
            known.len() - 1
        }) + 1
    }
}

/// One message, and what becomes of it.
#[derive(Debug)]
struct Turn {
    agent: String,
    key: String,
    message: Value,
    reply: Reply,
    /// Whether the reply may be given.
    released: watch::Sender<bool>,
    /// Whether the agent no longer knows the task.
    forgotten: bool,
}

/// What an agent answers to one message.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Names the message, and as text the task.
    pub turn: usize,
    /// What it answers, once that is released.
    pub reply: Reply,
}

impl Desk {
    pub(crate) fn new(agents: BTreeMap<String, Agent>) -> Self {
        Self {
            agents,
            state: Mutex::default(),
        }
    }

    /// Takes a message: its id, its text part and its data part.
    pub fn receive(&self, agent_id: &str, message_id: &str, text: Option<&str>, data: Value) -> Answer {
        let mut state = self.state();
        let agent = self.agents.get(agent_id).cloned().unwrap_or_default();
        let key = agent.key(&data);
        let count = state
            .counts
            .entry((agent_id.to_owned(), key.clone()))
            .or_default();
        let mut reply = agent.reply(agent_id, &key, *count);
        *count += 1;
        if let Some(pointer) = &reply.echo {
            reply.output = Some(data.pointer(pointer).cloned().unwrap_or_default());
        }
        if agent.unreachable {
            reply.fail = Some(Fail::ConnectionLost);
        }
        let (turn, number) = (state.turns.len(), state.number_message(agent_id, message_id));
        state.turns.push(Turn {
            agent: agent_id.to_owned(),
            key,
            message: json!({"message": number, "text": text, "data": data}),
            released: watch::Sender::new(!reply.held),
            reply: reply.clone(),
            forgotten: false,
        });
        Answer { turn, reply }
    }

    /// The message that a task is about; `None` where the agent does not know it.
    pub fn task(&self, agent_id: &str, task_id: &str) -> Option<Answer> {
        let turn: usize = task_id.parse().ok()?;
        let state = self.state();
        let found = state.turns.get(turn).filter(|found| found.agent == agent_id)?;
        (!found.forgotten).then(|| Answer {
            turn,
            reply: found.reply.clone(),
        })
    }

    /// Returns when the answer to a message may be given.
    pub async fn released(&self, turn: usize) {
        let receiver = self.state().turns.get(turn).map(|turn| turn.released.subscribe());
        if let Some(mut receiver) = receiver {
            // Fails only without a sender, and the turn has it.
            let _ = receiver.wait_for(|released| *released).await;
        }
    }

    /// An agent is asked to cancel a task. False where it does not know it.
    pub fn cancel(&self, agent_id: &str, task_id: &str) -> bool {
        let known = self.task(agent_id, task_id).is_some();
        *self.state().cancels.entry(agent_id.to_owned()).or_default() += 1;
        known
    }

    /// Whether nothing listens at an agent's address.
    #[must_use]
    pub fn is_unreachable(&self, agent_id: &str) -> bool {
        self.agents.get(agent_id).is_some_and(|agent| agent.unreachable)
    }

    /// While the engine is away, agents forget the tasks that their scripts say they forget.
    pub(crate) fn forget(&self) {
        for turn in &mut self.state().turns {
            turn.forgotten |= turn.reply.forgets;
        }
    }

    /// Lets the oldest call of an agent that is held and waited for go on. False when there is none.
    pub(crate) fn release(&self, agent_id: &str, key: Option<&Value>) -> bool {
        let key = key.map(as_key);
        let state = self.state();
        let held = state.turns.iter().find(|turn| {
            turn.agent == agent_id
                && key.as_ref().is_none_or(|key| *key == turn.key)
                && !*turn.released.borrow()
                && (turn.reply.accepted || turn.released.receiver_count() > 0)
        });
        held.is_some_and(|turn| {
            turn.released.send_replace(true);
            true
        })
    }

    /// The messages that an agent got, in order.
    pub(crate) fn messages(&self, agent_id: &str) -> Vec<Value> {
        let state = self.state();
        let turns = state.turns.iter().filter(|turn| turn.agent == agent_id);
        turns.map(|turn| turn.message.clone()).collect()
    }

    /// The agents that got messages, in the order of these.
    pub(crate) fn order(&self) -> Vec<String> {
        self.state().turns.iter().map(|turn| turn.agent.clone()).collect()
    }

    /// How often an agent was asked to cancel a task.
    pub(crate) fn cancels(&self, agent_id: &str) -> usize {
        self.state().cancels.get(agent_id).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
