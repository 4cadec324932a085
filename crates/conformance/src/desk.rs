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
    /// The turn that its task began with.
    task: usize,
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
    /// Names the message, and what is asked in reply to it.
    pub turn: usize,
    /// Names the task.
    pub task: usize,
    /// What it answers, once that is released.
    pub reply: Reply,
}

impl Desk {
    /// A desk at which nothing has happened yet, for agents by their ids.
    #[must_use]
    pub fn new(agents: BTreeMap<String, Agent>) -> Self {
        Self {
            agents,
            state: Mutex::default(),
        }
    }

    /// Takes a message that begins a task: its id, its text part and its data part.
    pub fn receive(&self, agent_id: &str, message_id: &str, text: Option<&str>, data: Value) -> Answer {
        let agent = self.agents.get(agent_id).cloned().unwrap_or_default();
        let key = agent.key(&data);
        self.take(
            agent_id,
            key,
            message_id,
            None,
            &json!({"text": text, "data": data}),
        )
    }

    /// Takes a message that answers what a task asks; `None` where the agent does not know the task.
    pub fn receive_answer(
        &self,
        agent_id: &str,
        task_id: &str,
        message_id: &str,
        text: Option<&str>,
        data: Option<&Value>,
    ) -> Option<Answer> {
        let asked = self.task(agent_id, task_id)?;
        let key = self.state().turns.get(asked.turn)?.key.clone();
        let message = json!({"text": text, "data": data});
        Some(self.take(agent_id, key, message_id, Some(asked.task), &message))
    }

    fn take(
        &self,
        agent_id: &str,
        key: String,
        message_id: &str,
        task: Option<usize>,
        said: &Value,
    ) -> Answer {
        let mut state = self.state();
        let agent = self.agents.get(agent_id).cloned().unwrap_or_default();
        let count = state
            .counts
            .entry((agent_id.to_owned(), key.clone()))
            .or_default();
        let mut reply = agent.reply(agent_id, &key, *count);
        *count += 1;
        if let Some(pointer) = &reply.echo {
            reply.output = Some(said["data"].pointer(pointer).cloned().unwrap_or_default());
        }
        if agent.unreachable {
            reply.fail = Some(Fail::ConnectionLost);
        }
        let (turn, number) = (state.turns.len(), state.number_message(agent_id, message_id));
        let task = task.unwrap_or(turn);
        state.turns.push(Turn {
            agent: agent_id.to_owned(),
            key,
            task,
            message: json!({"message": number, "text": said["text"], "data": said["data"]}),
            released: watch::Sender::new(!reply.held),
            reply: reply.clone(),
            forgotten: false,
        });
        Answer { turn, task, reply }
    }

    /// What became of the last message of a task; `None` where the agent does not know it.
    pub fn task(&self, agent_id: &str, task_id: &str) -> Option<Answer> {
        let task: usize = task_id.parse().ok()?;
        let state = self.state();
        let mut turns = state.turns.iter().enumerate();
        let (turn, found) = turns.rfind(|(_, turn)| turn.task == task && turn.agent == agent_id)?;
        (!found.forgotten).then(|| Answer {
            turn,
            task,
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
    #[must_use]
    pub fn cancels(&self, agent_id: &str) -> usize {
        self.state().cancels.get(agent_id).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
