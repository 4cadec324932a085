//! Tools of servers of the Model Context Protocol, over Streamable HTTP.
//!
//! The protocol is that of `rmcp`, in both generations: `server/discover` of 2026-07-28, and where a server does not
//! know that, `initialize` and a session. The way out is ours (`transport`), so that addresses are vetted, limits hold
//! and credentials are applied as everywhere. An agent keeps one session, which all its calls share.
//!
//! A call of a tool is one request. There is no task behind it that could be looked for; one that is given up is
//! cancelled as the protocol says.

mod answer;
mod events;
mod request;
mod session;
mod transport;

use std::sync::Arc;

use agentchains_machine::{AgentReply, Call};
use agentchains_ports::{CallProgress, McpSettings};
use async_trait::async_trait;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use self::{
    session::{Session, SessionError},
    transport::{Transport, Way},
};
use crate::{
    agent::Exchange,
    failure::{Classified, classify},
    net::{Channel, Endpoint, TransportError},
    trace::TraceContext,
};

/// A server of tools, one of which a node calls.
#[derive(Debug)]
pub(crate) struct McpAgent {
    transport: Transport,
    settings: McpSettings,
    session: Mutex<Option<Arc<Session>>>,
}

impl McpAgent {
    /// The server at this very address. The settings hold where a node's config says nothing.
    pub(crate) fn new(channel: Channel, endpoint: Endpoint, settings: McpSettings) -> Self {
        Self {
            transport: Transport::new(channel, endpoint),
            settings,
            session: Mutex::default(),
        }
    }

    /// The session that is open, or another one.
    async fn session(&self) -> Result<Arc<Session>, SessionError> {
        let mut open = self.session.lock().await;
        if let Some(session) = open.as_ref().filter(|session| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::open(self.transport.clone()).await?);
        *open = Some(Arc::clone(&session));
        Ok(session)
    }

    fn classified(&self, error: &SessionError) -> Classified {
        match error {
            SessionError::Exchange(error) => classify(error, &self.transport.origin()),
            SessionError::Told(error) => answer::failure(error),
        }
    }
}

#[async_trait]
impl Exchange for McpAgent {
    async fn exchange(
        &self,
        call: &Call,
        trace: &TraceContext,
        progress: &dyn CallProgress,
    ) -> Result<AgentReply, Box<Classified>> {
        let params = request::params(call, &self.settings)?;
        let deadline = self.transport.channel().instant(call.deadline);
        let session = within(deadline, self.session()).await;
        // The tool has not been called before there is a session.
        let session = session.map_err(|error| {
            Box::new(Classified {
                reached: false,
                ..self.classified(&error)
            })
        })?;
        let way = Way {
            deadline,
            trace: trace.clone(),
        };
        let result = within(deadline, session.call_tool(params, way, progress)).await;
        answer::read(result.map_err(|error| Box::new(self.classified(&error)))?)
    }
}

async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, SessionError>>,
) -> Result<T, SessionError> {
    let over = |_| Err(TransportError::TimedOut { connected: true }.into());
    timeout_at(deadline, work).await.unwrap_or_else(over)
}
