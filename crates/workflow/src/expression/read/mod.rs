//! From the text of an expression to what it consists of (RFC 9535, section 2.3.5.1).
//!
//! Owns logical expressions and comparisons. Recursion is bounded by the brackets that [`admit`](super::admit) lets
//! through.

mod function;
mod literal;
mod path;

use std::ops::Range;

use crate::{
    expression::{
        problem::Problem,
        syntax::{Operand, Operator, Query, Test},
    },
    report::quoted,
};

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// What was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) test: Test,
    /// Where the tests of filters stand, each before those that are nested in it.
    pub(super) filters: Vec<Range<usize>>,
}

/// Reads an expression that has been admitted.
///
/// # Errors
///
/// The first problem.
pub(super) fn read(text: &str) -> Result<Reading, Problem> {
    let mut reader = Reader {
        text,
        at: 0,
        open_filters: 0,
        filters: Vec::new(),
    };
    reader.blank();
    let test = reader.any()?;
    reader.blank();
    if reader.at < text.len() {
        return Err(reader.unexpected());
    }
    let mut filters = reader.filters;
    filters.sort_by_key(|filter| filter.start);
    Ok(Reading { test, filters })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Filters around the place.
    open_filters: usize,
    filters: Vec<Range<usize>>,
}

/// What stands where a test or one side of a comparison may stand.
enum Term {
    Operand(Operand),
    /// A path that may select several values.
    Plural(Query),
    /// A function that is a test by itself.
    Test(Test),
}

impl Reader<'_> {
    /// Tests with `||` between them.
    fn any(&mut self) -> Result<Test, Problem> {
        let mut tests = vec![self.all()?];
        while self.took_behind_blank("||") {
            self.blank();
            tests.push(self.all()?);
        }
        Ok(one_or(tests, Test::Any))
    }

    /// Tests with `&&` between them.
    fn all(&mut self) -> Result<Test, Problem> {
        let mut tests = vec![self.basic()?];
        while self.took_behind_blank("&&") {
            self.blank();
            tests.push(self.basic()?);
        }
        Ok(one_or(tests, Test::All))
    }

    fn basic(&mut self) -> Result<Test, Problem> {
        if self.took("(") {
            return self.parenthesized();
        }
        let start = self.at;
        if self.took("!") {
            self.blank();
            let test = if self.took("(") {
                self.parenthesized()?
            } else {
                let negated = self.at;
                let term = self.term()?;
                self.test(term, negated)?
            };
            return Ok(Test::Not(Box::new(test)));
        }
        let left = self.term()?;
        let end = self.at;
        self.blank();
        let found = self.at;
        let Some((_, operator)) = OPERATORS.iter().find(|(written, _)| self.took(written)) else {
            self.at = end;
            return self.test(left, start);
        };
        if self.text[self.at..].starts_with('=') {
            return Err(self.no_operator(found));
        }
        let left = self.operand(left, start)?;
        self.blank();
        let start = self.at;
        let right = self.term()?;
        let right = self.operand(right, start)?;
        Ok(Test::Compare {
            left,
            operator: *operator,
            right,
        })
    }

    /// A test behind its opening parenthesis.
    fn parenthesized(&mut self) -> Result<Test, Problem> {
        self.blank();
        let test = self.any()?;
        self.blank();
        self.expect(")")?;
        Ok(test)
    }

    fn term(&mut self) -> Result<Term, Problem> {
        match self.peek() {
            Some('$' | '@') => {
                let query = self.query()?;
                Ok(if query.is_singular() {
                    Term::Operand(Operand::Singular(query))
                } else {
                    Term::Plural(query)
                })
            }
            Some('"' | '\'' | '-' | '0'..='9') => self.literal().map(Operand::Literal).map(Term::Operand),
            Some('a'..='z') => self.word(),
            _ => Err(self.unexpected()),
        }
    }

    /// A term as one value, or nothing.
    fn operand(&self, term: Term, start: usize) -> Result<Operand, Problem> {
        match term {
            Term::Operand(operand) => Ok(operand),
            Term::Plural(query) => {
                let written = quoted(&self.text[query.written]);
                let message = format!("{written} may select several values where one is needed");
                let hint = "filter, as in `$.list[?@ == 1]`, or use `count(…)` or `value(…)`";
                Err(Problem::invalid(start, message).hint(hint))
            }
            Term::Test(_) => Err(Problem::invalid(
                start,
                "`match` and `search` are no values: use them without a comparison",
            )),
        }
    }

    /// A term as a test.
    fn test(&mut self, term: Term, start: usize) -> Result<Test, Problem> {
        match term {
            Term::Operand(Operand::Singular(query)) | Term::Plural(query) => Ok(Test::Exists(query)),
            Term::Test(test) => Ok(test),
            Term::Operand(_) => {
                self.blank();
                // What stands there instead of a comparison tells more than that there is none.
                if self.peek().is_some_and(|next| !"&|)],".contains(next)) {
                    return Err(self.unexpected());
                }
                Err(Problem::invalid(
                    start,
                    "a value alone is no condition: compare it",
                ))
            }
        }
    }

    /// Says what is wrong with the text from here on.
    fn unexpected(&self) -> Problem {
        let rest = &self.text[self.at..];
        let Some(next) = rest.chars().next() else {
            let message = if self.text.trim().is_empty() {
                "the expression is empty"
            } else {
                "the expression ends too early"
            };
            return Problem::invalid(self.at, message);
        };
        if rest.starts_with('=') {
            return self.no_operator(self.at);
        }
        let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        let instead = match word.as_str() {
            "and" | "AND" => Some("&&"),
            "or" | "OR" => Some("||"),
            "not" | "NOT" => Some("!"),
            _ if rest.starts_with('&') => Some("&&"),
            _ if rest.starts_with('|') => Some("||"),
            _ => None,
        };
        let shown = if word.is_empty() { next.to_string() } else { word };
        let message = format!("{} does not belong here", quoted(&shown));
        let problem = Problem::invalid(self.at, message);
        match instead {
            Some(instead) => problem.hint(format!("write `{instead}`")),
            None => problem,
        }
    }

    fn no_operator(&self, at: usize) -> Problem {
        Problem::invalid(at, "this is not how values are compared")
            .hint("comparisons are `==`, `!=`, `<`, `<=`, `>`, `>=`; texts are compared with patterns by `match(…)`")
    }

    /// Skips blanks (RFC 9535, section 2.1.1).
    fn blank(&mut self) {
        let rest = &self.text[self.at..];
        let blanks = rest
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += blanks.count();
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn took(&mut self, symbol: &str) -> bool {
        let found = self.text[self.at..].starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Takes blanks and a symbol, or nothing of both.
    fn took_behind_blank(&mut self, symbol: &str) -> bool {
        let start = self.at;
        self.blank();
        let found = self.took(symbol);
        if !found {
            self.at = start;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Problem> {
        if self.took(symbol) {
            return Ok(());
        }
        let problem = self.unexpected();
        Err(if problem.hint.is_none() {
            problem.hint(format!("expected `{symbol}`"))
        } else {
            problem
        })
    }
}

fn one_or(mut tests: Vec<Test>, join: impl Fn(Vec<Test>) -> Test) -> Test {
    match tests.pop() {
        Some(only) if tests.is_empty() => only,
        Some(last) => {
            tests.push(last);
            join(tests)
        }
        None => join(tests),
    }
}
