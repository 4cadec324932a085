//! What the process has measured.

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};

use crate::{app::Api, extract::Query, problem::Problem};

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`: there where the program measures.
pub(crate) async fn show(api: Api, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let render = api.metrics.as_ref().ok_or_else(Problem::unknown_route)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], render()).into_response())
}
