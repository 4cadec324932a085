//! Agents on the SDKs of A2A itself.

use std::sync::Arc;

use crate::{
    behaviours::check_all,
    process::{ForeignAgent, Sdk},
    way::{
        Offers::{self, OldPolling, OldStreaming, Polling, Streaming},
        Way,
    },
};

async fn check(sdk: Sdk, offered: &[(&'static str, Offers)]) {
    let agent = ForeignAgent::start(sdk);
    let mut ways = Vec::new();
    for (path, offers) in offered {
        ways.push(Arc::new(Way::to(&agent, sdk, path, *offers).await));
    }
    check_all(ways).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn python_1_3() {
    let offered = [
        ("/jsonrpc", Streaming),
        ("/polling", Polling),
        ("/rest", Streaming),
        ("/rest-polling", Polling),
        ("/compat", OldStreaming),
    ];
    check(Sdk::Python1, &offered).await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn python_0_3() {
    check(
        Sdk::Python03,
        &[("/streaming", OldStreaming), ("/polling", OldPolling)],
    )
    .await;
}

#[tokio::test]
#[ignore = "`cargo xtask test` installs the agent"]
async fn js_1_3() {
    let offered = [
        ("/jsonrpc", Streaming),
        ("/polling", Polling),
        ("/rest", Streaming),
        ("/compat", OldStreaming),
    ];
    check(Sdk::Js1, &offered).await;
}
