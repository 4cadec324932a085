//! What an expression yields for a document (RFC 9535, sections 2.3 to 2.5).
//!
//! Every value that is looked at is a step, and steps are limited: some short expressions would visit a large
//! document once for each of its values.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    expression::{
        compare::{equal, less},
        pattern::{Pattern, Unusable},
        syntax::{Operand, Operator, Origin, Query, Segment, Selector, Test, Wanted},
    },
    limits,
};

/// Bytes of text that count as one step.
const TEXT_STEP: usize = 64;
/// Steps for compiling a pattern that the document holds.
const PATTERN_STEPS: usize = 50_000;

/// The steps that evaluating may take are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfSteps;

/// The steps that are left.
#[derive(Debug)]
pub(crate) struct Steps(usize);

impl Steps {
    pub(crate) fn new() -> Self {
        Self(limits::MAX_CONDITION_STEPS)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<(), OutOfSteps> {
        self.0 = self.0.checked_sub(count).ok_or(OutOfSteps)?;
        Ok(())
    }

    /// Takes what reading a text costs.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), OutOfSteps> {
        self.take(text.len() / TEXT_STEP)
    }
}

/// One document, and what is known of it while expressions are evaluated.
#[derive(Debug)]
pub(crate) struct Evaluation<'d> {
    document: &'d Value,
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

    fn test(&mut self, test: &Test, tested: &'d Value) -> Result<bool, OutOfSteps> {
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

    fn query(&mut self, query: &Query, tested: &'d Value) -> Result<Vec<&'d Value>, OutOfSteps> {
        let mut selected = vec![match query.origin {
            Origin::Document => self.document,
            Origin::Tested => tested,
        }];
        for segment in &query.segments {
            let mut below = Vec::new();
            for value in selected {
                self.segment(segment, value, &mut below)?;
            }
            selected = below;
        }
        Ok(selected)
    }

    fn segment(
        &mut self,
        segment: &Segment,
        value: &'d Value,
        selected: &mut Vec<&'d Value>,
    ) -> Result<(), OutOfSteps> {
        self.steps.take(1)?;
        for selector in &segment.selectors {
            self.selector(selector, value, selected)?;
        }
        if segment.descendant {
            for child in children(value) {
                self.segment(segment, child, selected)?;
            }
        }
        Ok(())
    }

    fn selector(
        &mut self,
        selector: &Selector,
        value: &'d Value,
        selected: &mut Vec<&'d Value>,
    ) -> Result<(), OutOfSteps> {
        match (selector, value) {
            (Selector::Name(name), Value::Object(members)) => selected.extend(members.get(name)),
            (Selector::Index(index), Value::Array(items)) => {
                let position = from_start(*index, items.len());
                selected.extend(usize::try_from(position).ok().and_then(|at| items.get(at)));
            }
            (Selector::Slice { start, end, step }, Value::Array(items)) => {
                for position in positions(*start, *end, *step, items.len()) {
                    self.steps.take(1)?;
                    selected.extend(items.get(position));
                }
            }
            (Selector::Wildcard, _) => {
                for child in children(value) {
                    self.steps.take(1)?;
                    selected.push(child);
                }
            }
            (Selector::Filter(test), _) => {
                for child in children(value) {
                    if self.test(test, child)? {
                        selected.push(child);
                    }
                }
            }
            (Selector::Name(_) | Selector::Index(_) | Selector::Slice { .. }, _) => {}
        }
        Ok(())
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

/// The items of an array or the members of an object.
fn children(value: &Value) -> impl Iterator<Item = &Value> {
    let items = value.as_array().into_iter().flatten();
    items.chain(value.as_object().into_iter().flat_map(Map::values))
}

/// A position counted from the start; negative ones of an expression count from the end.
fn from_start(index: i64, length: usize) -> i64 {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    if index < 0 {
        length.saturating_add(index)
    } else {
        index
    }
}

/// The positions of a slice, in the order in which it selects them (RFC 9535, section 2.3.4.2.2).
fn positions(start: Option<i64>, end: Option<i64>, step: i64, length: usize) -> impl Iterator<Item = usize> {
    let last = i64::try_from(length).unwrap_or(i64::MAX) - 1;
    let bound = |index: Option<i64>, default: i64, least: i64| {
        let index = index.map_or(default, |index| from_start(index, length));
        index.clamp(least, least + last + 1)
    };
    let (first, stop) = if step < 0 {
        (bound(start, last, -1), bound(end, -1, -1))
    } else {
        (bound(start, 0, 0), bound(end, last + 1, 0))
    };
    let inside = move |position: &i64| match step.signum() {
        1 => *position < stop,
        -1 => *position > stop,
        _ => false,
    };
    let all = std::iter::successors(Some(first), move |position| position.checked_add(step));
    all.take_while(inside)
        .filter_map(|position| usize::try_from(position).ok())
}
