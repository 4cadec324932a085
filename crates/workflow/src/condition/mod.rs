//! Conditions: which branch is taken, given the document that expressions see (section 7).
//!
//! Every form of a `condition` is compiled to one shape: cases in their order, each with the label that it chooses,
//! and the label that is chosen when none of them holds. Where the branches lead is the business of edges.

mod comparison;

use serde_json::{Map, Value, json};

use crate::{
    expression::{Evaluation, Expression, NotKept, OutOfSteps, Values},
    limits,
    template::RenderError,
};

pub use crate::expression::Reach;
pub(crate) use comparison::{Comparison, Operator};

/// The label that is chosen when no case holds.
pub(crate) const DEFAULT: &str = "default";

/// The settings of a `condition`.
#[derive(Debug, Clone)]
pub struct Condition {
    cases: Vec<Case>,
    otherwise: Option<String>,
    reach: Reach,
    /// Bytes that its output may have.
    max_bytes: usize,
}

/// What a loop asks before or after an iteration.
#[derive(Debug, Clone)]
pub struct Predicate {
    pub(crate) expression: Expression,
}

impl Predicate {
    /// Whether it holds, given the document that expressions see (section 2), of which it needs only what is within
    /// [`reach`](Self::reach).
    ///
    /// # Errors
    ///
    /// The evaluation takes more steps than [`limits::MAX_CONDITION_STEPS`].
    pub fn holds(&self, document: &Value) -> Result<bool, ConditionError> {
        Ok(self.expression.holds(&mut Evaluation::new(document))?)
    }

    /// What it may look at.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        self.expression.reach()
    }
}

/// A label, and when it is chosen.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) label: String,
    pub(crate) test: Test,
}

/// What a case asks.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Expression(Expression),
    Comparison(Comparison),
}

/// What a condition decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The label of the edges that become live; `None` where no branch is taken.
    pub label: Option<String>,
    /// Each path of the cases that were looked at, as it is written, with the list of what it selected.
    pub values: Map<String, Value>,
}

impl Decision {
    /// The node's output: `{"branch", "values"}`.
    #[must_use]
    pub fn into_output(self) -> Value {
        json!({"branch": self.label, "values": self.values})
    }
}

/// Why a condition could not be decided, in one sentence: the failure `condition_error` (section 8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    message: String,
}

impl ConditionError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl From<OutOfSteps> for ConditionError {
    fn from(_: OutOfSteps) -> Self {
        let most = limits::MAX_CONDITION_STEPS;
        Self::new(format!(
            "deciding takes more than {most} steps, about one for each value that is looked at"
        ))
    }
}

impl From<NotKept> for ConditionError {
    fn from(reason: NotKept) -> Self {
        match reason {
            NotKept::OutOfSteps => OutOfSteps.into(),
            NotKept::TooLarge => Self::new(
                "the output, which tells what the paths selected, is larger than a value may be (max_value_bytes)",
            ),
            NotKept::TooDeep => Self::new(format!(
                "the output, which tells what the paths selected, is nested more than {} levels deep",
                limits::MAX_DEPTH
            )),
        }
    }
}

impl From<RenderError> for ConditionError {
    fn from(error: RenderError) -> Self {
        Self::new(error.message)
    }
}

impl Condition {
    pub(crate) fn new(cases: Vec<Case>, otherwise: Option<&str>, max_bytes: usize) -> Self {
        let mut reach = Reach::default();
        for case in &cases {
            reach.add(case.test.reach());
        }
        Self {
            cases,
            otherwise: otherwise.map(str::to_owned),
            reach,
            max_bytes,
        }
    }

    /// Chooses [`DEFAULT`] where no case holds: an edge carries that label.
    pub(crate) fn choose_default(&mut self) {
        self.otherwise = Some(DEFAULT.to_owned());
    }

    /// Decides, given the document that expressions see (section 2), of which it needs only what is within
    /// [`reach`](Self::reach). The first case that holds is taken.
    ///
    /// # Errors
    ///
    /// The evaluation takes more steps than [`limits::MAX_CONDITION_STEPS`], a template cannot be rendered, or what
    /// was selected is too large or nested too deep for an output.
    pub fn decide(&self, document: &Value) -> Result<Decision, ConditionError> {
        let mut evaluation = Evaluation::new(document);
        let mut values = Values::new(self.max_bytes);
        let mut label = self.otherwise.as_ref();
        for case in &self.cases {
            let holds = case.test.holds(document, &mut evaluation)?;
            case.test.path().explain(&mut evaluation, &mut values)?;
            if holds {
                label = Some(&case.label);
                break;
            }
        }
        Ok(Decision {
            label: label.cloned(),
            values: values.into_map(),
        })
    }

    /// What the decision may depend on.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }
}

impl Test {
    fn holds<'d>(
        &self,
        document: &'d Value,
        evaluation: &mut Evaluation<'d>,
    ) -> Result<bool, ConditionError> {
        match self {
            Self::Expression(expression) => Ok(expression.holds(evaluation)?),
            Self::Comparison(comparison) => comparison.holds(document, evaluation),
        }
    }

    /// The expression with the paths that tell why.
    fn path(&self) -> &Expression {
        match self {
            Self::Expression(expression) => expression,
            Self::Comparison(comparison) => &comparison.path,
        }
    }

    fn reach(&self) -> Reach {
        let mut reach = self.path().reach().clone();
        if let Self::Comparison(comparison) = self {
            reach.add_template(&comparison.value);
        }
        reach
    }
}
