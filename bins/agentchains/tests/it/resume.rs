//! A watcher whose connection is cut a thousand times, and whose server is killed now and then, misses nothing and is
//! told nothing twice.

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyDataStream, Full};
use hyper_util::{client::legacy::Client as HttpClient, rt::TokioExecutor};
use serde_json::{Value, json};
use sse_stream::SseStream;

use crate::{client::Client, server::Server};

/// Questions to people, one after the other; each makes half a dozen events.
const QUESTIONS: usize = 100;

const CUTS: u32 = 1_000;

/// After so many cuts the server is killed.
const CUTS_BETWEEN_KILLS: u32 = 230;

/// How many events each connection lives for, and over what it goes: a generator of xorshift64 (Marsaglia, 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What one connection tells after a number, up to so many events; then it is dropped.
async fn connection(client: &Client, execution: &str, after: u64, count: usize, socket: bool) -> Vec<Value> {
    if socket {
        let Ok(mut events) = client.try_follow(execution, after).await else {
            return Vec::new();
        };
        while events.seen.len() < count && events.next().await.is_some() {}
        return events.seen;
    }
    let request = client
        .request("GET", &format!("/executions/{execution}/events"))
        .header("accept", "text/event-stream")
        .header("last-event-id", after.to_string())
        .body(Full::<Bytes>::default())
        .unwrap();
    // Of its own, so that the connection ends with the stream.
    let http = HttpClient::builder(TokioExecutor::new()).build_http();
    let Ok(answer) = http.request(request).await else {
        return Vec::new();
    };
    let mut stream = SseStream::from_bytes_stream(BodyDataStream::new(answer.into_body()));
    let mut seen = Vec::new();
    while seen.len() < count {
        let Some(Ok(event)) = stream.next().await else {
            break;
        };
        seen.extend(
            event
                .data
                .map(|data| serde_json::from_str::<Value>(&data).unwrap()),
        );
    }
    seen
}

#[tokio::test]
async fn a_thousand_cuts_lose_nothing_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serve(folder.path()).await;
    let address = server.client.address();
    let ask = |number| {
        let id = format!("ask-{number}");
        let node = json!({"id": id, "type": "human_approval", "config": {"message": "Go on?"}});
        let edge = (number > 0).then(|| json!({"from": format!("ask-{}", number - 1), "to": id}));
        (node, edge)
    };
    let (nodes, edges): (Vec<Value>, Vec<Option<Value>>) = (0..QUESTIONS).map(ask).unzip();
    let edges: Vec<Value> = edges.into_iter().flatten().collect();
    let workflow = server
        .client
        .create(&json!({"name": "w", "nodes": nodes, "edges": edges}))
        .await;
    let execution = server.client.execute(&workflow, &json!({})).await;

    let mut chance = Chance(0x5DEE_CE66_D1CE_4E5B);
    let (mut told, mut cuts, mut kills) = (Vec::<Value>::new(), 0_u32, 0);
    while told
        .last()
        .is_none_or(|last| last["type"] != "execution.completed")
    {
        let after = told.last().map_or(0, |last| last["seq"].as_u64().unwrap());
        // Most of them are cut before anything was told.
        let count = usize::try_from(chance.below(5)).unwrap() / 3;
        let seen = connection(&server.client, &execution, after, count, chance.below(2) == 0).await;
        cuts += 1;
        for event in &seen {
            if event["type"] == "approval.requested" {
                let path = format!("/approvals/{}/decision", event["data"]["id"].as_str().unwrap());
                let decided = server.client.post(&path, &json!({"decision": "approve"})).await;
                assert_eq!(decided.status, 200, "{decided:?}");
            }
        }
        told.extend(seen);
        if cuts.is_multiple_of(CUTS_BETWEEN_KILLS) {
            kills += 1;
            server.kill().await;
            server = Server::serve_again(folder.path(), address).await;
        }
    }
    assert!(cuts >= CUTS && kills >= 4, "{cuts} cuts and {kills} kills");
    let numbers: Vec<u64> = told.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    let gapless: Vec<u64> = (1..).take(told.len()).collect();
    assert_eq!(numbers, gapless);
    let mut stored = Vec::new();
    while stored.len() < told.len() {
        let path = format!("/executions/{execution}/events?limit=200&after={}", stored.len());
        let part = server.client.get(&path).await.body;
        stored.extend(part["events"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(stored, told);
}
