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
mod syntax;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    diagnostic::Code,
    report::Report,
    template::{ReferenceKind, Use},
    tree::At,
};
use syntax::{Query, Test, each_outer_query};

pub(crate) use compare::{equal, less};
pub(crate) use evaluate::{Evaluation, OutOfSteps, Steps};
pub(crate) use reach::Reach;

/// A checked expression; clones share it.
#[derive(Debug, Clone)]
pub struct Expression {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    text: String,
    test: Test,
    /// Whether it is a path and nothing else.
    is_path: bool,
    reach: Reach,
}
