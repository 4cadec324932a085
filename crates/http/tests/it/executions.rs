//! Executions: started, waited for, steered, read in every detail, forgotten.

use serde_json::{Value, json};

use crate::support::{Api, chain, questions, text};

#[tokio::test]
async fn a_start_is_answered_at_once_and_the_execution_read_until_it_is_done() {
    let api = Api::start();
    let id = api.create(&chain(&["gate"])).await;
    let reply = api
        .post(
            &format!("/workflows/{id}/execute"),
            json!({"input": {"topic": "x"}}),
        )
        .await;
    let started = reply.expect(202);
    let execution = text(&started["execution_id"]);
    assert_eq!(started, json!({"execution_id": execution, "status": "running"}));
    let path = format!("/executions/{execution}");
    assert_eq!(
        reply.header("location"),
        Some(&*format!("/api/v3/orchestration{path}"))
    );
    let running = api.get(&path).await.expect(200);
    assert_eq!(
        (&running["status"], &running["in_flight"]),
        (&json!("running"), &json!(1))
    );
    api.gate.add_permits(1);
    api.until(&execution, "execution.completed").await;
    assert_eq!(api.get(&path).await.expect(200)["status"], "completed");
}

#[tokio::test]
async fn an_execution_has_every_field_of_the_contract() {
    let api = Api::start();
    let body = json!({"input": {"a": 1}, "max_budget": "1.00", "labels": {"team": "red"}, "timeout": "5m"});
    let mut execution = api.run(&chain(&["echo"]), &body).await;
    for time in ["created_at", "started_at", "finished_at"] {
        assert!(execution[time].take().is_string(), "{time}");
    }
    for id in ["id", "workflow_id"] {
        assert!(execution[id].take().is_string(), "{id}");
    }
    let expected = json!({
        "id": null, "workflow_id": null, "workflow_version": 1,
        "status": "completed", "pause_reason": null, "waiting_on": [], "in_flight": 0,
        "input": {"a": 1}, "output": {"echo": {"echo": {}, "upstream": {}}}, "error": null,
        "cost_usd": 0.25, "reserved_usd": 0, "max_budget": 1,
        "parent": null, "forked_from": null, "initiated_by": "anonymous", "labels": {"team": "red"},
        "created_at": null, "started_at": null, "finished_at": null,
        "nodes_total": 1, "nodes_settled": 1,
    });
    assert_eq!(execution, expected);
}

#[tokio::test]
async fn a_start_without_a_body_has_an_empty_object_as_input() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    let path = format!("/workflows/{id}/execute?wait=60");
    assert_eq!(api.act(&path).await.expect(200)["input"], json!({}));
    assert_eq!(
        api.post(&path, json!({"input": null})).await.expect(200)["input"],
        Value::Null
    );
}

#[tokio::test]
async fn waiting_ends_with_the_execution_its_pause_or_the_time() {
    let api = Api::start();
    assert_eq!(
        api.run(&chain(&["echo"]), &json!({})).await["status"],
        "completed"
    );
    assert_eq!(api.run(&chain(&["broken"]), &json!({})).await["status"], "failed");
    let paused = api.run(&questions(1), &json!({})).await;
    assert_eq!(
        (&paused["status"], &paused["pause_reason"]),
        (&json!("paused"), &json!("approval"))
    );
    assert_eq!(paused["waiting_on"][0]["node_id"], "ask0");
    assert_eq!(paused["waiting_on"][0]["kind"], "approval");
    let id = api.create(&chain(&["gate"])).await;
    let started = api
        .act(&format!("/workflows/{id}/execute?wait=0"))
        .await
        .expect(202);
    assert_eq!(started["status"], "running");
}

#[tokio::test]
async fn an_older_version_can_be_started() {
    let api = Api::start();
    let id = api.create(&chain(&["echo"])).await;
    api.put(&format!("/workflows/{id}"), chain(&["gate"]))
        .await
        .expect(200);
    let path = format!("/workflows/{id}/execute?wait=60");
    let execution = api.post(&path, json!({"version": 1})).await.expect(200);
    assert_eq!(
        (&execution["workflow_version"], &execution["status"]),
        (&json!(1), &json!("completed"))
    );
    api.post(&path, json!({"version": 7}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn pause_resume_and_cancel_answer_with_the_execution_or_its_status() {
    let api = Api::start();
    let id = api.start_one(&chain(&["gate", "echo"]), &json!({})).await;
    let act = |action: &str| format!("/executions/{id}/{action}");
    api.act(&act("resume")).await.problem(409, "invalid_state");
    let paused = api.post(&act("pause"), json!({})).await.expect(200);
    assert_eq!(
        (&paused["status"], &paused["pause_reason"]),
        (&json!("paused"), &json!("user"))
    );
    assert_eq!(paused["in_flight"], 1);
    let problem = api.act(&act("pause")).await.problem(409, "invalid_state");
    assert_eq!(
        (&problem["current_status"], &problem["pause_reason"]),
        (&json!("paused"), &json!("user"))
    );
    assert_eq!(api.act(&act("resume")).await.expect(200)["status"], "running");
    let cancelled = api.act(&act("cancel")).await.expect(200);
    assert!(["cancelling", "cancelled"].contains(&cancelled["status"].as_str().unwrap()));
    api.until(&id, "execution.cancelled").await;
    for action in ["pause", "resume", "cancel"] {
        let problem = api.act(&act(action)).await.problem(409, "invalid_state");
        assert_eq!(problem["current_status"], "cancelled", "{action}");
    }
    for action in ["pause", "cancel"] {
        api.post(&act(action), json!({"why": "x"}))
            .await
            .problem(422, "unknown_field");
    }
}

#[tokio::test]
async fn a_budget_pause_ends_with_a_higher_budget_only() {
    let api = Api::start();
    let mut document = chain(&["echo", "gate"]);
    document["nodes"][0]["max_cost"] = json!(0.25);
    document["nodes"][1]["max_cost"] = json!(0.25);
    let body = json!({"max_budget": 0.3, "on_budget": "pause"});
    let paused = api.run(&document, &body).await;
    assert_eq!(
        (&paused["status"], &paused["pause_reason"]),
        (&json!("paused"), &json!("budget"))
    );
    let resume = format!("/executions/{}/resume", text(&paused["id"]));
    api.act(&resume).await.problem(409, "budget_not_raised");
    let problem = api
        .post(&resume, json!({"max_budget": 0.1}))
        .await
        .problem(409, "budget_not_raised");
    assert_eq!(problem["max_budget"], 0.3);
    let resumed = api.post(&resume, json!({"max_budget": 1})).await.expect(200);
    assert_eq!(
        (&resumed["status"], &resumed["max_budget"]),
        (&json!("running"), &json!(1))
    );
}

#[tokio::test]
async fn an_execution_shows_an_error_once_it_has_failed() {
    let api = Api::start();
    let mut document = chain(&["broken", "echo"]);
    document["on_failure"] = json!("continue");
    document["nodes"][1]["join"] = json!("settled");
    document["nodes"][1]["max_cost"] = json!(0.25);
    let body = json!({"max_budget": 0.1, "on_budget": "pause"});
    let paused = api.run(&document, &body).await;
    assert_eq!(
        (&paused["pause_reason"], &paused["error"]),
        (&json!("budget"), &Value::Null)
    );
    let id = text(&paused["id"]);
    let resume = format!("/executions/{id}/resume");
    api.post(&resume, json!({"max_budget": 1})).await.expect(200);
    api.until(&id, "execution.failed").await;
    let failed = api.get(&format!("/executions/{id}")).await.expect(200);
    assert_eq!(failed["error"]["node"], "broken");
}

#[tokio::test]
async fn nodes_show_what_they_were_asked_and_what_came_of_it() {
    let api = Api::start();
    let mut document = chain(&["echo", "broken", "gate"]);
    document["nodes"][0]["config"] = json!({"query": "{{input.topic}}"});
    let id = text(&api.run(&document, &json!({"input": {"topic": "x"}})).await["id"]);
    let mut nodes = api.get(&format!("/executions/{id}/nodes")).await.expect(200)["nodes"].take();
    for node in nodes.as_array_mut().unwrap() {
        node.as_object_mut()
            .unwrap()
            .retain(|name, _| !name.ends_with("_at"));
    }
    let output = json!({"echo": {"query": "x"}, "upstream": {}});
    let first = json!({
        "node_id": "echo", "path": "echo", "type": "agent_call", "status": "completed", "attempt": 1,
        "input": {"config": {"query": "x"}, "input": {"topic": "x"}, "upstream": {}},
        "output": output, "error": null, "skip_reason": null,
        "cost_usd": 0.25, "reserved_usd": 0, "cost_known": true, "overrun_usd": 0,
        "usage": {"input_tokens": 100, "output_tokens": 10, "model": "parrot"},
        "reused": false, "used_fallback": false, "waiting_on": null,
        "remote_task_id": null, "remote_cancel": null, "child_execution_id": null,
    });
    assert_eq!(nodes[0], first);
    assert_eq!(nodes[1]["status"], "failed");
    assert_eq!(nodes[1]["error"]["code"], "agent_failed");
    assert_eq!(nodes[1]["input"]["upstream"], json!({"echo": output}));
    assert_eq!(nodes[2]["status"], "skipped");
    assert_eq!(
        nodes[2]["skip_reason"],
        json!({"cause": "upstream_failed", "by": "broken"})
    );
    assert_eq!(nodes[2]["input"], Value::Null);
}

#[tokio::test]
async fn nodes_that_have_not_begun_are_pending() {
    let api = Api::start();
    let id = api.start_one(&chain(&["gate", "echo"]), &json!({})).await;
    let nodes = api.get(&format!("/executions/{id}/nodes")).await.expect(200);
    assert_eq!(nodes["nodes"][0]["status"], "running");
    assert_eq!(nodes["nodes"][1]["status"], "pending");
    assert_eq!(nodes["nodes"][1]["type"], "agent_call");
    assert_eq!(nodes["nodes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_cost_is_the_exact_sum_of_the_attempts_in_every_table() {
    let api = Api::start();
    let mut document = chain(&["echo"]);
    document["nodes"] = json!([
        {"id": "a", "type": "agent_call", "agent_id": "echo"},
        {"id": "b", "type": "agent_call", "agent_id": "echo"},
        {"id": "c", "type": "agent_call", "agent_id": "gate", "depends_on": ["a", "b"]},
    ]);
    api.gate.add_permits(1);
    let id = text(&api.run(&document, &json!({"max_budget": 2})).await["id"]);
    let sum = |cost: f64, attempts: u32, input: Value, output: Value| {
        json!({
            "cost_usd": cost, "reserved_usd": 0, "attempts": attempts,
            "input_tokens": input, "output_tokens": output, "cost_known": true, "lower_bound": false,
        })
    };
    let named = |mut line: Value, names: Value| {
        line.as_object_mut()
            .unwrap()
            .extend(names.as_object().unwrap().clone());
        line
    };
    let mut cost = api.get(&format!("/executions/{id}/cost")).await.expect(200);
    for table in ["by_node", "by_agent", "by_model"] {
        // A whole number of dollars is written as one.
        for line in cost[table].as_array_mut().unwrap() {
            line["cost_usd"] = json!(line["cost_usd"].as_f64());
        }
    }
    let one = || sum(0.25, 1, json!(100), json!(10));
    let paid = |path: &str| {
        json!({
            "path": path, "attempt": 1, "agent_id": "echo", "status": "succeeded",
            "cost_usd": 0.25, "reserved_usd": 0, "cost_known": true, "overrun_usd": 0,
            "lines": {"reported": 0.25}, "price_version": null,
            "usage": {"input_tokens": 100, "output_tokens": 10, "model": "parrot"},
        })
    };
    let free = json!({
        "path": "c", "attempt": 1, "agent_id": "gate", "status": "succeeded",
        "cost_usd": 0, "reserved_usd": 0, "cost_known": true, "overrun_usd": 0,
        "lines": {}, "price_version": null, "usage": null,
    });
    assert_eq!(
        cost,
        json!({
            "total_usd": 0.5, "reserved_usd": 0, "max_budget": 2, "remaining_usd": 1.5,
            "cost_known": true, "lower_bound": false, "deleted_usd": 0,
            "by_node": [
                named(one(), json!({"node_id": "a", "path": "a", "agent_id": "echo"})),
                named(one(), json!({"node_id": "b", "path": "b", "agent_id": "echo"})),
                named(sum(0.0, 1, json!(null), json!(null)), json!({"node_id": "c", "path": "c", "agent_id": "gate"})),
            ],
            "by_agent": [
                named(sum(0.5, 2, json!(200), json!(20)), json!({"agent_id": "echo"})),
                named(sum(0.0, 1, json!(null), json!(null)), json!({"agent_id": "gate"})),
            ],
            "by_model": [
                named(sum(0.5, 2, json!(200), json!(20)), json!({"model": "parrot"})),
                named(sum(0.0, 1, json!(null), json!(null)), json!({"model": null})),
            ],
            "by_attempt": [paid("a"), paid("b"), free],
            "children": [],
        })
    );
}

#[tokio::test]
async fn what_attempts_in_flight_may_cost_is_not_left_in_the_budget() {
    let api = Api::start();
    let mut document = chain(&["gate"]);
    document["nodes"][0]["max_cost"] = json!(0.4);
    let id = api.start_one(&document, &json!({"max_budget": 1})).await;
    let cost = api.get(&format!("/executions/{id}/cost")).await.expect(200);
    let of = |field: &str| cost[field].as_f64();
    assert_eq!(
        (of("total_usd"), of("reserved_usd"), of("remaining_usd")),
        (Some(0.0), Some(0.4), Some(0.6))
    );
}

#[tokio::test]
async fn events_are_numbered_without_a_gap_and_end_with_the_terminal_one() {
    let api = Api::start();
    let id = text(&api.run(&chain(&["echo"]), &json!({})).await["id"]);
    let list = api
        .get(&format!("/executions/{id}/events?limit=200"))
        .await
        .expect(200);
    let events = list["events"].as_array().unwrap();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], index + 1);
        assert!(event["at"].is_string() && event["data"].is_object(), "{event}");
    }
    let kinds: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(
        kinds,
        [
            "execution.started",
            "node.started",
            "node.completed",
            "execution.completed"
        ]
    );
    assert_eq!(list["next_cursor"], Value::Null);
}

#[tokio::test]
async fn only_a_terminal_execution_can_be_deleted() {
    let api = Api::start();
    let running = api.start_one(&chain(&["gate"]), &json!({})).await;
    let problem = api
        .delete(&format!("/executions/{running}"))
        .await
        .problem(409, "not_terminal");
    assert_eq!(problem["current_status"], "running");
    let done = text(&api.run(&chain(&["echo"]), &json!({})).await["id"]);
    let path = format!("/executions/{done}");
    api.delete(&path).await.expect(204);
    for part in ["", "/nodes", "/events", "/cost"] {
        api.get(&format!("{path}{part}")).await.problem(404, "not_found");
    }
    api.delete(&path).await.problem(404, "not_found");
}
