//! Paths: segments and selectors (RFC 9535, sections 2.3 and 2.5).

use crate::expression::{
    problem::Problem,
    read::Reader,
    syntax::{Origin, Query, Segment, Selector},
};

/// Integers of paths are exact in a double (RFC 9535, section 2.1).
const MAX_INTEGER: i64 = (1 << 53) - 1;

impl Reader<'_> {
    /// A path.
    pub(super) fn query(&mut self) -> Result<Query, Problem> {
        let start = self.at;
        let origin = if self.took("$") {
            Origin::Document
        } else {
            self.expect("@")?;
            if self.open_filters == 0 {
                let hint = "write `$`, the document";
                return Err(
                    Problem::invalid(start, "`@` means something only inside of a filter").hint(hint),
                );
            }
            Origin::Tested
        };
        let mut segments = Vec::new();
        loop {
            let end = self.at;
            self.blank();
            match self.segment()? {
                Some(segment) => segments.push(segment),
                None => {
                    self.at = end;
                    break;
                }
            }
        }
        Ok(Query {
            origin,
            segments,
            written: start..self.at,
        })
    }

    fn segment(&mut self) -> Result<Option<Segment>, Problem> {
        let descendant = self.took("..");
        let selectors = if self.took("[") {
            self.bracketed()?
        } else if descendant || self.took(".") {
            if self.took("*") {
                vec![Selector::Wildcard]
            } else {
                vec![Selector::Name(self.shorthand()?)]
            }
        } else {
            return Ok(None);
        };
        Ok(Some(Segment {
            descendant,
            selectors,
        }))
    }

    /// A name behind a dot.
    fn shorthand(&mut self) -> Result<String, Problem> {
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        let rest = &self.text[self.at..];
        if !rest.starts_with(is_first) {
            let hint = "a name with other characters is written `['a-b']`";
            return Err(self.unexpected().hint(hint));
        }
        let end = rest.find(|c: char| !is_first(c) && !c.is_ascii_digit());
        let name = &rest[..end.unwrap_or(rest.len())];
        self.at += name.len();
        Ok(name.to_owned())
    }

    /// Selectors behind their opening bracket.
    fn bracketed(&mut self) -> Result<Vec<Selector>, Problem> {
        let mut selectors = Vec::new();
        loop {
            self.blank();
            selectors.push(self.selector()?);
            self.blank();
            if !self.took(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(selectors)
    }

    fn selector(&mut self) -> Result<Selector, Problem> {
        match self.peek() {
            Some('"' | '\'') => self.string().map(Selector::Name),
            Some('*') => {
                self.took("*");
                Ok(Selector::Wildcard)
            }
            Some('?') => self.filter(),
            Some('-' | ':' | '0'..='9') => self.index_or_slice(),
            Some('(') => {
                let hint = "a filter begins with `?`, as in `$.list[?@.price > 3]`";
                Err(Problem::invalid(self.at, "scripts are no part of JSONPath (RFC 9535)").hint(hint))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn filter(&mut self) -> Result<Selector, Problem> {
        self.took("?");
        self.blank();
        let start = self.at;
        self.open_filters += 1;
        let test = self.any()?;
        self.open_filters -= 1;
        self.filters.push(start..self.at);
        Ok(Selector::Filter(test))
    }

    fn index_or_slice(&mut self) -> Result<Selector, Problem> {
        let first = self.optional_integer()?;
        let end = self.at;
        self.blank();
        if !self.took(":") {
            self.at = end;
            return first.map(Selector::Index).ok_or_else(|| self.unexpected());
        }
        self.blank();
        let second = self.optional_integer()?;
        let end = self.at;
        self.blank();
        let step = if self.took(":") {
            self.blank();
            self.optional_integer()?
        } else {
            self.at = end;
            None
        };
        Ok(Selector::Slice {
            start: first,
            end: second,
            step: step.unwrap_or(1),
        })
    }

    fn optional_integer(&mut self) -> Result<Option<i64>, Problem> {
        if !matches!(self.peek(), Some('-' | '0'..='9')) {
            return Ok(None);
        }
        let start = self.at;
        let written = self.integer()?;
        let integer = written
            .parse()
            .ok()
            .filter(|found: &i64| found.abs() <= MAX_INTEGER);
        match integer {
            _ if written == "-0" => Err(Problem::invalid(start, "`-0` is no index")),
            Some(integer) => Ok(Some(integer)),
            None => Err(Problem::invalid(
                start,
                "an index must be exact in a double (RFC 9535)",
            )),
        }
    }
}
