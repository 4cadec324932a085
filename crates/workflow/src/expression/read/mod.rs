//! From the text of an expression to what it consists of (RFC 9535, section 2.3.5.1).
//!
//! Owns logical expressions, comparisons and the functions with what they take; [`path`] owns paths, [`literal`]
//! owns strings and numbers. Recursion is bounded by the brackets that [`admit`](super::admit) lets through.

mod literal;
mod path;

use std::ops::Range;

use crate::{
    diagnostic::Code,
    expression::{
        pattern::{Pattern, Unusable},
        problem::Problem,
        syntax::{Operand, Operator, Query, Test, Wanted},
    },
};

/// The functions (RFC 9535, section 2.4).
const FUNCTIONS: [&str; 5] = ["length", "count", "match", "search", "value"];
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

    /// `true`, `false`, `null` or a function.
    fn word(&mut self) -> Result<Term, Problem> {
        let start = self.at;
        let length = self.text[start..]
            .bytes()
            .take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
            .count();
        let word = &self.text[start..start + length];
        let constant = match word {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            "null" => Some(serde_json::Value::Null),
            _ => None,
        };
        if let Some(constant) = constant {
            self.at += length;
            return Ok(Term::Operand(Operand::Literal(constant)));
        }
        if !self.text[start + length..].starts_with('(') {
            return Err(self.unexpected());
        }
        let Some(name) = FUNCTIONS.iter().find(|name| **name == word) else {
            let message = format!("there is no function `{word}`");
            let hint = format!("the functions are {}", crate::report::listed(FUNCTIONS));
            return Err(Problem::invalid(start, message).hint(hint));
        };
        self.at += length + 1;
        self.blank();
        let term = self.call(name, start)?;
        self.blank();
        self.expect(")")?;
        Ok(term)
    }

    /// The arguments of a function.
    fn call(&mut self, name: &str, start: usize) -> Result<Term, Problem> {
        match name {
            "length" => {
                let argument = self.value_argument()?;
                Ok(Term::Operand(Operand::Length(Box::new(argument))))
            }
            "count" => Ok(Term::Operand(Operand::Count(self.path_argument(name)?))),
            "value" => Ok(Term::Operand(Operand::ValueOf(self.path_argument(name)?))),
            _ => {
                let whole = name == "match";
                let text = self.value_argument()?;
                self.blank();
                if !self.took(",") {
                    let message = format!("`{name}` takes a text and a pattern");
                    return Err(Problem::invalid(start, message));
                }
                self.blank();
                let at = self.at;
                let pattern = self.value_argument()?;
                let pattern = wanted(pattern, whole, at)?;
                Ok(Term::Test(Test::Matches { whole, text, pattern }))
            }
        }
    }

    /// An argument that is one value, or nothing.
    fn value_argument(&mut self) -> Result<Operand, Problem> {
        let start = self.at;
        let term = self.term()?;
        self.operand(term, start)
    }

    /// An argument that is a path.
    fn path_argument(&mut self, function: &str) -> Result<Query, Problem> {
        let start = self.at;
        match self.term()? {
            Term::Operand(Operand::Singular(query)) | Term::Plural(query) => Ok(query),
            _ => Err(Problem::invalid(start, format!("`{function}` takes a path"))),
        }
    }

    /// A term as one value, or nothing.
    fn operand(&self, term: Term, start: usize) -> Result<Operand, Problem> {
        match term {
            Term::Operand(operand) => Ok(operand),
            Term::Plural(query) => {
                let written = crate::report::quoted(&self.text[query.written]);
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
        let message = format!("{} does not belong here", crate::report::quoted(&shown));
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

/// The second argument of `match` or `search`; a literal is compiled.
fn wanted(operand: Operand, whole: bool, at: usize) -> Result<Wanted, Problem> {
    let Operand::Literal(serde_json::Value::String(text)) = &operand else {
        return Ok(Wanted::Computed(operand));
    };
    Pattern::compile(text, whole)
        .map(Wanted::Literal)
        .map_err(|unusable| match unusable {
            Unusable::Invalid(what, position) => {
                let message = format!("the pattern is wrong at its character {}: {what}", position + 1);
                Problem::invalid(at, message).hint("patterns are I-Regexp (RFC 9485)")
            }
            Unusable::TooComplex => Problem::new(
                Code::ExpressionTooComplex,
                at,
                "the pattern takes too much memory",
            ),
        })
}
