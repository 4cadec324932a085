//! Tasks from their beginning to their end, on every way.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Act, Client, Way, message, output, reply, state},
    server::{Server, asking, echo, failing, gated},
};

#[tokio::test]
async fn a_message_that_waits_gives_the_task_with_its_output_and_what_it_has_cost() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&echo()).await, way);
        let task = client
            .send(message("m", json!([{"text": "hello"}])))
            .await
            .unwrap();
        assert_eq!(
            (state(&task).as_str(), output(&task)),
            ("completed", &json!("hello"))
        );
        let usage = &task["metadata"]["usage"];
        let expected = json!({
            "input_tokens": 30, "output_tokens": 12, "total_tokens": 42, "cost_usd": 0.25, "cost_known": true,
        });
        assert_eq!(*usage, expected, "{way:?}");
        let again = client.get(task["id"].as_str().unwrap()).await.unwrap();
        assert_eq!(again, task, "{way:?}");
    }
}

#[tokio::test]
async fn a_message_that_does_not_wait_gives_the_task_as_it_stands() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&gated()).await, way);
        let task = client
            .send_at_once(message("m", json!([{"text": "go"}])))
            .await
            .unwrap();
        assert!(
            ["submitted", "working"].contains(&state(&task).as_str()),
            "{task}"
        );
        let id = task["id"].as_str().unwrap();
        let updates = client.stream(Act::Subscribe, json!({"id": id})).await.unwrap();
        server.gate.add_permits(1);
        let (_, last) = updates.rest().await.pop().unwrap();
        assert_eq!(state(&last), "completed");
        assert_eq!(
            output(&client.get(id).await.unwrap()),
            &json!("through"),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_execution_is_a_failed_task_that_says_why() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&failing()).await, way);
        let task = client.send(message("m", json!([{"text": "go"}]))).await.unwrap();
        assert_eq!(state(&task), "failed");
        assert!(
            task["status"]["message"].to_string().contains("no disk"),
            "{task}"
        );
        assert!(task.get("artifacts").is_none());
    }
}

#[tokio::test]
async fn a_stream_begins_with_the_task_tells_of_nodes_and_results_and_ends_with_the_end() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&gated()).await, way);
        let params = json!({"message": message("m", json!([{"text": "go"}]))});
        let mut stream = client.stream(Act::Stream, params).await.unwrap();
        let (name, task) = stream.next().await.unwrap();
        assert_eq!(name, "task");
        server.gate.add_permits(1);
        let events = stream.rest().await;
        let [.., (before, artifact), (last, end)] = &*events else {
            panic!("{events:?}")
        };
        assert_eq!((*before, *last), ("artifactUpdate", "statusUpdate"));
        assert_eq!(output(&json!({"artifacts": [artifact["artifact"]]})), "through");
        assert_eq!(state(end), "completed");
        assert_eq!(end["metadata"]["usage"]["cost_usd"], json!(0));
        let completed = |(_, event): &&(_, serde_json::Value)| event["metadata"]["event"] == "node.completed";
        let (_, node) = events.iter().find(completed).unwrap();
        assert_eq!(
            (state(node).as_str(), &node["metadata"]["path"]),
            ("working", &json!("wait"))
        );
        for (_, event) in &events {
            assert_eq!(
                (&event["taskId"], &event["contextId"]),
                (&task["id"], &task["contextId"]),
                "{way:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_subscriber_hears_the_same_and_one_that_goes_takes_nothing_along() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&gated()).await, way);
        let task = client
            .send_at_once(message("m", json!([{"text": "go"}])))
            .await
            .unwrap();
        let id = json!({"id": task["id"]});
        let subscribe = async || client.stream(Act::Subscribe, id.clone()).await.unwrap();
        let (mut one, mut other, gone) = (subscribe().await, subscribe().await, subscribe().await);
        assert_eq!(one.next().await.unwrap().0, "task");
        assert_eq!(other.next().await.unwrap().0, "task");
        drop(gone);
        server.gate.add_permits(1);
        let (one, other) = (one.rest().await, other.rest().await);
        assert_eq!(state(&one.last().unwrap().1), "completed");
        // Which of what happened before was told with the task differs; the end does not.
        assert!(
            one.ends_with(&other) || other.ends_with(&one),
            "{way:?}: {one:?} {other:?}"
        );
    }
}

#[tokio::test]
async fn a_task_is_cancelled_once() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&gated()).await, way);
        let task = client
            .send_at_once(message("m", json!([{"text": "go"}])))
            .await
            .unwrap();
        let id = task["id"].as_str().unwrap();
        assert_eq!(state(&client.cancel(id).await.unwrap()), "canceled", "{way:?}");
        assert_eq!(state(&client.get(id).await.unwrap()), "canceled");
        assert_eq!(client.cancel(id).await.unwrap_err().reason, "TASK_NOT_CANCELABLE");
    }
}

#[tokio::test]
async fn the_same_message_again_is_the_same_task_and_with_other_words_it_is_refused() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&echo()).await, way);
        let first = client
            .send(message("m", json!([{"text": "once"}])))
            .await
            .unwrap();
        let again = client
            .send(message("m", json!([{"text": "once"}])))
            .await
            .unwrap();
        assert_eq!(first, again, "{way:?}");
        let other = client.send(message("m", json!([{"text": "twice"}]))).await;
        assert_eq!(other.unwrap_err().reason, "INVALID_PARAMS");
        let next = client
            .send(message("n", json!([{"text": "once"}])))
            .await
            .unwrap();
        assert_ne!(first["id"], next["id"]);
        let elsewhere = Client::new(&server, &server.publish(&echo()).await, way);
        let there = elsewhere
            .send(message("m", json!([{"text": "once"}])))
            .await
            .unwrap();
        assert_ne!(first["id"], there["id"], "{way:?}");
    }
}

#[tokio::test]
async fn a_task_has_as_much_history_as_is_asked_for() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&echo()).await, way);
        let task = client
            .send(message("m", json!([{"text": "hello"}])))
            .await
            .unwrap();
        let said = &task["history"][0];
        assert_eq!((&said["messageId"], &said["taskId"]), (&json!("m"), &task["id"]));
        assert!(said.to_string().contains("hello"), "{said}");
        for (length, messages) in [(0, 0), (1, 1), (10, 1)] {
            let params = json!({"id": task["id"], "historyLength": length});
            let found = client.perform(Act::Get, params).await.unwrap();
            assert_eq!(
                found["history"].as_array().map_or(0, Vec::len),
                messages,
                "{way:?}"
            );
        }
    }
}

#[tokio::test]
async fn data_is_the_input_as_it_is_with_whole_numbers_whole() {
    for way in Way::ALL {
        let server = Server::start();
        let document = json!({
            "name": "Sum", "output": "{{input}}",
            "nodes": [{"id": "say", "type": "agent_call", "agent_id": "echo"}],
        });
        let client = Client::new(&server, &server.publish(&document).await, way);
        let parts = json!([{"data": {"n": 120.0, "of": [0.5, 2.0]}}]);
        let task = client.send(message("m", parts)).await.unwrap();
        assert_eq!(output(&task).to_string(), r#"{"n":120,"of":[0.5,2]}"#, "{way:?}");
    }
}

#[tokio::test]
async fn tasks_are_listed_newest_first_by_context_and_by_state_in_parts() {
    // Version 0.3 lists over HTTP+JSON only.
    for way in [Way::Rpc, Way::Rest, Way::OldRest] {
        let server = Server::start();
        let client = Client::new(
            &server,
            &server.publish(&asking(&json!({"message": "Go on?"}))).await,
            way,
        );
        let mut ids = Vec::new();
        for id in ["a", "b", "c"] {
            let mut message = message(id, json!([{"text": "go"}]));
            message["contextId"] = if id == "b" { "alone" } else { "both" }.into();
            let task = client.send(message).await.unwrap();
            assert_eq!(state(&task), "input-required");
            ids.insert(0, task["id"].clone());
        }
        let done = client
            .send(reply("d", &json!({"id": ids[0]}), json!([{"text": "yes"}])))
            .await;
        assert_eq!(state(&done.unwrap()), "completed", "{way:?}");

        let listed = async |params| {
            let page = client.list(params).await.unwrap();
            let tasks = page["tasks"].as_array().unwrap().iter();
            (tasks.map(|task| task["id"].clone()).collect::<Vec<_>>(), page)
        };
        let (all, page) = listed(json!({})).await;
        assert_eq!(all, ids);
        assert_eq!(
            (&page["pageSize"], &page["nextPageToken"]),
            (&json!(50), &json!(""))
        );
        assert_eq!(page["totalSize"], json!(3));
        assert!(page["tasks"][0].get("artifacts").is_none());
        let (_, whole) = listed(json!({"includeArtifacts": true, "historyLength": 0})).await;
        assert!(whole["tasks"][0].get("artifacts").is_some() && whole["tasks"][0].get("history").is_none());

        assert_eq!(
            listed(json!({"contextId": "both"})).await.0,
            [ids[0].clone(), ids[2].clone()]
        );
        assert_eq!(
            listed(json!({"contextId": "nobody's"})).await.0,
            [] as [serde_json::Value; 0]
        );
        let waiting = json!({"status": "TASK_STATE_INPUT_REQUIRED"});
        assert_eq!(listed(waiting).await.0, [ids[1].clone(), ids[2].clone()]);
        assert_eq!(
            listed(json!({"status": "TASK_STATE_COMPLETED"})).await.0,
            [ids[0].clone()]
        );
        let late = json!({"statusTimestampAfter": "2999-01-01T00:00:00Z"});
        assert_eq!(listed(late).await.0, [] as [serde_json::Value; 0]);

        let (_, page) = listed(json!({"pageSize": 1})).await;
        assert_eq!(page["totalSize"], json!(3));
        let (first, page) = listed(json!({"pageSize": 2})).await;
        assert_eq!(first, ids[..2]);
        let (second, page) = listed(json!({"pageSize": 2, "pageToken": page["nextPageToken"]})).await;
        assert_eq!((second, &page["nextPageToken"]), (ids[2..].to_vec(), &json!("")));
        for wrong in [
            json!({"pageSize": 0}),
            json!({"pageSize": 101}),
            json!({"pageToken": "stolen"}),
            json!({"pageToken": "2.stolen"}),
            json!({"status": "DONE"}),
            json!({"statusTimestampAfter": "yesterday"}),
        ] {
            let refused = client.list(wrong.clone()).await.unwrap_err();
            assert_eq!(refused.reason, "INVALID_PARAMS", "{wrong}: {}", refused.message);
        }
    }
}

#[tokio::test]
async fn a_context_is_the_clients_or_a_new_one() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&echo()).await, way);
        let mut named = message("m", json!([{"text": "hello"}]));
        named["contextId"] = "mine".into();
        assert_eq!(client.send(named).await.unwrap()["contextId"], "mine");
        let one = client
            .send(message("n", json!([{"text": "hello"}])))
            .await
            .unwrap();
        let other = client
            .send(message("o", json!([{"text": "hello"}])))
            .await
            .unwrap();
        assert_ne!(one["contextId"], other["contextId"], "{way:?}");
    }
}

#[tokio::test]
async fn an_execution_that_was_started_in_another_way_is_a_task_too() {
    let server = Server::start();
    let workflow = server.publish(&echo()).await;
    let caller = agentchains_engine::Caller::anonymous();
    let request = agentchains_engine::StartRequest {
        input: json!({"text": "hello"}),
        ..Default::default()
    };
    let started = server
        .engine
        .start(&caller, workflow.parse().unwrap(), request)
        .await
        .unwrap();
    for way in Way::ALL {
        let client = Client::new(&server, &workflow, way);
        let id = started.id.to_string();
        if let Ok(updates) = client.stream(Act::Subscribe, json!({"id": id})).await {
            updates.rest().await;
        }
        let task = client.get(&id).await.unwrap();
        assert_eq!(
            (output(&task), &task["contextId"]),
            (&json!("hello"), &json!(id)),
            "{way:?}"
        );
        assert!(task.get("history").is_none());
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_what_waits_and_streams_and_the_task_goes_on() {
    for way in Way::ALL {
        let stop = CancellationToken::new();
        let server = Server::with(|server| server.stop = stop.clone());
        let client = Client::new(&server, &server.publish(&gated()).await, way);
        let go = || json!([{"text": "go"}]);
        let params = json!({"message": message("m", go())});
        let mut stream = client.stream(Act::Stream, params).await.unwrap();
        let (_, task) = stream.next().await.unwrap();
        stop.cancel();
        stream.rest().await;
        let waited = client.send(message("m", go())).await.unwrap();
        assert_eq!(
            (&waited["id"], state(&waited).as_str()),
            (&task["id"], "working"),
            "{way:?}"
        );
    }
}
