//! Query parameters: each is taken by name, and whatever nobody took is refused, so that a misspelt filter
//! cannot pass for one that matches everything.

use std::collections::BTreeMap;

use agentchains_engine::ports::PageRequest;
use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{
    hint::did_you_mean,
    problem::{Finding, Problem},
};

/// Items of a list's part where the client does not say how many.
const DEFAULT_LIMIT: u32 = 50;

/// The most items of a list's part.
const MAX_LIMIT: u32 = 200;

/// The parameters of a request, and what is wrong with those taken so far.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    findings: Vec<Finding>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = axum::extract::Query::try_from_uri(&parts.uri).map_err(|error| {
            let finding = Finding::new("invalid_value", "", error.body_text());
            Problem::invalid(vec![finding])
        })?;
        Ok(Self {
            pairs: pairs.0,
            ..Self::default()
        })
    }
}

impl Query {
    /// A parameter that may be given once.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.texts(name);
        if values.len() > 1 {
            self.refuse(name, "is given more than once");
        }
        values.pop()
    }

    /// A parameter that may be given once and is read by `parse`.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.refuse(name, &format!("must be {expected}"));
        }
        value
    }

    /// A parameter that may be given several times.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let taken = self.pairs.extract_if(.., |(key, _)| key == name);
        taken.map(|(_, value)| value).collect()
    }

    /// The parameters whose names begin with `prefix`, by what follows it.
    pub(crate) fn prefixed(&mut self, prefix: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let taken: Vec<_> = self
            .pairs
            .extract_if(.., |(name, _)| name.starts_with(prefix))
            .collect();
        for (name, value) in taken {
            if found.insert(name[prefix.len()..].to_owned(), value).is_some() {
                self.refuse(&name, "is given more than once");
            }
        }
        found
    }

    /// Which part of a list is wanted.
    pub(crate) fn page(&mut self) -> PageRequest {
        PageRequest {
            limit: self.limit(),
            cursor: self.text("cursor"),
        }
    }

    /// How many items are wanted.
    pub(crate) fn limit(&mut self) -> u32 {
        let expected = format!("a number from 1 to {MAX_LIMIT}");
        let limit = self.parsed("limit", &expected, |text| {
            text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
        });
        limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Notes that a parameter breaks a rule.
    pub(crate) fn refuse(&mut self, name: &str, rule: &str) {
        let name: String = name.chars().take(100).collect();
        let message = format!("the query parameter `{name}` {rule}");
        self.findings
            .push(Finding::new("invalid_value", format!("/{name}"), message));
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with all that is wrong, parameters that were not taken included.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in &self.pairs {
            let shown: String = name.chars().take(100).collect();
            let message = format!("there is no query parameter `{shown}` here");
            let mut finding = Finding::new("unknown_field", format!("/{shown}"), message);
            finding.hint = did_you_mean(name, &self.known);
            self.findings.push(finding);
        }
        if self.findings.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.findings))
        }
    }
}
