//! A request as it comes in, before it is known what is asked.

use agentchains_engine::Caller;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::MAX_BODY;
use crate::{
    agent::Agent,
    door::{Asker, Door},
    error::{A2aError, Reason},
    wire::Version,
};

/// The media type of HTTP+JSON (section 14.1.1 of A2A).
pub(super) const A2A_JSON: &str = "application/a2a+json";

pub(super) const JSON: &str = "application/json";

/// A request to an agent.
pub(super) struct Call {
    pub(super) door: Door,
    pub(super) caller: Caller,
    pub(super) place: Place,
    pub(super) headers: HeaderMap,
    pub(super) query: Map<String, Value>,
    body: Result<Bytes, A2aError>,
}

/// What stands in the path.
#[derive(Deserialize)]
pub(super) struct Place {
    /// Empty where it names none.
    #[serde(default)]
    pub(super) agent: String,
    /// A task's id, with what is to be done with it where the path says so.
    pub(super) task: Option<String>,
}

impl FromRequest<Door> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Response> {
        let (mut head, body) = request.into_parts();
        let Path(place) = from_head(&mut head, door).await?;
        let Query(query): Query<Vec<(String, String)>> = from_head(&mut head, door).await?;
        let Asker(caller) = from_head(&mut head, door).await?;
        let headers = head.headers.clone();
        let request = Request::from_parts(head, body);
        let body = Bytes::from_request(request, door).await;
        Ok(Self {
            door: door.clone(),
            caller,
            place,
            headers,
            query: query
                .into_iter()
                .map(|(name, text)| (name, text.into()))
                .collect(),
            body: body.map_err(|refused| unread(&refused)),
        })
    }
}

async fn from_head<T>(head: &mut Parts, door: &Door) -> Result<T, Response>
where
    T: FromRequestParts<Door>,
{
    let extracted = T::from_request_parts(head, door).await;
    extracted.map_err(|refused| refused.into_response())
}

fn unread(refused: &BytesRejection) -> A2aError {
    if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is larger than {MAX_BODY} bytes");
        return A2aError::new(Reason::TooLarge, message);
    }
    A2aError::new(Reason::NotJson, "the body could not be read to its end")
}

impl Call {
    /// The version that it is made in.
    pub(super) fn version(&self) -> Result<Version, A2aError> {
        Version::of(&self.headers, &self.query)
    }

    /// The agent that it is for.
    pub(super) async fn agent(&self) -> Result<Box<dyn Agent>, A2aError> {
        self.door.agent(self.caller.clone(), &self.place.agent).await
    }

    /// Whether its body is JSON by what it says itself.
    pub(super) fn is_json(&self) -> bool {
        let media_type = self.headers.get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        [JSON, A2A_JSON]
            .iter()
            .any(|json| essence.eq_ignore_ascii_case(json))
    }

    /// Its body.
    ///
    /// # Errors
    /// [`Reason::NotJson`] and [`Reason::TooLarge`].
    pub(super) fn json(&self) -> Result<Value, A2aError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        serde_json::from_slice(body)
            .map_err(|error| A2aError::new(Reason::NotJson, format!("the body is not JSON: {error}")))
    }
}
