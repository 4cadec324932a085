//! What is asked before anything runs: estimates and dry runs.

use serde_json::{Value, json};

use crate::support::{Api, chain, questions};

#[tokio::test]
async fn an_estimate_has_every_field_of_the_contract() {
    let api = Api::start();
    let mut workflow = chain(&["echo", "gate"]);
    workflow["nodes"][0]["max_cost"] = json!(0.5);
    workflow["nodes"][0]["timeout"] = json!("2.5s");
    workflow["nodes"][0]["retry"] = json!({"max_attempts": 2, "initial_interval": "1s"});
    let id = api.create(&workflow).await;
    let path = format!("/workflows/{id}/estimate");
    let estimate = api.post(&path, json!({"max_budget": 2})).await.expect(200);
    let unknown = "neither the node nor agent \"gate\" has a max_cost or prices that bound an attempt";
    let node = |node_id: &str, attempts: u32, worst_case: Value, timeout: Value| {
        json!({
            "node_id": node_id, "place": node_id, "type": "agent_call", "runs": 1, "attempts": attempts,
            "worst_case_usd": worst_case, "timeout_seconds": timeout,
            "expected_p50_usd": null, "expected_p90_usd": null,
            "expected_p50_seconds": null, "expected_p90_seconds": null, "samples": 0,
        })
    };
    let expected = json!({
        "workflow_id": id, "version": 1, "max_budget": 2, "fits_budget": null,
        "cost": {
            "worst_case_usd": null, "unbudgeted_usd": null,
            "unbounded": [{"node_id": "gate", "place": "gate", "reason": unknown}],
            "expected_p50_usd": null, "expected_p90_usd": null, "samples": 0,
        },
        "duration": {
            "worst_case_seconds": 66, "unbounded": [], "critical_path": ["echo", "gate"],
            "expected_p50_seconds": null, "expected_p90_seconds": null, "expected_critical_path": [], "samples": 0,
        },
        "nodes": [node("echo", 2, json!(1), json!(2.5)), node("gate", 1, Value::Null, json!(60))],
        "warnings": [],
    });
    assert_eq!(estimate, expected);
}

#[tokio::test]
async fn an_estimate_warns_of_items_that_are_no_array() {
    let api = Api::start();
    let body = json!({"nodes": chain(&["echo"])["nodes"]});
    let each =
        json!({"id": "each", "type": "parallel_group", "config": {"items": "{{input.texts}}", "body": body}});
    let id = api.create(&json!({"name": "each", "nodes": [each]})).await;
    let input = json!({"texts": 5});
    let path = format!("/workflows/{id}/estimate");
    let estimate = api.post(&path, json!({"input": input})).await.expect(200);
    let reason = "with this input, `items` is a number and not an array, so that the node would fail";
    let warning = json!({"node_id": "each", "place": "each", "reason": reason});
    assert_eq!(estimate["warnings"], json!([warning]));
}

#[tokio::test]
async fn an_estimate_learns_from_what_was_executed() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    api.act(&format!("/workflows/{id}/execute?wait=60"))
        .await
        .expect(200);
    let estimate = api.act(&format!("/workflows/{id}/estimate")).await.expect(200);
    assert_eq!(
        (
            &estimate["cost"]["expected_p90_usd"],
            &estimate["cost"]["samples"]
        ),
        (&json!(0.25), &json!(1))
    );
    assert_eq!(estimate["duration"]["expected_critical_path"], json!(["echo"]));
    let other = api
        .post(&format!("/workflows/{id}/estimate"), json!({"version": 2}))
        .await;
    other.problem(404, "not_found");
}

#[tokio::test]
async fn an_estimate_of_what_would_be_refused_is_refused() {
    let api = Api::start();
    let mut workflow = chain(&["echo"]);
    workflow["input_schema"] = json!({"type": "object", "required": ["topic"]});
    let id = api.create(&workflow).await;
    let path = format!("/workflows/{id}/estimate");
    for (body, code, pointer) in [
        (json!({"input": {}}), "input_schema_mismatch", "/input"),
        (json!({"max_budget": -1}), "invalid_value", "/max_budget"),
        (json!({"inputs": {}}), "unknown_field", "/inputs"),
    ] {
        let refused = api.post(&path, &body).await.expect(422);
        assert_eq!(
            (&refused["errors"][0]["code"], &refused["errors"][0]["pointer"]),
            (&json!(code), &json!(pointer)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_dry_run_has_every_field_of_the_contract_and_starts_nothing() {
    let api = Api::start();
    let id = api.create(&chain(&["gate"])).await;
    let path = format!("/workflows/{id}/execute?wait=60");
    let body = json!({"input": {"a": 1}, "dry_run": {"outputs": {"gate": {"n": 1}}}});
    let report = api.post(&path, body).await.expect(200);
    let expected = json!({
        "dry_run": true, "status": "completed", "pause_reason": null,
        "output": {"gate": {"n": 1}}, "error": null,
        "cost_usd": 0, "cost_known": false, "duration_seconds": 0, "calls": 1, "from_execution": null,
        "branches": {}, "supposed_decisions": {},
        "nodes": [{
            "node_id": "gate", "path": "gate", "type": "agent_call", "status": "completed", "attempts": 1,
            "branch": null, "skip_reason": null, "error": null, "cost_usd": 0,
            "output": {"n": 1}, "output_omitted": false,
            "started_after_seconds": 0, "finished_after_seconds": 0,
        }],
        "nodes_omitted": 0,
    });
    assert_eq!(report, expected);
    let executions = api.get("/executions").await.expect(200);
    assert_eq!(executions["executions"], json!([]));
}

#[tokio::test]
async fn a_dry_run_takes_what_a_past_execution_said_and_cost() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let path = format!("/workflows/{id}/execute?wait=60");
    api.post(&path, json!({"dry_run": true}))
        .await
        .problem(422, "output_missing");
    let past = api.act(&path).await.expect(200);
    let named = json!({"dry_run": {"from_execution": past["id"]}});
    for body in [json!({"dry_run": true}), named] {
        let report = api.post(&path, body).await.expect(200);
        assert_eq!(
            (&report["from_execution"], &report["cost_usd"], &report["output"]),
            (&past["id"], &json!(0.25), &past["output"])
        );
    }
    let started = api.post(&path, json!({"dry_run": false})).await.expect(200);
    assert_eq!(started["status"], "completed");
}

#[tokio::test]
async fn a_dry_run_says_how_people_are_supposed_to_decide() {
    let api = Api::start();
    let id = api.create(&questions(2)).await;
    let path = format!("/workflows/{id}/execute");
    let decisions = json!({"ask1": {"decision": "reject"}});
    let body = json!({"dry_run": {"decisions": decisions}});
    let report = api.post(&path, body).await.expect(200);
    assert_eq!(
        report["supposed_decisions"],
        json!({"ask0": "approve", "ask1": "reject"})
    );
    assert_eq!(report["error"]["code"], "approval_rejected");
}

#[tokio::test]
async fn a_dry_run_that_supposes_nonsense_is_refused_where_it_stands() {
    let api = Api::start();
    let mut workflow = chain(&["gate"]);
    workflow["nodes"]
        .as_array_mut()
        .unwrap()
        .push(questions(1)["nodes"][0].clone());
    let id = api.create(&workflow).await;
    let path = format!("/workflows/{id}/execute");
    for (dry_run, code, pointer) in [
        (json!("yes"), "wrong_type", "/dry_run"),
        (json!({"output": {}}), "unknown_field", "/dry_run/output"),
        (
            json!({"outputs": {"x/y": 1}}),
            "unknown_node",
            "/dry_run/outputs/x~1y",
        ),
        (
            json!({"decisions": {"ask0": 1}}),
            "wrong_type",
            "/dry_run/decisions/ask0",
        ),
        (
            json!({"decisions": {"gate": "approve"}}),
            "unknown_node",
            "/dry_run/decisions/gate",
        ),
        (
            json!({"outputs": {"gate": 1}, "decisions": {"ask0": "ship"}}),
            "undecided",
            "/dry_run",
        ),
        (json!({}), "output_missing", "/dry_run"),
        (json!(true), "output_missing", "/dry_run"),
        (
            json!({"from_execution": "x"}),
            "invalid_value",
            "/dry_run/from_execution",
        ),
    ] {
        let refused = api.post(&path, json!({"dry_run": dry_run})).await.expect(422);
        assert_eq!(
            (&refused["errors"][0]["code"], &refused["errors"][0]["pointer"]),
            (&json!(code), &json!(pointer)),
            "{dry_run}"
        );
    }
}
