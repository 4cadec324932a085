//! JSON on the wire: one form for each version and binding, read into and written from the one [`model`](crate::model).

mod fields;
pub(crate) mod read;
mod v0_3;

use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    agent::TaskPage,
    error::{A2aError, Reason},
    model::{Message, Task, Update},
    request::{ListRequest, SendRequest},
};

/// The header, and the query parameter, that names the version (section 3.6.1).
pub(crate) const VERSION: &str = "a2a-version";

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1_0,
    V0_3,
}

/// How things are written. Version 0.3 differs between its bindings; 1.0 does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    V1_0,
    JsonRpc0_3,
    Rest0_3,
}

impl Version {
    /// The version that a request is made in. One that names none is of 0.3 (section 3.6.2).
    ///
    /// # Errors
    /// When it is not spoken here.
    pub(crate) fn of(headers: &HeaderMap, query: &Map<String, Value>) -> Result<Self, A2aError> {
        let in_header = headers.get(VERSION).map(|value| value.as_bytes());
        let in_query = query
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(VERSION))
            .and_then(|(_, value)| value.as_str());
        let named = in_header.or(in_query.map(str::as_bytes)).unwrap_or_default();
        let named = String::from_utf8_lossy(named.trim_ascii());
        // The third number never matters.
        let mut numbers = named.split('.');
        match (numbers.next(), numbers.next()) {
            (Some("1"), Some("0")) => Ok(Self::V1_0),
            (Some(""), None) | (Some("0"), Some("3")) => Ok(Self::V0_3),
            _ => {
                let named: String = named.chars().take(20).collect();
                let message = format!("version {named:?} is not spoken here; A2A-Version is 1.0 or 0.3");
                Err(A2aError::new(Reason::VersionNotSupported, message))
            }
        }
    }
}

impl Dialect {
    /// Reads the parameters of a message.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(crate) fn send(self, params: Map<String, Value>) -> Result<SendRequest, A2aError> {
        read::send(&self.current(params), self)
    }

    /// Reads the parameters of a list.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(crate) fn list(self, params: Map<String, Value>) -> Result<ListRequest, A2aError> {
        read::list(&self.current(params))
    }

    /// Parameters in the form of 1.0.
    fn current(self, params: Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::V1_0 => params,
            Self::JsonRpc0_3 | Self::Rest0_3 => v0_3::to_current(params),
        }
    }

    /// A task that a message belongs to, or that a stream begins with.
    pub(crate) fn sent_task(self, task: &Task) -> Value {
        self.wrapped("task", self.task(task))
    }

    /// The answer to a message that made no task.
    pub(crate) fn sent_message(self, message: &Message) -> Value {
        let message = match self.old() {
            None => written(message),
            Some(form) => form.message(message),
        };
        self.wrapped("message", message)
    }

    /// A task by itself.
    pub(crate) fn task(self, task: &Task) -> Value {
        match self.old() {
            None => written(task),
            Some(form) => form.task(task),
        }
    }

    /// A part of a list.
    pub(crate) fn tasks(self, page: &TaskPage, page_size: u32) -> Value {
        let tasks: Vec<Value> = page.tasks.iter().map(|task| self.task(task)).collect();
        json!({
            "tasks": tasks,
            "nextPageToken": page.next_page_token,
            "pageSize": page_size,
            "totalSize": page.total_size,
        })
    }

    /// Something that happened to a task.
    pub(crate) fn update(self, update: &Update) -> Value {
        match (self.old(), update) {
            (None, Update::Status(update)) => self.wrapped("statusUpdate", written(update)),
            (None, Update::Artifact(update)) => self.wrapped("artifactUpdate", written(update)),
            (Some(form), Update::Status(update)) => self.wrapped("statusUpdate", form.status_update(update)),
            (Some(form), Update::Artifact(update)) => {
                self.wrapped("artifactUpdate", form.artifact_update(update))
            }
        }
    }

    /// An object with one member that says what it is, where things do not say so themselves.
    fn wrapped(self, name: &str, value: Value) -> Value {
        match self {
            Self::JsonRpc0_3 => value,
            Self::V1_0 | Self::Rest0_3 => Map::from_iter([(name.to_owned(), value)]).into(),
        }
    }

    /// The form of version 0.3, where it is that one.
    const fn old(self) -> Option<v0_3::Form> {
        match self {
            Self::V1_0 => None,
            Self::JsonRpc0_3 => Some(v0_3::Form::Kinds),
            Self::Rest0_3 => Some(v0_3::Form::Proto),
        }
    }
}

/// Something in the form of 1.0.
fn written(thing: &impl Serialize) -> Value {
    // Cannot fail: everything here is made of texts, and of JSON.
    serde_json::to_value(thing).unwrap_or_default()
}
