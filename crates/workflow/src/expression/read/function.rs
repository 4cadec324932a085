//! Words: constants, and functions with what they take (RFC 9535, sections 2.3.5.1 and 2.4).

use serde_json::Value;

use crate::{
    diagnostic::Code,
    expression::{
        pattern::{Pattern, Unusable},
        problem::Problem,
        read::{Reader, Term},
        syntax::{Operand, Query, Test, Wanted},
    },
    report::listed,
};

/// The functions (RFC 9535, section 2.4).
const FUNCTIONS: [&str; 5] = ["length", "count", "match", "search", "value"];

impl Reader<'_> {
    /// `true`, `false`, `null` or a function.
    pub(super) fn word(&mut self) -> Result<Term, Problem> {
        let start = self.at;
        let length = self.text[start..]
            .bytes()
            .take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
            .count();
        let word = &self.text[start..start + length];
        let constant = match word {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            "null" => Some(Value::Null),
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
            let hint = format!("the functions are {}", listed(FUNCTIONS));
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
}

/// The second argument of `match` or `search`; a literal is compiled.
fn wanted(operand: Operand, whole: bool, at: usize) -> Result<Wanted, Problem> {
    let Operand::Literal(Value::String(text)) = &operand else {
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
