//! Whether tests hold, and what functions yield (RFC 9535, sections 2.3.5 and 2.4).

use std::collections::HashMap;

use serde_json::Value;

use crate::expression::{
    compare::{equal, less},
    pattern::{Pattern, Unusable},
    steps::{OutOfSteps, Steps},
    syntax::{Operand, Operator, Query, Test, Wanted},
};

/// Steps for compiling a pattern that the document holds.
const PATTERN_STEPS: usize = 100_000;

/// One document, and what is known of it while expressions are evaluated.
#[derive(Debug)]
pub(crate) struct Evaluation<'d> {
    pub(super) document: &'d Value,
    pub(crate) steps: Steps,
    /// Patterns of the document, `None` for a text that is no pattern; by whether they must fit the whole text.
    patterns: HashMap<(&'d str, bool), Option<Pattern>>,
}

impl<'d> Evaluation<'d> {
    pub(crate) fn new(document: &'d Value) -> Self {
        Self {
            document,
            steps: Steps::new(),
            patterns: HashMap::new(),
        }
    }

    /// Whether a test outside of filters holds.
    pub(super) fn holds(&mut self, test: &Test) -> Result<bool, OutOfSteps> {
        self.test(test, self.document)
    }

    /// What a path outside of filters selects.
    pub(super) fn select(&mut self, query: &Query) -> Result<Vec<&'d Value>, OutOfSteps> {
        self.query(query, self.document)
    }

    /// Whether a test holds for the value that a filter tests.
    pub(super) fn test(&mut self, test: &Test, tested: &'d Value) -> Result<bool, OutOfSteps> {
        self.steps.take(1)?;
        match test {
            Test::Any(tests) => {
                for test in tests {
                    if self.test(test, tested)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::All(tests) => {
                for test in tests {
                    if !self.test(test, tested)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Not(test) => Ok(!self.test(test, tested)?),
            Test::Exists(query) => Ok(!self.query(query, tested)?.is_empty()),
            Test::Compare {
                left,
                operator,
                right,
            } => {
                let left = self.operand(left, tested)?;
                let right = self.operand(right, tested)?;
                self.compare(left.as_ref(), *operator, right.as_ref())
            }
            Test::Matches { whole, text, pattern } => self.matches(*whole, text, pattern, tested),
        }
    }

    /// Compares two values of which either may be missing (RFC 9535, section 2.3.5.2.2).
    fn compare(
        &mut self,
        left: Option<&Found<'d, '_>>,
        operator: Operator,
        right: Option<&Found<'d, '_>>,
    ) -> Result<bool, OutOfSteps> {
        let (left, right) = (left.map(Found::value), right.map(Found::value));
        let steps = &mut self.steps;
        let mut equals = || match (left, right) {
            (Some(left), Some(right)) => equal(left, right, steps),
            (None, None) => Ok(true),
            _ => Ok(false),
        };
        match operator {
            Operator::Equal => equals(),
            Operator::NotEqual => equals().map(|equal| !equal),
            Operator::LessOrEqual | Operator::GreaterOrEqual if equals()? => Ok(true),
            Operator::Less | Operator::LessOrEqual => both(left, right, steps),
            Operator::Greater | Operator::GreaterOrEqual => both(right, left, steps),
        }
    }

    fn operand<'e>(
        &mut self,
        operand: &'e Operand,
        tested: &'d Value,
    ) -> Result<Option<Found<'d, 'e>>, OutOfSteps> {
        Ok(match operand {
            Operand::Literal(value) => Some(Found::Written(value)),
            Operand::Singular(query) => self.query(query, tested)?.pop().map(Found::Selected),
            Operand::Count(query) => Some(Found::Computed(self.query(query, tested)?.len().into())),
            Operand::ValueOf(query) => match *self.query(query, tested)? {
                [only] => Some(Found::Selected(only)),
                _ => None,
            },
            Operand::Length(operand) => {
                let found = self.operand(operand, tested)?;
                let length = match found.as_ref().map(Found::value) {
                    Some(Value::String(text)) => {
                        self.steps.read(text)?;
                        Some(text.chars().count())
                    }
                    Some(Value::Array(items)) => Some(items.len()),
                    Some(Value::Object(members)) => Some(members.len()),
                    _ => None,
                };
                length.map(Value::from).map(Found::Computed)
            }
        })
    }

    /// `match` and `search`: false where either is no text, and where the pattern is none (RFC 9535, section 2.4.6).
    fn matches(
        &mut self,
        whole: bool,
        text: &Operand,
        pattern: &Wanted,
        tested: &'d Value,
    ) -> Result<bool, OutOfSteps> {
        let found = self.operand(text, tested)?;
        let Some(Value::String(text)) = found.as_ref().map(Found::value) else {
            return Ok(false);
        };
        let pattern = match pattern {
            Wanted::Literal(pattern) => Some(pattern.clone()),
            Wanted::Computed(operand) => match self.operand(operand, tested)? {
                Some(Found::Selected(Value::String(pattern))) => self.pattern(pattern, whole)?,
                _ => None,
            },
        };
        let Some(pattern) = pattern else {
            return Ok(false);
        };
        self.steps.take(pattern.cost(text))?;
        Ok(pattern.fits(text))
    }

    fn pattern(&mut self, text: &'d str, whole: bool) -> Result<Option<Pattern>, OutOfSteps> {
        self.steps.read(text)?;
        if let Some(known) = self.patterns.get(&(text, whole)) {
            return Ok(known.clone());
        }
        self.steps.take(PATTERN_STEPS)?;
        let pattern = match Pattern::compile(text, whole) {
            Ok(pattern) => Some(pattern),
            Err(Unusable::Invalid(..)) => None,
            Err(Unusable::TooComplex) => return Err(OutOfSteps),
        };
        self.patterns.insert((text, whole), pattern.clone());
        Ok(pattern)
    }
}

/// A value of the document, of the expression, or of a function.
enum Found<'d, 'e> {
    Selected(&'d Value),
    Written(&'e Value),
    Computed(Value),
}

impl Found<'_, '_> {
    fn value(&self) -> &Value {
        match self {
            Found::Selected(value) | Found::Written(value) => value,
            Found::Computed(value) => value,
        }
    }
}

fn both(left: Option<&Value>, right: Option<&Value>, steps: &mut Steps) -> Result<bool, OutOfSteps> {
    match (left, right) {
        (Some(left), Some(right)) => less(left, right, steps),
        _ => Ok(false),
    }
}
