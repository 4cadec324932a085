//! Agents that are called with plain HTTP requests.

use agentchains_agents::AgentRunner;
use agentchains_cost::ReportedCost;
use agentchains_ports::NodeRunner;
use serde_json::{Value, json};

use super::{attempt, runner};
use crate::{
    scripted::{Scripted, http_reply, json_reply},
    support::{LONG, NOW, call, failure, own, reply},
};

async fn agent_of(agent: &Scripted, rest: Value) -> AgentRunner {
    runner(&format!("{}/work?key=1", agent.url), "http", rest).await
}

#[tokio::test]
async fn a_post_holds_the_data_and_the_id_of_the_message() {
    let agent = Scripted::start(|_, _| json_reply(&json!({"found": 2.0, "_cost": "0.25"}))).await;
    let runner = agent_of(&agent, json!({})).await;
    let reply = reply(attempt(&runner, json!({"depth": 2})).await);
    assert_eq!(reply.output, json!({"found": 2, "_cost": "0.25"}));
    assert_eq!(reply.cost, ReportedCost::Usd("0.25".parse().unwrap()));
    let sent = agent.requests().pop().unwrap();
    assert_eq!(
        sent.body,
        json!({
            "config": {"depth": 2},
            "input": {"topic": "quantum computing"},
            "upstream": {"before": {"text": "It is so."}},
        })
    );
    let head = sent.head.to_lowercase();
    let message_id = call("a", json!({}), LONG).message_id;
    assert!(head.starts_with("post /work?key=1 http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nidempotency-key: {message_id}\r\n")),
        "{head}"
    );
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
}

#[tokio::test]
async fn a_get_has_the_scalars_of_the_config_in_its_query() {
    let agent = Scripted::start(|_, _| json_reply(&json!([1]))).await;
    let runner = agent_of(&agent, json!({"http": {"method": "GET"}})).await;
    let config = json!({"q": "a b&c", "n": 2, "deep": true, "list": [1], "none": null, "object": {}});
    assert_eq!(reply(attempt(&runner, config).await).output, json!([1]));
    let sent = agent.requests().pop().unwrap();
    let line = sent.head.lines().next().unwrap();
    assert_eq!(line, "GET /work?key=1&deep=true&n=2&q=a+b%26c HTTP/1.1");
    assert!(!sent.head.to_lowercase().contains("idempotency-key"));
}

#[tokio::test]
async fn a_query_that_is_too_long_is_not_sent() {
    let agent = Scripted::start(|_, _| json_reply(&json!([1]))).await;
    let runner = agent_of(&agent, json!({"http": {"method": "GET"}})).await;
    let (failure, unhealthy) = failure(attempt(&runner, json!({"q": "x".repeat(100_000)})).await);
    assert_eq!(
        (failure.code.as_str(), failure.retryable, unhealthy),
        ("agent_failed", false, false)
    );
    assert!(!failure.reached_agent && failure.message.contains("POST"));
    assert!(agent.requests().is_empty());
}

#[tokio::test]
async fn an_empty_reply_is_null() {
    let agent = Scripted::start(|_, _| http_reply("204 No Content", &[], b"")).await;
    let runner = agent_of(&agent, json!({})).await;
    assert_eq!(reply(attempt(&runner, json!({})).await).output, json!(null));
}

#[tokio::test]
async fn the_status_says_whether_another_attempt_may_help() {
    for (status, code, retryable, is_unhealthy) in [
        ("400 Bad Request", "agent_http_error", false, false),
        ("403 Forbidden", "agent_auth_error", false, false),
        ("429 Too Many Requests", "agent_rate_limited", true, true),
        ("503 Service Unavailable", "agent_http_error", true, true),
    ] {
        let agent = Scripted::start(move |_, _| http_reply(status, &[("Retry-After", "7")], b"no")).await;
        let runner = agent_of(&agent, json!({})).await;
        let (failure, unhealthy) = failure(attempt(&runner, json!({})).await);
        assert_eq!(
            (failure.code.as_str(), failure.retryable, unhealthy),
            (code, retryable, is_unhealthy),
            "{status}"
        );
        let seven_seconds = jiff::SignedDuration::from_secs(7);
        assert_eq!(
            failure.retry_after,
            NOW.checked_add(seven_seconds).ok(),
            "{status}"
        );
    }
}

#[tokio::test]
async fn there_is_nothing_to_cancel() {
    let runner = runner("http://127.0.0.1:9", "http", json!({})).await;
    let task = agentchains_machine::RemoteTask {
        task_id: "t".to_owned(),
        context_id: None,
    };
    let cancelled = runner.cancel(&own("a"), &task).await;
    assert_eq!(cancelled, agentchains_machine::RemoteCancel::Unknown);
}
