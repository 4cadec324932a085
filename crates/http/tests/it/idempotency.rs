//! `Idempotency-Key`: the same request twice has one effect and one answer.

use axum::http::Method;
use serde_json::json;

use crate::support::{Api, Reply, and, chain, questions, text, with_json};

async fn keyed(api: &Api, path: &str, body: &impl ToString, key: &str) -> Reply {
    let request = with_json(Method::POST, path, body.to_string());
    api.send(and(request, "idempotency-key", key)).await
}

#[tokio::test]
async fn a_repeated_creation_makes_one_workflow_and_is_answered_as_the_first() {
    let api = Api::start();
    let document = chain(&["echo"]);
    let first = keyed(&api, "/workflows", &document, "k1").await;
    let created = first.expect(201);
    let path = format!("/workflows/{}", text(&created["id"]));
    let mut changed = chain(&["gate"]);
    changed["name"] = json!("changed");
    api.put(&path, &changed).await.expect(200);
    api.delete(&path).await.expect(204);
    let again = keyed(&api, "/workflows", &document, "k1").await;
    assert_eq!(again.expect(201), created);
    for header in ["etag", "location"] {
        assert_eq!(again.header(header), first.header(header));
    }
    keyed(&api, "/workflows", &changed, "k1")
        .await
        .problem(422, "idempotency_key_reused");
    assert_eq!(
        api.get("/workflows").await.expect(200)["workflows"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_repeated_start_makes_one_execution_and_is_answered_as_the_first() {
    let api = Api::start();
    let id = api.create(&chain(&["gate"])).await;
    let path = format!("/workflows/{id}/execute");
    let body = json!({"input": {"n": 1}});
    let first = keyed(&api, &path, &body, "start-1").await.expect(202);
    api.gate.add_permits(1);
    api.until(&text(&first["execution_id"]), "execution.completed")
        .await;
    assert_eq!(keyed(&api, &path, &body, "start-1").await.expect(202), first);
    keyed(&api, &path, &json!({"input": {"n": 2}}), "start-1")
        .await
        .problem(422, "idempotency_key_reused");
    assert_eq!(
        api.get("/executions").await.expect(200)["executions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn keys_have_1_to_255_visible_characters_and_are_given_once() {
    let api = Api::start();
    let document = chain(&["echo"]);
    let long = "k".repeat(256);
    for key in ["", "a b", "ä", &long] {
        keyed(&api, "/workflows", &document, key)
            .await
            .problem(422, "invalid_idempotency_key");
    }
    let request = with_json(Method::POST, "/workflows", &document);
    let twice = and(and(request, "idempotency-key", "a"), "idempotency-key", "b");
    api.send(twice).await.problem(422, "invalid_idempotency_key");
    keyed(&api, "/workflows", &document, &long[1..]).await.expect(201);
}

#[tokio::test]
async fn a_repeated_decision_counts_once_and_is_answered_as_the_first() {
    let api = Api::start();
    let execution = text(&api.run(&questions(1), &json!({})).await["id"]);
    let asked = api
        .get(&format!("/approvals?execution_id={execution}"))
        .await
        .expect(200);
    let path = format!("/approvals/{}/decision", text(&asked["approvals"][0]["id"]));
    let body = json!({"decision": "approve", "by": "ann"});
    let first = keyed(&api, &path, &body, "d-1").await.expect(200);
    assert_eq!(first["status"], "decided");
    assert_eq!(keyed(&api, &path, &body, "d-1").await.expect(200), first);
    keyed(&api, &path, &json!({"decision": "reject", "by": "ann"}), "d-1")
        .await
        .problem(422, "idempotency_key_reused");
    keyed(&api, &path, &body, "d-2")
        .await
        .problem(409, "approval_closed");
}
