//! Language models behind chat completions, as OpenAI and the many servers that are compatible with it offer them.
//!
//! One attempt is one completion: no tools, no stream, no conversation beyond what the node's config holds. Like any
//! plain request it leaves no task behind that could be looked for or cancelled.

mod answer;
mod prompt;

use agentchains_machine::{AgentReply, Call};
use agentchains_ports::{CallProgress, OpenAiSettings};
use async_trait::async_trait;
use http::{Uri, uri::InvalidUri};

use crate::{
    agent::Exchange,
    error::CallError,
    failure::{Classified, classify},
    net::{Channel, Endpoint, MAX_REPLY_BYTES},
    request::{beside, not_sent, post},
    trace::TraceContext,
};

/// Where completions are made, below the base address.
const COMPLETIONS: &str = "/chat/completions";

/// A model, or several, behind one server.
#[derive(Debug)]
pub(crate) struct OpenAiAgent {
    channel: Channel,
    base: Endpoint,
    settings: OpenAiSettings,
}

impl OpenAiAgent {
    /// The server whose operations are below this address. The settings hold where a node's config says nothing.
    pub(crate) fn new(channel: Channel, base: Endpoint, settings: OpenAiSettings) -> Self {
        Self {
            channel,
            base,
            settings,
        }
    }

    fn classified(&self, error: &CallError) -> Box<Classified> {
        Box::new(classify(error, &self.base.origin()))
    }

    fn completions(&self) -> Result<Uri, InvalidUri> {
        let base = self.base.uri();
        let path = base.path().trim_end_matches('/');
        let query = base.query().map_or_else(String::new, |query| format!("?{query}"));
        beside(&self.base, &format!("{path}{COMPLETIONS}{query}"))
    }
}

#[async_trait]
impl Exchange for OpenAiAgent {
    async fn exchange(
        &self,
        call: &Call,
        trace: &TraceContext,
        progress: &dyn CallProgress,
    ) -> Result<AgentReply, Box<Classified>> {
        let body = prompt::body(call, &self.settings)?;
        let uri = self.completions();
        let uri = uri.map_err(|_| not_sent("has an address below which there can be nothing"))?;
        let deadline = self.channel.instant(call.deadline);
        let request = post(uri, body.to_string());
        progress.sending();
        let reply = self
            .channel
            .traced(trace)
            .exchange(request, MAX_REPLY_BYTES, deadline)
            .await;
        let completion = reply.and_then(|reply| {
            reply.require_json_type()?;
            reply.json()
        });
        match completion {
            Ok(completion) => answer::read(completion).map_err(|unusable| match unusable {
                answer::Unusable::Stated(failure) => failure,
                answer::Unusable::Unreadable(error) => self.classified(&error),
            }),
            Err(error) => Err(self.classified(&answer::told(error))),
        }
    }
}
