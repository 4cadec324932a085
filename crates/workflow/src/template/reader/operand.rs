//! Paths and indexes: the operands that are more than one token.

use crate::template::{
    expression::{Problem, invalid, variable},
    path::{self, Need, Path, Step},
    reader::{Bracket, Reader},
    token::{Kind, Token},
};

impl<'a> Reader<'a> {
    /// What stands between `[`, which is taken, and `]`: a number or a text.
    pub(super) fn index(&mut self) -> Result<Step, Problem> {
        let refused = || invalid("an index is a number or a text in quotes");
        let negative = self.peek(0).is_some_and(|token| token.is_symbol("-"));
        self.next += usize::from(negative);
        let literal = self.take().ok_or_else(refused)?;
        let step = match literal.kind {
            Kind::Number => {
                let index: i64 = literal.text.parse().map_err(|_| refused())?;
                Step::Index(if negative { -index } else { index })
            }
            Kind::Text if !negative => Step::Key(unquote(literal.text)?),
            _ => return Err(refused()),
        };
        self.take()
            .filter(|token| token.is_symbol("]"))
            .ok_or_else(refused)?;
        Ok(step)
    }

    pub(super) fn path(&mut self, name: &Token<'a>) -> Result<(), Problem> {
        let first = self.next - 1;
        let steps = self.steps()?;
        if self.peek(0).is_some_and(|token| token.is_symbol("(")) {
            return Err(invalid(
                "expressions have no calls, only filters such as `| length`",
            ));
        }
        let end = self.tokens[self.next - 1].end();
        let need = self.need(first);
        let (root, steps) = path::resolve(name.text, steps)?;
        let written = self.text[name.start..end].to_owned();
        self.value(&variable(self.paths.len()), &written)?;
        self.paths.push(Path {
            root,
            steps,
            need,
            written,
        });
        Ok(())
    }

    fn steps(&mut self) -> Result<Vec<Step>, Problem> {
        let mut steps = Vec::new();
        while let Some(token) = self.peek(0) {
            if token.is_symbol("[") {
                self.next += 1;
                steps.push(self.index()?);
            } else if token.is_symbol(".") {
                self.next += 1;
                let member = self
                    .take()
                    .ok_or_else(|| invalid("a name is missing after `.`"))?;
                steps.push(match member.kind {
                    Kind::Name => Step::Key(member.text.to_owned()),
                    Kind::Number => Step::Index(
                        member
                            .text
                            .parse()
                            .map_err(|_| invalid("the index is too large"))?,
                    ),
                    _ => return Err(invalid("a name is missing after `.`")),
                });
            } else {
                break;
            }
        }
        Ok(steps)
    }

    /// Whether the path that begins at the token `first` and ends before the next one may be missing.
    fn need(&self, first: usize) -> Need {
        let groups = self
            .open
            .iter()
            .rev()
            .take_while(|open| open.bracket == Bracket::Group)
            .count();
        let opened = self.tokens[..first]
            .iter()
            .rev()
            .take_while(|token| token.is_symbol("("))
            .count();
        let closed = (0..groups.min(opened))
            .take_while(|ahead| self.peek(*ahead).is_some_and(|token| token.is_symbol(")")))
            .count();
        let defaulted = self.peek(closed).is_some_and(|token| token.is_symbol("|"))
            && self.peek(closed + 1).is_some_and(|token| token.text == "default");
        let is_fallback = self
            .open
            .last()
            .is_some_and(|open| open.bracket == Bracket::Arguments { of_default: true })
            && opened > 0
            && self
                .peek(0)
                .is_some_and(|token| token.is_symbol(")") || token.is_symbol(","));
        if defaulted || is_fallback {
            Need::Optional
        } else {
            Need::Required
        }
    }
}

/// The characters that a literal stands for.
fn unquote(literal: &str) -> Result<String, Problem> {
    let inner = literal.get(1..literal.len() - 1).unwrap_or_default();
    if !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    serde_json::from_str(literal).map_err(|_| invalid("the index is not written as JSON writes texts"))
}
