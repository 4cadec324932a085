//! Language models behind chat completions.

use agentchains_machine::Call;
use serde_json::{Value, json};

use super::{attempt, runner};
use crate::{
    scripted::{Act, Scripted, http_reply, json_reply},
    support::{Accepted, Ask as _, LONG, NOW, call, failure, reply},
};

fn completion() -> Act {
    json_reply(&json!({
        "model": "small-2",
        "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 6},
            "completion_tokens": 4,
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
    }))
}

/// What is sent for a config, by an agent with these settings.
async fn sent(settings: Value, config: Value) -> Value {
    let server = Scripted::start(|_, _| completion()).await;
    let runner = runner(
        &format!("{}/v1/", server.url),
        "openai",
        json!({"openai": settings}),
    )
    .await;
    reply(attempt(&runner, config).await);
    let request = server.requests().pop().unwrap();
    assert!(
        request.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{}",
        request.head
    );
    request.body
}

#[tokio::test]
async fn the_config_says_what_is_asked_and_the_settings_fill_in() {
    let settings = json!({"model": "small", "system": "Be brief.", "max_tokens": 9, "temperature": 0.5});
    let body = sent(settings.clone(), json!({"prompt": "Hi"})).await;
    let asked = json!({
        "model": "small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "temperature": 0.5,
    });
    assert_eq!(body, asked);
    let config = json!({
        "model": "large",
        "message": "Hi",
        "system": "Be long.",
        "temperature": 1,
        "max_completion_tokens": 50,
        "response_format": "json_object",
        "tools": [{"type": "function"}],
        "stream": true,
    });
    let asked = json!({
        "model": "large",
        "messages": [{"role": "system", "content": "Be long."}, {"role": "user", "content": "Hi"}],
        "temperature": 1,
        "max_completion_tokens": 50,
        "response_format": {"type": "json_object"},
    });
    assert_eq!(sent(settings, config).await, asked);
}

#[tokio::test]
async fn an_output_that_must_fit_a_schema_is_asked_for_with_it() {
    let server = Scripted::start(|_, _| completion()).await;
    let settings = json!({"openai": {"model": "small"}});
    let runner = runner(&format!("{}/v1", server.url), "openai", settings).await;
    let schema = json!({"type": "object", "required": ["answer"]});
    let call = Call {
        output_schema: Some(schema.clone().into()),
        ..call("a", json!({"prompt": "Hi"}), LONG)
    };
    reply(runner.ask(&call, &Accepted::default()).await);
    let format = &server.requests().pop().unwrap().body["response_format"];
    assert_eq!(
        *format,
        json!({"type": "json_schema", "json_schema": {"name": "output", "schema": schema}})
    );
}

#[tokio::test]
async fn messages_are_taken_as_they_are_and_without_a_prompt_the_data_are_it() {
    let messages = json!([{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]);
    let config = json!({"messages": messages, "prompt": "not this"});
    let body = sent(json!({"model": "m", "system": "nor this"}), config).await;
    assert_eq!(body["messages"], messages);
    let body = sent(json!({"model": "m"}), json!({"depth": 2})).await;
    let data: Value = serde_json::from_str(body["messages"][0]["content"].as_str().unwrap()).unwrap();
    assert_eq!(
        data,
        json!({
            "config": {"depth": 2},
            "input": {"topic": "quantum computing"},
            "upstream": {"before": {"text": "It is so."}},
        })
    );
}

#[tokio::test]
async fn the_answer_is_the_output_and_its_tokens_are_counted() {
    let server = Scripted::start(|_, _| completion()).await;
    let runner = runner(&server.url, "openai", json!({"openai": {"model": "small"}})).await;
    let reply = reply(attempt(&runner, json!({})).await);
    assert_eq!(reply.output, json!({"text": "hello"}));
    let usage = reply.usage.unwrap();
    assert_eq!(
        [
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            usage.reasoning_tokens
        ],
        [Some(10), Some(6), Some(4), Some(3)]
    );
    assert_eq!(usage.model.as_deref(), Some("small-2"));
}

#[tokio::test]
async fn without_a_model_nothing_is_sent() {
    let server = Scripted::start(|_, _| completion()).await;
    let runner = runner(&server.url, "openai", json!({})).await;
    let (failure, unhealthy) = failure(attempt(&runner, json!({"prompt": "Hi"})).await);
    assert_eq!(
        (
            failure.code.as_str(),
            failure.retryable,
            failure.reached_agent,
            unhealthy
        ),
        ("agent_failed", false, false, false)
    );
    assert!(failure.message.contains("which model"), "{}", failure.message);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_error_is_quoted_in_the_words_of_the_server() {
    let body = br#"{"error": {"message": "Slow\ndown", "type": "rate_limit", "code": "tpm"}}"#;
    let server =
        Scripted::start(|_, _| http_reply("429 Too Many Requests", &[("Retry-After", "2")], body)).await;
    let runner = runner(&server.url, "openai", json!({"openai": {"model": "m"}})).await;
    let (failure, unhealthy) = failure(attempt(&runner, json!({})).await);
    assert_eq!(
        (failure.code.as_str(), failure.retryable, unhealthy),
        ("agent_rate_limited", true, true)
    );
    let two_seconds = jiff::SignedDuration::from_secs(2);
    assert_eq!(failure.retry_after, NOW.checked_add(two_seconds).ok());
    assert!(
        failure.message.contains("said: Slow down (rate_limit, tpm);"),
        "{}",
        failure.message
    );
}
