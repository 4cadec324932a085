//! What an agent is asked, and how that is written in each version and binding: methods and their parameters over
//! JSON-RPC (section 9 of A2A), paths and queries over HTTP+JSON (section 11).

use agentchains_machine::Json;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::json;
use url::form_urlencoded;

use super::{
    interface::{Dialect, Interface},
    message::Message,
    rpc,
};
use crate::{
    error::CallError,
    request::{JSON, beside},
};

/// The version of the protocol, as requests name it; those of 0.3 name none.
const VERSION: HeaderValue = HeaderValue::from_static("1.0");
const VERSION_HEADER: &str = "a2a-version";

/// The media type of HTTP+JSON, and what is understood besides.
const A2A_JSON: HeaderValue = HeaderValue::from_static("application/a2a+json");
const ANY_JSON: HeaderValue = HeaderValue::from_static("application/a2a+json, application/json");

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// How many tasks are listed at once.
const PAGE_SIZE: u32 = 20;

/// What an agent is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation<'a> {
    /// To take a message: to tell what becomes of it as it happens, or to answer at once, with a task if it takes
    /// longer.
    Send { message: &'a Message, is_streamed: bool },
    /// How a task stands, with as many of its last messages.
    Get { task_id: &'a str, history: u32 },
    /// Which tasks there are. Version 0.3 cannot be asked for that.
    List { page: Option<&'a str> },
    /// To cancel a task.
    Cancel { task_id: &'a str },
    /// To tell what becomes of a task as it happens.
    Subscribe { task_id: &'a str },
}

impl Operation<'_> {
    /// Whether it is answered by a stream of events.
    pub(super) const fn is_streamed(self) -> bool {
        matches!(
            self,
            Self::Send {
                is_streamed: true,
                ..
            } | Self::Subscribe { .. }
        )
    }

    /// The request for it. `id` is that of a JSON-RPC request.
    pub(super) fn request(self, interface: &Interface, id: &str) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = match interface.dialect {
            Dialect::JsonRpc => self.json_rpc(interface, id, self.method_v1(), self.params_v1(interface)),
            Dialect::JsonRpc0_3 => self.json_rpc(interface, id, self.method_v0_3()?, self.params_v0_3()),
            Dialect::Rest => self.rest(interface)?,
        };
        let headers = request.headers_mut();
        if interface.dialect != Dialect::JsonRpc0_3 {
            headers.insert(VERSION_HEADER, VERSION);
        }
        if self.is_streamed() {
            headers.insert(header::ACCEPT, EVENT_STREAM);
        }
        Ok(request)
    }

    fn json_rpc(self, interface: &Interface, id: &str, method: &str, params: Json) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(rpc::request(id, method, params)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = interface.endpoint.uri();
        request.headers_mut().insert(header::CONTENT_TYPE, JSON);
        request.headers_mut().insert(header::ACCEPT, JSON);
        request
    }

    const fn method_v1(self) -> &'static str {
        match self {
            Self::Send {
                is_streamed: false, ..
            } => "SendMessage",
            Self::Send { .. } => "SendStreamingMessage",
            Self::Get { .. } => "GetTask",
            Self::List { .. } => "ListTasks",
            Self::Cancel { .. } => "CancelTask",
            Self::Subscribe { .. } => "SubscribeToTask",
        }
    }

    fn params_v1(self, interface: &Interface) -> Json {
        let tenant = interface.tenant.as_deref();
        let tenant = tenant.map(|tenant| ("tenant", tenant.into()));
        self.members_v1().into_iter().chain(tenant).collect()
    }

    /// The parameters over JSON-RPC, and the body of a message over HTTP+JSON.
    fn members_v1(self) -> Vec<(&'static str, Json)> {
        match self {
            Self::Send { message, is_streamed } => {
                let mut configuration = json!({"historyLength": 0});
                if !is_streamed {
                    configuration["returnImmediately"] = true.into();
                }
                vec![
                    ("message", message.to_v1()),
                    ("configuration", configuration.into()),
                ]
            }
            Self::Get { task_id, history } => vec![("id", task_id.into()), ("historyLength", history.into())],
            Self::List { page } => {
                let page = page.map(|page| ("pageToken", page.into()));
                [("pageSize", PAGE_SIZE.into())].into_iter().chain(page).collect()
            }
            Self::Cancel { task_id } | Self::Subscribe { task_id } => vec![("id", task_id.into())],
        }
    }

    fn method_v0_3(self) -> Result<&'static str, CallError> {
        Ok(match self {
            Self::Send {
                is_streamed: false, ..
            } => "message/send",
            Self::Send { .. } => "message/stream",
            Self::Get { .. } => "tasks/get",
            Self::Cancel { .. } => "tasks/cancel",
            Self::Subscribe { .. } => "tasks/resubscribe",
            Self::List { .. } => {
                return Err(CallError::protocol(
                    "it speaks version 0.3, in which tasks cannot be listed",
                ));
            }
        })
    }

    /// Where nothing is said, an agent of version 0.3 may or may not wait until its task has ended.
    fn params_v0_3(self) -> Json {
        let Self::Send { message, .. } = self else {
            return self.members_v1().into_iter().collect();
        };
        let configuration = json!({"blocking": false, "historyLength": 0});
        [
            ("message", message.to_v0_3()),
            ("configuration", configuration.into()),
        ]
        .into_iter()
        .collect()
    }

    fn rest(self, interface: &Interface) -> Result<Request<Full<Bytes>>, CallError> {
        let (method, path, query) = self.rest_target();
        let base = interface.endpoint.uri();
        let tenant = interface
            .tenant
            .as_deref()
            .map(|tenant| format!("/{}", encoded(tenant)));
        let given = base.query().map(str::to_owned);
        let query: Vec<_> = given.into_iter().chain(query).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let target = format!(
            "{}{}{path}{mark}{}",
            base.path().trim_end_matches('/'),
            tenant.unwrap_or_default(),
            query.join("&")
        );
        let body = match self {
            Self::Send { .. } => self.members_v1().into_iter().collect::<Json>().to_string(),
            _ => String::new(),
        };
        let mut request = Request::new(Full::from(body));
        *request.uri_mut() = beside(&interface.endpoint, &target).map_err(|error| {
            CallError::protocol(format!("its task has an id that cannot be used: {error}"))
        })?;
        request.headers_mut().insert(header::ACCEPT, ANY_JSON);
        if method == Method::POST {
            request.headers_mut().insert(header::CONTENT_TYPE, A2A_JSON);
        }
        *request.method_mut() = method;
        Ok(request)
    }

    /// The method, the path below the interface's address, and the query.
    fn rest_target(self) -> (Method, String, Option<String>) {
        let task = |task_id: &str| format!("/tasks/{}", encoded(task_id));
        match self {
            Self::Send {
                is_streamed: false, ..
            } => (Method::POST, "/message:send".to_owned(), None),
            Self::Send { .. } => (Method::POST, "/message:stream".to_owned(), None),
            Self::Get { task_id, history } => (
                Method::GET,
                task(task_id),
                Some(format!("historyLength={history}")),
            ),
            Self::List { page } => {
                let page = page.map(|page| format!("&pageToken={}", encoded(page)));
                let query = format!("pageSize={PAGE_SIZE}{}", page.unwrap_or_default());
                (Method::GET, "/tasks".to_owned(), Some(query))
            }
            Self::Cancel { task_id } => (Method::POST, format!("{}:cancel", task(task_id)), None),
            Self::Subscribe { task_id } => (Method::GET, format!("{}:subscribe", task(task_id)), None),
        }
    }
}

/// Text as a segment of a path or a value of a query. What forms write as `+`, a path does not read as a space.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Endpoint;

    fn interface(dialect: Dialect, tenant: Option<&str>) -> Interface {
        Interface {
            endpoint: Endpoint::parse("http://a.example/x/?key=1").unwrap(),
            dialect,
            version: String::new(),
            tenant: tenant.map(str::to_owned),
        }
    }

    #[test]
    fn over_http_the_tenant_the_task_and_the_page_stand_in_the_address() {
        let (get, list) = (
            Operation::Get {
                task_id: "a/b c?",
                history: 0,
            },
            Operation::List { page: Some("n&1") },
        );
        for (operation, tenant, expected) in [
            (
                get,
                None,
                "GET http://a.example/x/tasks/a%2Fb%20c%3F?key=1&historyLength=0",
            ),
            (
                list,
                Some("acme"),
                "GET http://a.example/x/acme/tasks?key=1&pageSize=20&pageToken=n%261",
            ),
            (
                Operation::List { page: None },
                None,
                "GET http://a.example/x/tasks?key=1&pageSize=20",
            ),
            (
                Operation::Cancel { task_id: "t" },
                None,
                "POST http://a.example/x/tasks/t:cancel?key=1",
            ),
            (
                Operation::Subscribe { task_id: "t" },
                None,
                "GET http://a.example/x/tasks/t:subscribe?key=1",
            ),
        ] {
            let request = operation.request(&interface(Dialect::Rest, tenant), "r").unwrap();
            assert_eq!(format!("{} {}", request.method(), request.uri()), expected);
            assert_eq!(request.headers()[VERSION_HEADER], VERSION);
        }
    }

    #[test]
    fn version_0_3_is_not_named_and_lists_no_tasks() {
        let old = interface(Dialect::JsonRpc0_3, None);
        let request = Operation::Cancel { task_id: "t" }.request(&old, "r").unwrap();
        assert!(!request.headers().contains_key(VERSION_HEADER));
        assert_eq!(request.uri(), "http://a.example/x/?key=1");
        assert!(Operation::List { page: None }.request(&old, "r").is_err());
    }
}
