//! Agents that speak no A2A, called as the engine calls them.

mod http;
mod mcp;
mod openai;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use agentchains_agents::AgentRunner;
use agentchains_machine::{Call, RemoteCancel, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress, NodeRunner};
use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::scripted::{Scripted, http_reply};
use crate::support::{Ask as _, LONG, NOW, TENANT, call, execution, own, registry};

/// A runner whose agent `a` is at this address, with these further members of its definition.
async fn runner(url: &str, protocol: &str, rest: Value) -> AgentRunner {
    let mut definition: Map<String, Value> = serde_json::from_value(rest).unwrap();
    definition.insert("agent_id".to_owned(), json!("a"));
    definition.insert("url".to_owned(), json!(url));
    definition.insert("protocol".to_owned(), json!(protocol));
    let (registry, _) = registry("loopback").await;
    let definition = serde_json::from_value(Value::Object(definition)).unwrap();
    registry.upsert(TENANT, definition, NOW).await.unwrap();
    AgentRunner::new(registry)
}

/// One attempt of the agent `a` with this config.
async fn attempt(runner: &AgentRunner, config: Value) -> CallOutcome {
    make(runner, &call("a", config, LONG)).await
}

async fn make(runner: &AgentRunner, call: &Call) -> CallOutcome {
    runner.ask(call, &Heard::default()).await
}

/// Remembers what was said, and whether the message was sent.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

#[async_trait]
impl CallProgress for Heard {
    async fn task_accepted(&self, task: RemoteTask) {
        panic!("there are no tasks, but {task:?} was named");
    }

    fn sending(&self) {
        self.1.store(true, Ordering::Relaxed);
    }

    fn said(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// The protocols without tasks, with what a definition must say besides.
fn kinds() -> [(&'static str, Value); 3] {
    [
        ("http", json!({})),
        ("openai", json!({"openai": {"model": "m"}})),
        ("mcp", json!({"mcp": {"tool": "t"}})),
    ]
}

/// An agent that answers whatever it is asked with an empty object.
async fn answering() -> Scripted {
    Scripted::start(|request, _| mcp::newer(request, |_| http_reply("200 OK", &[], b"{}"))).await
}

#[tokio::test]
async fn nobody_knows_what_becomes_of_a_message_that_was_sent_and_given_up() {
    for (protocol, rest) in kinds() {
        let agent = answering().await;
        let runner = runner(&agent.url, protocol, rest).await;
        let heard = Heard::default();
        let call = call("a", json!({"prompt": "x"}), LONG);
        runner.ask(&call, &heard).await;
        assert!(heard.1.load(Ordering::Relaxed), "{protocol}");
        let withdrawn = runner.withdraw(&own("a"), call.message_id).await;
        assert_eq!(withdrawn, Some(RemoteCancel::Unknown), "{protocol}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_of_a_model_is_not_sent() {
    let runner = runner("http://127.0.0.1:9", "openai", json!({})).await;
    let heard = Heard::default();
    runner.ask(&call("a", json!({"prompt": "x"}), LONG), &heard).await;
    assert!(!heard.1.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_lookup_finds_no_task_and_sends_nothing() {
    for protocol in ["http", "openai", "mcp"] {
        let runner = runner("http://127.0.0.1:9", protocol, json!({})).await;
        let lookup = Call {
            is_lookup: true,
            ..call("a", json!({}), LONG)
        };
        assert_eq!(make(&runner, &lookup).await, CallOutcome::TaskLost, "{protocol}");
    }
}

#[tokio::test]
async fn an_agent_that_cannot_be_reached_is_unhealthy_whatever_it_speaks() {
    for (protocol, rest) in kinds() {
        // The port is bound and not listened on, so that nobody else answers there.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let outcome = attempt(&runner(&url, protocol, rest).await, json!({})).await;
        let (failure, unhealthy) = crate::support::failure(outcome);
        assert_eq!(failure.code.as_str(), "agent_unreachable", "{protocol}");
        assert_eq!(
            (failure.retryable, failure.reached_agent, unhealthy),
            (true, false, true),
            "{protocol}"
        );
    }
}

#[tokio::test]
async fn a_call_carries_the_trace_context_of_its_attempt_whatever_the_agent_speaks() {
    for (protocol, rest) in kinds() {
        let agent = answering().await;
        let runner = runner(&agent.url, protocol, rest).await;
        // Whether the answer is understood does not matter here.
        let _ = attempt(&runner, json!({"prompt": "x"})).await;
        let last = agent.requests().pop().unwrap();
        let trace = execution().as_uuid().simple().to_string();
        let sent = last.header("traceparent").unwrap_or_default();
        assert!(
            sent.starts_with(&format!("00-{trace}-")),
            "{protocol}: {}",
            last.head
        );
    }
}
