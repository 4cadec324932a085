//! Cases: one file each, read strictly, named by section and topic.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    agent::Agent,
    expand::expand,
    expectation::Expectation,
    step::{Action, Step},
};

/// One case: a workflow, what happens to it, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name: `<section>-<topic>/<what it holds>`, as its file is named.
    #[serde(skip)]
    pub name: String,
    /// The rule that it holds, in one sentence.
    pub about: String,
    /// The only runner that it is for; absent: all.
    #[serde(default)]
    pub only_on: Option<RunnerKind>,
    /// The document.
    #[serde(default)]
    pub(crate) workflow: Value,
    /// The document as lines of text, where it matters how it is written.
    #[serde(default)]
    pub(crate) text: Vec<String>,
    /// Other workflows that exist, by name, each with its versions.
    #[serde(default)]
    pub(crate) workflows: BTreeMap<String, Versions>,
    /// The agents. One that a node names and that is not here answers `{"agent": "<its id>"}`.
    #[serde(default)]
    pub(crate) agents: BTreeMap<String, Agent>,
    /// Agents that nodes name and that are not registered.
    #[serde(default)]
    pub(crate) unregistered: Vec<String>,
    /// The body of `POST /workflows/{id}/execute`.
    #[serde(default)]
    pub(crate) execute: Map<String, Value>,
    /// What happens meanwhile.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// What must be so in the end.
    pub(crate) expect: Expectation,
}

/// What runs cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerKind {
    /// The engine in this process, with simulated time.
    Memory,
    /// The server, over HTTP.
    Server,
}

/// The documents of a workflow, from its first version on.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Versions {
    Several(Vec<Value>),
    One(Value),
}

impl Versions {
    pub(crate) fn as_slice(&self) -> &[Value] {
        match self {
            Self::Several(documents) => documents,
            Self::One(document) => std::slice::from_ref(document),
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Value] {
        match self {
            Self::Several(documents) => documents,
            Self::One(document) => std::slice::from_mut(document),
        }
    }
}

/// A case that cannot be read.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The file could not be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not a case.
    #[error("{path} is not a case: {source}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// All cases, by name.
///
/// # Errors
/// [`CaseError`] for the first file that cannot be read.
pub fn cases() -> Result<Vec<Case>, CaseError> {
    let mut cases = Vec::new();
    for section in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))? {
        for path in entries(&section)? {
            let file = section.file_name().zip(path.file_stem());
            let name = file.map(|(section, stem)| format!("{}/{}", section.display(), stem.display()));
            cases.push(Case {
                name: name.unwrap_or_default(),
                ..read(&path)?
            });
        }
    }
    Ok(cases)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = listed.map_err(|source| CaseError::Read {
        path: folder.to_owned(),
        source,
    })?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Case, CaseError> {
    let text = fs::read_to_string(path).map_err(|source| CaseError::Read {
        path: path.to_owned(),
        source,
    })?;
    Case::parse(&text).map_err(|source| CaseError::Form {
        path: path.to_owned(),
        source,
    })
}

impl Case {
    /// Reads a case, without a name.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        let mut case: Self = serde_json::from_str(text)?;
        expand(&mut case.workflow);
        for document in case.workflows.values_mut().flat_map(Versions::as_mut_slice) {
            expand(document);
        }
        case.execute.values_mut().for_each(expand);
        Ok(case)
    }

    /// The documents of its workflows.
    pub fn documents(&self) -> impl Iterator<Item = &Value> {
        let others = self.workflows.values().flat_map(Versions::as_slice);
        std::iter::once(&self.workflow).chain(others)
    }

    /// Whether it is for this runner.
    #[must_use]
    pub fn runs_on(&self, runner: RunnerKind) -> bool {
        self.only_on.is_none_or(|only| only == runner)
    }

    /// Whether it kills what it runs on.
    #[must_use]
    pub fn restarts(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.action, Action::Restart))
    }

    /// The section of the language page that it belongs to.
    #[must_use]
    pub fn section(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }
}

/// Tells a value that is null from one that is absent.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_does_not_exist_is_an_error() {
        for bad in [
            r#"{"about": "", "expect": {}, "input": {}}"#,
            r#"{"about": "", "expect": {"state": "completed"}}"#,
            r#"{"about": "", "expect": {}, "steps": [{"paws": {}}]}"#,
        ] {
            let error = Case::parse(bad).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
        assert!(Case::parse(r#"{"about": "", "expect": {}}"#).is_ok());
    }

    #[test]
    fn null_is_not_absent() {
        let case = Case::parse(r#"{"about": "", "expect": {"output": null}}"#).unwrap();
        assert_eq!((case.expect.output, case.expect.error), (Some(Value::Null), None));
    }
}
