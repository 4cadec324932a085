//! Facts: what an expectation may say of one thing, such as a node or a call.
//!
//! Each kind of thing has a table of the facts that can be named, where each is found and how it is compared. A name
//! that is not in the table is an error when the case is read.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, json};

use crate::compare::{Differences, Mode};

/// One fact: its name in cases, the pointer to it in what the API shows, and how it is compared.
pub(crate) type Fact = (&'static str, &'static str, Mode);

/// A kind of thing.
pub(crate) trait Kind {
    /// What can be said of it.
    const FACTS: &'static [Fact];

    /// What a mere text says of it.
    fn short(text: &str) -> Map<String, Value>;

    /// Why these facts can never be, where that is certain.
    fn misspelt(_: &Map<String, Value>) -> Option<String> {
        None
    }
}

/// What is expected of one thing: facts by name. Those that are not named are not compared.
pub(crate) struct Facts<K> {
    named: Map<String, Value>,
    kind: PhantomData<K>,
}

impl<K: Kind> Facts<K> {
    /// Compares every fact that is named.
    pub(crate) fn compare(&self, at: &str, actual: &Value, found: &mut Differences) {
        for (name, pointer, mode) in K::FACTS {
            if let Some(expected) = self.named.get(*name) {
                let actual = actual.pointer(pointer).unwrap_or(&Value::Null);
                found.compare(*mode, &format!("{at}.{name}"), expected, actual);
            }
        }
    }

    /// Whether every fact that is named is so.
    pub(crate) fn hold(&self, actual: &Value) -> bool {
        let mut found = Differences::default();
        self.compare("", actual, &mut found);
        found.is_empty()
    }
}

impl<K> fmt::Debug for Facts<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", json!(self.named))
    }
}

impl<'de, K: Kind> Deserialize<'de> for Facts<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = match Value::deserialize(deserializer)? {
            Value::String(text) => K::short(&text),
            Value::Object(named) => named,
            other => {
                return Err(D::Error::custom(format_args!(
                    "{other} is neither a text nor an object"
                )));
            }
        };
        let known = |name: &str| K::FACTS.iter().any(|(known, ..)| *known == name);
        if let Some(name) = named.keys().find(|name| !known(name)) {
            let names: Vec<_> = K::FACTS.iter().map(|(name, ..)| *name).collect();
            return Err(D::Error::custom(format_args!(
                "unknown field {name:?}, expected one of {}",
                names.join(", ")
            )));
        }
        if let Some(why) = K::misspelt(&named) {
            return Err(D::Error::custom(why));
        }
        Ok(Self {
            named,
            kind: PhantomData,
        })
    }
}

fn one(name: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value.into())])
}

/// A node of an execution, as `GET /executions/{id}/nodes` shows it. A text is its status.
pub(crate) struct Node;

impl Kind for Node {
    const FACTS: &'static [Fact] = &[
        ("status", "/status", Mode::Exact),
        ("type", "/type", Mode::Exact),
        ("attempt", "/attempt", Mode::Exact),
        ("output", "/output", Mode::Exact),
        ("output_part", "/output", Mode::Part),
        ("error", "/error", Mode::Part),
        ("skip_reason", "/skip_reason", Mode::Exact),
        ("config", "/input/config", Mode::Exact),
        ("upstream", "/input/upstream", Mode::Exact),
        ("waiting_on", "/waiting_on", Mode::Part),
        ("reused", "/reused", Mode::Exact),
        ("used_fallback", "/used_fallback", Mode::Exact),
        ("cost_usd", "/cost_usd", Mode::Exact),
        ("cost_known", "/cost_known", Mode::Exact),
        ("remote_cancel", "/remote_cancel", Mode::Exact),
        ("remote_task_id", "/remote_task_id", Mode::Exact),
        ("child_execution_id", "/child_execution_id", Mode::Exact),
        ("started_at", "/started_at", Mode::Exact),
    ];

    fn short(text: &str) -> Map<String, Value> {
        one("status", text)
    }
}

/// A message that an agent got. A text is its text part.
pub(crate) struct Call;

impl Kind for Call {
    const FACTS: &'static [Fact] = &[
        ("text", "/text", Mode::Exact),
        ("message", "/message", Mode::Exact),
        ("data", "/data", Mode::Exact),
        ("config", "/data/config", Mode::Exact),
        ("input", "/data/input", Mode::Exact),
        ("upstream", "/data/upstream", Mode::Exact),
        ("item", "/data/item", Mode::Exact),
        ("loop", "/data/loop", Mode::Exact),
    ];

    fn short(text: &str) -> Map<String, Value> {
        one("text", text)
    }
}

/// An event. A text is its type, followed by the path of its node where that matters.
pub(crate) struct Event;

impl Kind for Event {
    const FACTS: &'static [Fact] = &[
        ("type", "/type", Mode::Exact),
        ("path", "/data/path", Mode::Exact),
        ("data", "/data", Mode::Part),
    ];

    fn short(text: &str) -> Map<String, Value> {
        match text.split_once(' ') {
            Some((kind, path)) => {
                Map::from_iter([("type".into(), kind.into()), ("path".into(), path.into())])
            }
            None => one("type", text),
        }
    }

    fn misspelt(named: &Map<String, Value>) -> Option<String> {
        let kind = named.get("type")?.as_str()?;
        let (subject, happened) = kind.split_once('.').unwrap_or((kind, ""));
        let known: &[&str] = match subject {
            "execution" => &[
                "started",
                "paused",
                "resumed",
                "cancelling",
                "completed",
                "failed",
                "cancelled",
            ],
            "node" => &[
                "started",
                "completed",
                "failed",
                "retrying",
                "skipped",
                "waiting",
                "cancelled",
            ],
            "approval" => &["requested", "decided", "expired"],
            "budget" => &["threshold", "exhausted"],
            _ => &[],
        };
        (!known.contains(&happened)).then(|| format!("there is no event {kind:?}"))
    }
}

/// A finding about a document or a request. A text is its code, followed by its pointer where that matters.
pub(crate) struct Finding;

impl Kind for Finding {
    const FACTS: &'static [Fact] = &[
        ("code", "/code", Mode::Exact),
        ("pointer", "/pointer", Mode::Exact),
        ("line", "/line", Mode::Exact),
        ("column", "/column", Mode::Exact),
        ("message", "/message", Mode::Holds),
        ("hint", "/hint", Mode::Holds),
    ];

    fn short(text: &str) -> Map<String, Value> {
        match text.split_once(' ') {
            Some((code, pointer)) => {
                Map::from_iter([("code".into(), code.into()), ("pointer".into(), pointer.into())])
            }
            None => one("code", text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<K: Kind>(json: Value) -> Result<Facts<K>, serde_json::Error> {
        serde_json::from_value(json)
    }

    #[test]
    fn a_fact_that_does_not_exist_is_an_error() {
        let error = read::<Node>(json!({"satus": "completed"})).unwrap_err();
        assert!(error.to_string().contains("unknown field \"satus\""), "{error}");
        assert!(read::<Node>(json!(7)).is_err());
    }

    #[test]
    fn a_text_is_short_for_what_is_most_often_said() {
        let node = read::<Node>(json!("completed")).unwrap();
        assert!(node.hold(&json!({"status": "completed", "attempt": 1})));
        assert!(!node.hold(&json!({"status": "failed"})));
        let event = read::<Event>(json!("node.started a[0]/b")).unwrap();
        assert!(event.hold(&json!({"type": "node.started", "data": {"path": "a[0]/b"}})));
        assert!(!event.hold(&json!({"type": "node.started", "data": {"path": "a[1]/b"}})));
    }

    #[test]
    fn an_event_that_does_not_exist_is_an_error() {
        assert!(read::<Event>(json!("node.retried a")).is_err());
        assert!(read::<Event>(json!({"type": "nodes.started"})).is_err());
    }

    #[test]
    fn what_is_expected_to_be_null_may_be_absent() {
        assert!(read::<Node>(json!({"output": null})).unwrap().hold(&json!({})));
    }
}
