//! Scripted agents: what a case says that its agents answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::present;

/// One agent of a case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "AgentForm")]
pub struct Agent {
    /// Where the message's data says which of the scripts is meant, as a JSON pointer; absent: there is one script.
    pub(crate) by: Option<String>,
    /// The scripts, by what is found there; under the empty text, the only one.
    scripts: BTreeMap<String, Vec<Reply>>,
    /// Whether nothing listens at its address.
    pub unreachable: bool,
    /// What it is registered with, besides its id and address.
    pub(crate) settings: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AgentForm {
    Script(Vec<Reply>),
    Fields(AgentFields),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentFields {
    by: Option<String>,
    #[serde(default)]
    replies: Scripts,
    #[serde(default)]
    unreachable: bool,
    #[serde(default)]
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scripts {
    One(Vec<Reply>),
    Several(BTreeMap<String, Vec<Reply>>),
}

impl Default for Scripts {
    fn default() -> Self {
        Self::One(Vec::new())
    }
}

impl From<AgentForm> for Agent {
    fn from(form: AgentForm) -> Self {
        let one = |script| BTreeMap::from([(String::new(), script)]);
        match form {
            AgentForm::Script(script) => Self {
                scripts: one(script),
                ..Self::default()
            },
            AgentForm::Fields(fields) => Self {
                by: fields.by,
                scripts: match fields.replies {
                    Scripts::One(script) => one(script),
                    Scripts::Several(scripts) => scripts,
                },
                unreachable: fields.unreachable,
                settings: fields.settings,
            },
        }
    }
}

impl Agent {
    /// Which script a message is answered by.
    pub(crate) fn key(&self, data: &Value) -> String {
        let found = self.by.as_ref().and_then(|pointer| data.pointer(pointer));
        found.map_or_else(String::new, as_key)
    }

    /// The answer to the call of this number, counted from 0 within its script. The last one goes for all after it;
    /// an agent without a script names itself.
    pub(crate) fn reply(&self, agent_id: &str, key: &str, number: usize) -> Reply {
        let script = self.scripts.get(key).map_or(&[][..], Vec::as_slice);
        let reply = script.get(number).or(script.last()).cloned();
        reply.unwrap_or_else(|| Reply {
            output: Some(json!({"agent": agent_id})),
            ..Reply::default()
        })
    }
}

/// A value as the name of a script: a text as it is, anything else as JSON.
pub(crate) fn as_key(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What an agent does with one message.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Its task completes with this as the artifact's data.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    /// Its task completes with what stands at this JSON pointer in the message's data.
    pub echo: Option<String>,
    /// Its task completes with an artifact of these parts (A2A, section 4.1.6).
    pub parts: Option<Vec<Value>>,
    /// Its task asks something before it goes on. The reply after this one is that to the answer.
    pub ask: Option<Ask>,
    /// It fails.
    pub fail: Option<Fail>,
    /// What it says that it cost, in USD.
    pub cost_usd: Option<Value>,
    /// What else the metadata of its task say.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// It does not end before a step releases it.
    #[serde(default)]
    pub held: bool,
    /// It names its task at once, and goes on working.
    #[serde(default)]
    pub accepted: bool,
    /// Once the engine was restarted, it does not know its task any more.
    #[serde(default)]
    pub forgets: bool,
    /// Seconds after which a caller that was refused may come back.
    pub retry_after: Option<u32>,
    /// What a failed task's metadata says about another attempt.
    pub retryable: Option<bool>,
}

/// What an agent asks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Its words.
    pub text: String,
    /// JSON Schema of the data that it wants.
    pub form: Option<Value>,
    /// Whether it asks for an authorisation, not for input.
    #[serde(default)]
    pub auth: bool,
}

impl Ask {
    /// The question as parts of a message (A2A, section 4.1.6).
    #[must_use]
    pub fn parts(&self) -> Value {
        let form = self.form.as_ref().map(|form| json!({"data": form}));
        [json!({"text": self.text})].into_iter().chain(form).collect()
    }

    /// The state of a task that asks it (A2A, section 4.1.3).
    #[must_use]
    pub const fn state(&self) -> &'static str {
        if self.auth {
            "TASK_STATE_AUTH_REQUIRED"
        } else {
            "TASK_STATE_INPUT_REQUIRED"
        }
    }
}

/// How an agent fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fail {
    /// It answers with this HTTP status.
    Http(u16),
    /// It answers with a JSON-RPC error of this code.
    Rpc(i64),
    /// Its task ends in this state.
    Task(TaskEnd),
    /// It answers with something that is no JSON.
    Garbage,
    /// It closes the connection without an answer.
    ConnectionLost,
}

/// How a task ends badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    /// It could not do it.
    Failed,
    /// It will not do it.
    Rejected,
    /// It gave up.
    Canceled,
}

impl TaskEnd {
    /// The state's name in A2A (section 4.1.3).
    #[must_use]
    pub const fn state(self) -> &'static str {
        match self {
            Self::Failed => "TASK_STATE_FAILED",
            Self::Rejected => "TASK_STATE_REJECTED",
            Self::Canceled => "TASK_STATE_CANCELED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(json: Value) -> Agent {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_last_reply_goes_for_all_calls_after_it() {
        let agent = agent(json!([{"fail": {"http": 503}}, {"output": 1}]));
        let outputs = [0, 1, 2].map(|number| agent.reply("a", "", number).output);
        assert_eq!(outputs, [None, Some(json!(1)), Some(json!(1))]);
    }

    #[test]
    fn a_script_is_chosen_by_what_the_message_says() {
        let agent =
            agent(json!({"by": "/item", "replies": {"2": [{"output": "two"}], "x": [{"output": null}]}}));
        let reply = |item: Value| agent.reply("a", &agent.key(&json!({"item": item})), 0).output;
        assert_eq!(reply(json!(2)), Some(json!("two")));
        assert_eq!(reply(json!("x")), Some(Value::Null));
        assert_eq!(reply(json!(3)), Some(json!({"agent": "a"})));
    }

    #[test]
    fn a_field_that_does_not_exist_is_an_error() {
        assert!(serde_json::from_value::<Agent>(json!([{"outputs": 1}])).is_err());
        assert!(serde_json::from_value::<Agent>(json!({"reply": []})).is_err());
        assert!(serde_json::from_value::<Agent>(json!([{"fail": {"https": 503}}])).is_err());
    }
}
