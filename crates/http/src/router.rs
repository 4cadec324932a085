//! Every route with the right that it needs, and the layers around them.

use agentchains_engine::ports::{Right, Rights};
use axum::{
    Router,
    handler::Handler,
    http::{Method, StatusCode},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, get, on},
};
use tokio_util::sync::CancellationToken;
use tower_http::trace::TraceLayer;

use crate::{
    App, access,
    app::Site,
    edge, live, openapi, origin,
    problem::Problem,
    routes::{
        agents, approvals, cost, description, executions, forks, health, metrics, nodes, templates, webhooks,
        workflows,
    },
};

/// Where the API begins; only the health checks and the metrics are outside of it.
pub const BASE_PATH: &str = "/api/v3/orchestration";

/// An operation of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// How it is asked for.
    pub method: Method,
    /// Where, below [`BASE_PATH`]; parameters stand in braces.
    pub path: &'static str,
    /// What opens it: a caller needs one of these.
    pub rights: Rights,
}

/// The operations of the API, each once.
#[must_use]
pub fn operations() -> Vec<Operation> {
    guarded().operations
}

/// Routes, none of which can be added without the right that it needs.
#[derive(Default)]
struct Guarded {
    router: Router<Site>,
    operations: Vec<Operation>,
}

impl Guarded {
    fn on<H, T>(
        mut self,
        (filter, method): (MethodFilter, Method),
        path: &'static str,
        rights: impl Into<Rights>,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Site>,
        T: 'static,
    {
        let rights = rights.into();
        let route = on(filter, handler).route_layer(from_fn_with_state(rights, access::require));
        self.router = self.router.route(path, route);
        self.operations.push(Operation { method, path, rights });
        self
    }

    fn get<H: Handler<T, Site>, T: 'static>(
        self,
        path: &'static str,
        rights: impl Into<Rights>,
        handler: H,
    ) -> Self {
        self.on((MethodFilter::GET, Method::GET), path, rights, handler)
    }

    fn post<H: Handler<T, Site>, T: 'static>(
        self,
        path: &'static str,
        rights: impl Into<Rights>,
        handler: H,
    ) -> Self {
        self.on((MethodFilter::POST, Method::POST), path, rights, handler)
    }

    fn put<H: Handler<T, Site>, T: 'static>(
        self,
        path: &'static str,
        rights: impl Into<Rights>,
        handler: H,
    ) -> Self {
        self.on((MethodFilter::PUT, Method::PUT), path, rights, handler)
    }

    fn delete<H: Handler<T, Site>, T: 'static>(
        self,
        path: &'static str,
        rights: impl Into<Rights>,
        handler: H,
    ) -> Self {
        self.on((MethodFilter::DELETE, Method::DELETE), path, rights, handler)
    }
}

/// The routes as a service, for programs that bring their own server, and for tests.
///
/// WebSockets are told to close by [`serve`](crate::serve) only, which also knows the server's own origins; here
/// only those of the options are allowed.
pub fn router(app: App) -> Router {
    let doors = app.doors.clone();
    of(Site::new(app, Vec::new(), CancellationToken::new()), doors)
}

/// The API with the doors beside it, which have the same callers and look after their rights themselves.
pub(crate) fn of(site: Site, doors: Vec<Router>) -> Router {
    let cors = site.origins.cors();
    let doors = doors.into_iter().fold(Router::new(), Router::merge);
    let authenticated = Router::new()
        .nest(BASE_PATH, guarded().router)
        .route(
            "/metrics",
            get(metrics::show).route_layer(from_fn_with_state(Rights::from(Right::Read), access::require)),
        )
        .with_state(site.clone())
        .merge(doors)
        .route_layer(from_fn_with_state(site.clone(), access::authenticate))
        .route_layer(from_fn_with_state(site.clone(), edge::shed));
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route(openapi::PATH, get(description::show))
        .route("/docs", get(description::redirect))
        .route("/docs/", get(description::page))
        .route("/docs/{*file}", get(description::page))
        .with_state(site.clone())
        .merge(authenticated)
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(site.clone(), edge::detach))
        .layer(from_fn_with_state(site, origin::guard));
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    let trace = TraceLayer::new_for_http()
        .make_span_with(edge::span)
        .on_request(())
        .on_response(edge::answered)
        .on_failure(());
    routes.layer(trace).layer(from_fn(edge::identify))
}

fn guarded() -> Guarded {
    let routes = Guarded::default();
    webhook_routes(agent_routes(execution_routes(workflow_routes(routes))))
}

fn workflow_routes(routes: Guarded) -> Guarded {
    routes
        .get("/workflows", Right::Read, workflows::list)
        .post("/workflows", Right::Edit, workflows::create)
        .post("/workflows/validate", Right::Read, workflows::validate)
        .get("/workflows/{id}", Right::Read, workflows::show)
        .put("/workflows/{id}", Right::Edit, workflows::update)
        .delete("/workflows/{id}", Right::Edit, workflows::archive)
        .get("/workflows/{id}/versions", Right::Read, workflows::versions)
        .get("/workflows/{id}/graph", Right::Read, workflows::graph)
        .post("/workflows/{id}/publish", Right::Edit, workflows::publish)
        .post("/workflows/{id}/unpublish", Right::Edit, workflows::unpublish)
        .post("/workflows/{id}/estimate", Right::Read, workflows::estimate)
        .post("/workflows/{id}/execute", Right::Run, executions::execute)
        .get("/templates", Right::Read, templates::list)
        .get("/templates/{key}", Right::Read, templates::show)
}

fn execution_routes(routes: Guarded) -> Guarded {
    routes
        .get("/executions", Right::Read, executions::list)
        .get("/executions/{id}", Right::Read, executions::show)
        .delete("/executions/{id}", Right::Administer, executions::delete)
        .post("/executions/{id}/pause", Right::Run, executions::pause)
        // It may carry a decision.
        .post("/executions/{id}/resume", Rights::from(Right::Run).with(Right::Decide), executions::resume)
        .post("/executions/{id}/cancel", Right::Run, executions::cancel)
        .post("/executions/{id}/fork", Right::Run, forks::fork)
        .post("/executions/{id}/retry", Right::Run, forks::retry)
        .get("/executions/{id}/nodes", Right::Read, nodes::list)
        .get("/executions/{id}/cost", Right::Read, cost::show)
        .get("/executions/{id}/explain", Right::Read, executions::explain)
        .get("/executions/{id}/events", Right::Read, executions::events)
        .get("/executions/{id}/ws", Right::Read, live::execution)
        .get("/ws", Right::Read, live::everything)
        .get("/approvals", Right::Read, approvals::list)
        .get("/approvals/{id}", Right::Read, approvals::show)
        .post("/approvals/{id}/decision", Right::Decide, approvals::decide)
}

fn agent_routes(routes: Guarded) -> Guarded {
    routes
        .get("/agents", Right::Read, agents::list)
        .post("/agents", Right::Edit, agents::register)
        .post("/agents/discover", Right::Edit, agents::discover)
        .get("/agents/{id}", Right::Read, agents::show)
        .put("/agents/{id}", Right::Edit, agents::replace)
        .delete("/agents/{id}", Right::Edit, agents::remove)
        .get("/agents/{id}/health", Right::Read, agents::health)
        .get("/agents/{id}/circuit-breaker", Right::Read, agents::breaker)
        .post(
            "/agents/{id}/circuit-breaker/reset",
            Right::Edit,
            agents::reset_breaker,
        )
        .post(
            "/agents/{id}/circuit-breaker/force-open",
            Right::Edit,
            agents::force_breaker_open,
        )
}

/// An address may hold a secret, so that it is shown to nobody who could not change it.
fn webhook_routes(routes: Guarded) -> Guarded {
    routes
        .get("/webhooks", Right::Edit, webhooks::list)
        .post("/webhooks", Right::Edit, webhooks::create)
        .get("/webhooks/{id}", Right::Edit, webhooks::show)
        .delete("/webhooks/{id}", Right::Edit, webhooks::remove)
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
