//! What is sent.

use agentchains_cost::ReportedCost;
use agentchains_machine::{Call, MessageId, NodePath};
use serde_json::{Value, json};

use crate::{
    scripted::{Request, Scripted, card, result, send_result, task},
    support::{Accepted, Ask as _, LONG, call, execution, reply, runner},
};

fn answer(request: &Request) -> crate::scripted::Act {
    result(
        request,
        &json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hi"}]}}),
    )
}

async fn sent(agent: &Scripted, config: Value) -> Value {
    let runner = runner(&[("a", &agent.url)]).await;
    let reply = reply(runner.ask(&call("a", config, LONG), &Accepted::default()).await);
    assert_eq!(
        (reply.output, reply.cost, reply.usage),
        (json!({"text": "hi"}).into(), ReportedCost::Absent, None)
    );
    agent
        .requests()
        .into_iter()
        .find(|request| request.method() == "SendMessage")
        .unwrap()
        .body
}

#[tokio::test]
async fn a_message_holds_config_input_and_upstream_as_data() {
    let agent = Scripted::agent(answer).await;
    let body = sent(&agent, json!({"depth": 2})).await;
    let message = &body["params"]["message"];
    let data = json!({
        "config": {"depth": 2},
        "input": {"topic": "quantum computing"},
        "upstream": {"before": {"text": "It is so."}},
    });
    assert_eq!(
        message["parts"],
        json!([{"data": data, "mediaType": "application/json"}])
    );
    assert_eq!(message["role"], "ROLE_USER");
    assert_eq!(
        message["messageId"],
        call("a", json!({}), LONG).message_id.to_string()
    );
    assert_eq!(message.get("taskId"), None);
    assert_eq!(
        body["params"]["configuration"],
        json!({"returnImmediately": true, "historyLength": 0})
    );
    assert_eq!(body["params"].get("tenant"), None);
}

#[tokio::test]
async fn the_item_and_the_iteration_are_sent_where_there_are_some() {
    let agent = Scripted::agent(answer).await;
    let runner = runner(&[("a", &agent.url)]).await;
    let call = Call {
        item: Some(json!({"page": 3}).into()),
        loop_context: Some(json!({"index": 2}).into()),
        ..call("a", json!({}), LONG)
    };
    reply(runner.ask(&call, &Accepted::default()).await);
    let sent = agent.requests().pop().unwrap().body;
    let data = &sent["params"]["message"]["parts"][0]["data"];
    assert_eq!(
        (&data["item"], &data["loop"]),
        (&json!({"page": 3}), &json!({"index": 2}))
    );
}

#[tokio::test]
async fn the_configs_message_is_a_text_before_the_data() {
    let agent = Scripted::agent(answer).await;
    let body = sent(&agent, json!({"message": "Hello"})).await;
    let parts = &body["params"]["message"]["parts"];
    assert_eq!(parts[0], json!({"text": "Hello"}));
    assert_eq!(parts[1]["data"]["config"], json!({"message": "Hello"}));
}

#[tokio::test]
async fn an_agent_that_takes_only_text_gets_all_as_one_text_and_its_tenant_back() {
    let text_only = |base: String| {
        let mut card = card(&base);
        card["defaultInputModes"] = json!(["text/plain"]);
        card["supportedInterfaces"][0]["tenant"] = json!("acme");
        card
    };
    let agent = Scripted::agent_with_card(text_only, answer).await;
    let body = sent(&agent, json!({"message": "Hello"})).await;
    let parts = body["params"]["message"]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 1);
    let data: Value = serde_json::from_str(parts[0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&data["config"], &data["input"]["topic"]),
        (&json!({"message": "Hello"}), &json!("quantum computing"))
    );
    assert_eq!(body["params"]["tenant"], "acme");
}

#[tokio::test]
async fn every_request_says_who_sends_it_and_which_version_it_speaks() {
    let agent = Scripted::agent(answer).await;
    sent(&agent, json!({})).await;
    let requests = agent.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let head = request.head.to_lowercase();
        for header in [
            "\r\na2a-version: 1.0\r\n",
            concat!("\r\nuser-agent: agentchains/", env!("CARGO_PKG_VERSION"), "\r\n"),
            "\r\naccept: application/json\r\n",
        ] {
            assert!(head.contains(header), "{head}");
        }
        assert_eq!(
            head.contains("\r\ncontent-type: application/json\r\n"),
            head.starts_with("post ")
        );
    }
}

#[tokio::test]
async fn a_cost_in_the_output_stays_there_and_counts() {
    let rest = json!({"artifacts": [{"parts": [{"data": {"_cost": 0.25}}]}], "metadata": {"cost_usd": 9}});
    let agent = Scripted::agent(move |request| send_result(request, "COMPLETED", &rest)).await;
    let runner = runner(&[("a", &agent.url)]).await;
    let accepted = Accepted::default();
    let reply = reply(runner.ask(&call("a", json!({}), LONG), &accepted).await);
    assert_eq!(reply.output, json!({"_cost": 0.25}));
    assert_eq!(reply.cost, ReportedCost::Usd("0.25".parse().unwrap()));
    assert_eq!(accepted.tasks()[0].task_id, "t-1");
}

#[tokio::test]
async fn every_request_for_an_attempt_carries_its_trace_context() {
    let agent = Scripted::agent(|request| match request.method() {
        "GetTask" => result(request, &task("COMPLETED", &json!({}))),
        _ => send_result(request, "WORKING", &json!({})),
    })
    .await;
    let runner = runner(&[("a", &agent.url)]).await;
    let mut spans = Vec::new();
    for attempt in 1..=2 {
        let path = NodePath::top_level("node");
        let call = Call {
            message_id: MessageId::of_attempt(execution(), &path, attempt),
            ..call("a", json!({}), LONG)
        };
        reply(runner.ask(&call, &Accepted::default()).await);
        let requests = agent.requests();
        let last = requests.last().unwrap();
        spans.push(last.header("traceparent").unwrap().to_owned());
    }
    let trace = execution().as_uuid().simple().to_string();
    assert!(
        spans
            .iter()
            .all(|span| span.starts_with(&format!("00-{trace}-")) && span.ends_with("-01"))
    );
    assert_ne!(spans[0], spans[1]);
    let seen: Vec<_> = agent
        .requests()
        .iter()
        .map(|request| request.header("traceparent").unwrap().to_owned())
        .collect();
    let first = seen.iter().take_while(|span| **span == spans[0]).count();
    assert_eq!(
        (first, seen.len()),
        (3, 5),
        "a card, and a message and a question for each"
    );
    assert!(seen[first..].iter().all(|span| *span == spans[1]));
}
