//! One way to an agent: its card and the interface that the card names, and calls on that way.

use std::sync::{Arc, Mutex};

use agentchains_agents::AgentRunner;
use agentchains_machine::{AgentAnswer, AgentQuestion, ApprovalId, Call, MessageId, NodePath, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress};
use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    process::{ForeignAgent, Sdk},
    support::{Ask as _, LONG, call, execution, runner},
};

/// What a card offers, as far as a test must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offers {
    /// A2A 1.0 with streaming.
    Streaming,
    /// A2A 1.0 without it.
    Polling,
    /// A2A 0.3 with streaming.
    OldStreaming,
    /// A2A 0.3 without it.
    OldPolling,
}

/// A way to a running agent.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) path: &'static str,
    offers: Offers,
    sdk: Sdk,
    runner: AgentRunner,
}

/// What became known while a call was under way.
#[derive(Default)]
pub(crate) struct Seen {
    tasks: Mutex<Vec<RemoteTask>>,
    said: Mutex<String>,
    accepted: Notify,
}

#[async_trait]
impl CallProgress for Seen {
    async fn task_accepted(&self, task: RemoteTask) {
        self.tasks.lock().unwrap().push(task);
        self.accepted.notify_one();
    }

    fn said(&self, text: &str) {
        self.said.lock().unwrap().push_str(text);
    }
}

impl Seen {
    /// The task that the agent named last.
    pub(crate) fn task(&self) -> RemoteTask {
        self.tasks.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn has_no_task(&self) -> bool {
        self.tasks.lock().unwrap().is_empty()
    }

    /// All that the agent said, one after the other.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) async fn accepted(&self) {
        self.accepted.notified().await;
    }
}

impl Way {
    pub(crate) async fn to(agent: &ForeignAgent, sdk: Sdk, path: &'static str, offers: Offers) -> Self {
        let url = format!("{}{path}", agent.base);
        Self {
            path,
            offers,
            sdk,
            runner: runner(&[("a", &url)]).await,
        }
    }

    pub(crate) fn streams(&self) -> bool {
        matches!(self.offers, Offers::Streaming | Offers::OldStreaming)
    }

    /// Whether the agent can be asked which tasks it has: only A2A 1.0 lists them.
    pub(crate) fn lists_tasks(&self) -> bool {
        matches!(self.offers, Offers::Streaming | Offers::Polling)
    }

    /// Whether a crash of the agent ends its task. On the Python SDK 0.3 the task works for ever.
    pub(crate) fn tells_of_crashes(&self) -> bool {
        self.sdk != Sdk::Python03
    }

    /// An attempt with a message of its own.
    pub(crate) fn ask(&self, case: &str, config: Value) -> Call {
        let path = NodePath::top_level(case);
        Call {
            message_id: MessageId::of_attempt(execution(), &path, 1),
            path,
            ..call("a", config, LONG)
        }
    }

    pub(crate) async fn call(&self, call: &Call, seen: &Seen) -> CallOutcome {
        self.runner.ask(call, seen).await
    }

    pub(crate) fn runner(&self) -> &AgentRunner {
        &self.runner
    }
}

/// The same attempt, going on with its task after a question was answered.
pub(crate) fn answered(
    asked: &Call,
    question: &AgentQuestion,
    task: RemoteTask,
    data: Option<Value>,
) -> Call {
    let of = Uuid::new_v5(&Uuid::NAMESPACE_OID, task.task_id.as_bytes());
    let answer = AgentAnswer {
        message_id: MessageId::of_answer(ApprovalId::from_uuid(of)),
        question_id: question.id.clone(),
        comment: Some("Go ahead.".to_owned()),
        data,
    };
    Call {
        answer: Some(Box::new(answer)),
        remote_task: Some(task),
        ..asked.clone()
    }
}

/// What an agent asks in an outcome that must be a question.
pub(crate) fn question(outcome: CallOutcome) -> AgentQuestion {
    match outcome {
        CallOutcome::InputRequired(question) => question,
        other => panic!("expected a question, got {other:?}"),
    }
}

/// For cases that run at the same time.
pub(crate) type Shared = Arc<Way>;
