//! Executions inside of each other, and executions that are made from others.

use serde_json::{Value, json};

use crate::support::{Api, and, chain, named, questions, text, with_json};

/// A workflow that calls `echo` and starts another one.
fn above(child: &str) -> Value {
    json!({"name": "above", "nodes": [
        {"id": "echo", "type": "agent_call", "agent_id": "echo"},
        {"id": "s", "type": "subworkflow", "config": {"workflow_id": child, "input": {}}},
    ]})
}

async fn node(api: &Api, execution: &str, path: &str) -> Value {
    let list = api
        .get(&format!("/executions/{execution}/nodes?limit=200"))
        .await
        .expect(200);
    let mut nodes = list["nodes"].as_array().unwrap().iter();
    nodes.find(|node| node["path"] == path).unwrap().clone()
}

#[tokio::test]
async fn a_child_names_its_parent() {
    let api = Api::start();
    api.create(&named("child", chain(&["echo"]))).await;
    let execution = api.run(&above("child"), &json!({})).await;
    assert_eq!(execution["status"], "completed");
    let id = text(&execution["id"]);
    let child = text(&node(&api, &id, "s").await["child_execution_id"]);
    let shown = api.get(&format!("/executions/{child}")).await.expect(200);
    assert_eq!(
        (&shown["parent"], &shown["initiated_by"]),
        (&json!(id), &json!("anonymous"))
    );
}

#[tokio::test]
async fn an_execution_says_which_child_it_waits_for_and_resuming_it_answers_the_question_there() {
    let api = Api::start();
    api.create(&named("child", questions(1))).await;
    let execution = api.run(&above("child"), &json!({})).await;
    let id = text(&execution["id"]);
    assert_eq!(
        (&execution["status"], &execution["pause_reason"]),
        (&json!("paused"), &json!("approval"))
    );
    let child = text(&node(&api, &id, "s").await["child_execution_id"]);
    assert_eq!(
        execution["waiting_on"],
        json!([{
            "node_id": "s", "path": "s", "kind": "child_execution", "execution_id": child, "pause_reason": "approval",
        }])
    );
    let asked = api
        .get(&format!("/approvals?execution_id={child}"))
        .await
        .expect(200);
    let asked = &asked["approvals"][0];
    assert_eq!(
        (&asked["execution_id"], &asked["root_execution_id"]),
        (&json!(child), &json!(id))
    );
    let resumed = api.act(&format!("/executions/{id}/resume")).await.expect(200);
    assert_ne!(resumed["status"], "paused");
    api.until(&id, "execution.completed").await;
}

#[tokio::test]
async fn a_resume_may_name_a_question_of_a_child() {
    let api = Api::start();
    api.create(&named("child", questions(2))).await;
    let id = text(&api.run(&above("child"), &json!({})).await["id"]);
    let resume = format!("/executions/{id}/resume");
    let problem = api.act(&resume).await.problem(409, "several_approvals");
    for asked in problem["pending"].as_array().unwrap() {
        let body = json!({"approval_id": asked["id"], "decision": "approve"});
        api.post(&resume, body).await.expect(200);
    }
    api.until(&id, "execution.completed").await;
}

#[tokio::test]
async fn the_error_of_an_execution_shows_what_failed_inside_of_it() {
    let api = Api::start();
    api.create(&named("child", chain(&["broken"]))).await;
    let execution = api.run(&above("child"), &json!({})).await;
    let id = text(&execution["id"]);
    let error = &node(&api, &id, "s").await["error"];
    assert_eq!(
        (&error["code"], &error["cause"]["code"]),
        (&json!("subworkflow_failed"), &json!("agent_failed"))
    );
    assert_eq!(execution["status"], "failed");
}

#[tokio::test]
async fn a_workflow_that_nobody_stored_is_a_warning_and_then_refused() {
    let api = Api::start();
    let stored = api.post("/workflows", above("nowhere")).await.expect(201);
    let pointer = "/nodes/1/config/workflow_id";
    assert_eq!(
        (&stored["warnings"][0]["code"], &stored["warnings"][0]["pointer"]),
        (&json!("unknown_workflow"), &json!(pointer))
    );
    let path = format!("/workflows/{}/execute", text(&stored["id"]));
    let problem = api.act(&path).await.problem(422, "unknown_workflow");
    assert_eq!(problem["errors"][0]["pointer"], pointer);

    let ring = api
        .post("/workflows", above("above"))
        .await
        .problem(422, "invalid_workflow");
    assert_eq!(ring["errors"][0]["code"], "subworkflow_recursion");
    let verdict = api.post("/workflows/validate", above("above")).await.expect(200);
    assert_eq!(
        (&verdict["valid"], &verdict["normalized"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn a_retry_is_a_new_execution_that_names_the_one_it_was_made_from() {
    let api = Api::start();
    let source = api
        .run(&chain(&["echo", "broken"]), &json!({"input": {"a": 1}}))
        .await;
    let id = text(&source["id"]);
    let path = format!("/executions/{id}/retry");
    let keyed = || {
        and(
            with_json(axum::http::Method::POST, &path, "{}"),
            "idempotency-key",
            "once",
        )
    };
    let reply = api.send(keyed()).await;
    let started = reply.expect(202);
    let again = text(&started["execution_id"]);
    assert_eq!(started, json!({"execution_id": again, "status": "running"}));
    let place = format!("/api/v3/orchestration/executions/{again}");
    assert_eq!(reply.header("location"), Some(&*place));
    assert_eq!(api.send(keyed()).await.expect(202), started);

    api.until(&again, "execution.failed").await;
    let shown = api.get(&format!("/executions/{again}")).await.expect(200);
    assert_eq!(
        (&shown["forked_from"], &shown["input"], &shown["cost_usd"]),
        (&json!(id), &json!({"a": 1}), &json!(0))
    );
    assert_eq!(node(&api, &again, "echo").await["reused"], true);
    api.post(&path, json!({"max_budget": 1}))
        .await
        .problem(422, "unknown_field");
}

#[tokio::test]
async fn a_fork_varies_what_its_body_names() {
    let api = Api::start();
    let id = text(&api.run(&chain(&["echo", "broken", "critic"]), &json!({})).await["id"]);
    let path = format!("/executions/{id}/fork");
    let body = json!({"outputs": {"broken": {"mended": true}}, "input": null, "max_budget": 1});
    let again = text(&api.post(&path, body).await.expect(202)["execution_id"]);
    api.until(&again, "execution.completed").await;
    let shown = api.get(&format!("/executions/{again}")).await.expect(200);
    assert_eq!((&shown["input"], &shown["max_budget"]), (&Value::Null, &json!(1)));
    assert_eq!(
        node(&api, &again, "broken").await["output"],
        json!({"mended": true})
    );

    for (body, pointer, code) in [
        (json!({"from": "nowhere"}), "/from", "unknown_node"),
        (json!({"outputs": {"a/b": 1}}), "/outputs/a~1b", "unknown_node"),
        (json!({"output": {}}), "/output", "unknown_field"),
        (json!({"max_budget": -1}), "/max_budget", "invalid_value"),
    ] {
        let problem = api.post(&path, &body).await.problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    api.post(&path, json!({"version": 9}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn an_execution_that_goes_on_is_neither_forked_nor_retried() {
    let api = Api::start();
    let id = api.start_one(&chain(&["gate"]), &json!({})).await;
    for action in ["fork", "retry"] {
        let problem = api
            .act(&format!("/executions/{id}/{action}"))
            .await
            .problem(409, "not_terminal");
        assert_eq!(problem["current_status"], "running");
    }
}

#[tokio::test]
async fn explain_says_why_each_node_waits_or_was_skipped() {
    let api = Api::start();
    let id = text(&api.run(&questions(1), &json!({})).await["id"]);
    let asked = api
        .get(&format!("/approvals?execution_id={id}"))
        .await
        .expect(200);
    let explained = api.get(&format!("/executions/{id}/explain")).await.expect(200);
    assert_eq!(
        (&explained["status"], &explained["pause_reason"]),
        (&json!("paused"), &json!("approval"))
    );
    let node = &explained["nodes"][0];
    assert_eq!(
        (&node["node_id"], &node["status"]),
        (&json!("ask0"), &json!("waiting"))
    );
    assert_eq!(node["reason"]["approval_id"], asked["approvals"][0]["id"]);

    let id = text(&api.run(&chain(&["broken", "echo"]), &json!({})).await["id"]);
    let explained = api.get(&format!("/executions/{id}/explain")).await.expect(200);
    assert_eq!(explained["nodes"][0]["reason"]["by"], "broken");
}

#[tokio::test]
async fn an_agent_s_address_in_a_document_needs_leave() {
    let api = Api::start();
    let document = json!({"name": "inline", "nodes": [
        {"id": "a", "type": "agent_call", "config": {"endpoint": "http://127.0.0.1:9/"}},
    ]});
    let id = api.create(&document).await;
    let problem = api
        .act(&format!("/workflows/{id}/execute"))
        .await
        .problem(422, "unknown_agent");
    let error = &problem["errors"][0];
    assert_eq!(error["pointer"], "/nodes/0/config/endpoint");
    assert!(
        text(&error["message"]).contains("allow_inline_endpoints"),
        "{error}"
    );
}
