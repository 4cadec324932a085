//! What paths select (RFC 9535, sections 2.3 and 2.5).

use serde_json::{Map, Value};

use crate::expression::{
    evaluate::Evaluation,
    steps::OutOfSteps,
    syntax::{Origin, Query, Segment, Selector},
};

impl<'d> Evaluation<'d> {
    /// What a path selects; `tested` is the value that the filter around it tests.
    pub(super) fn query(&mut self, query: &Query, tested: &'d Value) -> Result<Vec<&'d Value>, OutOfSteps> {
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
