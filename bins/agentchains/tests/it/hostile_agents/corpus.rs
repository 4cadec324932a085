//! The cases as they are written: what an agent does, and what must come of it. What is not known here is refused.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Corpus {
    #[serde(rename = "corpus")]
    _name: String,
    #[serde(rename = "format")]
    _format: u32,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) what: String,
    #[serde(rename = "why", default)]
    _why: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) expect: Expect,
}

/// What an agent does.
pub(crate) struct Behaviour {
    /// Its card, where that is not an ordinary one.
    pub(crate) card: Option<Body>,
    /// How long it thinks before it answers a message.
    pub(crate) delay: Duration,
    /// What it does then.
    pub(crate) act: Act,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    Result(TaskResult),
    Http(HttpReply),
    /// These bytes.
    Raw(String),
    RawRepeat {
        prefix: String,
        unit: String,
    },
    RawDrip {
        text: String,
        every_ms: u64,
    },
    /// A stream of these results.
    Sse(Vec<String>),
    /// A stream of this for ever.
    SseEndlessRaw(String),
    SseOneEventBytes(usize),
    /// A task that stays in this state.
    TaskState(String),
    RpcError(i64),
    Refuse(bool),
    Reset(ResetAt),
    Tls(Tls),
    /// A redirect with this status.
    RedirectToCanary(u16),
    /// This status, and the credential of the request as the body.
    EchoAuthorization(u16),
}

/// A completed task. The texts are put into the reply byte for byte.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TaskResult {
    pub(crate) data: Option<String>,
    pub(crate) data_bytes: Option<usize>,
    pub(crate) data_nested: Option<Nested>,
    pub(crate) cost: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) rpc_id: Option<String>,
    pub(crate) task_id_bytes: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nested {
    pub(crate) open: String,
    pub(crate) close: String,
    pub(crate) depth: usize,
    #[serde(default)]
    pub(crate) inner: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Body,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Body {
    Text {
        text: String,
    },
    Hex {
        hex: String,
    },
    Repeat {
        unit: String,
        bytes: usize,
        #[serde(default)]
        chunked: bool,
    },
    Drip {
        unit: String,
        every_ms: u64,
    },
    Nested(Nested),
    GzipZeros {
        decoded_bytes: u64,
        levels: u32,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetAt {
    AtOnce,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tls {
    Stall,
}

/// What must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The status of the node that calls the agent.
    pub(crate) node: Vec<String>,
    /// How many different messages the agent got.
    pub(crate) attempts: Vec<usize>,
    pub(crate) max_seconds: u64,
    pub(crate) max_rss_growth_mib: u64,
    #[serde(default)]
    pub(crate) code_any_of: Vec<String>,
    pub(crate) spent: Option<f64>,
    #[serde(default)]
    pub(crate) spent_any_of: Vec<f64>,
    /// The status of the execution.
    pub(crate) execution: Option<String>,
    /// How many messages the agent of the node after it got.
    pub(crate) next_calls: Option<usize>,
    pub(crate) cancels_min: Option<usize>,
    pub(crate) canary_requests: Option<usize>,
    pub(crate) error_max_bytes: Option<usize>,
    pub(crate) secret_hidden: Option<bool>,
    pub(crate) log_forged: Option<bool>,
    #[serde(default)]
    pub(crate) approval_still_pending: bool,
}

impl Behaviour {
    /// Whether the agent offers streaming: where what it does is a stream.
    pub(crate) fn streams(&self) -> bool {
        matches!(
            self.act,
            Act::Sse(_) | Act::SseEndlessRaw(_) | Act::SseOneEventBytes(_)
        )
    }

    /// Whether the agent is called with a credential.
    pub(crate) fn takes_a_credential(&self) -> bool {
        matches!(self.act, Act::RedirectToCanary(_) | Act::EchoAuthorization(_))
    }

    /// Completes a task with this data.
    pub(crate) fn honest(data: &str) -> Self {
        Self {
            card: None,
            delay: Duration::ZERO,
            act: Act::Result(TaskResult {
                data: Some(data.to_owned()),
                ..TaskResult::default()
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Behaviour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::<String, Value>::deserialize(deserializer)?;
        let card = members.remove("card").map(serde_json::from_value).transpose();
        let delay = members.remove("delay_ms").map_or(Ok(0), serde_json::from_value);
        let act = match members.is_empty() {
            true => Ok(Act::Result(TaskResult::default())),
            false => serde_json::from_value(Value::Object(members)),
        };
        Ok(Self {
            card: card.map_err(Error::custom)?,
            delay: Duration::from_millis(delay.map_err(Error::custom)?),
            act: act.map_err(Error::custom)?,
        })
    }
}
