//! Expressions over the document of an execution, as conditions have them (RFC 9535; section 2).
//!
//! An expression is a logical expression, or a path by itself. Owns what may be written, what it means and how much
//! work it may take. What the document holds, and which nodes come before, is known elsewhere.

mod admit;
mod compare;
mod evaluate;
mod judge;
mod pattern;
mod problem;
mod reach;
mod read;
mod select;
mod steps;
mod syntax;
mod values;

use std::sync::Arc;

use crate::{
    diagnostic::Code,
    json::type_name,
    report::Report,
    template::{ReferenceKind, Use},
    tree::At,
};
use problem::Problem;
use reach::{begins_at, targets};
use read::Reading;
use syntax::{Query, Test, each_outer_query, each_query};

pub(crate) use compare::{equal, less};
pub(crate) use evaluate::Evaluation;
pub use reach::Reach;
pub(crate) use steps::{OutOfSteps, Steps};
pub(crate) use values::{NotKept, Values};

/// A checked expression; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    text: String,
    test: Test,
    reach: Reach,
}

impl Expression {
    /// Compiles an expression of the document, and adds what it refers to to `uses`; `None`, after saying
    /// why, where it is none.
    pub(crate) fn compile(at: &At<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Self> {
        let Some(lit) = at.value.as_string_lit() else {
            let message = format!("expected an expression, found {}", type_name(at.value));
            report.add(Code::WrongType, at.spot(), message);
            return None;
        };
        match Self::parse(&lit.value) {
            Ok(expression) => {
                expression.add_uses(at, uses);
                Some(expression)
            }
            Err(problem) => {
                refuse(at, &lit.value, problem, report);
                None
            }
        }
    }

    /// Compiles a path and nothing else, as [`compile`](Self::compile) does.
    pub(crate) fn compile_path(at: &At<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Self> {
        let expression = Self::compile(at, uses, report)?;
        if expression.path().is_none() {
            let hint = Some("a path begins with `$` and goes on with steps such as `.input`");
            let message = "expected a path without comparisons";
            report.add_with_hint(Code::InvalidExpression, at.spot(), message, hint);
            return None;
        }
        Some(expression)
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        admit::admit(text)?;
        let Reading { test, filters } = read::read(text)?;
        judge::judge(text, &test, &filters)?;
        refuse_secrets(&test)?;
        let reach = Reach::of(&test);
        let text = text.to_owned();
        Ok(Self {
            compiled: Arc::new(Compiled { text, test, reach }),
        })
    }

    fn add_uses(&self, at: &At<'_>, uses: &mut Vec<Use>) {
        each_query(&self.compiled.test, &mut |query| {
            // What is not there selects nothing, which every expression can deal with.
            uses.extend(targets(query).into_iter().map(|target| Use {
                target,
                kind: ReferenceKind::Defaulted,
                spot: at.spot_inside(query.written.start),
            }));
        });
    }

    /// What the expression may look at.
    pub(crate) fn reach(&self) -> &Reach {
        &self.compiled.reach
    }

    /// Whether the expression holds: whether its test does, or for a path by itself, whether it selects something
    /// that is neither `false` nor `null` (section 7).
    pub(crate) fn holds(&self, evaluation: &mut Evaluation<'_>) -> Result<bool, OutOfSteps> {
        match self.path() {
            Some(path) => {
                let selected = evaluation.select(path)?;
                Ok(selected
                    .iter()
                    .any(|value| !value.is_null() && value.as_bool() != Some(false)))
            }
            None => evaluation.holds(&self.compiled.test),
        }
    }

    /// What the paths outside of filters select, all in one list.
    pub(crate) fn select<'d>(
        &self,
        evaluation: &mut Evaluation<'d>,
    ) -> Result<Vec<&'d serde_json::Value>, OutOfSteps> {
        let mut selected = Vec::new();
        for query in self.outer_queries() {
            selected.append(&mut evaluation.select(query)?);
        }
        Ok(selected)
    }

    /// Keeps what each path outside of filters selects.
    pub(crate) fn explain(
        &self,
        evaluation: &mut Evaluation<'_>,
        values: &mut Values,
    ) -> Result<(), NotKept> {
        for query in self.outer_queries() {
            let written = &self.compiled.text[query.written.clone()];
            if !values.holds(written) {
                let selected = evaluation.select(query)?;
                values.keep(written, &selected)?;
            }
        }
        Ok(())
    }

    /// The path that the expression is, where it is nothing else.
    fn path(&self) -> Option<&Query> {
        let Compiled { text, test, .. } = &*self.compiled;
        sole_path(text, test)
    }

    fn outer_queries(&self) -> Vec<&Query> {
        let mut queries = Vec::new();
        each_outer_query(&self.compiled.test, &mut |query| queries.push(query));
        queries
    }
}

/// The path that a whole text is; one in parentheses is a test.
fn sole_path<'t>(text: &str, test: &'t Test) -> Option<&'t Query> {
    match test {
        Test::Exists(query) if text.trim().len() == query.written.len() => Some(query),
        _ => None,
    }
}

fn refuse_secrets(test: &Test) -> Result<(), Problem> {
    let mut found = None;
    each_query(test, &mut |query| {
        if begins_at(query, "secrets") {
            found = Some(query.written.start);
        }
    });
    match found {
        None => Ok(()),
        Some(at) => {
            let message = "secrets are not part of what expressions see";
            Err(Problem::new(Code::SecretNotAllowedHere, at, message))
        }
    }
}

fn refuse(at: &At<'_>, text: &str, problem: Problem, report: &mut Report) {
    let before = text.get(..problem.at).unwrap_or_default().chars().count();
    let message = match before {
        0 => problem.message,
        _ => format!(
            "at character {} of the expression, {}",
            before + 1,
            problem.message
        ),
    };
    report.add_with_hint(problem.code, at.spot_inside(problem.at), message, problem.hint);
}
