//! What an expression consists of once it is read (RFC 9535, section 2).

use std::ops::Range;

use serde_json::Value;

use crate::expression::pattern::Pattern;

/// A test: what holds or does not (RFC 9535, section 2.3.5.1).
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// `||`: one of them holds.
    Any(Vec<Test>),
    /// `&&`: all of them hold.
    All(Vec<Test>),
    /// `!`
    Not(Box<Test>),
    /// The path selects something.
    Exists(Query),
    /// A comparison.
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    /// The functions `match`, which wants the `whole` text to fit, and `search`.
    Matches {
        whole: bool,
        text: Operand,
        pattern: Wanted,
    },
}

/// The second argument of `match` and `search`.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// Written as a literal, and compiled.
    Literal(Pattern),
    /// Found when the expression is evaluated.
    Computed(Operand),
}

/// What yields one value, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Literal(Value),
    /// A path that selects at most one value.
    Singular(Query),
    /// The function `length`.
    Length(Box<Operand>),
    /// The function `count`.
    Count(Query),
    /// The function `value`.
    ValueOf(Query),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A path.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) origin: Origin,
    pub(super) segments: Vec<Segment>,
    /// Where it stands in the text.
    pub(super) written: Range<usize>,
}

/// What a path begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// `$`, the whole document.
    Document,
    /// `@`, the value that a filter tests.
    Tested,
}

/// A step of a path, from values to values below them.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// `..`: applied to every value at or below, not only to the value itself.
    pub(super) descendant: bool,
    pub(super) selectors: Vec<Selector>,
}

#[derive(Debug, Clone)]
pub(super) enum Selector {
    Name(String),
    Index(i64),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    Wildcard,
    Filter(Test),
}

impl Query {
    /// Whether it selects at most one value, whatever the document (RFC 9535, section 2.3.5.1).
    pub(super) fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| {
            !segment.descendant && matches!(*segment.selectors, [Selector::Name(_) | Selector::Index(_)])
        })
    }
}

/// Calls `visit` for every path of a test: those outside of filters first, then, path by path, those inside.
pub(super) fn each_query<'t>(test: &'t Test, visit: &mut dyn FnMut(&'t Query)) {
    each_outer_query(test, &mut |query| {
        visit(query);
        let selectors = query.segments.iter().flat_map(|segment| &segment.selectors);
        for selector in selectors {
            if let Selector::Filter(test) = selector {
                each_query(test, visit);
            }
        }
    });
}

/// Calls `visit` for every path of a test that stands outside of filters.
pub(super) fn each_outer_query<'t>(test: &'t Test, visit: &mut dyn FnMut(&'t Query)) {
    match test {
        Test::Any(tests) | Test::All(tests) => {
            for test in tests {
                each_outer_query(test, visit);
            }
        }
        Test::Not(test) => each_outer_query(test, visit),
        Test::Exists(query) => visit(query),
        Test::Compare { left, right, .. } => {
            of_operand(left, visit);
            of_operand(right, visit);
        }
        Test::Matches { text, pattern, .. } => {
            of_operand(text, visit);
            if let Wanted::Computed(pattern) = pattern {
                of_operand(pattern, visit);
            }
        }
    }
}

fn of_operand<'t>(operand: &'t Operand, visit: &mut dyn FnMut(&'t Query)) {
    match operand {
        Operand::Literal(_) => {}
        Operand::Length(inner) => of_operand(inner, visit),
        Operand::Singular(query) | Operand::Count(query) | Operand::ValueOf(query) => visit(query),
    }
}
