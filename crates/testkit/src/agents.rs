//! Agents that do what the test says: answer, hang until they are released, fail, panic. They log every call.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_cost::{ReportedCost, Usd};
use agentchains_machine::{
    AgentReply, AttemptFailure, Call, ExecutionId, FailureCode, MessageId, RemoteCancel, RemoteTask,
};
use agentchains_ports::{AgentKey, AgentProfile, CallOutcome, CallProgress, NodeRunner};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

/// What an agent does with one call.
#[derive(Clone, Debug)]
pub struct Answer {
    is_sent: bool,
    task_id: Option<String>,
    says: Vec<String>,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Outcome(Box<CallOutcome>),
    Held,
    Panic,
}

impl Answer {
    /// The call ends so at once.
    #[must_use]
    pub fn outcome(outcome: CallOutcome) -> Self {
        Self {
            is_sent: true,
            task_id: None,
            says: Vec::new(),
            end: End::Outcome(Box::new(outcome)),
        }
    }

    /// A result that cost nothing.
    #[must_use]
    pub fn reply(output: Value) -> Self {
        Self::costing(output, Usd::ZERO)
    }

    /// A result that cost something.
    #[must_use]
    pub fn costing(output: Value, cost: Usd) -> Self {
        Self::outcome(CallOutcome::Reply(AgentReply {
            output: output.into(),
            cost: ReportedCost::Usd(cost),
            usage: None,
        }))
    }

    /// A failure that the circuit breaker counts, and that another attempt may mend.
    #[must_use]
    pub fn unwell() -> Self {
        Self::failure(FailureCode::AgentUnreachable, true)
    }

    /// A failure that says nothing about the agent's health, and that no other attempt mends.
    #[must_use]
    pub fn refusal() -> Self {
        Self::failure(FailureCode::AgentRejected, false)
    }

    fn failure(code: FailureCode, unwell: bool) -> Self {
        Self::outcome(CallOutcome::Failed {
            failure: AttemptFailure {
                code,
                message: "the script says so".to_owned(),
                retryable: unwell,
                retry_after: None,
                reached_agent: true,
                cost: ReportedCost::Absent,
                usage: None,
            },
            agent_unhealthy: unwell,
        })
    }

    /// Nothing, until [`ScriptedAgents::release`] says how the call ends.
    #[must_use]
    pub fn held() -> Self {
        Self {
            is_sent: true,
            task_id: None,
            says: Vec::new(),
            end: End::Held,
        }
    }

    /// The runner breaks down.
    #[must_use]
    pub fn panic() -> Self {
        Self {
            is_sent: true,
            task_id: None,
            says: Vec::new(),
            end: End::Panic,
        }
    }

    /// The message is not sent before that, as where nobody listens at the agent's address.
    #[must_use]
    pub fn without_sending(mut self) -> Self {
        self.is_sent = false;
        self
    }

    /// Before that, the agent names its task.
    #[must_use]
    pub fn after_accepting(mut self, task_id: &str) -> Self {
        self.task_id = Some(task_id.to_owned());
        self
    }

    /// Before that, the agent says something.
    #[must_use]
    pub fn saying(mut self, text: &str) -> Self {
        self.says.push(text.to_owned());
        self
    }
}

/// Agents that follow a script. Clones are the same agents.
///
/// Each answers with `{"agent": <its id>}` at no cost, unless its script says otherwise.
#[derive(Clone, Debug)]
pub struct ScriptedAgents {
    state: Arc<Mutex<State>>,
    calls: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    agents: HashMap<String, Agent>,
    calls: Vec<(ExecutionId, Call)>,
    in_flight: usize,
    cancels: Vec<(String, RemoteTask)>,
    withdrawals: Vec<(String, MessageId)>,
    cancels_hang: bool,
    moved_on: HashSet<String>,
}

#[derive(Debug, Default)]
struct Agent {
    profile: Arc<AgentProfile>,
    script: VecDeque<Answer>,
    held: VecDeque<oneshot::Sender<CallOutcome>>,
}

impl ScriptedAgents {
    /// Agents with these ids, without limits and prices.
    #[must_use]
    pub fn new<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let agents = ids
            .into_iter()
            .map(|id| (id.to_owned(), Agent::default()))
            .collect();
        Self {
            state: Arc::new(Mutex::new(State {
                agents,
                ..State::default()
            })),
            calls: watch::Sender::new(0),
        }
    }

    /// Registers an agent, or changes what is known of it.
    pub fn set_profile(&self, agent_id: &str, profile: AgentProfile) {
        let mut state = self.state();
        state.agents.entry(agent_id.to_owned()).or_default().profile = Arc::new(profile);
    }

    /// Adds to what an agent does with its next calls.
    pub fn script(&self, agent_id: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut state = self.state();
        let agent = state.agents.entry(agent_id.to_owned()).or_default();
        agent.script.extend(answers);
    }

    /// Ends the oldest held call of an agent. False when there is none.
    pub fn release(&self, agent_id: &str, outcome: CallOutcome) -> bool {
        let mut state = self.state();
        let Some(agent) = state.agents.get_mut(agent_id) else {
            return false;
        };
        while let Some(held) = agent.held.pop_front() {
            if !held.is_closed() {
                return held.send(outcome).is_ok();
            }
        }
        false
    }

    /// Ends the oldest held call of an agent with a result that cost nothing. False when there is none.
    pub fn release_reply(&self, agent_id: &str, output: Value) -> bool {
        let reply = AgentReply {
            output: output.into(),
            cost: ReportedCost::Usd(Usd::ZERO),
            usage: None,
        };
        self.release(agent_id, CallOutcome::Reply(reply))
    }

    /// Every call so far, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<(ExecutionId, Call)> {
        self.state().calls.clone()
    }

    /// The agents that were called so far, in order.
    #[must_use]
    pub fn called(&self) -> Vec<String> {
        let state = self.state();
        state
            .calls
            .iter()
            .map(|(_, call)| call.agent_id.clone())
            .collect()
    }

    /// Returns when at least so many calls have begun.
    pub async fn wait_for_calls(&self, count: usize) {
        // Fails only without a sender, and this is one.
        let _ = self.calls.subscribe().wait_for(|calls| *calls >= count).await;
    }

    /// Calls that have begun and not ended. A call that was dropped has ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    /// The tasks that were to be cancelled, in order, with their agents.
    #[must_use]
    pub fn cancels(&self) -> Vec<(String, RemoteTask)> {
        self.state().cancels.clone()
    }

    /// The messages that were to be withdrawn, in order, with their agents.
    #[must_use]
    pub fn withdrawals(&self) -> Vec<(String, MessageId)> {
        self.state().withdrawals.clone()
    }

    /// A task that asked something goes on without an answer.
    pub fn move_on(&self, task_id: &str) {
        self.state().moved_on.insert(task_id.to_owned());
    }

    /// No agent answers a cancel from here on.
    pub fn hang_cancels(&self) {
        self.state().cancels_hang = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, execution: ExecutionId, call: &Call) -> (InFlight<'_>, Answer) {
        let mut state = self.state();
        state.calls.push((execution, call.clone()));
        state.in_flight += 1;
        self.calls.send_modify(|calls| *calls += 1);
        let agent = state.agents.entry(call.agent_id.clone()).or_default();
        let scripted = agent.script.pop_front();
        let answer = scripted.unwrap_or_else(|| Answer::reply(json!({"agent": call.agent_id})));
        (InFlight(self), answer)
    }

    fn hold(&self, agent_id: &str) -> oneshot::Receiver<CallOutcome> {
        let (held, released) = oneshot::channel();
        let mut state = self.state();
        let agent = state.agents.entry(agent_id.to_owned()).or_default();
        agent.held.push_back(held);
        released
    }
}

struct InFlight<'a>(&'a ScriptedAgents);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

#[async_trait]
impl NodeRunner for ScriptedAgents {
    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        let state = self.state();
        state
            .agents
            .get(agent.agent_id())
            .map(|agent| Arc::clone(&agent.profile))
    }

    #[expect(clippy::panic, reason = "breaking down is what the script asks for")]
    async fn call(
        &self,
        _agent: &AgentKey,
        execution: ExecutionId,
        call: &Call,
        progress: &dyn CallProgress,
    ) -> CallOutcome {
        let (_in_flight, answer) = self.begin(execution, call);
        if answer.is_sent {
            progress.sending();
        }
        if let Some(task_id) = answer.task_id {
            let task = RemoteTask {
                task_id,
                context_id: None,
            };
            progress.task_accepted(task).await;
        }
        for text in &answer.says {
            progress.said(text);
        }
        match answer.end {
            End::Outcome(outcome) => *outcome,
            End::Held => match self.hold(&call.agent_id).await {
                Ok(outcome) => outcome,
                // The script was dropped, so that nobody can release the call any more.
                Err(_) => std::future::pending().await,
            },
            End::Panic => panic!("the script says so"),
        }
    }

    /// As agents do that cannot be asked for their tasks.
    async fn withdraw(&self, agent: &AgentKey, message_id: MessageId) -> Option<RemoteCancel> {
        let hangs = {
            let mut state = self.state();
            state.withdrawals.push((agent.agent_id().to_owned(), message_id));
            state.cancels_hang
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        Some(RemoteCancel::Unknown)
    }

    async fn cancel(&self, agent: &AgentKey, task: &RemoteTask) -> RemoteCancel {
        let hangs = {
            let mut state = self.state();
            state.cancels.push((agent.agent_id().to_owned(), task.clone()));
            state.cancels_hang
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        RemoteCancel::Confirmed
    }

    async fn has_moved_on(&self, _agent: &AgentKey, task: &RemoteTask, _question_id: Option<&str>) -> bool {
        self.state().moved_on.contains(&task.task_id)
    }
}
