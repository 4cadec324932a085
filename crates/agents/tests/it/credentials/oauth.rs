//! Tokens for the client's own credentials.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agentchains_agents::{AgentRunner, Resolve};
use agentchains_machine::FailureCode;
use agentchains_ports::{AgentDirectory, DirectoryError};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{CANARY, definition, registry, runner};
use crate::{
    resolving::Answers,
    scripted::{Act, Request, Scripted, http_reply, json_reply, result},
    support::{LONG, NOW, TENANT, attempt, failure, outbound, reply},
};

/// An agent that takes the tokens from this number on.
async fn agent_taking(first: usize) -> Scripted {
    Scripted::start(move |request, base| {
        let token = request.head.split("Bearer token-").nth(1);
        let number = token.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
        if number.is_none_or(|number| number < first) {
            return http_reply("401 Unauthorized", &[], b"");
        }
        if request.head.starts_with("GET ") {
            return json_reply(&crate::scripted::card(base));
        }
        result(request, &json!({"message": {"parts": [{"text": "hi"}]}}))
    })
    .await
}

/// A token server that gives out `token-1`, `token-2` and so on, or what `answer` makes of the number.
async fn token_server(answer: impl Fn(&Request, usize) -> Act + Send + Sync + 'static) -> Scripted {
    let given = Arc::new(AtomicUsize::new(1));
    Scripted::start(move |request, _| answer(request, given.fetch_add(1, Ordering::Relaxed))).await
}

fn token(number: usize, lifetime: &Value) -> Act {
    json_reply(
        &json!({"access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": lifetime}),
    )
}

fn auth(server: &Scripted) -> Value {
    auth_at(&server.url)
}

fn auth_at(server: &str) -> Value {
    json!({"auth": {
        "type": "oauth2_client_credentials", "token_url": format!("{server}/token"), "client_id": "ada",
        "client_secret": {"stored": "canary"}, "scopes": ["read", "write"], "audience": "agents",
    }})
}

#[tokio::test]
async fn one_token_is_fetched_for_many_calls() {
    let (agent, server) = (
        agent_taking(1).await,
        token_server(|_, number| token(number, &json!(3600))).await,
    );
    let runner = runner(&agent.url, &auth(&server)).await;
    for outcome in join_all((0..8).map(|_| attempt(&runner, LONG))).await {
        reply(outcome);
    }
    let asked = server.requests();
    assert_eq!(asked.len(), 1);
    let head = asked[0].head.to_lowercase();
    assert!(head.starts_with("post /token http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    assert!(asked[0].head.contains("authorization: Basic "), "{head}");
}

#[tokio::test]
async fn a_token_that_has_expired_is_fetched_again() {
    for (lifetime, fetches) in [
        (json!(0), 4),
        (json!("3600"), 1),
        (Value::Null, 1),
        (json!(-1), 1),
    ] {
        let shown = lifetime.clone();
        let (agent, server) = (
            agent_taking(1).await,
            token_server(move |_, number| token(number, &lifetime)).await,
        );
        let runner = runner(&agent.url, &auth(&server)).await;
        for _ in 0..2 {
            reply(attempt(&runner, LONG).await);
        }
        // A card and two messages; the second one finds the card remembered.
        assert!(server.requests().len() <= fetches, "{shown}");
        assert_eq!(server.requests().len() == 1, fetches == 1, "{shown}");
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    for (first, works) in [(2, true), (3, false)] {
        let agent = agent_taking(first).await;
        let server = token_server(|_, number| token(number, &json!(3600))).await;
        let outcome = attempt(&runner(&agent.url, &auth(&server)).await, LONG).await;
        if works {
            reply(outcome);
            assert_eq!((agent.requests().len(), server.requests().len()), (3, 2));
        } else {
            assert_eq!(failure(outcome).0.code, FailureCode::AgentAuthError);
            assert_eq!((agent.requests().len(), server.requests().len()), (2, 2));
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_the_secret_in_the_body_gets_it_there() {
    let agent = agent_taking(1).await;
    let server = token_server(|request, number| {
        if request.head.contains("authorization: ") {
            return http_reply("401 Unauthorized", &[], br#"{"error": "invalid_client"}"#);
        }
        token(number, &json!(0))
    })
    .await;
    let runner = runner(&agent.url, &auth(&server)).await;
    reply(attempt(&runner, LONG).await);
    let refused = server
        .requests()
        .iter()
        .filter(|asked| asked.head.contains("authorization: "))
        .count();
    assert_eq!(refused, 1, "what is not taken is not tried again");
}

#[tokio::test]
async fn a_server_that_gives_no_token_is_named_and_not_quoted() {
    let quoted = json!({"error": "invalid_client", "error_description": CANARY}).to_string();
    for (act, transient, said) in [
        (
            http_reply("401 No", &[], quoted.as_bytes()),
            false,
            "HTTP status 401 (invalid_client)",
        ),
        (
            http_reply("500 No", &[], quoted.as_bytes()),
            true,
            "HTTP status 500",
        ),
        (
            json_reply(&json!({"access_token": ""})),
            false,
            "gave no bearer token",
        ),
        (
            json_reply(&json!({"access_token": CANARY, "token_type": "mac"})),
            false,
            "gave no bearer token",
        ),
        (http_reply("200 OK", &[], CANARY.as_bytes()), false, "not JSON"),
    ] {
        let bytes = match act {
            Act::Send(bytes) => bytes,
            _ => unreachable!("these are whole replies"),
        };
        let (agent, server) = (
            agent_taking(1).await,
            token_server(move |_, _| Act::Send(bytes.clone())).await,
        );
        let (failed, unhealthy) = failure(attempt(&runner(&agent.url, &auth(&server)).await, LONG).await);
        assert_eq!(
            (failed.code, failed.retryable),
            (FailureCode::AgentAuthError, transient),
            "{said}"
        );
        assert!(
            failed.message.contains(said) && failed.message.contains(&server.url),
            "{}",
            failed.message
        );
        assert!(!failed.message.contains("c4n4ry") && !failed.reached_agent && !unhealthy);
        assert!(agent.requests().is_empty());
    }
}

#[tokio::test]
async fn a_token_server_where_nobody_may_go_is_refused_as_an_agent_there_is() {
    let agent = agent_taking(1).await;
    let (in_numbers, _) = crate::support::registry("loopback").await;
    let refused = in_numbers
        .register(
            TENANT,
            definition(&agent.url, &auth_at("https://10.0.0.1")),
            None,
            NOW,
        )
        .await;
    let Err(DirectoryError::Invalid {
        pointer,
        code,
        message,
    }) = refused
    else {
        panic!("expected an invalid definition, got {refused:?}");
    };
    assert_eq!((pointer, code), ("/auth/token_url", "agent_address_refused"));
    assert!(message.contains("--allow-agent-addresses"), "{message}");

    let private = Answers::new([vec![[10, 0, 0, 1].into()]]);
    let out = outbound("loopback").with_resolver(private as Arc<dyn Resolve>);
    let by_name = definition(&agent.url, &auth_at("https://tokens.test"));
    let runner = AgentRunner::new(registry(out, by_name).await);
    let (failed, unhealthy) = failure(attempt(&runner, LONG).await);
    assert_eq!(
        (failed.code, failed.retryable, failed.reached_agent, unhealthy),
        (FailureCode::AgentAddressRefused, false, false, false)
    );
    for said in ["https://tokens.test", "10.0.0.1", "--allow-agent-addresses"] {
        assert!(failed.message.contains(said), "{}", failed.message);
    }
    assert!(agent.requests().is_empty());
}
