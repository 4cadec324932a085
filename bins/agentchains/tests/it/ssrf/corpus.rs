//! The cases as they are written: which address comes in by which door, and what must come of it. What is not known here
//! is refused.

use serde::Deserialize;

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
    #[serde(rename = "group")]
    _group: String,
    pub(crate) what: String,
    #[serde(rename = "why", default)]
    _why: String,
    pub(crate) door: Door,
    pub(crate) url: String,
    /// The ranges that the settings allow.
    #[serde(default = "nothing")]
    pub(crate) allow: String,
    /// That of a redirect.
    pub(crate) status: Option<u16>,
    pub(crate) needs: Option<Needs>,
    #[serde(rename = "dns", default)]
    _dns: Vec<Vec<String>>,
    pub(crate) expect: Expect,
}

fn nothing() -> String {
    "none".to_owned()
}

/// Where an address comes in.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Door {
    Register,
    Discover,
    Webhook,
    Card,
    Redirect,
    Header,
    Proxy,
    Run,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Needs {
    Resolver,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) outcome: Outcome,
    pub(crate) decided: Option<Decided>,
    /// How many connections the address may see.
    #[serde(default)]
    pub(crate) connections: usize,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Refused,
    Allowed,
    Registered,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decided {
    AtOnce,
    WhenConnecting,
}

impl Case {
    /// Why it is not played here.
    pub(crate) fn skipped(&self) -> Option<&'static str> {
        self.needs
            .as_ref()
            .map(|Needs::Resolver| "played against the library, with a resolver of its own")
    }
}
