//! What is asked before anything runs: the body of `estimate`, and `dry_run` in that of `execute`.

use std::{collections::BTreeMap, fmt};

use agentchains_engine::{
    DryRun, DryRunReport, EstimateRequest, SupposedDecision, cost::Usd, machine::ExecutionId,
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use super::execute::{budget, given};

/// The body of `POST /workflows/{id}/estimate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EstimateRequest")]
pub(crate) struct Estimate {
    /// An input that is `null` is given, too.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Value")]
    input: Option<Value>,
    #[serde(default, deserialize_with = "budget")]
    max_budget: Option<Usd>,
    #[serde(default)]
    version: Option<u32>,
}

impl From<Estimate> for EstimateRequest {
    fn from(body: Estimate) -> Self {
        Self {
            version: body.version,
            input: body.input,
            max_budget: body.max_budget,
        }
    }
}

/// The answer to an `execute` that is a dry run.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DryRun")]
pub(crate) struct Rehearsed {
    /// Always true: nothing was started.
    dry_run: bool,
    #[serde(flatten)]
    report: DryRunReport,
}

impl From<DryRunReport> for Rehearsed {
    fn from(report: DryRunReport) -> Self {
        Self {
            dry_run: true,
            report,
        }
    }
}

/// `dry_run`: whether it is one, or what is supposed in it.
pub(super) fn dry_run<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DryRun>, D::Error> {
    deserializer.deserialize_any(DryRunVisitor)
}

struct DryRunVisitor;

impl<'de> Visitor<'de> for DryRunVisitor {
    type Value = Option<DryRun>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, or an object of what is supposed")
    }

    fn visit_bool<E: de::Error>(self, wanted: bool) -> Result<Self::Value, E> {
        Ok(wanted.then(DryRun::default))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        let supposed = Supposed::deserialize(MapAccessDeserializer::new(fields))?;
        let decisions = supposed.decisions.into_iter();
        Ok(Some(DryRun {
            outputs: supposed.outputs,
            decisions: decisions.map(|(node, decision)| (node, decision.0)).collect(),
            from_execution: supposed.from_execution,
        }))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DryRunRequest")]
pub(super) struct Supposed {
    #[serde(default)]
    outputs: BTreeMap<String, Value>,
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ActionOrFilled>")]
    decisions: BTreeMap<String, Chosen>,
    #[serde(default)]
    from_execution: Option<ExecutionId>,
}

/// What `dry_run` may be, as it is described.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "only described: it is read by a visitor, whose errors name the place"
)]
pub(super) enum DryRunForms {
    Wanted(bool),
    Supposing(Supposed),
}

/// What a supposed decision may be, as it is described.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "only described: it is read by a visitor, whose errors name the place"
)]
enum ActionOrFilled {
    Action(String),
    Filled(Filled),
}

/// An action, or one with what is filled in.
struct Chosen(SupposedDecision);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SupposedDecision")]
struct Filled {
    decision: String,
    #[serde(default)]
    data: Option<Value>,
}

impl<'de> Deserialize<'de> for Chosen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChosenVisitor)
    }
}

struct ChosenVisitor;

impl<'de> Visitor<'de> for ChosenVisitor {
    type Value = Chosen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an action, or an object with `decision` and `data`")
    }

    fn visit_str<E: de::Error>(self, action: &str) -> Result<Chosen, E> {
        Ok(Chosen(SupposedDecision {
            decision: action.to_owned(),
            data: None,
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Chosen, A::Error> {
        let Filled { decision, data } = Filled::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(Chosen(SupposedDecision { decision, data }))
    }
}
