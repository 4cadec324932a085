//! Who may do what, and what does not exist for whom.

use agentchains_engine::{Caller, ports::Role};
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::{
    client::{Act, Client, Way, message, reply, state},
    server::{Server, asking, echo, gated, person},
};

const NOBODYS: &str = "019b76da-a800-7000-8000-000000000001";

async fn whole(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn each_operation_needs_its_right() {
    let server = Server::start();
    let workflow = server.publish(&asking(&json!({"message": "Pay?"}))).await;
    for way in Way::ALL {
        let client = Client::new(&server, &workflow, way);
        let name = format!("{way:?}");
        let task = client
            .send(message(&name, json!([{"text": "go"}])))
            .await
            .unwrap();
        let answer = |id: &str| json!({"message": reply(id, &task, json!([{"text": "approve"}]))});
        let id = json!({"id": task["id"]});
        let mut acts = vec![
            (
                Act::Send,
                json!({"message": message("x", json!([{"text": "go"}]))}),
                &[Role::Runner, Role::Admin][..],
            ),
            (
                Act::Stream,
                json!({"message": message("y", json!([{"text": "go"}]))}),
                &[Role::Runner, Role::Admin],
            ),
            (Act::Send, answer("r"), &[Role::Approver, Role::Admin]),
            (Act::Cancel, id.clone(), &[Role::Runner, Role::Admin]),
            (Act::Get, id, &Role::ALL),
        ];
        if way != Way::OldRpc {
            acts.push((Act::List, json!({}), &Role::ALL));
        }
        for (act, params, roles) in acts {
            for role in Role::ALL {
                let response = client.by(person(role, "default")).ask(act, params.clone()).await;
                let is_refused = response.status() == 403;
                assert_eq!(is_refused, !roles.contains(&role), "{act:?} by {role} on {way:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_offered_is_as_if_it_were_not_there() {
    let server = Server::start();
    let hidden = server.create(&echo()).await;
    let archived = server.publish(&echo()).await;
    let caller = Caller::anonymous();
    server.archive(&archived).await;
    let withdrawn = server.publish(&echo()).await;
    server.set_published(&withdrawn, false).await;
    let other = server.publish(&echo()).await;
    let stranger = person(Role::Admin, "elsewhere");
    for way in Way::ALL {
        for act in [
            Act::Send,
            Act::Stream,
            Act::Get,
            Act::Cancel,
            Act::Subscribe,
            Act::Push,
            Act::ExtendedCard,
        ] {
            let params = json!({"id": NOBODYS, "message": message("m", json!([{"text": "go"}]))});
            let answer = async |agent: &str, caller: Caller| {
                let client = Client::new(&server, agent, way).by(caller);
                whole(client.ask(act, params.clone()).await).await
            };
            let none = answer(NOBODYS, caller.clone()).await;
            assert_eq!(none.0, 404, "{act:?} on {way:?}: {}", none.1);
            for agent in [&*hidden, &archived, &withdrawn, "no-id", "tck"] {
                assert_eq!(answer(agent, caller.clone()).await, none, "{act:?} on {way:?}");
            }
            assert_eq!(answer(&other, stranger.clone()).await, none, "{act:?} on {way:?}");
        }
    }
    let card = async |agent: &str, caller: Option<Caller>| {
        let mut request = Request::get(format!("/a2a/{agent}/.well-known/agent-card.json"))
            .body(Body::empty())
            .unwrap();
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        whole(server.send(request).await).await
    };
    let none = card(NOBODYS, None).await;
    assert_eq!(none.0, 404);
    for agent in [&*hidden, &archived, &withdrawn, "no-id", "tck"] {
        assert_eq!(card(agent, None).await, none);
    }
    assert_eq!(card(&other, Some(stranger)).await, none);
    assert_eq!(card(&other, None).await.0, 200);
}

#[tokio::test]
async fn every_workflow_that_is_not_archived_can_be_offered() {
    let server = Server::with(|server| server.publish_all = true);
    let client = Client::new(&server, &server.create(&echo()).await, Way::Rpc);
    let task = client
        .send(message("m", json!([{"text": "hello"}])))
        .await
        .unwrap();
    assert_eq!(state(&task), "completed");
    let archived = server.create(&echo()).await;
    server.archive(&archived).await;
    let client = Client::new(&server, &archived, Way::Rpc);
    let refused = client.ask(Act::Get, json!({"id": NOBODYS})).await;
    assert_eq!(refused.status(), 404);
}

#[tokio::test]
async fn a_task_of_another_workflow_or_tenant_is_as_if_it_were_not_there() {
    let server = Server::start();
    let (one, other) = (server.publish(&gated()).await, server.publish(&gated()).await);
    for way in Way::ALL {
        let start = json!([{"text": "go"}]);
        let there = Client::new(&server, &other, way);
        let foreign = there
            .send_at_once(message(&format!("{way:?}"), start))
            .await
            .unwrap();
        let here = Client::new(&server, &one, way);
        for act in [Act::Get, Act::Cancel, Act::Subscribe, Act::Send, Act::Stream] {
            let params = |id: &Value| {
                let message = reply("r", &json!({"id": id}), json!([{"text": "yes"}]));
                match act {
                    Act::Send | Act::Stream => json!({"message": message}),
                    _ => json!({"id": id}),
                }
            };
            let none = whole(here.ask(act, params(&json!(NOBODYS))).await).await;
            assert!(
                none.1.contains("TASK_NOT_FOUND"),
                "{act:?} on {way:?}: {}",
                none.1
            );
            for id in [&foreign["id"], &json!("no-id")] {
                assert_eq!(
                    whole(here.ask(act, params(id)).await).await,
                    none,
                    "{act:?} on {way:?}"
                );
            }
        }
        there.cancel(foreign["id"].as_str().unwrap()).await.unwrap();
    }
}
