//! A client on every way to an agent: each version in each binding.

use agentchains_engine::Caller;
use axum::body::Body;
use futures_util::StreamExt as _;
use http::{Request, Response, StatusCode, header, request::Builder};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

use crate::server::Server;

/// A version in a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Rpc,
    Rest,
    OldRpc,
    OldRest,
}

/// An operation of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Send,
    Stream,
    Get,
    List,
    Cancel,
    Subscribe,
    Push,
    ExtendedCard,
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// A client of one agent, on one way.
#[derive(Clone)]
pub(crate) struct Client<'s> {
    server: &'s Server,
    agent: String,
    pub(crate) way: Way,
    caller: Option<Caller>,
}

/// A task's updates, as they come.
pub(crate) struct Updates {
    body: axum::body::BodyDataStream,
    way: Way,
    unread: String,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Rpc, Self::Rest, Self::OldRpc, Self::OldRest];

    pub(crate) const fn is_old(self) -> bool {
        matches!(self, Self::OldRpc | Self::OldRest)
    }

    const fn is_rpc(self) -> bool {
        matches!(self, Self::Rpc | Self::OldRpc)
    }

    /// The request for an operation, with parameters in the form of version 1.0.
    pub(crate) fn request(self, agent: &str, act: Act, params: Value) -> Request<Body> {
        let Value::Object(params) = params else {
            panic!("parameters are an object")
        };
        let params = if self.is_old() {
            old_params(params, self)
        } else {
            params
        };
        if self.is_rpc() {
            let body = json!({"jsonrpc": "2.0", "id": "r", "method": self.method(act), "params": params});
            return with_json(self.version(Request::post(format!("/a2a/{agent}"))), &body);
        }
        let base = format!("/a2a/{agent}{}", if self.is_old() { "/v1" } else { "" });
        let id = params.get("id").and_then(Value::as_str).unwrap_or_default();
        let (method, path) = match act {
            Act::Send => ("POST", "/message:send".to_owned()),
            Act::Stream => ("POST", "/message:stream".to_owned()),
            Act::Get => ("GET", format!("/tasks/{id}{}", query(&params))),
            Act::List => ("GET", format!("/tasks{}", query(&params))),
            Act::Cancel => ("POST", format!("/tasks/{id}:cancel")),
            Act::Subscribe => ("GET", format!("/tasks/{id}:subscribe")),
            Act::Push => ("POST", format!("/tasks/{id}/pushNotificationConfigs")),
            Act::ExtendedCard if self.is_old() => ("GET", "/card".to_owned()),
            Act::ExtendedCard => ("GET", "/extendedAgentCard".to_owned()),
        };
        let request = self.version(Request::builder().method(method).uri(format!("{base}{path}")));
        if method == "GET" {
            return request.body(Body::empty()).unwrap();
        }
        with_json(request, &params.into())
    }

    fn version(self, request: Builder) -> Builder {
        let request = request.header(header::HOST, "localhost:7420");
        if self.is_old() {
            return request;
        }
        request.header("a2a-version", "1.0")
    }

    const fn method(self, act: Act) -> &'static str {
        match (self.is_old(), act) {
            (false, Act::Send) => "SendMessage",
            (false, Act::Stream) => "SendStreamingMessage",
            (false, Act::Get) => "GetTask",
            (_, Act::List) => "ListTasks",
            (false, Act::Cancel) => "CancelTask",
            (false, Act::Subscribe) => "SubscribeToTask",
            (false, Act::Push) => "CreateTaskPushNotificationConfig",
            (false, Act::ExtendedCard) => "GetExtendedAgentCard",
            (true, Act::Send) => "message/send",
            (true, Act::Stream) => "message/stream",
            (true, Act::Get) => "tasks/get",
            (true, Act::Cancel) => "tasks/cancel",
            (true, Act::Subscribe) => "tasks/resubscribe",
            (true, Act::Push) => "tasks/pushNotificationConfig/set",
            (true, Act::ExtendedCard) => "agent/getAuthenticatedExtendedCard",
        }
    }

    /// What an answer, or an event, gives.
    fn result(self, status: StatusCode, mut body: Value) -> Result<Value, Refused> {
        let details = if self.is_rpc() { "data" } else { "details" };
        if let Some(error) = body.get("error") {
            let refused = Refused {
                reason: error[details][0]["reason"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                message: error["message"].as_str().unwrap().to_owned(),
            };
            assert!(!self.is_rpc() || error["code"].is_i64(), "{body}");
            return Err(refused);
        }
        assert_eq!(status, StatusCode::OK, "{body}");
        if !self.is_rpc() {
            return Ok(body);
        }
        assert_eq!((&body["jsonrpc"], &body["id"]), (&json!("2.0"), &json!("r")));
        Ok(body["result"].take())
    }
}

impl<'s> Client<'s> {
    pub(crate) fn new(server: &'s Server, agent: &str, way: Way) -> Self {
        let agent = agent.to_owned();
        Self {
            server,
            agent,
            way,
            caller: None,
        }
    }

    /// The same for that caller.
    pub(crate) fn by(&self, caller: Caller) -> Self {
        Self {
            caller: Some(caller),
            ..self.clone()
        }
    }

    pub(crate) async fn ask(&self, act: Act, params: Value) -> Response<Body> {
        let mut request = self.way.request(&self.agent, act, params);
        if let Some(caller) = self.caller.clone() {
            request.extensions_mut().insert(caller);
        }
        self.server.send(request).await
    }

    pub(crate) async fn perform(&self, act: Act, params: Value) -> Result<Value, Refused> {
        let response = self.ask(act, params).await;
        let status = response.status();
        self.way.result(status, json_of(response).await)
    }

    /// Sends a message and gives the task that it belongs to.
    pub(crate) async fn send(&self, message: Value) -> Result<Value, Refused> {
        let waits = json!({"blocking": true});
        let params = json!({"message": message, "configuration": waits});
        Ok(task_of(self.perform(Act::Send, params).await?))
    }

    /// The same without waiting.
    pub(crate) async fn send_at_once(&self, message: Value) -> Result<Value, Refused> {
        let hurries = json!({"blocking": false, "returnImmediately": true});
        let params = json!({"message": message, "configuration": hurries});
        Ok(task_of(self.perform(Act::Send, params).await?))
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Value, Refused> {
        self.perform(Act::Get, json!({"id": id})).await
    }

    pub(crate) async fn list(&self, params: Value) -> Result<Value, Refused> {
        self.perform(Act::List, params).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<Value, Refused> {
        self.perform(Act::Cancel, json!({"id": id})).await
    }

    /// A stream, which begins with the task.
    pub(crate) async fn stream(&self, act: Act, params: Value) -> Result<Updates, Refused> {
        let response = self.ask(act, params).await;
        let media_type = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        if !media_type.starts_with("text/event-stream") {
            let status = response.status();
            let refused = self.way.result(status, json_of(response).await);
            return Err(refused.unwrap_err());
        }
        Ok(Updates {
            body: response.into_body().into_data_stream(),
            way: self.way,
            unread: String::new(),
        })
    }
}

impl Updates {
    /// The next event: what it is, and that itself.
    pub(crate) async fn next(&mut self) -> Option<(&'static str, Value)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                let data = data.map(|data| serde_json::from_str(data).unwrap());
                self.unread = rest.to_owned();
                match data {
                    Some(data) => return Some(self.named(data)),
                    None => continue,
                }
            }
            let bytes = self.body.next().await?.unwrap();
            self.unread.push_str(str::from_utf8(&bytes).unwrap());
        }
    }

    fn named(&self, data: Value) -> (&'static str, Value) {
        let mut event = self.way.result(StatusCode::OK, data).unwrap();
        let kinds = [
            ("task", "task"),
            ("statusUpdate", "status-update"),
            ("artifactUpdate", "artifact-update"),
        ];
        for (name, kind) in kinds {
            if event.get("kind").is_some_and(|found| found == kind) {
                return (name, event);
            }
            if let Some(found) = event.get_mut(name) {
                return (name, found.take());
            }
        }
        panic!("{event}")
    }

    /// All that come until the stream ends.
    pub(crate) async fn rest(mut self) -> Vec<(&'static str, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// A message of these parts, in the form of version 1.0.
pub(crate) fn message(id: &str, parts: Value) -> Value {
    json!({"messageId": id, "role": "ROLE_USER", "parts": parts})
}

/// The same for a task.
pub(crate) fn reply(id: &str, task: &Value, parts: Value) -> Value {
    let mut message = message(id, parts);
    message["taskId"] = task["id"].clone();
    message
}

/// The word for a task's state, or an update's, in version 0.3.
pub(crate) fn state(of: &Value) -> String {
    let word = of["status"]["state"].as_str().unwrap();
    let word = word.trim_start_matches("TASK_STATE_").to_ascii_lowercase();
    word.replace('_', "-").replace("cancelled", "canceled")
}

/// The one part of the one artifact.
pub(crate) fn output(task: &Value) -> &Value {
    assert_eq!(task["artifacts"].as_array().unwrap().len(), 1, "{task}");
    let part = &task["artifacts"][0]["parts"][0];
    match part.get("text") {
        Some(text) => text,
        None => data(part).unwrap(),
    }
}

/// The data of a part, which version 0.3 wraps once more over HTTP+JSON.
pub(crate) fn data(part: &Value) -> Option<&Value> {
    let data = part.get("data")?;
    let wrapped = data.as_object().filter(|data| data.len() == 1);
    Some(wrapped.and_then(|wrapped| wrapped.get("data")).unwrap_or(data))
}

pub(crate) async fn json_of(response: Response<Body>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{bytes:?} is not JSON"))
}

pub(crate) fn with_json(request: Builder, body: &Value) -> Request<Body> {
    request
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn task_of(mut result: Value) -> Value {
    match result.get_mut("task") {
        Some(task) => task.take(),
        None => result,
    }
}

fn query(params: &Map<String, Value>) -> String {
    let pairs = params
        .iter()
        .filter(|(name, _)| !["id", "message", "request"].contains(&name.as_str()));
    let pairs = pairs.map(|(name, value)| format!("{name}={}", value.to_string().trim_matches('"')));
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() {
        return String::new();
    }
    format!("?{}", pairs.join("&"))
}

/// A message in the form that version 0.3 gives it in the binding.
fn old_params(mut params: Map<String, Value>, way: Way) -> Map<String, Value> {
    let Some(mut message) = params.remove("message") else {
        return params;
    };
    if way == Way::OldRest {
        message["content"] = message["parts"].take();
        message.as_object_mut().unwrap().remove("parts");
        for part in message["content"].as_array_mut().into_iter().flatten() {
            if let Some(data) = part.get_mut("data") {
                *data = json!({"data": data.take()});
            }
        }
        params.insert("request".to_owned(), message);
        return params;
    }
    message["kind"] = "message".into();
    message["role"] = "user".into();
    for part in message["parts"].as_array_mut().into_iter().flatten() {
        part["kind"] = if part.get("data").is_some() {
            "data"
        } else {
            "text"
        }
        .into();
    }
    params.insert("message".to_owned(), message);
    params
}
