//! The bindings: how operations are asked for over HTTP, and how answers look there.

mod call;
mod rest;
mod rpc;
mod sse;

use agentchains_engine::ports::Right;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use self::call::Call;
use crate::{
    card,
    door::{Door, Host, demand},
    error::A2aError,
    wire::Version,
};

/// Bytes of the largest request: an input as large as may be, and what is around it.
const MAX_BODY: usize = 9 << 20;

/// Where a card stands below its agent's address (section 8.2 of A2A).
const CARD: &str = "/.well-known/agent-card.json";

/// The routes of all agents. Those of version 0.3 over HTTP+JSON stand below `/v1`.
pub(crate) fn routes(door: Door) -> Router {
    let below = Router::new()
        .route(CARD, get(show_card))
        .merge(rest::routes(Version::V1_0))
        .nest("/v1", rest::routes(Version::V0_3));
    Router::new()
        .route(CARD, get(show_only_card))
        .route("/a2a/{agent}", post(rpc::answer))
        // Some clients put a slash behind the address of JSON-RPC.
        .route("/a2a/{agent}/", post(rpc::answer))
        .nest("/a2a/{agent}", below)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(door)
}

/// `GET /.well-known/agent-card.json`: the card of the only agent, where the caller may see just one.
async fn show_only_card(host: Host, mut call: Call) -> Response {
    match call.door.only(&call.caller).await {
        Ok(agent) => {
            call.place.agent = agent;
            show_card(host, call).await
        }
        Err(error) => rest::refusal(&error, &call).into_response(),
    }
}

/// `GET /a2a/{agent}/.well-known/agent-card.json`.
async fn show_card(host: Host, call: Call) -> Response {
    let shown = async {
        let agent = call.agent().await?;
        demand(&call.caller, Right::Read)?;
        // A client of an unknown version learns from the card which there are.
        let version = call.version().unwrap_or(Version::V1_0);
        let url = call.door.url(&host, &call.place.agent);
        Ok(card::answer(
            &agent.profile(),
            &url,
            call.door.needs_key(),
            version,
            &call.headers,
        ))
    };
    shown
        .await
        .unwrap_or_else(|error: A2aError| rest::refusal(&error, &call).into_response())
}
