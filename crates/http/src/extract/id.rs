//! Ids in paths. What is no id names nothing, so it is answered as an id that does not exist: 404.

use std::str::FromStr;

use agentchains_engine::machine::{ApprovalId, ExecutionId, WorkflowId};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::problem::Problem;

/// A kind of thing that paths name by id.
pub(crate) trait Named: FromStr {
    /// What messages call it.
    const WHAT: &str;
}

impl Named for ApprovalId {
    const WHAT: &str = "approval";
}

impl Named for ExecutionId {
    const WHAT: &str = "execution";
}

impl Named for WorkflowId {
    const WHAT: &str = "workflow";
}

/// The id in a path.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: Named, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = segment(parts, state, T::WHAT).await?;
        text.parse()
            .map(Self)
            .map_err(|_| Problem::not_found(T::WHAT, &text))
    }
}

/// The id of an agent in a path: any text.
#[derive(Debug)]
pub(crate) struct AgentId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for AgentId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        segment(parts, state, "agent").await.map(Self)
    }
}

/// The id of a webhook in a path: any text.
#[derive(Debug)]
pub(crate) struct WebhookId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for WebhookId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        segment(parts, state, "webhook").await.map(Self)
    }
}

/// The key of a template in a path: any text.
#[derive(Debug)]
pub(crate) struct TemplateKey(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for TemplateKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        segment(parts, state, "template").await.map(Self)
    }
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S, what: &str) -> Result<String, Problem> {
    // Refused where the segment's percent-encoding is not UTF-8.
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.map(|Path(text)| text)
        .map_err(|_| Problem::not_found(what, ""))
}
