//! What every request passes: who asks, which agent is meant, and whether they may do what they want of it.

use std::{convert::Infallible, sync::Arc};

use agentchains_engine::{Caller, ports::Right};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts, uri::Authority},
};
use tokio_util::sync::CancellationToken;

use crate::{
    A2aServer,
    agent::Agent,
    error::{A2aError, Reason},
    operations::{Answer, perform},
    request::Operation,
    tck::{TckAgent, TckTasks},
    workflow::WorkflowAgent,
};

/// Where the agent of the test kit stands.
const TCK: &str = "tck";

/// What all requests share. Clones share it.
#[derive(Clone)]
pub(crate) struct Door(Arc<Shared>);

struct Shared {
    server: A2aServer,
    /// Present where the agent of the test kit is served.
    tck: Option<TckTasks>,
}

/// Who asks: whom the server in front has admitted, else nobody in particular.
pub(crate) struct Asker(pub(crate) Caller);

/// The server as the client names it: host, and port where it is not the scheme's own.
pub(crate) struct Host(Option<Authority>);

impl Door {
    pub(crate) fn new(server: A2aServer) -> Self {
        let tck = server.tck.then(|| TckTasks::new(server.engine.clone()));
        Self(Arc::new(Shared { server, tck }))
    }

    /// The agent of that name, where this caller may see it.
    ///
    /// # Errors
    /// [`A2aError`] when there is none, or it cannot be said now.
    pub(crate) async fn agent(&self, caller: Caller, name: &str) -> Result<Box<dyn Agent>, A2aError> {
        if let Some(tasks) = self.0.tck.as_ref().filter(|_| name == TCK) {
            return Ok(Box::new(TckAgent::new(tasks.clone(), caller)));
        }
        Ok(Box::new(self.workflow(caller, name).await?))
    }

    /// The name of the only agent that this caller may see.
    ///
    /// # Errors
    /// [`A2aError`] when there are none or several, or it cannot be said now.
    pub(crate) async fn only(&self, caller: &Caller) -> Result<String, A2aError> {
        let server = &self.0.server;
        let only = WorkflowAgent::only(&server.engine, caller, server.publish_all).await?;
        Ok(only.to_string())
    }

    async fn workflow(&self, caller: Caller, name: &str) -> Result<WorkflowAgent, A2aError> {
        let server = &self.0.server;
        WorkflowAgent::find(&server.engine, caller, name, server.publish_all).await
    }

    /// Carries out an operation, where the caller may.
    ///
    /// # Errors
    /// [`A2aError`] when it is not carried out.
    pub(crate) async fn perform(
        &self,
        caller: &Caller,
        agent: &dyn Agent,
        operation: Operation,
    ) -> Result<Answer, A2aError> {
        demand(caller, operation.right())?;
        perform(agent, operation, self.stop()).await
    }

    /// Cancelled when open connections are to end.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.server.stop
    }

    /// Whether callers have to show a key.
    pub(crate) fn needs_key(&self) -> bool {
        self.0.server.needs_key
    }

    /// The address of an agent.
    pub(crate) fn url(&self, host: &Host, name: &str) -> String {
        let host = host.0.as_ref().map_or("localhost", Authority::as_str);
        let mut origins = self
            .0
            .server
            .origins
            .iter()
            .map(|origin| origin.trim_end_matches('/'));
        let own = origins.find(|origin| {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        });
        match own {
            Some(origin) => format!("{origin}/a2a/{name}"),
            None if self.0.server.has_tls => format!("https://{host}/a2a/{name}"),
            None => format!("http://{host}/a2a/{name}"),
        }
    }
}

/// # Errors
/// [`Reason::Forbidden`] where the caller does not have that right.
pub(crate) fn demand(caller: &Caller, right: Right) -> Result<(), A2aError> {
    if caller.may(right) {
        return Ok(());
    }
    let need = match right {
        Right::Read => "read",
        Right::Run => "run workflows",
        Right::Decide => "answer questions to people",
        Right::Edit => "change workflows",
        Right::Administer => "administer",
    };
    Err(A2aError::new(
        Reason::Forbidden,
        format!("this needs a key that may {need}"),
    ))
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let admitted = parts.extensions.get::<Caller>().cloned();
        Ok(Self(admitted.unwrap_or_else(Caller::anonymous)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Host {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.and_then(|host| host.parse::<Authority>().ok());
        Ok(Self(host.or_else(|| parts.uri.authority().cloned())))
    }
}
