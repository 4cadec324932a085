//! Questions to people, decided by every way that there is.

use serde_json::{Value, json};

use crate::support::{Api, questions, text};

/// Runs a workflow with these settings of its one question up to it: the execution's id and the approval.
async fn ask(api: &Api, config: Value) -> (String, Value) {
    let mut document = questions(1);
    document["nodes"][0]["config"] = config;
    let id = text(&api.run(&document, &json!({"input": {"n": 1}})).await["id"]);
    let list = api
        .get(&format!("/approvals?execution_id={id}"))
        .await
        .expect(200);
    (id, list["approvals"][0].clone())
}

fn decision_of(approval: &Value) -> String {
    format!("/approvals/{}/decision", text(&approval["id"]))
}

#[tokio::test]
async fn an_approval_shows_what_is_asked_and_takes_one_decision() {
    let api = Api::start();
    let (id, approval) = ask(&api, json!({"message": "Go on?", "show": "{{input.n}}"})).await;
    assert_eq!(approval["execution_id"], id);
    assert_eq!(
        (&approval["status"], &approval["kind"]),
        (&json!("pending"), &json!("approval"))
    );
    assert_eq!(
        (&approval["message"], &approval["shown"]),
        (&json!("Go on?"), &json!(1))
    );
    assert_eq!(approval["actions"], json!(["approve", "reject"]));
    assert_eq!(
        api.get(&format!("/approvals/{}", text(&approval["id"])))
            .await
            .expect(200),
        approval
    );
    let path = decision_of(&approval);
    let body = json!({
        "decision": "approve", "by": "ann", "comment": "fine",
        "data": {"x": 1}, "shown_hash": approval["shown_hash"],
    });
    let decided = api.post(&path, &body).await.expect(200);
    assert_eq!(
        (&decided["status"], &decided["decisions"][0]["by"]),
        (&json!("decided"), &json!("ann"))
    );
    api.until(&id, "execution.completed").await;
    let problem = api
        .post(&path, json!({"decision": "reject"}))
        .await
        .problem(409, "approval_closed");
    assert_eq!(problem["current_status"], "decided");
    assert_eq!(problem["approval"]["decisions"][0]["decision"], "approve");
}

#[tokio::test]
async fn who_decides_is_anonymous_unless_they_say() {
    let api = Api::start();
    let (_, approval) = ask(&api, json!({"message": "Go on?"})).await;
    let decided = api
        .post(&decision_of(&approval), json!({"decision": "approve"}))
        .await
        .expect(200);
    assert_eq!(decided["decisions"][0]["by"], "anonymous");
}

#[tokio::test]
async fn decisions_that_do_not_count_say_why_and_change_nothing() {
    let api = Api::start();
    let config = json!({
        "message": "Go on?", "approvers": ["user:ann", "user:bob"], "quorum": 2,
        "form": {"type": "object", "required": ["amount"]},
    });
    let (_, approval) = ask(&api, config).await;
    let path = decision_of(&approval);
    let good = json!({"decision": "approve", "by": "ann", "data": {"amount": 1}});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    api.post(&path, with("by", json!("eve")))
        .await
        .problem(403, "not_an_approver");
    api.post(&path, with("data", json!({})))
        .await
        .problem(422, "form_mismatch");
    api.post(&path, with("decision", json!("maybe")))
        .await
        .problem(422, "unknown_action");
    api.post(&path, with("shown_hash", json!("sha256:0")))
        .await
        .problem(409, "approval_changed");
    api.post(&path, with("decision", json!("x".repeat(101))))
        .await
        .problem(422, "invalid_value");
    api.post(&path, with("by", json!("")))
        .await
        .problem(422, "invalid_value");
    api.post(&path, with("comment", json!("x".repeat(10_001))))
        .await
        .problem(422, "invalid_value");
    api.post(&path, json!({})).await.problem(422, "missing_field");
    api.act(&path).await.problem(400, "invalid_json");
    assert_eq!(api.post(&path, &good).await.expect(200)["status"], "pending");
    api.post(&path, &good).await.problem(409, "decided_already");
    assert_eq!(
        api.post(&path, with("by", json!("bob"))).await.expect(200)["status"],
        "decided"
    );
}

#[tokio::test]
async fn who_started_the_execution_may_be_kept_from_deciding() {
    let api = Api::start();
    let (_, approval) = ask(&api, json!({"message": "Go on?", "forbid_initiator": true})).await;
    let path = decision_of(&approval);
    api.post(&path, json!({"decision": "approve"}))
        .await
        .problem(403, "initiator_may_not_decide");
    api.post(&path, json!({"decision": "approve", "by": "ann"}))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_resume_approves_the_only_question() {
    let api = Api::start();
    let (id, _) = ask(&api, json!({"message": "Go on?"})).await;
    api.act(&format!("/executions/{id}/resume")).await.expect(200);
    api.until(&id, "execution.completed").await;
}

#[tokio::test]
async fn a_resume_that_names_none_of_several_questions_is_told_which_there_are() {
    let api = Api::start();
    let id = text(&api.run(&questions(2), &json!({})).await["id"]);
    let path = format!("/executions/{id}/resume");
    let problem = api.act(&path).await.problem(409, "several_approvals");
    assert_eq!(problem["current_status"], "paused");
    let pending = problem["pending"].as_array().unwrap();
    assert_eq!(pending.len(), 2);
    for approval in pending {
        let body = json!({"approval_id": approval["id"], "decision": "approve", "comment": "yes"});
        api.post(&path, body).await.expect(200);
    }
    api.until(&id, "execution.completed").await;
}

#[tokio::test]
async fn a_question_without_approve_cannot_be_answered_by_a_mere_resume() {
    let api = Api::start();
    let (id, approval) = ask(
        &api,
        json!({"message": "Where to?", "actions": ["left", "right"]}),
    )
    .await;
    let path = format!("/executions/{id}/resume");
    let problem = api.act(&path).await.problem(409, "decision_needed");
    assert_eq!(problem["pending"][0]["id"], approval["id"]);
    api.post(&path, json!({"approval_id": approval["id"], "decision": "left"}))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_resume_with_half_a_decision_is_refused() {
    let api = Api::start();
    let (id, approval) = ask(&api, json!({"message": "Go on?"})).await;
    let (_, elsewhere) = ask(&api, json!({"message": "Go on?"})).await;
    let path = format!("/executions/{id}/resume");
    for (body, code, pointer) in [
        (json!({"decision": "approve"}), "missing_field", "/approval_id"),
        (json!({"comment": "x"}), "missing_field", "/approval_id"),
        (
            json!({"approval_id": approval["id"]}),
            "missing_field",
            "/decision",
        ),
        (
            json!({"approval_id": "x", "decision": "approve"}),
            "invalid_value",
            "/approval_id",
        ),
        (
            json!({"approval_id": elsewhere["id"], "decision": "approve"}),
            "invalid_value",
            "/approval_id",
        ),
        (
            json!({"approval_id": approval["id"], "decision": "approve", "max_budget": 1}),
            "invalid_value",
            "/max_budget",
        ),
        (json!({"by": "ann"}), "unknown_field", "/by"),
    ] {
        let problem = api.post(&path, &body).await.problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
}
