//! Questions to people, as tasks that require input.

use agentchains_engine::ports::Role;
use serde_json::{Value, json};

use crate::{
    client::{Act, Client, Way, data, message, output, reply, state},
    server::{Server, asking, person},
};

fn pay() -> Value {
    asking(&json!({"message": "Pay 12 EUR?"}))
}

/// The parts of what a task asks: texts and data.
fn asked(task: &Value) -> (Vec<String>, Vec<Value>) {
    let said = &task["status"]["message"];
    let parts = said["parts"].as_array().or(said["content"].as_array()).unwrap();
    let texts = parts
        .iter()
        .filter_map(|part| part["text"].as_str().map(str::to_owned));
    (texts.collect(), parts.iter().filter_map(data).cloned().collect())
}

#[tokio::test]
async fn a_question_says_what_may_be_answered_in_words_and_as_a_schema() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&pay()).await, way);
        let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
        assert_eq!(state(&task), "input-required");
        let (texts, data) = asked(&task);
        assert_eq!(texts, ["Pay 12 EUR?", "Answer with one of: approve, reject."]);
        let schema = json!({"type": "object", "required": ["decision"], "properties": {
            "decision": {"enum": ["approve", "reject"]}, "comment": {"type": "string"},
        }});
        assert_eq!(data[0], schema, "{way:?}");
        assert_eq!(
            (&data[1]["kind"], &data[1]["actions"]),
            (&json!("approval"), &json!(["approve", "reject"]))
        );
    }
}

#[tokio::test]
async fn words_or_data_decide_and_the_task_goes_on() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&pay()).await, way);
        for (index, (parts, decision, comment)) in [
            (json!([{"text": "approve"}]), "approve", Value::Null),
            (json!([{"text": " Yes "}]), "approve", Value::Null),
            (json!([{"text": "ok"}]), "approve", Value::Null),
            (
                json!([{"data": {"decision": "approve", "comment": "fine"}}]),
                "approve",
                json!("fine"),
            ),
            (
                json!([{"text": "as we said"}, {"data": {"decision": "approve"}}]),
                "approve",
                json!("as we said"),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let task = client
                .send(message(&format!("m{index}"), json!([{"text": "go"}])))
                .await
                .unwrap();
            let answer = reply(&format!("r{index}"), &task, parts.clone());
            let done = client.send(answer).await.unwrap();
            assert_eq!(
                (state(&done).as_str(), &done["id"]),
                ("completed", &task["id"]),
                "{parts}"
            );
            let decided = output(&done);
            assert_eq!(
                (&decided["decision"], &decided["comment"]),
                (&json!(decision), &comment),
                "{way:?}"
            );
            assert_eq!(done["contextId"], task["contextId"]);
        }
    }
}

#[tokio::test]
async fn a_rejection_fails_the_task_where_the_workflow_has_no_way_for_it() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&pay()).await, way);
        for (index, parts) in [
            json!([{"text": "reject"}]),
            json!([{"data": {"decision": "reject"}}]),
        ]
        .into_iter()
        .enumerate()
        {
            let task = client
                .send(message(&format!("m{index}"), json!([{"text": "go"}])))
                .await
                .unwrap();
            let done = client
                .send(reply(&format!("r{index}"), &task, parts))
                .await
                .unwrap();
            assert_eq!(state(&done), "failed", "{way:?}");
            assert!(
                done["status"]["message"]
                    .to_string()
                    .contains("approval_rejected"),
                "{done}"
            );
        }
    }
}

#[tokio::test]
async fn a_form_is_part_of_the_schema_and_its_data_part_of_the_answer() {
    let form =
        json!({"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}});
    for way in Way::ALL {
        let server = Server::start();
        let document = asking(&json!({"message": "How much?", "form": form}));
        let client = Client::new(&server, &server.publish(&document).await, way);
        let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
        assert_eq!(asked(&task).1[0]["properties"]["data"], form);
        for (index, wrong) in [
            json!([{"text": "approve"}]),
            json!([{"data": {"decision": "approve", "data": {"amount": "much"}}}]),
            json!([{"data": {"amount": 12}}]),
            json!([{"text": "perhaps"}]),
            json!([{"data": {"decision": "perhaps"}}]),
            json!([{"data": {"decision": "approve", "data": {"amount": 12}, "approval_id": "none"}}]),
        ]
        .into_iter()
        .enumerate()
        {
            let refused = client
                .send(reply(&format!("w{index}"), &task, wrong.clone()))
                .await;
            assert_eq!(refused.unwrap_err().reason, "INVALID_PARAMS", "{wrong}");
        }
        let right = json!([{"data": {"decision": "approve", "data": {"amount": 12}}}]);
        let done = client.send(reply("r", &task, right)).await.unwrap();
        assert_eq!(output(&done)["data"], json!({"amount": 12}), "{way:?}");

        let next = client.send(message("n", json!([{"text": "go"}]))).await.unwrap();
        let words = json!([{"text": "approve"}, {"data": {"amount": 13}}]);
        let done = client.send(reply("s", &next, words)).await.unwrap();
        assert_eq!(output(&done)["data"], json!({"amount": 13}), "{way:?}");
    }
}

#[tokio::test]
async fn the_same_answer_again_changes_nothing_and_a_later_one_is_refused() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&pay()).await, way);
        let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
        let answer = || reply("r", &task, json!([{"text": "approve"}]));
        let done = client.send(answer()).await.unwrap();
        assert_eq!(client.send(answer()).await.unwrap(), done, "{way:?}");
        let late = client.send(reply("s", &task, json!([{"text": "reject"}]))).await;
        assert_eq!(late.unwrap_err().reason, "UNSUPPORTED_OPERATION");
    }
}

#[tokio::test]
async fn questions_come_one_after_the_other() {
    for way in Way::ALL {
        let server = Server::start();
        let question = |id: &str| json!({"id": id, "type": "human_approval", "config": {"message": id}});
        let document = json!({
            "name": "Two", "nodes": [question("first"), question("second")],
            "edges": [{"from": "first", "to": "second"}],
        });
        let client = Client::new(&server, &server.publish(&document).await, way);
        let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
        assert_eq!(asked(&task).0[0], "first");
        let task = client
            .send(reply("r", &task, json!([{"text": "approve"}])))
            .await
            .unwrap();
        assert_eq!(
            (state(&task).as_str(), &*asked(&task).0[0]),
            ("input-required", "second"),
            "{way:?}"
        );
        let task = client
            .send(reply("s", &task, json!([{"text": "approve"}])))
            .await
            .unwrap();
        assert_eq!(state(&task), "completed");
    }
}

#[tokio::test]
async fn of_two_questions_at_once_the_one_that_is_named_is_answered_else_the_older_one() {
    let server = Server::start();
    let question = |id: &str| json!({"id": id, "type": "human_approval", "config": {"message": id}});
    let document = json!({"name": "Both", "nodes": [question("a"), question("b")]});
    let client = Client::new(&server, &server.publish(&document).await, Way::Rpc);
    let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
    let (texts, data) = asked(&task);
    assert_eq!(data.len(), 4, "{texts:?}");
    let named = json!([{"data": {"decision": "approve", "approval_id": data[3]["approval_id"]}}]);
    let task = client.send(reply("r", &task, named)).await.unwrap();
    assert_eq!(
        (state(&task).as_str(), &asked(&task).0[0]),
        ("input-required", &texts[0])
    );
    let task = client
        .send(reply("s", &task, json!([{"text": "approve"}])))
        .await
        .unwrap();
    assert_eq!(state(&task), "completed");
}

#[tokio::test]
async fn a_stream_ends_where_the_task_asks_and_one_that_answers_goes_on() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&pay()).await, way);
        let params = json!({"message": message("m", json!([{"text": "go"}]))});
        let events = client.stream(Act::Stream, params).await.unwrap().rest().await;
        let (_, last) = events.last().unwrap();
        assert_eq!(state(last), "input-required", "{way:?}");
        let task = json!({"id": last.get("taskId").unwrap_or(&last["id"])});
        let mut watching = client.stream(Act::Subscribe, task.clone()).await.unwrap();
        assert_eq!(watching.next().await.unwrap().0, "task");
        let params = json!({"message": reply("r", &task, json!([{"text": "approve"}]))});
        let events = client.stream(Act::Stream, params).await.unwrap().rest().await;
        assert_eq!(
            (events[0].0, state(&events.last().unwrap().1).as_str()),
            ("task", "completed"),
            "{way:?}"
        );
        assert_eq!(state(&watching.rest().await.last().unwrap().1), "completed");
    }
}

#[tokio::test]
async fn a_waiting_task_can_be_cancelled() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&pay()).await, way);
        let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
        let cancelled = client.cancel(task["id"].as_str().unwrap()).await.unwrap();
        assert_eq!(state(&cancelled), "canceled", "{way:?}");
    }
}

#[tokio::test]
async fn only_approvers_that_the_question_names_decide() {
    let server = Server::start();
    let document = asking(&json!({"message": "Pay?", "approvers": ["user:ann"]}));
    let client = Client::new(&server, &server.publish(&document).await, Way::Rpc);
    let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
    let answer = json!({"message": reply("r", &task, json!([{"text": "approve"}]))});
    let other = client.by(person(Role::Approver, "default"));
    assert_eq!(other.ask(Act::Send, answer.clone()).await.status(), 403);
    let mut ann = person(Role::Approver, "default");
    ann.name = "ann".to_owned();
    assert_eq!(client.by(ann).ask(Act::Send, answer).await.status(), 200);
}
