//! What an execution is asked to do: the bodies of `execute`, `fork` and `resume`.

use std::{collections::BTreeMap, time::Duration};

use agentchains_engine::{
    DryRun, ForkRequest, StartRequest,
    cost::Usd,
    machine::ApprovalId,
    ports::{Idempotency, Seconds},
    workflow::{OnBudget, limits},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::ahead::{DryRunForms, dry_run};
use crate::problem::{Finding, Problem};

/// Labels of one execution.
const MAX_LABELS: usize = 64;

/// Characters of a label's name.
const MAX_LABEL_NAME: usize = 100;

/// Characters of a label's value.
const MAX_LABEL_VALUE: usize = 1_000;

/// The body of `POST /workflows/{id}/execute`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Execute {
    #[serde(default = "no_input")]
    input: Value,
    #[serde(default, deserialize_with = "budget")]
    #[schemars(range(min = 0))]
    max_budget: Option<Usd>,
    #[serde(default)]
    on_budget: Option<OnBudget>,
    #[serde(default, deserialize_with = "timeout")]
    #[schemars(with = "Option<Seconds>")]
    timeout: Option<Duration>,
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Set where nothing is to be started.
    #[serde(default, deserialize_with = "dry_run")]
    #[schemars(with = "Option<DryRunForms>")]
    pub(crate) dry_run: Option<DryRun>,
}

impl Execute {
    /// What the engine is to start.
    ///
    /// # Errors
    /// 422 where a label is too long or there are too many.
    pub(crate) fn into_request(self, idempotency: Option<Idempotency>) -> Result<StartRequest, Problem> {
        check_labels(&self.labels)?;
        Ok(StartRequest {
            version: self.version,
            input: self.input,
            max_budget: self.max_budget,
            on_budget: self.on_budget,
            timeout: self.timeout,
            labels: self.labels,
            idempotency,
        })
    }
}

/// The body of `POST /executions/{id}/fork`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fork {
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    version: Option<u32>,
    /// An input that is `null` is given, too.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Value")]
    input: Option<Value>,
    #[serde(default)]
    outputs: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "budget")]
    #[schemars(range(min = 0))]
    max_budget: Option<Usd>,
}

impl Fork {
    /// What the engine is to start.
    pub(crate) fn into_request(self, idempotency: Option<Idempotency>) -> ForkRequest {
        ForkRequest {
            from: self.from,
            version: self.version,
            input: self.input,
            outputs: self.outputs,
            max_budget: self.max_budget,
            idempotency,
        }
    }
}

/// A value that counts as given when it is `null`.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn no_input() -> Value {
    Value::Object(Map::new())
}

/// An amount that a budget may have: not negative, and no more than a document may say.
pub(super) fn budget<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    let amount = Option::<Usd>::deserialize(deserializer)?;
    match amount {
        Some(amount) if amount.is_negative() => Err(D::Error::custom("a budget must not be negative")),
        Some(amount) if amount > limits::MAX_USD => Err(D::Error::custom(format_args!(
            "a budget is at most {} USD",
            limits::MAX_USD
        ))),
        fitting => Ok(fitting),
    }
}

fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match Option::<Seconds>::deserialize(deserializer)? {
        Some(Seconds(Duration::ZERO)) => Err(D::Error::custom("a timeout must be more than zero")),
        timeout => Ok(timeout.map(|Seconds(timeout)| timeout)),
    }
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Problem> {
    let is_longer = |text: &str, limit: usize| text.chars().nth(limit).is_some();
    let refused = if labels.len() > MAX_LABELS {
        format!("an execution has at most {MAX_LABELS} labels")
    } else if labels
        .keys()
        .any(|name| name.is_empty() || is_longer(name, MAX_LABEL_NAME))
    {
        format!("a label's name has 1 to {MAX_LABEL_NAME} characters")
    } else if labels.values().any(|value| is_longer(value, MAX_LABEL_VALUE)) {
        format!("a label's value has at most {MAX_LABEL_VALUE} characters")
    } else {
        return Ok(());
    };
    Err(Problem::invalid(vec![Finding::new(
        "value_too_long",
        "/labels",
        refused,
    )]))
}

/// The body of `POST /executions/{id}/resume`: nothing, a higher budget, or a decision.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resume {
    #[serde(default, deserialize_with = "budget")]
    #[schemars(range(min = 0))]
    pub(crate) max_budget: Option<Usd>,
    #[serde(default)]
    pub(crate) approval_id: Option<ApprovalId>,
    #[serde(default)]
    pub(crate) decision: Option<String>,
    #[serde(default)]
    pub(crate) comment: Option<String>,
    #[serde(default)]
    pub(crate) data: Option<Value>,
}

/// The body of an action that takes none: absent, or an empty object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}
