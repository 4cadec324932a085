//! Strings and numbers (RFC 9535, sections 2.3.1.1 and 2.3.5.1).

use serde_json::Value;

use crate::{
    expression::{problem::Problem, read::Reader},
    json,
};

impl Reader<'_> {
    /// A string or a number.
    pub(super) fn literal(&mut self) -> Result<Value, Problem> {
        if matches!(self.peek(), Some('"' | '\'')) {
            self.string().map(Value::String)
        } else {
            self.number()
        }
    }

    /// Digits without leading zeros, perhaps with a sign.
    pub(super) fn integer(&mut self) -> Result<&str, Problem> {
        let start = self.at;
        self.took("-");
        let digits = self.digits();
        let written = &self.text[start..self.at];
        if digits == 0 || (digits > 1 && written.trim_start_matches('-').starts_with('0')) {
            return Err(Problem::invalid(start, "this is not a number"));
        }
        Ok(written)
    }

    fn number(&mut self) -> Result<Value, Problem> {
        let start = self.at;
        self.integer()?;
        let invalid = || Problem::invalid(start, "this is not a number");
        if self.took(".") && self.digits() == 0 {
            return Err(invalid());
        }
        if self.took("e") || self.took("E") {
            let _sign = self.took("-") || self.took("+");
            if self.digits() == 0 {
                return Err(invalid());
            }
        }
        json::number(&self.text[start..self.at])
            .map(Value::Number)
            .ok_or_else(|| Problem::invalid(start, "the number is too large"))
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text[self.at..];
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    /// A string in either kind of quotes.
    pub(super) fn string(&mut self) -> Result<String, Problem> {
        let start = self.at;
        let quote = if self.took("'") { '\'' } else { '"' };
        self.at = start + 1;
        let mut found = String::new();
        loop {
            let at = self.at;
            let Some(character) = self.next() else {
                return Err(Problem::invalid(start, "a text in quotes does not end"));
            };
            match character {
                '\\' => found.push(self.escape(quote)?),
                _ if character == quote => return Ok(found),
                '\0'..='\x1f' => {
                    let message = "control characters are written as escapes, such as `\\n`";
                    return Err(Problem::invalid(at, message));
                }
                _ => found.push(character),
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self, quote: char) -> Result<char, Problem> {
        let at = self.at - 1;
        let invalid = || Problem::invalid(at, "this escape does not exist");
        let character = self.next().ok_or_else(invalid)?;
        match character {
            'b' => Ok('\x08'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            '/' | '\\' => Ok(character),
            _ if character == quote => Ok(character),
            'u' => {
                let mut units = vec![self.hexadecimal().ok_or_else(invalid)?];
                if matches!(units[0], 0xD800..=0xDBFF) && self.took("\\u") {
                    units.push(self.hexadecimal().ok_or_else(invalid)?);
                }
                let mut characters = char::decode_utf16(units);
                characters.next().and_then(Result::ok).ok_or_else(invalid)
            }
            _ => Err(invalid()),
        }
    }

    fn hexadecimal(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).ok()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }
}
