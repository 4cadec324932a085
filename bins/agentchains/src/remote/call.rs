//! Requests as commands make them.

use std::{num::NonZeroUsize, path::Path};

use hyper::Method;
use serde_json::{Map, Value};

use crate::{exit::CommandError, validate};

/// What a command does.
pub(crate) enum Task {
    /// Asks once, and prints the answer.
    Call(Call),
    /// Starts an execution, and shows it until it has ended.
    Execute(Call),
    /// Shows an execution until it has ended.
    Watch(String),
}

/// One request.
pub(crate) struct Call {
    pub(super) method: Method,
    /// Segments of the path, as they are before they are encoded.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    pub(super) shown: Shown,
    /// Items of a list at the most, over as many requests as that takes.
    pub(super) limit: NonZeroUsize,
}

/// What is printed of an answer.
pub(crate) enum Shown {
    /// A list under its plural name: the columns with where they are in an item (RFC 6901).
    List(&'static str, &'static [(&'static str, &'static str)]),
    /// Each member.
    One,
    /// That it is done.
    Done(&'static str),
}

/// Items of a list where nobody says how many.
pub(super) const DEFAULT_LIMIT: NonZeroUsize = NonZeroUsize::new(50).unwrap();

impl Call {
    pub(super) fn new(method: Method, path: &[&str], shown: Shown) -> Self {
        Self {
            method,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            shown,
            limit: DEFAULT_LIMIT,
        }
    }

    pub(super) fn get(path: &[&str], shown: Shown) -> Self {
        Self::new(Method::GET, path, shown)
    }

    pub(super) fn post(path: &[&str], shown: Shown) -> Self {
        Self::new(Method::POST, path, shown)
    }

    pub(super) fn delete(path: &[&str], done: &'static str) -> Self {
        Self::new(Method::DELETE, path, Shown::Done(done))
    }

    pub(super) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(super) const fn limit(mut self, limit: NonZeroUsize) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn body(mut self, members: Members) -> Self {
        self.body = Some(Value::Object(members.0).to_string());
        self
    }

    /// The body that a file holds.
    pub(super) fn file(mut self, path: &Path) -> Result<Self, CommandError> {
        self.body = Some(validate::read(path)?);
        Ok(self)
    }
}

/// The members of a body; those that nobody gave are left out.
#[derive(Default)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        self.0.extend(value.map(|value| (name.to_owned(), value.into())));
        self
    }
}

/// A budget, as the number that the API takes.
pub(super) fn budget(given: Option<&str>) -> Result<Option<Value>, CommandError> {
    let budget = given.map(crate::run::read_budget).transpose()?;
    Ok(budget.map(|budget| serde_json::json!(budget)))
}

/// JSON, or @FILE.
pub(super) fn json(given: Option<&str>) -> Result<Option<Value>, CommandError> {
    given.map(crate::run::read_input).transpose()
}
