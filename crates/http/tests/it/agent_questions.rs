//! What agents ask in the middle of their tasks: listed, answered, rejected.

use agentchains_http::ServerOptions;
use serde_json::{Value, json};

use crate::support::{Api, Server, chain, text};

/// An execution whose agent asks: its id, and the question.
async fn asked(api: &Api) -> (String, Value) {
    let id = text(&api.run(&chain(&["teller"]), &json!({})).await["id"]);
    let list = api
        .get(&format!("/approvals?execution_id={id}"))
        .await
        .expect(200);
    (id, list["approvals"][0].clone())
}

#[tokio::test]
async fn what_an_agent_asks_is_listed_with_what_it_sent() {
    let api = Api::start();
    let (id, question) = asked(&api).await;
    let form = json!({"type": "object", "properties": {"sum": {"type": "number"}}});
    for (member, expected) in [
        ("kind", json!("agent_input")),
        ("status", json!("pending")),
        ("node_id", json!("teller")),
        ("message", json!("Which sum?")),
        ("shown", json!([{"text": "Which sum?"}, {"data": form}])),
        ("form", form),
        ("actions", json!(["answer", "reject"])),
        ("expires_at", Value::Null),
    ] {
        assert_eq!(question[member], expected, "{member}");
    }
    let execution = api.get(&format!("/executions/{id}")).await.expect(200);
    assert_eq!(
        (&execution["status"], &execution["pause_reason"]),
        (&json!("paused"), &json!("approval"))
    );
    let waits = json!({
        "node_id": "teller", "path": "teller", "kind": "agent_input", "approval_id": question["id"],
        "agent_id": "teller", "attempt": 1,
    });
    assert_eq!(execution["waiting_on"], json!([waits]));
    let explained = api.get(&format!("/executions/{id}/explain")).await.expect(200);
    assert_eq!(
        explained["nodes"][0]["reason"]["approval_id"], question["id"],
        "{explained}"
    );
}

#[tokio::test]
async fn an_answer_on_a_socket_reaches_the_agent_and_the_execution_completes() {
    let server = Server::start(ServerOptions::default()).await;
    let (_, workflow) = server
        .call("POST", "/workflows", &chain(&["teller"]).to_string())
        .await;
    let execute = format!("/workflows/{}/execute?wait=60", text(&workflow["id"]));
    let (status, paused) = server.call("POST", &execute, "{}").await;
    assert_eq!((status, &paused["status"]), (200, &json!("paused")));

    let mut events = server
        .open(&format!("/executions/{}/ws", text(&paused["id"])), None)
        .await
        .unwrap();
    let asked = events.frames_until("approval.requested").await.pop().unwrap();
    assert_eq!(asked["data"]["kind"], "agent_input");
    let decision = json!({
        "decision": "answer", "by": "ann", "comment": "As agreed.", "data": {"sum": 2.5},
        "shown_hash": asked["data"]["shown_hash"],
    });
    let path = format!("/approvals/{}/decision", text(&asked["data"]["id"]));
    let (status, decided) = server.call("POST", &path, &decision.to_string()).await;
    assert_eq!((status, &decided["status"]), (200, &json!("decided")));

    events.frames_until("execution.completed").await;
    let (_, ended) = server
        .call("GET", &format!("/executions/{}", text(&paused["id"])), "")
        .await;
    assert_eq!(
        ended["output"],
        json!({"teller": {"comment": "As agreed.", "data": {"sum": 2.5}}})
    );
}

#[tokio::test]
async fn a_rejection_fails_the_node() {
    let api = Api::start();
    let (id, question) = asked(&api).await;
    let path = format!("/approvals/{}/decision", text(&question["id"]));
    api.post(&path, json!({"decision": "reject", "by": "ann", "comment": "no"}))
        .await
        .expect(200);
    api.until(&id, "execution.failed").await;
    let execution = api.get(&format!("/executions/{id}")).await.expect(200);
    assert_eq!(execution["error"]["code"], "approval_rejected");
    assert_eq!(execution["error"]["message"], "ann rejected: no");
    let nodes = api.get(&format!("/executions/{id}/nodes")).await.expect(200);
    assert_eq!(nodes["nodes"][0]["remote_cancel"], "confirmed");
}

#[tokio::test]
async fn only_a_resume_that_brings_the_answer_decides_what_an_agent_asks() {
    let api = Api::start();
    let (id, question) = asked(&api).await;
    let path = format!("/executions/{id}/resume");
    api.act(&path).await.problem(409, "decision_needed");
    let body = json!({"approval_id": question["id"], "decision": "approve"});
    api.post(&path, body).await.problem(422, "unknown_action");
    let body = json!({"approval_id": question["id"], "decision": "answer", "data": {"sum": 1}});
    api.post(&path, body).await.expect(200);
    api.until(&id, "execution.completed").await;
}
