//! An agent of Google's Agent Development Kit: it takes text only, and says what each call of its model took.

use agentchains_machine::FailureCode;
use agentchains_ports::CallOutcome;
use serde_json::json;

use crate::{
    process::{ForeignAgent, Sdk},
    support::{failure, output, reply},
    way::{Offers, Seen, Way, answered, question},
};

async fn told(way: &Way, words: &str) -> CallOutcome {
    way.call(&way.ask(words, json!({"message": words})), &Seen::default())
        .await
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn adk() {
    let agent = ForeignAgent::start(Sdk::Adk);
    let way = Way::to(&agent, Sdk::Adk, "", Offers::Streaming).await;

    let replied = reply(told(&way, "hello").await);
    let text = output(&replied)["text"].to_string();
    assert!(text.contains("You said: ") && text.contains("hello"), "{text}");

    let usage = reply(told(&way, "look it up").await).usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(3000), Some(30)));
    assert!(!usage.lower_bound, "the stream shows both calls of the model");

    let (failed, _) = failure(told(&way, "break").await);
    assert_eq!(failed.code, FailureCode::AgentFailed);
    assert!(
        failed.message.contains("the model is out of order"),
        "{}",
        failed.message
    );

    let (call, seen) = (way.ask("pay", json!({"message": "pay"})), Seen::default());
    let asked = question(way.call(&call, &seen).await);
    assert_eq!(asked.shown.to_value()[0]["data"]["args"], json!({"sum": 12}));
    let going_on = answered(&call, &asked, seen.task(), None);
    let replied = reply(way.call(&going_on, &Seen::default()).await);
    assert!(output(&replied)["text"].to_string().contains("Go ahead."));
}
