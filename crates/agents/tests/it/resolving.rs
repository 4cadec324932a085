//! Agents that are given by name: whatever the name resolves to is judged, and nothing else is connected to.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use agentchains_agents::Resolve;
use agentchains_machine::FailureCode;
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    scripted::{Scripted, card, result},
    support::{LONG, attempt, failure, outbound, reply, runner_through},
};

/// Answers each look-up with the next of its answers, the last one for ever.
pub(crate) struct Answers {
    left: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Answers {
    pub(crate) fn new(answers: impl IntoIterator<Item = Vec<IpAddr>>) -> Arc<Self> {
        Arc::new(Self {
            left: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Answers {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut left = self.left.lock().unwrap();
        let answer = if left.len() > 1 {
            left.pop_front()
        } else {
            left.front().cloned()
        };
        answer.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Those of the cases of the server's corpus that need a resolver of their own.
fn cases() -> Vec<Value> {
    let corpus: Value = serde_json::from_str(include_str!(
        "../../../../bins/agentchains/tests/corpus/ssrf.json"
    ))
    .unwrap();
    let cases = corpus["cases"].as_array().unwrap().clone();
    cases
        .into_iter()
        .filter(|case| case["needs"] == "resolver")
        .collect()
}

#[tokio::test]
async fn no_answer_of_a_resolver_leads_to_an_address_that_is_not_allowed() {
    let cases = cases();
    assert!(!cases.is_empty());
    for case in cases {
        let canary = TcpListener::bind("127.0.0.1:0").unwrap();
        canary.set_nonblocking(true).unwrap();
        let url = case["url"].as_str().unwrap().trim_end_matches('/');
        let url = format!("{url}:{}/", canary.local_addr().unwrap().port());
        let answers: Vec<Vec<IpAddr>> = serde_json::from_value(case["dns"].clone()).unwrap();
        let lookups = answers.len();
        let resolver = Answers::new(answers);
        let out = outbound("none").with_resolver(Arc::clone(&resolver) as Arc<dyn Resolve>);
        let runner = runner_through(out, &url).await;
        for lookup in 1..=lookups {
            let (failed, _) = failure(attempt(&runner, Duration::from_millis(200)).await);
            assert!(!failed.reached_agent, "{case}");
            assert_eq!(
                resolver.asked().len(),
                lookup,
                "{case}: each attempt asks the resolver once"
            );
            if lookup == lookups {
                assert_eq!(failed.code, FailureCode::AgentAddressRefused, "{case}");
            }
        }
        let accepted = canary.accept().map_err(|error| error.kind());
        assert_eq!(accepted.err(), Some(io::ErrorKind::WouldBlock), "{case}");
    }
}

/// An agent on loopback that names itself `agent.test`, with its address by that name.
async fn named_agent() -> (Scripted, String) {
    let by_name = |base: &str| base.replace("127.0.0.1", "agent.test");
    let agent = Scripted::agent_with_card(
        move |base| card(&by_name(&base)),
        |request| result(request, &json!({"message": {"parts": [{"text": "hi"}]}})),
    )
    .await;
    let url = by_name(&agent.url);
    (agent, url)
}

#[tokio::test]
async fn of_several_addresses_only_those_are_tried_that_are_allowed() {
    let (_agent, url) = named_agent().await;
    let resolver = Answers::new([vec![[10, 0, 0, 1].into(), Ipv4Addr::LOCALHOST.into()]]);
    let out = outbound("127.0.0.1/32").with_resolver(resolver as Arc<dyn Resolve>);
    let runner = runner_through(out, &url).await;
    let answer = reply(attempt(&runner, LONG).await);
    assert_eq!(answer.output, json!({"text": "hi"}));
}

#[tokio::test]
async fn a_name_that_changes_its_meaning_is_judged_again_for_the_next_connection() {
    let (agent, url) = named_agent().await;
    let resolver = Answers::new([vec![Ipv4Addr::LOCALHOST.into()], vec![[10, 0, 0, 1].into()]]);
    let out = outbound("127.0.0.1/32").with_resolver(Arc::clone(&resolver) as Arc<dyn Resolve>);
    let runner = runner_through(out, &url).await;
    let (failed, _) = failure(attempt(&runner, LONG).await);
    assert_eq!(failed.code, FailureCode::AgentAddressRefused);
    assert_eq!(
        agent.requests().len(),
        1,
        "the agent gave its card and got nothing"
    );
    assert_eq!(resolver.asked(), ["agent.test", "agent.test"]);
}

#[tokio::test]
async fn a_name_without_an_address_is_unreachable() {
    for answers in [vec![], vec![vec![]]] {
        let out = outbound("loopback").with_resolver(Answers::new(answers) as Arc<dyn Resolve>);
        let runner = runner_through(out, "http://agent.test/").await;
        let (failed, unhealthy) = failure(attempt(&runner, LONG).await);
        assert_eq!((failed.code, unhealthy), (FailureCode::AgentUnreachable, true));
        assert!(failed.retryable && !failed.reached_agent);
    }
}
