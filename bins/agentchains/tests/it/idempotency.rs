//! Idempotency keys: of a hundred equal requests at once one has its effect, also where the server is killed meanwhile.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    server::Server,
};

/// How many equal requests.
const AT_ONCE: usize = 100;

/// A request that creates something, under a key of its own.
#[derive(Clone)]
struct Creating {
    path: String,
    body: Value,
    key: &'static str,
}

impl Creating {
    async fn send(&self, client: &Client) -> Option<Answer> {
        let request = client.request("POST", &self.path);
        let request = request
            .header("content-type", "application/json")
            .header("idempotency-key", self.key);
        let body = Full::new(Bytes::from(self.body.to_string()));
        client.try_exchange(request.body(body).unwrap()).await.ok()
    }

    async fn send_many(&self, client: &Arc<Client>) -> Vec<Answer> {
        let all = (0..AT_ONCE).map(|_| {
            let (request, client) = (self.clone(), Arc::clone(client));
            tokio::spawn(async move { request.send(&client).await })
        });
        let answers = join_all(all).await.into_iter();
        answers.filter_map(Result::unwrap).collect()
    }
}

/// What was created, by the answers' own words.
fn made(answers: &[Answer]) -> BTreeSet<String> {
    let id = |answer: &Answer| {
        assert!(matches!(answer.status, 201 | 202), "{answer:?}");
        let body = &answer.body;
        let id = ["execution_id", "agent_id", "id"]
            .into_iter()
            .find_map(|name| body[name].as_str());
        id.unwrap().to_owned()
    };
    answers.iter().map(id).collect()
}

#[tokio::test]
async fn a_hundred_equal_requests_make_one_thing_over_a_kill_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path()).await;
    let node = json!({"id": "ask", "type": "human_approval", "config": {"message": "Go?"}});
    let document = json!({"name": "w", "nodes": [node]});
    let workflow = server.client.create(&document).await;
    let creations = [
        Creating {
            path: "/workflows".to_owned(),
            body: json!({"name": "another", "nodes": [node]}),
            key: "workflow",
        },
        Creating {
            path: format!("/workflows/{workflow}/execute"),
            body: json!({"input": {"n": 1}}),
            key: "execution",
        },
        Creating {
            path: "/agents".to_owned(),
            body: json!({"agent_id": "critic", "url": "http://127.0.0.1:9"}),
            key: "agent",
        },
    ];
    let client = Arc::new(Client::new(server.client.address()));
    let sent = creations.clone().map(|creation| {
        let client = Arc::clone(&client);
        tokio::spawn(async move { creation.send_many(&client).await })
    });
    // In the middle of them: of what was answered nothing may be lost, and nothing made twice.
    while server.client.get("/executions").await.body["executions"] == json!([]) {}
    server.kill().await;
    let server = Server::serve(folder.path()).await;
    let client = Arc::new(Client::new(server.client.address()));
    for (creation, sent) in creations.iter().zip(sent) {
        let before = made(&sent.await.unwrap());
        let again = creation.send_many(&client).await;
        assert_eq!(again.len(), AT_ONCE);
        let after = made(&again);
        assert_eq!(after.len(), 1, "{}", creation.key);
        assert!(before.is_subset(&after), "{}: {before:?} {after:?}", creation.key);
        let other = Creating {
            body: json!({"name": "other", "agent_id": "other"}),
            ..creation.clone()
        };
        assert_eq!(other.send(&client).await.unwrap().status, 422, "{}", creation.key);
    }
    let count = async |plural: &str| {
        let listed = server.client.get(&format!("/{plural}")).await.body;
        listed[plural].as_array().unwrap().len()
    };
    assert_eq!(
        (
            count("workflows").await,
            count("executions").await,
            count("agents").await
        ),
        (2, 1, 1)
    );
}
