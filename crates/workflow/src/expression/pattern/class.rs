//! Character classes of patterns.

use crate::expression::pattern::{
    Unusable,
    translate::{Escape, Translator, push_literal},
};

impl Translator<'_> {
    /// A character class behind its opening bracket.
    pub(super) fn class(&mut self, start: usize) -> Result<(), Unusable> {
        self.out.push('[');
        if self.peek() == Some('^') {
            self.skip('^');
            self.out.push('^');
        }
        let first = self.at;
        loop {
            let member = self.at;
            let character = self.class_character(start)?;
            match character {
                ']' if member > first => break,
                ']' => return Err(Unusable::Invalid("a character class is empty", start)),
                // At either end a `-` means itself.
                '-' if member == first || self.peek() == Some(']') => push_literal(&mut self.out, '-'),
                '-' | '[' => return Err(Unusable::Invalid("escape this character with `\\`", member)),
                '\\' => match self.escape(member)? {
                    Escape::Character(from) => self.class_range(from, start)?,
                    category => self.write(&category),
                },
                from => self.class_range(from, start)?,
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// A character of a class, and where a `-` and another one follow, the characters between them.
    fn class_range(&mut self, from: char, start: usize) -> Result<(), Unusable> {
        push_literal(&mut self.out, from);
        let rest = &self.text[self.at..];
        if !rest.starts_with('-') || rest.starts_with("-]") {
            return Ok(());
        }
        self.skip('-');
        let member = self.at;
        let to = match self.class_character(start)? {
            '\\' => match self.escape(member)? {
                Escape::Character(to) => to,
                Escape::Category(_) => {
                    return Err(Unusable::Invalid("a range ends with a character", member));
                }
            },
            '-' | '[' => return Err(Unusable::Invalid("escape this character with `\\`", member)),
            to => to,
        };
        if to < from {
            return Err(Unusable::Invalid("a range ends before it begins", member));
        }
        self.out.push('-');
        push_literal(&mut self.out, to);
        Ok(())
    }

    fn class_character(&mut self, start: usize) -> Result<char, Unusable> {
        let character = self
            .peek()
            .ok_or(Unusable::Invalid("a `[` is not closed", start))?;
        self.skip(character);
        Ok(character)
    }
}
