//! Whether the process is alive, and whether it is any use to send it requests.

use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    app::Site,
    errors::{shutting_down, store_is_silent},
    problem::Problem,
};

/// How long the store may take to answer one who only asks whether it does.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /readyz`: the store can be read and written, and the server is not winding down.
pub(crate) async fn ready(State(site): State<Site>) -> Result<Json<Value>, Problem> {
    if site.is_draining() {
        return Err(shutting_down());
    }
    let answer = timeout(PATIENCE, site.engine.ping()).await;
    answer.map_err(|_| store_is_silent(PATIENCE))??;
    Ok(Json(json!({"status": "ready"})))
}
