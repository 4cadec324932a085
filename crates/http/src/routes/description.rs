//! The description of the API, and the page that shows it; open to all, because they tell nothing but how to ask.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Redirect, Response},
};
use utoipa_swagger_ui::Config;

use crate::{openapi, problem::Problem};

/// Where the page looks for the description.
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from(openapi::PATH)));

/// The page runs its own scripts and asks this server; it brings styles and pictures along.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `GET /openapi.json`.
pub(crate) async fn show() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], openapi::TEXT.as_str()).into_response()
}

/// `GET /docs`.
pub(crate) async fn redirect() -> Redirect {
    Redirect::permanent("/docs/")
}

/// `GET /docs/…`: a file of the page.
pub(crate) async fn page(path: Option<Path<String>>) -> Result<Response, Problem> {
    let file = path.map(|Path(file)| file).unwrap_or_default();
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&PAGE)).map_err(|error| {
        tracing::error!(%error, "the page of the description cannot be served");
        Problem::internal()
    })?;
    let found = found.ok_or_else(Problem::unknown_route)?;
    let content_type = HeaderValue::try_from(found.content_type).map_err(|_| Problem::internal())?;
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600")),
    ];
    Ok((headers, found.bytes.into_owned()).into_response())
}
