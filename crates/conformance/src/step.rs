//! Steps: what people and the world do while an execution runs.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::expectation::{Expectation, Refusal};

/// One step: an action, where it is done, and how it is refused where it must be.
#[derive(Debug, Deserialize)]
#[serde(try_from = "StepFields")]
pub struct Step {
    pub(crate) action: Action,
    /// The way down to a child execution: the path of the node that started it, in each execution on the way.
    pub(crate) inside: Vec<String>,
    pub(crate) refused: Option<Refusal>,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Waits until this holds.
    Wait(Box<Expectation>),
    /// Compares with what is so at this moment.
    Expect(Box<Expectation>),
    /// Lets the oldest held call of an agent go on.
    Release(Release),
    /// Decides a question.
    Decide(Decide),
    /// `POST /executions/{id}/pause`.
    Pause,
    /// `POST /executions/{id}/resume` with this body.
    Resume(Map<String, Value>),
    /// `POST /executions/{id}/cancel`.
    Cancel,
    /// `POST /executions/{id}/retry`; what follows is about the execution that this makes.
    Retry,
    /// `POST /executions/{id}/fork` with this body; what follows is about the execution that this makes.
    Fork(Map<String, Value>),
    /// Starts the workflow once more with this body; what follows is about the execution that this makes.
    Execute(Map<String, Value>),
    /// Stores another version of a workflow.
    Save(Save),
    /// `DELETE /workflows/{id}` of the workflow of this name.
    Archive(String),
    /// Kills the engine, and starts it again on the same store.
    Restart,
    /// Moves the simulated time on by this duration.
    Advance(String),
}

/// Which held call is meant: one of an agent's, or one of those that a script of it is for.
#[derive(Debug, Deserialize)]
#[serde(from = "ReleaseForm")]
pub(crate) struct Release {
    pub(crate) agent: String,
    pub(crate) key: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReleaseForm {
    Agent(String),
    Of {
        agent: String,
        #[serde(rename = "for")]
        key: Value,
    },
}

impl From<ReleaseForm> for Release {
    fn from(form: ReleaseForm) -> Self {
        match form {
            ReleaseForm::Agent(agent) => Self { agent, key: None },
            ReleaseForm::Of { agent, key } => Self {
                agent,
                key: Some(key),
            },
        }
    }
}

/// A person's decision.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    /// The path of the node that asks.
    pub(crate) node: String,
    /// The rest of the request's body. A `shown_hash` of `"shown"` stands for that of the question.
    pub(crate) with: Map<String, Value>,
    /// The request's `Idempotency-Key`.
    pub(crate) key: Option<String>,
}

/// Another version of a workflow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Save {
    /// The workflow's name in this case; absent: the one that the case is about.
    pub(crate) name: Option<String>,
    /// Its document.
    pub(crate) workflow: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct StepFields {
    wait: Option<Box<Expectation>>,
    expect: Option<Box<Expectation>>,
    release: Option<Release>,
    decide: Option<Decide>,
    pause: Option<Nothing>,
    resume: Option<Map<String, Value>>,
    cancel: Option<Nothing>,
    retry: Option<Nothing>,
    fork: Option<Map<String, Value>>,
    execute: Option<Map<String, Value>>,
    save: Option<Save>,
    archive: Option<String>,
    restart: Option<Nothing>,
    advance: Option<String>,
    #[serde(default, rename = "in")]
    inside: Vec<String>,
    refused: Option<Refusal>,
}

/// `{}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl TryFrom<StepFields> for Step {
    type Error = String;

    fn try_from(fields: StepFields) -> Result<Self, Self::Error> {
        let actions = [
            fields.wait.map(Action::Wait),
            fields.expect.map(Action::Expect),
            fields.release.map(Action::Release),
            fields.decide.map(Action::Decide),
            fields.pause.map(|Nothing {}| Action::Pause),
            fields.resume.map(Action::Resume),
            fields.cancel.map(|Nothing {}| Action::Cancel),
            fields.retry.map(|Nothing {}| Action::Retry),
            fields.fork.map(Action::Fork),
            fields.execute.map(Action::Execute),
            fields.save.map(Action::Save),
            fields.archive.map(Action::Archive),
            fields.restart.map(|Nothing {}| Action::Restart),
            fields.advance.map(Action::Advance),
        ];
        let mut actions = actions.into_iter().flatten();
        match (actions.next(), actions.next()) {
            (Some(action), None) => Ok(Self {
                action,
                inside: fields.inside,
                refused: fields.refused,
            }),
            (None, _) => Err("a step without an action".to_owned()),
            (Some(_), Some(_)) => Err("a step with more than one action".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_has_exactly_one_action() {
        let read = |json: Value| serde_json::from_value::<Step>(json);
        assert!(read(json!({"pause": {}})).is_ok());
        for bad in [
            json!({}),
            json!({"pause": {}, "cancel": {}}),
            json!({"paws": {}}),
            json!({"pause": {"x": 1}}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
