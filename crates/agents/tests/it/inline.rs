//! Agents that documents name by their address.

use agentchains_agents::AgentRunner;
use agentchains_machine::{FailureCode, RemoteCancel, RemoteTask};
use agentchains_ports::{AgentKey, NodeRunner};
use serde_json::json;

use crate::{
    scripted::{Scripted, result, send_result},
    support::NOW,
    support::{Accepted, Ask as _, LONG, TENANT, call, definition, failure, own, registry, reply},
};

async fn runner(allow: &str) -> AgentRunner {
    let (registry, _) = registry(allow).await;
    AgentRunner::new(registry).with_inline_endpoints()
}

#[tokio::test]
async fn an_address_is_called_as_a_registered_agent_is() {
    let output = json!({"artifacts": [{"parts": [{"data": {"n": 1}}]}]});
    let agent = Scripted::agent(move |request| match request.method() {
        "CancelTask" => result(
            request,
            &json!({"id": "t-1", "status": {"state": "TASK_STATE_CANCELED"}}),
        ),
        _ => send_result(request, "COMPLETED", &output),
    })
    .await;
    let runner = runner("loopback").await;
    assert!(runner.profile(&AgentKey::shared(&agent.url)).is_some());
    let outcome = runner
        .ask(&call(&agent.url, json!({}), LONG), &Accepted::default())
        .await;
    assert_eq!(reply(outcome).output, json!({"n": 1}));
    let task = RemoteTask {
        task_id: "t-1".to_owned(),
        context_id: None,
    };
    assert_eq!(
        runner.cancel(&AgentKey::shared(&agent.url), &task).await,
        RemoteCancel::Confirmed
    );
}

#[tokio::test]
async fn an_address_outside_of_the_allowed_ranges_is_refused_when_it_is_called() {
    let runner = runner("none").await;
    let call = call("http://127.0.0.1:9/", json!({}), LONG);
    let (failure, unwell) = failure(runner.ask(&call, &Accepted::default()).await);
    assert_eq!((failure.code, unwell), (FailureCode::AgentAddressRefused, false));
}

#[tokio::test]
async fn what_is_no_address_is_no_agent_and_a_registered_one_keeps_its_profile() {
    let (registry, _) = registry("loopback").await;
    let mut registered = definition("a", "http://127.0.0.1:9/");
    registered.max_cost = Some("0.5".parse().unwrap());
    registry.upsert(TENANT, registered, NOW).await.unwrap();
    let closed = AgentRunner::new(registry);
    let open = closed.clone().with_inline_endpoints();
    for (agent_id, with, without) in [
        ("a", true, true),
        ("b", false, false),
        ("http://127.0.0.1:9/", true, false),
        ("https://agent.example", true, false),
        ("ftp://agent.example", false, false),
        ("http://user@agent.example", false, false),
    ] {
        assert_eq!(
            open.profile(&open.key(TENANT, agent_id)).is_some(),
            with,
            "{agent_id}"
        );
        assert_eq!(
            closed.profile(&closed.key(TENANT, agent_id)).is_some(),
            without,
            "{agent_id}"
        );
    }
    assert!(open.profile(&own("a")).unwrap().terms.max_cost.is_some());
}

#[tokio::test]
async fn without_leave_an_address_is_an_agent_that_is_not_there() {
    let (registry, _) = registry("loopback").await;
    let runner = AgentRunner::new(registry);
    let call = call("http://127.0.0.1:9/", json!({}), LONG);
    let (failure, _) = failure(runner.ask(&call, &Accepted::default()).await);
    assert_eq!(
        (failure.code, failure.reached_agent),
        (FailureCode::AgentDisabled, false)
    );
}
