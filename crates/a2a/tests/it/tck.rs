//! The agent of the protocol's test kit: what the kit expects of it, by the beginning of a message's id.

use agentchains_engine::ports::Role;
use serde_json::{Value, json};

use crate::{
    client::{Act, Client, Way, message, reply, state},
    server::{Server, person},
};

fn server() -> Server {
    Server::with(|server| server.tck = true)
}

fn text() -> Value {
    json!([{"text": "hello"}])
}

#[tokio::test]
async fn messages_complete_with_what_they_ask_for() {
    let server = server();
    let client = Client::new(&server, "tck", Way::Rpc);
    let done = client.send(message("tck-complete-task-1", text())).await.unwrap();
    assert_eq!(state(&done), "completed");
    assert_eq!(
        done["status"]["message"]["parts"],
        json!([{"text": "Hello from TCK"}])
    );
    for (id, part) in [
        ("tck-artifact-text-1", json!({"text": "Generated text content"})),
        (
            "tck-artifact-file-1",
            json!({"raw": "dGNr", "filename": "output.txt", "mediaType": "text/plain"}),
        ),
        (
            "tck-artifact-file-url-1",
            json!({"url": "https://example.com/output.txt", "filename": "output.txt", "mediaType": "text/plain"}),
        ),
        (
            "tck-artifact-data-1",
            json!({"data": {"key": "value", "count": 42}, "mediaType": "application/json"}),
        ),
    ] {
        let done = client.send(message(id, text())).await.unwrap();
        assert_eq!(
            (state(&done).as_str(), &done["artifacts"][0]["parts"][0]),
            ("completed", &part),
            "{id}"
        );
    }
    assert_eq!(
        state(&client.send(message("other", text())).await.unwrap()),
        "completed"
    );
}

#[tokio::test]
async fn a_message_may_be_answered_without_a_task_or_refused() {
    let server = server();
    for way in Way::ALL {
        let client = Client::new(&server, "tck", way);
        let params = json!({"message": message("tck-message-response-1", text())});
        let answer = client.perform(Act::Send, params).await.unwrap();
        let said = answer.get("message").unwrap_or(&answer);
        assert!(
            said.to_string().contains("Direct message response"),
            "{way:?}: {said}"
        );
        assert!(said.get("messageId").is_some() && said.get("taskId").is_none());
        let refused = client.send(message("tck-reject-task-1", text())).await;
        assert_eq!(refused.unwrap_err().reason, "UNSUPPORTED_OPERATION", "{way:?}");
    }
}

#[tokio::test]
async fn a_task_that_requires_input_is_completed_by_a_further_message() {
    let server = server();
    for way in Way::ALL {
        let client = Client::new(&server, "tck", way);
        let task = client
            .send(message("tck-input-required-1", text()))
            .await
            .unwrap();
        assert_eq!(state(&task), "input-required");
        let done = client
            .send(reply("tck-complete-task-2", &task, text()))
            .await
            .unwrap();
        assert_eq!(
            (state(&done).as_str(), &done["id"]),
            ("completed", &task["id"]),
            "{way:?}"
        );
        assert_eq!(done["contextId"], task["contextId"]);
        assert_eq!(done["history"].as_array().unwrap().len(), 2);
        let late = client.send(reply("tck-complete-task-3", &task, text())).await;
        assert_eq!(late.unwrap_err().reason, "UNSUPPORTED_OPERATION");
    }
}

#[tokio::test]
async fn streams_tell_their_steps_in_order() {
    let server = server();
    for way in Way::ALL {
        let client = Client::new(&server, "tck", way);
        for (id, updates) in [
            ("tck-stream-001", &["working", "artifact", "completed"][..]),
            ("tck-stream-002", &["completed"]),
            ("tck-stream-003", &["working", "artifact", "completed"]),
            ("tck-stream-ordering-001", &["working", "artifact", "completed"]),
            ("tck-stream-artifact-text", &["working", "artifact", "completed"]),
            ("tck-stream-artifact-file", &["working", "artifact", "completed"]),
            (
                "tck-stream-artifact-chunked",
                &["working", "artifact", "artifact", "completed"],
            ),
        ] {
            let params = json!({"message": message(id, text())});
            let events = client.stream(Act::Stream, params).await.unwrap().rest().await;
            let told = events.iter().map(|(name, event)| match *name {
                "artifactUpdate" => "artifact".to_owned(),
                "task" => "task".to_owned(),
                _ => state(event),
            });
            let told: Vec<_> = told.collect();
            assert_eq!(
                (told[0].as_str(), &told[1..]),
                (
                    "task",
                    &updates.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..]
                ),
                "{id} on {way:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_piece_of_an_artifact_comes_after_those_before() {
    let server = server();
    let client = Client::new(&server, "tck", Way::Rpc);
    let params = json!({"message": message("tck-stream-artifact-chunked", text())});
    let events = client.stream(Act::Stream, params).await.unwrap().rest().await;
    let pieces = events.iter().filter(|(name, _)| *name == "artifactUpdate");
    let pieces: Vec<_> = pieces
        .map(|(_, piece)| (piece["append"].clone(), piece["lastChunk"].clone()))
        .collect();
    assert_eq!(pieces, [(json!(false), json!(false)), (json!(true), json!(true))]);
    let task = client.get(events[0].1["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(
        task["artifacts"][0]["parts"],
        json!([{"text": "chunk-1 "}, {"text": "chunk-2"}])
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_task_works_until_it_is_done_or_cancelled() {
    let server = server();
    let client = Client::new(&server, "tck", Way::Rpc);
    let start = || message("test-resubscribe-message-id-1", text());
    let task = client.send_at_once(start()).await.unwrap();
    let updates = client
        .stream(Act::Subscribe, json!({"id": task["id"]}))
        .await
        .unwrap();
    let (_, last) = updates.rest().await.pop().unwrap();
    assert_eq!(state(&last), "completed");
    let task = client.send_at_once(start()).await.unwrap();
    let cancelled = client.cancel(task["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(state(&cancelled), "canceled");
}

#[tokio::test]
async fn tasks_are_listed_by_context_and_state_and_only_to_their_own_tenant() {
    let server = server();
    let client = Client::new(&server, "tck", Way::Rpc);
    let mut ids = Vec::new();
    for id in [
        "tck-complete-task-1",
        "tck-input-required-1",
        "tck-complete-task-2",
    ] {
        let mut message = message(id, text());
        message["contextId"] = "c".into();
        ids.push(client.send(message).await.unwrap()["id"].clone());
    }
    client.send(message("tck-complete-task-3", text())).await.unwrap();
    let page = client
        .list(json!({"contextId": "c", "pageSize": 2}))
        .await
        .unwrap();
    assert_eq!(
        (&page["totalSize"], &page["nextPageToken"]),
        (&json!(3), &json!("2"))
    );
    let waiting = client
        .list(json!({"status": "TASK_STATE_INPUT_REQUIRED"}))
        .await
        .unwrap();
    assert_eq!(waiting["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(waiting["tasks"][0]["id"], ids[1]);
    let stranger = client.by(person(Role::Admin, "elsewhere"));
    assert_eq!(stranger.list(json!({})).await.unwrap()["tasks"], json!([]));
    let refused = stranger.get(ids[0].as_str().unwrap()).await.unwrap_err();
    assert_eq!(refused.reason, "TASK_NOT_FOUND");
}

#[tokio::test]
async fn it_is_there_only_where_that_is_wanted() {
    let server = Server::with(|server| server.publish_all = true);
    let refused = Client::new(&server, "tck", Way::Rest)
        .ask(Act::List, json!({}))
        .await;
    assert_eq!(refused.status(), 404);
}
