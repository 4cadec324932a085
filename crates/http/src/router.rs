//! Every route, and the layers around them.

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio_util::sync::CancellationToken;
use tower_http::trace::TraceLayer;

use crate::{
    App,
    app::Api,
    edge, live, origin,
    problem::Problem,
    routes::{agents, approvals, cost, executions, forks, health, metrics, nodes, templates, workflows},
};

/// Where the API begins; only the health checks and the metrics are outside of it.
pub const BASE_PATH: &str = "/api/v3/orchestration";

/// The routes as a service, for programs that bring their own server, and for tests.
///
/// WebSockets are told to close by [`serve`](crate::serve) only, which also knows the server's own origins; here
/// only those of the options are allowed.
pub fn router(app: App) -> Router {
    of(Api::new(app, Vec::new(), CancellationToken::new()))
}

pub(crate) fn of(api: Api) -> Router {
    let cors = api.origins.cors();
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .nest(
            BASE_PATH,
            workflow_routes()
                .merge(execution_routes())
                .merge(agent_routes())
                .route("/ws", get(live::everything)),
        )
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(api.clone(), edge::detach))
        .layer(from_fn_with_state(api.clone(), origin::guard));
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    let trace = TraceLayer::new_for_http()
        .make_span_with(edge::span)
        .on_request(())
        .on_response(edge::answered)
        .on_failure(());
    routes.layer(trace).layer(from_fn(edge::identify)).with_state(api)
}

fn workflow_routes() -> Router<Api> {
    Router::new()
        .route("/workflows", get(workflows::list).post(workflows::create))
        .route("/workflows/validate", post(workflows::validate))
        .route(
            "/workflows/{id}",
            get(workflows::show)
                .put(workflows::update)
                .delete(workflows::archive),
        )
        .route("/workflows/{id}/versions", get(workflows::versions))
        .route("/workflows/{id}/estimate", post(workflows::estimate))
        .route("/workflows/{id}/execute", post(executions::execute))
        .route("/templates", get(templates::list))
        .route("/templates/{key}", get(templates::show))
}

fn execution_routes() -> Router<Api> {
    Router::new()
        .route("/executions", get(executions::list))
        .route(
            "/executions/{id}",
            get(executions::show).delete(executions::delete),
        )
        .route("/executions/{id}/pause", post(executions::pause))
        .route("/executions/{id}/resume", post(executions::resume))
        .route("/executions/{id}/cancel", post(executions::cancel))
        .route("/executions/{id}/fork", post(forks::fork))
        .route("/executions/{id}/retry", post(forks::retry))
        .route("/executions/{id}/nodes", get(nodes::list))
        .route("/executions/{id}/cost", get(cost::show))
        .route("/executions/{id}/explain", get(executions::explain))
        .route("/executions/{id}/events", get(executions::events))
        .route("/executions/{id}/ws", get(live::execution))
        .route("/approvals", get(approvals::list))
        .route("/approvals/{id}", get(approvals::show))
        .route("/approvals/{id}/decision", post(approvals::decide))
}

fn agent_routes() -> Router<Api> {
    Router::new()
        .route("/agents", get(agents::list).post(agents::register))
        .route("/agents/discover", post(agents::discover))
        .route(
            "/agents/{id}",
            get(agents::show).put(agents::replace).delete(agents::remove),
        )
        .route("/agents/{id}/health", get(agents::health))
        .route("/agents/{id}/circuit-breaker", get(agents::breaker))
        .route("/agents/{id}/circuit-breaker/reset", post(agents::reset_breaker))
        .route(
            "/agents/{id}/circuit-breaker/force-open",
            post(agents::force_breaker_open),
        )
}

async fn unknown_route() -> Problem {
    Problem::unknown_route()
}

/// The router adds `Allow` (RFC 9110, section 15.5.6).
async fn method_not_allowed() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take this method; the Allow header names those it takes",
    )
    .into_response()
}
