//! Agents that take and give JSON over HTTP, with no protocol around it.
//!
//! One attempt is one request. There is no task to go on with, to look for or to cancel, so that an attempt whose
//! outcome a crash left unknown stays unknown; `Idempotency-Key` lets a careful agent know it again.

mod answer;

use agentchains_machine::{AgentReply, Call};
use agentchains_ports::{CallProgress, HttpMethod, HttpSettings};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    agent::Exchange,
    failure::{Classified, classify},
    net::{Channel, Endpoint, MAX_REPLY_BYTES},
    request::{beside, data, not_sent, post},
    trace::TraceContext,
};

/// What is best understood, and what is understood besides.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/*;q=0.5");

/// An agent that is called with plain requests.
#[derive(Debug)]
pub(crate) struct HttpAgent {
    channel: Channel,
    endpoint: Endpoint,
    method: HttpMethod,
}

impl HttpAgent {
    /// The agent at this very address.
    pub(crate) fn new(channel: Channel, endpoint: Endpoint, settings: &HttpSettings) -> Self {
        Self {
            channel,
            endpoint,
            method: settings.method,
        }
    }

    /// The data as the body. The key is that of an IETF draft (`draft-ietf-httpapi-idempotency-key-header`), and the
    /// same each time that this attempt is sent.
    fn sending(&self, call: &Call) -> Result<Request<Full<Bytes>>, Box<Classified>> {
        let mut request = post(self.endpoint.uri(), data(call).to_string());
        let key = HeaderValue::try_from(call.message_id.to_string());
        let key = key.map_err(|_| not_sent("cannot be told the id of the message"))?;
        request.headers_mut().insert("idempotency-key", key);
        Ok(request)
    }

    /// The config's members as the query, after what the address has of one.
    fn asking(&self, call: &Call) -> Result<Request<Full<Bytes>>, Box<Classified>> {
        let uri = self.endpoint.uri();
        let mut query = form_urlencoded::Serializer::new(uri.query().unwrap_or_default().to_owned());
        for (name, value) in call.request.config.members().unwrap_or_default() {
            if let Some(text) = scalar(&value.to_value()) {
                query.append_pair(&name, &text);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = beside(&self.endpoint, &format!("{}{mark}{query}", uri.path()));
        let too_long = |_| not_sent("takes a query that is too long with this config; call it with POST");
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri.map_err(too_long)?;
        Ok(request)
    }
}

#[async_trait]
impl Exchange for HttpAgent {
    async fn exchange(
        &self,
        call: &Call,
        trace: &TraceContext,
        progress: &dyn CallProgress,
    ) -> Result<AgentReply, Box<Classified>> {
        let mut request = match self.method {
            HttpMethod::Post => self.sending(call)?,
            HttpMethod::Get => self.asking(call)?,
        };
        request.headers_mut().insert(header::ACCEPT, ACCEPTED);
        let deadline = self.channel.instant(call.deadline);
        progress.sending();
        let reply = self
            .channel
            .traced(trace)
            .exchange(request, MAX_REPLY_BYTES, deadline)
            .await;
        reply
            .and_then(answer::read)
            .map_err(|error| Box::new(classify(&error, &self.endpoint.origin())))
    }
}

/// A value as it stands in a query: what is neither text, number nor truth value has no place there.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
