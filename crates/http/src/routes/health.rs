//! Whether the process is alive, and whether it is any use to send it requests.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{app::Api, errors::shutting_down, problem::Problem};

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /readyz`: the store answers and the server is not winding down.
pub(crate) async fn ready(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    if api.is_draining() {
        return Err(shutting_down());
    }
    api.engine.ping().await?;
    Ok(Json(json!({"status": "ready"})))
}
