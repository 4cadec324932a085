//! The agents of a case as a runner: no network, but the outcomes that the language page names for what they answer.

use std::sync::Arc;

use agentchains_agents::AgentRunner;
use agentchains_conformance::{AgentAnswer, Desk, Fail, Reply, TaskEnd};
use agentchains_engine::{
    cost::ReportedCost,
    machine::{
        AgentQuestion, AgentReply, AttemptFailure, Call, ExecutionId, FailureCode, MessageId, RemoteCancel,
        RemoteTask,
    },
    ports::{AgentKey, AgentProfile, CallOutcome, CallProgress, Clock, NodeRunner},
};
use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::clock::SimulatedClock;

/// What is registered is known as ever; what is called is the desk.
pub(crate) struct DeskRunner {
    pub(crate) registered: AgentRunner,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: SimulatedClock,
}

/// The name of an agent within its case, from its id or its address on the subject.
fn local(agent_id: &str) -> &str {
    let name = agent_id.rsplit('/').next().unwrap_or(agent_id);
    name.rsplit_once("--").map_or(name, |(name, _)| name)
}

fn data(call: &Call) -> Value {
    let mut data = json!({"config": call.request.config, "input": call.input, "upstream": call.upstream});
    if let Some(item) = &call.item {
        data["item"] = item.to_value();
    }
    if let Some(context) = &call.loop_context {
        data["loop"] = context.to_value();
    }
    data
}

#[async_trait]
impl NodeRunner for DeskRunner {
    fn key(&self, tenant: &str, agent_id: &str) -> AgentKey {
        self.registered.key(tenant, agent_id)
    }

    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        self.registered.profile(agent)
    }

    async fn call(
        &self,
        _: &AgentKey,
        _: ExecutionId,
        call: &Call,
        progress: &dyn CallProgress,
    ) -> CallOutcome {
        if call.is_lookup {
            return CallOutcome::TaskLost;
        }
        let agent_id = local(&call.agent_id);
        if self.desk.is_unreachable(agent_id) {
            return failed(FailureCode::AgentUnreachable, Some(true), true);
        }
        let answer = match &call.remote_task {
            Some(task) => match self.go_on(agent_id, call, task) {
                Some(answer) => answer,
                None => return CallOutcome::TaskLost,
            },
            None => {
                progress.sending();
                let data = data(call);
                let text = data["config"]["message"].as_str().map(str::to_owned);
                let message_id = call.message_id.to_string();
                self.desk.receive(agent_id, &message_id, text.as_deref(), data)
            }
        };
        if answer.reply.accepted {
            progress.task_accepted(task_of(&answer)).await;
        }
        self.desk.released(answer.turn).await;
        if answer.reply.ask.is_some() {
            progress.task_accepted(task_of(&answer)).await;
        }
        self.outcome(&answer)
    }

    /// The agents of the cases cannot be asked for their tasks.
    async fn withdraw(&self, _agent: &AgentKey, _message_id: MessageId) -> Option<RemoteCancel> {
        Some(RemoteCancel::Unknown)
    }

    async fn cancel(&self, agent: &AgentKey, task: &RemoteTask) -> RemoteCancel {
        if self.desk.cancel(local(agent.agent_id()), &task.task_id) {
            RemoteCancel::Confirmed
        } else {
            RemoteCancel::Unknown
        }
    }
}

fn task_of(answer: &AgentAnswer) -> RemoteTask {
    RemoteTask {
        task_id: answer.task.to_string(),
        context_id: None,
    }
}

fn question_id(turn: usize) -> String {
    format!("question-{turn}")
}

impl DeskRunner {
    /// How a task stands, once what it asks is answered, where there is an answer to that.
    fn go_on(&self, agent_id: &str, call: &Call, task: &RemoteTask) -> Option<AgentAnswer> {
        let seen = self.desk.task(agent_id, &task.task_id)?;
        let id = seen.reply.ask.as_ref().map(|_| question_id(seen.turn));
        let Some(answer) = call
            .answer
            .as_ref()
            .filter(|answer| id.is_some() && answer.question_id == id)
        else {
            return Some(seen);
        };
        let message_id = answer.message_id.to_string();
        let (comment, data) = (answer.comment.as_deref(), answer.data.as_ref());
        self.desk
            .receive_answer(agent_id, &task.task_id, &message_id, comment, data)
    }

    fn outcome(&self, AgentAnswer { turn, reply, .. }: &AgentAnswer) -> CallOutcome {
        if let Some(ask) = &reply.ask {
            return CallOutcome::InputRequired(AgentQuestion {
                id: Some(question_id(*turn)),
                message: ask.text.clone(),
                shown: ask.parts().into(),
                form: ask.form.clone(),
                may_move_on: false,
            });
        }
        let cost = cost(reply);
        let Some(fail) = reply.fail else {
            return CallOutcome::Reply(AgentReply {
                output: reply.output.clone().unwrap_or_default().into(),
                cost,
                usage: None,
            });
        };
        let mut outcome = classify(fail, reply);
        if let CallOutcome::Failed { failure, .. } = &mut outcome {
            let after = reply
                .retry_after
                .map(|seconds| SignedDuration::from_secs(seconds.into()));
            failure.retry_after = after.and_then(|after| self.clock.now().checked_add(after).ok());
            failure.cost = cost;
        }
        outcome
    }
}

/// Section 8 of the language page: the code of each failure, whether it is tried again, and whether the breaker
/// counts it.
fn classify(fail: Fail, reply: &Reply) -> CallOutcome {
    use FailureCode as Code;
    match fail {
        Fail::Http(401 | 403) => failed(Code::AgentAuthError, Some(false), false),
        Fail::Http(408) => failed(Code::AgentHttpError, Some(true), false),
        Fail::Http(429) => failed(Code::AgentRateLimited, Some(true), true),
        Fail::Http(status) => failed(Code::AgentHttpError, Some(status >= 500), status >= 500),
        Fail::Rpc(-32700 | -32602..=-32600) | Fail::Garbage => {
            failed(Code::AgentProtocolError, Some(false), false)
        }
        Fail::Rpc(_) => failed(Code::AgentFailed, Some(true), false),
        Fail::Task(TaskEnd::Rejected) => failed(Code::AgentRejected, Some(false), false),
        Fail::Task(TaskEnd::Failed | TaskEnd::Canceled) => failed(Code::AgentFailed, reply.retryable, false),
        Fail::ConnectionLost => failed(Code::AgentConnectionLost, Some(true), true),
    }
}

fn failed(code: FailureCode, retryable: Option<bool>, agent_unhealthy: bool) -> CallOutcome {
    CallOutcome::Failed {
        failure: AttemptFailure {
            code,
            message: format!("the script says {code}"),
            retryable: retryable.unwrap_or(true),
            retry_after: None,
            reached_agent: code != FailureCode::AgentUnreachable,
            cost: ReportedCost::Absent,
            usage: None,
        },
        agent_unhealthy,
    }
}

fn cost(reply: &Reply) -> ReportedCost {
    match &reply.cost_usd {
        None => ReportedCost::Absent,
        Some(cost) => match serde_json::from_value(cost.clone()) {
            Ok(usd) => ReportedCost::Usd(usd),
            Err(_) => ReportedCost::Invalid,
        },
    }
}
