//! Who may do what, with keys.

use std::{num::NonZeroU32, time::Duration};

use agentchains_engine::ports::{ApiKeyStore, RateLimit, Right, Role, Seconds};
use agentchains_http::{Operation, ServerOptions, new_api_key, operations};
use agentchains_testkit::MemoryStore;
use axum::{body::Body, http::Method};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Api, Reply, Server, and, chain, questions, request, text, with_json};

/// Adds a key and gives it with its id.
async fn key(keys: &MemoryStore, tenant: &str, role: Role) -> (String, String) {
    let new = new_api_key(
        tenant,
        role,
        &format!("{role} of {tenant}"),
        Timestamp::UNIX_EPOCH,
    )
    .unwrap();
    keys.add_api_key(&new.record).await.unwrap();
    (new.key, new.record.id)
}

/// Somebody with a key.
struct Person<'a> {
    api: &'a Api,
    authorization: String,
}

impl<'a> Person<'a> {
    async fn new(api: &'a Api, keys: &MemoryStore, tenant: &str, role: Role) -> Self {
        let (key, _) = key(keys, tenant, role).await;
        Self {
            api,
            authorization: format!("Bearer {key}"),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Reply {
        let request = match body {
            Value::Null => request(method, path, Body::empty()),
            body => with_json(method, path, body),
        };
        self.api
            .send(and(request, "authorization", &self.authorization))
            .await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask(Method::POST, path, body).await
    }

    /// Runs a new workflow until it rests, and gives the execution.
    async fn run(&self, editor: &Self, workflow: Value) -> Value {
        let id = text(&editor.post("/workflows", workflow).await.expect(201)["id"]);
        let path = format!("/workflows/{id}/execute?wait=60");
        self.post(&path, json!({})).await.expect(200)
    }
}

/// Nothing has it.
const SOME_ID: &str = "019b76da-a800-7000-8000-000000000001";

/// A path with some id in each place of one.
fn path_of(operation: &Operation) -> String {
    operation
        .path
        .replace("{id}", SOME_ID)
        .replace("{key}", "sequential-pipeline")
}

#[tokio::test]
async fn every_role_may_call_exactly_what_its_rights_allow() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    for role in Role::ALL {
        let person = Person::new(&api, &keys, "acme", role).await;
        for operation in operations() {
            // Who may not run may resume by a decision alone.
            let body = match operation.path {
                "/executions/{id}/resume" if role == Role::Approver => {
                    json!({"approval_id": SOME_ID, "decision": "approve"})
                }
                _ => Value::Null,
            };
            let reply = person
                .ask(operation.method.clone(), &path_of(&operation), body)
                .await;
            let may = role.rights().has_any(operation.rights);
            let status = reply.status.as_u16();
            let told = format!("{role}: {} {}", operation.method, operation.path);
            if may {
                assert!(
                    status != 401 && status != 403 && status < 500,
                    "{told} gave {status}"
                );
            } else {
                reply.problem(403, "forbidden");
            }
        }
    }
}

#[test]
fn roles_have_the_rights_that_their_names_say() {
    use Right::{Administer, Decide, Edit, Read, Run};
    for (role, rights) in [
        (Role::Viewer, &[Read][..]),
        (Role::Runner, &[Read, Run]),
        (Role::Approver, &[Read, Decide]),
        (Role::Editor, &[Read, Edit]),
        (Role::Admin, &[Read, Run, Decide, Edit, Administer]),
    ] {
        for right in Right::ALL {
            assert_eq!(
                role.rights().has(right),
                rights.contains(&right),
                "{role} {right:?}"
            );
        }
    }
}

#[tokio::test]
async fn nothing_but_the_health_checks_answers_without_a_key() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    let (good, id) = key(&keys, "acme", Role::Admin).await;
    let forged = format!("Bearer ac_{id}_{}", "0".repeat(64));
    let (revoked, revoked_id) = key(&keys, "acme", Role::Admin).await;
    keys.revoke_api_key(&revoked_id, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let shown = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Basic {good}")),
        Some(good.clone()),
        Some(format!("Bearer {good}x")),
        Some(forged),
        Some(format!("Bearer {revoked}")),
    ];
    for operation in operations() {
        let ask = || request(operation.method.clone(), &path_of(&operation), Body::empty());
        for shown in &shown {
            let asked = match shown {
                Some(shown) => and(ask(), "authorization", shown),
                None => ask(),
            };
            let reply = api.send(asked).await;
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{shown:?}");
            let problem = reply.problem(401, "unauthenticated");
            assert!(!problem.to_string().contains(&good[20..]), "{problem}");
        }
    }
    api.get("/healthz").await.expect(200);
    api.get("/readyz").await.expect(200);
    let reply = api.send(and(
        request(Method::GET, "/workflows", Body::empty()),
        "authorization",
        &format!("bearer {good}"),
    ));
    reply.await.expect(200);
}

#[tokio::test]
async fn what_belongs_to_another_tenant_answers_as_what_does_not_exist() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    let (ours, theirs) = (
        Person::new(&api, &keys, "acme", Role::Admin).await,
        Person::new(&api, &keys, "other", Role::Admin).await,
    );
    let execution = ours.run(&ours, questions(1)).await;
    let approvals = ours.get("/approvals").await.expect(200);
    let agent = json!({"agent_id": "ours", "url": "http://ours.test"});
    ours.post("/agents", agent.clone()).await.expect(201);
    let known = [
        ("agents", "ours".to_owned()),
        ("workflows", text(&execution["workflow_id"])),
        ("executions", text(&execution["id"])),
        ("approvals", text(&approvals["approvals"][0]["id"])),
    ];
    for operation in operations() {
        let of = known
            .iter()
            .find(|(kind, _)| operation.path.starts_with(&format!("/{kind}/{{")));
        let Some((kind, id)) = of else { continue };
        let body = match operation.path {
            path if path.ends_with("/decision") => json!({"decision": "approve"}),
            "/workflows/{id}" if operation.method == Method::PUT => questions(1),
            "/agents/{agent_id}" if operation.method == Method::PUT => json!({"url": "http://theirs.test"}),
            _ => Value::Null,
        };
        let ask = async |id: &str| {
            let path = operation.path.replace("{id}", id).replace("{agent_id}", id);
            let reply = theirs.ask(operation.method.clone(), &path, body.clone()).await;
            let same = reply.text.replace(id, "ID");
            let request_id = reply.header("x-request-id").unwrap().to_owned();
            (reply.status, same.replace(&request_id, "REQUEST"))
        };
        assert_eq!(ask(id).await, ask(SOME_ID).await, "{} {kind}", operation.method);
    }
    for list in ["/workflows", "/executions", "/approvals", "/agents"] {
        let listed = theirs.get(list).await.expect(200);
        assert_eq!(listed[&list[1..]], json!([]), "{list}");
    }
    // An id is free to each tenant.
    theirs.post("/agents", agent).await.expect(201);
    ours.get(&format!("/executions/{}", text(&execution["id"])))
        .await
        .expect(200);
}

#[tokio::test]
async fn records_name_who_the_key_belongs_to_and_nobody_else() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    let admin = Person::new(&api, &keys, "acme", Role::Admin).await;
    let approver = Person::new(&api, &keys, "acme", Role::Approver).await;
    let execution = admin.run(&admin, questions(1)).await;
    assert_eq!(execution["initiated_by"], "admin of acme");
    let approvals = approver.get("/approvals").await.expect(200);
    let path = format!("/approvals/{}/decision", text(&approvals["approvals"][0]["id"]));
    let problem = approver
        .post(&path, json!({"decision": "approve", "by": "the boss"}))
        .await;
    assert_eq!(
        problem.problem(422, "invalid_value")["errors"][0]["pointer"],
        "/by"
    );
    let decided = approver
        .post(&path, json!({"decision": "approve"}))
        .await
        .expect(200);
    assert_eq!(decided["decisions"][0]["by"], "approver of acme");
}

#[tokio::test]
async fn a_runner_resumes_and_an_approver_decides_and_neither_does_the_other() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    let editor = Person::new(&api, &keys, "acme", Role::Editor).await;
    let runner = Person::new(&api, &keys, "acme", Role::Runner).await;
    let approver = Person::new(&api, &keys, "acme", Role::Approver).await;
    let execution = runner.run(&editor, questions(1)).await;
    let resume = format!("/executions/{}/resume", text(&execution["id"]));
    let approvals = runner.get("/approvals").await.expect(200);
    let approval_id = text(&approvals["approvals"][0]["id"]);
    let decision = json!({"approval_id": approval_id, "decision": "approve"});
    runner.post(&resume, Value::Null).await.problem(403, "forbidden");
    runner
        .post(&resume, decision.clone())
        .await
        .problem(403, "forbidden");
    approver
        .post(&resume, Value::Null)
        .await
        .problem(403, "forbidden");
    approver.post(&resume, decision).await.expect(200);

    let id = text(&editor.post("/workflows", chain(&["gate"])).await.expect(201)["id"]);
    let started = runner
        .post(&format!("/workflows/{id}/execute"), json!({}))
        .await
        .expect(202);
    let held = format!("/executions/{}", text(&started["execution_id"]));
    runner
        .post(&format!("{held}/pause"), Value::Null)
        .await
        .expect(200);
    approver
        .post(&format!("{held}/resume"), Value::Null)
        .await
        .problem(403, "forbidden");
    runner
        .post(&format!("{held}/resume"), Value::Null)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_socket_is_closed_soon_after_its_key_was_revoked() {
    let keys = MemoryStore::new();
    let server = Server::behind(&keys).await;
    let (key, id) = key(&keys, "acme", Role::Viewer).await;
    assert_eq!(server.open("/ws", None).await.err(), Some(401));
    let shown = ("authorization", format!("Bearer {key}"));
    let mut client = server.open_with("/ws", Some(shown)).await.unwrap();
    keys.revoke_api_key(&id, Timestamp::UNIX_EPOCH).await.unwrap();
    tokio::time::pause();
    let closed = client.close().await;
    assert_eq!(
        (u16::from(closed.code), closed.reason.as_str()),
        (1008, "the key was revoked")
    );
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() {
    let keys = MemoryStore::new();
    let options = ServerOptions {
        rate_limit: Some(RateLimit {
            calls: NonZeroU32::new(2).unwrap(),
            per: Seconds(Duration::from_secs(7200)),
        }),
        ..ServerOptions::default()
    };
    let api = Api::behind_with_options(&keys, options);
    let busy = Person::new(&api, &keys, "acme", Role::Viewer).await;
    let other = Person::new(&api, &keys, "acme", Role::Viewer).await;
    busy.get("/workflows").await.expect(200);
    busy.get("/agents").await.expect(200);
    let refused = busy.get("/workflows").await;
    let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    refused.problem(429, "rate_limited");
    other.get("/workflows").await.expect(200);
}

#[tokio::test]
async fn events_tell_who_started_paused_resumed_and_cancelled() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    let admin = Person::new(&api, &keys, "acme", Role::Admin).await;
    let runner = Person::new(&api, &keys, "acme", Role::Runner).await;
    let id = text(&admin.post("/workflows", chain(&["gate"])).await.expect(201)["id"]);
    let started = admin
        .post(&format!("/workflows/{id}/execute"), json!({}))
        .await
        .expect(202);
    let path = format!("/executions/{}", text(&started["execution_id"]));
    for (person, action) in [(&runner, "pause"), (&admin, "resume"), (&runner, "cancel")] {
        person
            .post(&format!("{path}/{action}"), Value::Null)
            .await
            .expect(200);
    }
    let listed = admin.get(&format!("{path}/events")).await.expect(200);
    let events = listed["events"].as_array().unwrap().iter();
    let told: Vec<(&str, &str)> = events
        .filter_map(|event| Some((event["type"].as_str()?, event["data"]["by"].as_str()?)))
        .collect();
    assert_eq!(
        told,
        [
            ("execution.started", "admin of acme"),
            ("execution.paused", "runner of acme"),
            ("execution.resumed", "admin of acme"),
            ("execution.cancelling", "runner of acme"),
        ]
    );
}

#[tokio::test]
async fn mine_are_the_questions_that_the_key_may_decide() {
    let keys = MemoryStore::new();
    let api = Api::behind(&keys);
    let admin = Person::new(&api, &keys, "acme", Role::Admin).await;
    let approver = Person::new(&api, &keys, "acme", Role::Approver).await;
    let viewer = Person::new(&api, &keys, "acme", Role::Viewer).await;
    for approvers in [
        json!([]),
        json!(["role:approver"]),
        json!(["user:somebody else"]),
        json!(["user:admin of acme"]),
    ] {
        let question = json!({"id": "ask", "type": "human_approval", "config": {"message": "?", "approvers": approvers}});
        admin
            .run(&admin, json!({"name": "asks", "nodes": [question], "edges": []}))
            .await;
    }
    for (person, count) in [(&admin, 2), (&approver, 2), (&viewer, 0)] {
        // One at a time, so that parts without any are passed over.
        let (mut found, mut cursor) = (0, String::new());
        loop {
            let list = person
                .get(&format!("/approvals?mine=true&limit=1{cursor}"))
                .await
                .expect(200);
            found += list["approvals"].as_array().unwrap().len();
            match list["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, count, "{}", person.authorization);
    }
}
