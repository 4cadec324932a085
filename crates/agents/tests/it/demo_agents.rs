//! Calls of the demo's agents, which are real servers.

use std::{collections::BTreeMap, time::Duration};

use agentchains_cost::ReportedCost;
use agentchains_demo::{DemoAgents, DemoSettings, start_all};
use agentchains_machine::{FailureCode, RemoteCancel, RemoteTask};
use agentchains_ports::{AgentDirectory, CallOutcome, NodeRunner};
use serde_json::json;

use crate::support::{
    Accepted, Ask as _, LONG, NOW, call, call_at, cancel_at, failure, output, own, registry, reply, runner,
};

async fn agents(delay: Duration) -> DemoAgents {
    start_all(DemoSettings {
        delay: Some(delay),
        ..DemoSettings::default()
    })
    .await
    .unwrap()
}

fn url<'a>(agents: &'a DemoAgents, id: &str) -> &'a str {
    &agents.agents().iter().find(|agent| agent.id == id).unwrap().url
}

#[tokio::test]
async fn an_agent_is_asked_once_and_its_answer_cost_and_usage_come_back() {
    let agents = agents(Duration::from_millis(5)).await;
    let runner = runner(&[("web-search", url(&agents, "web-search"))]).await;
    let (call, accepted) = (call("web-search", json!({}), LONG), Accepted::default());
    let reply = reply(runner.ask(&call, &accepted).await);

    assert_eq!(output(&reply)["query"], "quantum computing");
    assert_eq!(output(&reply)["results"].as_array().unwrap().len(), 3);
    assert_eq!(reply.cost, ReportedCost::Usd("0.004".parse().unwrap()));
    assert!(reply.usage.unwrap().output_tokens.unwrap() > 0);
    assert_eq!(accepted.tasks().len(), 1);
    let sent: Vec<_> = agents
        .log()
        .entries()
        .into_iter()
        .filter_map(|entry| entry.message_id)
        .collect();
    assert_eq!(sent, [call.message_id.to_string()]);
}

#[tokio::test]
async fn the_summarizer_gets_what_was_upstream_and_its_config() {
    let agents = agents(Duration::ZERO).await;
    let runner = runner(&[("summarizer", url(&agents, "summarizer"))]).await;
    let call = call("summarizer", json!({"max_length": 500}), LONG);
    let reply = reply(runner.ask(&call, &Accepted::default()).await);
    assert_eq!(output(&reply)["sources"], json!(["before"]));
    assert!(output(&reply)["summary"].as_str().unwrap().contains("It is so."));
}

#[tokio::test]
async fn the_card_of_an_agent_is_read_once_for_several_calls() {
    let agents = agents(Duration::ZERO).await;
    let runner = runner(&[("critic", url(&agents, "critic"))]).await;
    for _ in 0..3 {
        reply(
            runner
                .ask(&call("critic", json!({}), LONG), &Accepted::default())
                .await,
        );
    }
    assert_eq!(
        (
            agents.log().count("critic", "agent-card"),
            agents.log().count("critic", "SendMessage")
        ),
        (1, 3)
    );
}

#[tokio::test]
async fn flaky_is_unhealthy_at_first_and_says_when_to_come_back() {
    let agents = agents(Duration::ZERO).await;
    let url = url(&agents, "flaky");
    let (failed, unhealthy) = failure(call_at(url, LONG).await);
    assert_eq!(
        (failed.code, failed.retryable, unhealthy),
        (FailureCode::AgentHttpError, true, true)
    );
    assert_eq!(failed.retry_after, NOW.checked_add(Duration::from_secs(1)).ok());
    assert!(
        failed.message.contains("\"a\"") && failed.message.contains("503"),
        "{}",
        failed.message
    );
    assert_eq!(
        output(&reply(call_at(url, LONG).await))["query"],
        "quantum computing"
    );
}

#[tokio::test]
async fn a_task_that_is_known_is_followed_and_nothing_is_sent_again() {
    let agents = agents(Duration::ZERO).await;
    let runner = runner(&[("critic", url(&agents, "critic"))]).await;
    let accepted = Accepted::default();
    let first = call("critic", json!({}), LONG);
    let before = reply(runner.ask(&first, &accepted).await);

    let mut resumed = first.clone();
    resumed.remote_task = accepted.tasks().pop();
    assert_eq!(reply(runner.ask(&resumed, &accepted).await), before);
    assert_eq!(agents.log().count("critic", "SendMessage"), 1);

    resumed.remote_task = Some(RemoteTask {
        task_id: "forgotten".to_owned(),
        context_id: None,
    });
    assert_eq!(runner.ask(&resumed, &accepted).await, CallOutcome::TaskLost);
    assert_eq!(agents.log().count("critic", "SendMessage"), 1);
}

#[tokio::test]
async fn a_task_is_cancelled_while_it_works_and_not_after_it_has_ended() {
    let settings = DemoSettings {
        delay: Some(Duration::from_secs(3600)),
        delays: BTreeMap::from([("critic".to_owned(), Duration::ZERO)]),
        ..DemoSettings::default()
    };
    let agents = start_all(settings).await.unwrap();
    for (id, expected) in [
        ("web-search", RemoteCancel::Confirmed),
        ("critic", RemoteCancel::Refused),
    ] {
        let runner = runner(&[(id, url(&agents, id))]).await;
        let accepted = Accepted::default();
        let ask = call(id, json!({}), LONG);
        tokio::select! {
            _ = runner.ask(&ask, &accepted) => {}
            () = async { while accepted.tasks().is_empty() { tokio::task::yield_now().await } } => {}
        }
        let task = accepted.tasks().pop().unwrap();
        assert_eq!(runner.cancel(&own(id), &task).await, expected, "{id}");
    }
    assert_eq!(
        cancel_at(url(&agents, "critic"), "forgotten").await,
        RemoteCancel::Unknown
    );
    agents.shutdown().await;
}

#[tokio::test]
async fn an_agent_is_discovered_by_its_address() {
    let agents = agents(Duration::ZERO).await;
    let (registry, _) = registry("loopback").await;
    let found = registry.discover(url(&agents, "web-search")).await.unwrap();
    assert_eq!(
        (found.name.as_str(), found.protocol_version.as_str()),
        ("Web Search", "1.0")
    );
    assert_eq!(found.url, format!("{}/a2a", url(&agents, "web-search")));
    assert!(!found.streaming && found.card["skills"].is_array());
}
