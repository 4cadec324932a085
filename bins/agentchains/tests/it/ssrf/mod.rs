//! Addresses that must not be connected to, by every door through which one comes in: each case of the corpus against
//! the real server.

mod corpus;

use std::{collections::BTreeMap, io, net::TcpListener, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use self::corpus::{Case, Corpus, Decided, Door, Outcome};
use crate::{
    client::{Answer, Client},
    hostile_agents::{
        agent::HostileAgent,
        corpus::{Act, Behaviour, Body},
    },
    server::Server,
};

/// What the server is given as the credential of agents, and where it finds it.
const SECRET: (&str, &str) = ("SSRF_AGENT_TOKEN", "sesame-2c81e0");

/// What stands before the @ of an address.
const PASSWORD: &str = "user:pass";

/// Within this a node that may not connect fails.
const FAILS_WITHIN: Duration = Duration::from_secs(3);

/// Where proxies are usually named.
const PROXY_VARIABLES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Headers that name a target elsewhere.
const TARGET_HEADERS: [&str; 4] = ["x-agent-url", "x-forwarded-host", "x-original-url", "forwarded"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_comes_out_as_the_corpus_says() {
    let corpus: Corpus = serde_json::from_str(include_str!("../../corpus/ssrf.json")).unwrap();
    let mut wrong = Vec::new();
    let mut stages = BTreeMap::new();
    for case in corpus.cases {
        if let Some(reason) = case.skipped() {
            println!("skipped: {} ({}): {reason}", case.id, case.what);
            continue;
        }
        // What proxies a server is told of stands in its environment.
        let is_proxied = matches!(case.door, Door::Proxy);
        let key = (case.allow.clone(), is_proxied);
        if !stages.contains_key(&key) {
            stages.insert(key.clone(), Stage::open(&case.allow, is_proxied).await);
        }
        if let Err(found) = stages[&key].play(&case).await {
            wrong.push(format!("{} ({}): {found}", case.id, case.what));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A server for all cases with the same settings, and a listener on loopback that waits for connections.
struct Stage {
    server: Server,
    canary: TcpListener,
    _folder: TempDir,
}

impl Stage {
    async fn open(allow: &str, is_proxied: bool) -> Self {
        // Sees connections to every address of loopback, where there is IPv6 to those of IPv6, too.
        let canary = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"));
        let canary = canary.unwrap();
        canary.set_nonblocking(true).unwrap();
        let proxy = format!("http://127.0.0.1:{}/", canary.local_addr().unwrap().port());
        let mut variables = vec![SECRET];
        if is_proxied {
            variables.extend(PROXY_VARIABLES.map(|name| (name, proxy.as_str())));
        }
        let folder = tempfile::tempdir().unwrap();
        let flags = ["--allow-agent-addresses", allow];
        Self {
            server: Server::serve_with(folder.path(), &flags, &variables).await,
            canary,
            _folder: folder,
        }
    }

    /// Plays a case, and says what was wrong.
    async fn play(&self, case: &Case) -> Result<(), String> {
        let port = self.canary.local_addr().unwrap().port();
        let url = case.url.replace("{port}", &port.to_string());
        match case.door {
            Door::Register => self.register(case, &url).await,
            Door::Discover => {
                let answer = self.client().post("/agents/discover", &json!({"url": url})).await;
                refused(&answer)
            }
            Door::Card => self.fails(&case.id, names_in_its_card(&url), url).await,
            Door::Redirect => {
                let status = case.status.ok_or("a redirect has a status")?;
                self.fails(&case.id, redirects(status), url).await
            }
            Door::Header | Door::Proxy | Door::Run => self.completes(&case.id, &url).await,
            Door::Webhook => {
                let answer = self.client().post("/webhooks", &json!({"url": url})).await;
                refused(&answer)
            }
        }?;
        let mut connections = 0;
        loop {
            match self.canary.accept() {
                Ok(_) => connections += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        let expected = case.expect.connections;
        check(connections == expected, || {
            format!("{connections} connections, not {expected}")
        })
    }

    async fn register(&self, case: &Case, url: &str) -> Result<(), String> {
        let agent = json!({"agent_id": case.id, "url": url});
        let answer = self.client().post("/agents", &agent).await;
        if case.expect.outcome == Outcome::Registered {
            return check(answer.status == 201, || format!("not registered: {answer:?}"));
        }
        if case.expect.decided == Some(Decided::AtOnce) || answer.status != 201 {
            return refused(&answer);
        }
        self.node_fails(&case.id).await
    }

    /// An agent that leads elsewhere is registered, and the node that calls it fails.
    async fn fails(&self, agent_id: &str, behaviour: Behaviour, elsewhere: String) -> Result<(), String> {
        let agent = HostileAgent::start(behaviour, elsewhere).await;
        register_own(self.client(), agent_id, &agent.url).await?;
        self.node_fails(agent_id).await
    }

    async fn node_fails(&self, agent_id: &str) -> Result<(), String> {
        let workflow = self.client().create(&document(agent_id)).await;
        let execution = self.client().execute(&workflow, &json!({})).await;
        let end = self.client().follow(&execution, 0).await.rest();
        let events = timeout(FAILS_WITHIN, end)
            .await
            .map_err(|_| "it did not end in time")?;
        let node = self.client().node(&execution, "a").await;
        check(node["status"] == "failed", || format!("not failed: {node}"))?;
        is_discreet(&json!([node, events]))
    }

    /// An honest agent is called, whatever headers and the environment say.
    async fn completes(&self, agent_id: &str, elsewhere: &str) -> Result<(), String> {
        let agent = HostileAgent::start(Behaviour::honest("true"), String::new()).await;
        register_own(self.client(), agent_id, &agent.url).await?;
        let workflow = self.client().create(&document(agent_id)).await;
        let mut request = self
            .client()
            .request("POST", &format!("/workflows/{workflow}/execute"))
            .header("content-type", "application/json");
        for name in TARGET_HEADERS {
            request = request.header(name, elsewhere);
        }
        let body = Full::new(Bytes::from_static(b"{}"));
        let started = self.client().exchange(request.body(body).unwrap()).await;
        let execution = started.body["execution_id"].as_str().ok_or("not started")?;
        self.client().follow(execution, 0).await.rest().await;
        let ended = self.client().execution(execution).await;
        check(ended["status"] == "completed" && agent.messages() == 1, || {
            format!("the agent was not called: {ended}")
        })
    }

    fn client(&self) -> &Client {
        &self.server.client
    }
}

fn names_in_its_card(url: &str) -> Behaviour {
    let interface = json!({"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"});
    let card = json!({"name": "Elsewhere", "supportedInterfaces": [interface]});
    Behaviour {
        card: Some(Body::Text {
            text: card.to_string(),
        }),
        ..Behaviour::honest("true")
    }
}

fn redirects(status: u16) -> Behaviour {
    Behaviour {
        act: Act::RedirectToCanary(status),
        ..Behaviour::honest("true")
    }
}

fn document(agent_id: &str) -> Value {
    let node = json!({
        "id": "a", "type": "agent_call", "agent_id": agent_id, "timeout": "2s", "retry": {"max_attempts": 1},
    });
    json!({"name": agent_id, "nodes": [node]})
}

/// Registers an agent on this machine, with a credential.
async fn register_own(client: &Client, agent_id: &str, url: &str) -> Result<(), String> {
    let auth = json!({"type": "bearer", "token": {"env": SECRET.0}});
    let agent = json!({"agent_id": agent_id, "url": url, "auth": auth});
    let answer = client.post("/agents", &agent).await;
    check(answer.status == 201, || format!("not registered: {answer:?}"))
}

/// The address was refused where it was given.
fn refused(answer: &Answer) -> Result<(), String> {
    let found = &answer.body["errors"][0]["pointer"];
    check(answer.status == 422 && found == "/url", || {
        format!("not refused: {answer:?}")
    })?;
    is_discreet(&answer.body)
}

fn is_discreet(shown: &Value) -> Result<(), String> {
    let shown = shown.to_string();
    check(!shown.contains(SECRET.1) && !shown.contains(PASSWORD), || {
        format!("a credential is shown: {shown}")
    })
}

fn check(holds: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong()) }
}
