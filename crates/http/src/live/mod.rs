//! Live events over WebSockets (RFC 6455), and of one execution as a stream.
//!
//! One loop serves every socket; what differs is where its events come from. What is sent is what `/events`
//! has, in the same order and with the same numbers; nothing is known here that could not be read again.

mod client;
mod frame;
mod socket;
mod source;
pub(crate) mod stream;

use std::time::Duration;

use agentchains_engine::machine::ExecutionId;
use axum::{
    Extension,
    extract::{WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

pub use self::frame::event_text;
use self::{socket::Socket, source::Source};
use crate::{
    app::Api,
    extract::{Id, Query},
    problem::{Finding, Problem},
    routes::executions::sequence,
    server::Place,
};

/// How often it is seen to it that a client may still be here.
const ADMITTED_EVERY: Duration = Duration::from_secs(2);

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `GET /ws`: everything that the caller may see, from this moment on.
pub(crate) async fn everything(
    api: Api,
    headers: HeaderMap,
    mut query: Query,
    place: Option<Extension<Place>>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    api.origins.check(&headers)?;
    if query.text("after").is_some() {
        query.refuse(
            "after",
            "has no meaning for all executions at once; use /executions/{id}/ws",
        );
    }
    query.finish()?;
    let notices = api.engine.notices(&api.caller().tenant);
    open(api, Source::Everything(notices), place, upgrade)
}

/// `GET /executions/{id}/ws`: one execution, from the event after `?after=` on to the terminal one.
pub(crate) async fn execution(
    api: Api,
    Id(id): Id<ExecutionId>,
    headers: HeaderMap,
    mut query: Query,
    place: Option<Extension<Place>>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    api.origins.check(&headers)?;
    let after = query.parsed("after", "the sequence number of an event, or 0", sequence);
    query.finish()?;
    let after = after.unwrap_or(0);
    let last = api.engine.execution(api.caller(), id).await?.last_seq;
    if after > last {
        let message = format!("the execution's last event is number {last}");
        return Err(Problem::invalid(vec![Finding::new(
            "invalid_value",
            "/after",
            message,
        )]));
    }
    let events = api.engine.follow(api.caller(), id, after).await?;
    open(api, Source::Execution(id, Box::new(events)), place, upgrade)
}

fn open(
    api: Api,
    source: Source,
    place: Option<Extension<Place>>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            rejection.body_text(),
        )
        .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
    })?;
    // Counts the socket among what the server waits for when it ends.
    let under_way = api.tasks.token();
    Ok(socket::limited(upgrade).on_upgrade(async move |socket| {
        Socket::new(socket, api).run(source).await;
        drop((under_way, place));
    }))
}
