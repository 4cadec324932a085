//! A2A 1.0 over JSON-RPC, and what is refused.

use std::time::Duration;

use agentchains_demo::{DemoSettings, start_all};
use serde_json::{Value, json};

use crate::client::{ask, call, instant_agents, message, post, send, send_raw, url};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const VERSION: (&str, &str) = ("A2A-Version", "1.0");

async fn slow_agents() -> agentchains_demo::DemoAgents {
    start_all(DemoSettings {
        delay: Some(Duration::from_secs(3600)),
        ..DemoSettings::default()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn each_agent_has_a_card_that_names_its_json_rpc_interface() {
    let agents = instant_agents().await;
    for agent in agents.agents() {
        let reply = send(&agent.url, "GET /.well-known/agent-card.json", &[], "").await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("application/json"))
        );
        let card = reply.json();
        assert_eq!(card["name"], agent.name);
        let interface = &card["supportedInterfaces"][0];
        assert_eq!(
            (&interface["protocolBinding"], &interface["protocolVersion"]),
            (&json!("JSONRPC"), &json!("1.0"))
        );
        assert_eq!(interface["url"], format!("{}/a2a", agent.url));
    }
}

#[tokio::test]
async fn a_task_is_accepted_at_once_and_cancelled_once() {
    let agents = slow_agents().await;
    let url = url(&agents, "web-search");
    let params = json!({"message": message(&json!({})), "configuration": {"returnImmediately": true}});
    let accepted = call(&url, "SendMessage", params).await;
    let task = &accepted["result"]["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED");
    assert_eq!(task["history"][0]["messageId"], "m-1");

    let polled = call(&url, "GetTask", json!({"id": task["id"], "historyLength": 0})).await;
    assert_eq!(polled["result"]["id"], task["id"]);
    assert_eq!(polled["result"].get("history"), None);

    let cancelled = call(&url, "CancelTask", json!({"id": task["id"]})).await;
    assert_eq!(cancelled["result"]["status"]["state"], "TASK_STATE_CANCELED");
    let again = call(&url, "CancelTask", json!({"id": task["id"]})).await;
    assert_eq!(again["error"]["code"], -32002);
}

#[tokio::test]
async fn without_return_immediately_the_answer_is_the_ended_task() {
    let settings = DemoSettings {
        delay: Some(Duration::from_millis(5)),
        ..DemoSettings::default()
    };
    let agents = start_all(settings).await.unwrap();
    assert_eq!(
        ask(&url(&agents, "critic"), &json!({})).await["status"]["state"],
        "TASK_STATE_COMPLETED"
    );
}

#[tokio::test]
async fn errors_carry_their_code_and_reason() {
    let agents = instant_agents().await;
    let url = url(&agents, "web-search");
    let ended = ask(&url, &json!({})).await;
    let follow_up =
        json!({"messageId": "m-2", "role": "ROLE_USER", "parts": [{"text": "more"}], "taskId": ended["id"]});
    let without = |name: &str| {
        let mut message = message(&json!({}));
        message.as_object_mut().unwrap().remove(name);
        json!({"message": message})
    };
    let cases: Vec<(&str, Value, i32, &str)> = vec![
        ("GetTask", json!({"id": "nope"}), -32001, "TASK_NOT_FOUND"),
        ("GetTask", json!({}), -32602, "INVALID_PARAMS"),
        (
            "GetTask",
            json!({"id": ended["id"], "historyLength": -1}),
            -32602,
            "INVALID_PARAMS",
        ),
        ("CancelTask", json!({"id": "nope"}), -32001, "TASK_NOT_FOUND"),
        (
            "CancelTask",
            json!({"id": ended["id"]}),
            -32002,
            "TASK_NOT_CANCELABLE",
        ),
        ("SendMessage", json!({}), -32602, "INVALID_PARAMS"),
        ("SendMessage", without("messageId"), -32602, "INVALID_PARAMS"),
        ("SendMessage", without("role"), -32602, "INVALID_PARAMS"),
        ("SendMessage", without("parts"), -32602, "INVALID_PARAMS"),
        (
            "SendMessage",
            json!({"message": follow_up}),
            -32004,
            "UNSUPPORTED_OPERATION",
        ),
        ("SendStreamingMessage", json!({}), -32004, "UNSUPPORTED_OPERATION"),
        (
            "CreateTaskPushNotificationConfig",
            json!({}),
            -32003,
            "PUSH_NOTIFICATION_NOT_SUPPORTED",
        ),
        ("message/send", json!({}), -32601, "METHOD_NOT_FOUND"),
    ];
    for (method, params, code, reason) in cases {
        let answer = call(&url, method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
        assert_eq!(answer["error"]["data"][0]["reason"], reason);
        assert_eq!(answer["error"]["data"][0]["domain"], "a2a-protocol.org");
    }
}

#[tokio::test]
async fn a_request_without_version_1_0_is_refused() {
    let agents = instant_agents().await;
    let url = url(&agents, "web-search");
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"GetTask","params":{"id":"x"}}"#;
    for headers in [
        vec![JSON],
        vec![JSON, ("A2A-Version", "0.3")],
        vec![JSON, ("A2A-Version", "1.0.1")],
    ] {
        let reply = send(&url, "POST /a2a", &headers, body).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (200, &json!(-32009))
        );
        assert_eq!(reply.json()["id"], 7);
    }
}

#[tokio::test]
async fn what_is_no_json_rpc_request_is_refused_before_anything_is_done() {
    let agents = instant_agents().await;
    let url = url(&agents, "web-search");
    let big = "x".repeat((8 << 20) + 1);
    for (line, headers, body, status) in [
        ("GET /a2a", vec![], "", 405),
        ("POST /.well-known/agent-card.json", vec![JSON], "{}", 405),
        ("POST /elsewhere", vec![JSON], "{}", 404),
        ("POST /a2a", vec![VERSION], "{}", 415),
        (
            "POST /a2a",
            vec![VERSION, ("Content-Type", "text/plain")],
            "{}",
            415,
        ),
        ("POST /a2a", vec![VERSION, JSON], big.as_str(), 413),
    ] {
        assert_eq!(send(&url, line, &headers, body).await.status, status, "{line}");
    }
    assert_eq!(post(&url, "{").await.json()["error"]["code"], -32700);
    assert_eq!(post(&url, "[]").await.json()["error"]["code"], -32600);
    assert_eq!(send_raw(&url, b"nonsense\r\n\r\n").await.status, 400);
    assert_eq!(
        ask(&url, &json!({})).await["status"]["state"],
        "TASK_STATE_COMPLETED"
    );
}
