//! Patterns of `match` and `search`: I-Regexp (RFC 9485), and nothing that other dialects add to it.
//!
//! A pattern is checked here and written anew for the matcher, so that no character means more to the matcher than
//! it does in I-Regexp. Matching takes time linear in the text.

use regex::{Regex, RegexBuilder};

use crate::limits;

/// General categories of Unicode by their first letter, with the second letters that may follow.
const CATEGORIES: [(char, &str); 7] = [
    ('L', "lmotu"),
    ('M', "cen"),
    ('N', "dlo"),
    ('P', "cdefios"),
    ('Z', "lps"),
    ('S', "ckmo"),
    ('C', "cfno"),
];
/// Characters that stand for themselves behind a backslash.
const ESCAPED: &str = "()*+-.?[\\]^{|}";
/// Groups that may be open at once.
const MAX_GROUPS: usize = 32;
/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 1 << 20;

/// Parts that a pattern may have once every repetition is written out.
const MAX_PARTS: usize = 10_000;
/// Parts tried at as many characters that count as one step: what the matcher does at worst.
const PARTS_PER_STEP: usize = 16;

/// A compiled pattern; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    matcher: Regex,
    parts: usize,
}

/// Why a pattern cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is no I-Regexp: what is wrong, and at which byte.
    Invalid(&'static str, usize),
    /// It is one, but matching it would take too much memory.
    TooComplex,
}

impl Pattern {
    /// Compiles a pattern that must fit the `whole` text, or else any part of it.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub(super) fn compile(text: &str, whole: bool) -> Result<Self, Unusable> {
        if text.len() > limits::MAX_EXPRESSION_BYTES {
            return Err(Unusable::TooComplex);
        }
        let mut translator = Translator::new(text);
        let parts = translator.pattern()?;
        let mut pattern = translator.out;
        if whole {
            pattern = format!(r"\A(?:{pattern})\z");
        }
        let matcher = RegexBuilder::new(&pattern)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .build()
            .map_err(|_| Unusable::TooComplex)?;
        Ok(Self { matcher, parts })
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        self.matcher.is_match(text)
    }

    /// The steps that matching a text takes at worst.
    pub(super) fn cost(&self, text: &str) -> usize {
        text.len().saturating_mul(self.parts) / PARTS_PER_STEP
    }
}

/// Writes a pattern in the matcher's own notation.
struct Translator<'t> {
    text: &'t str,
    at: usize,
    out: String,
    /// For each open group, and for the pattern around them, the parts so far.
    parts: Vec<usize>,
    /// The parts of the atom that a quantifier would repeat; `None` where none may follow.
    atom: Option<usize>,
}

impl<'t> Translator<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            out: String::with_capacity(text.len() * 2),
            parts: vec![1],
            atom: None,
        }
    }

    /// The whole pattern; answers how many parts it has.
    fn pattern(&mut self) -> Result<usize, Unusable> {
        while let Some(character) = self.peek() {
            let start = self.at;
            self.skip(character);
            match character {
                '(' => self.open()?,
                ')' => self.close(start)?,
                // Anchors, as the compliance tests of RFC 9535 want them.
                '|' | '^' | '$' => {
                    self.out.push(character);
                    self.atom = None;
                }
                '*' | '+' | '?' | '{' => self.quantifier(character, start)?,
                _ => {
                    self.atom(character, start)?;
                    self.add(1)?;
                    self.atom = Some(1);
                }
            }
        }
        match *self.parts {
            [parts] => Ok(parts),
            _ => Err(Unusable::Invalid("a `(` is not closed", self.at)),
        }
    }

    fn open(&mut self) -> Result<(), Unusable> {
        if self.parts.len() > MAX_GROUPS {
            return Err(Unusable::TooComplex);
        }
        self.out.push_str("(?:");
        self.parts.push(0);
        self.atom = None;
        Ok(())
    }

    fn close(&mut self, start: usize) -> Result<(), Unusable> {
        let parts = self.parts.pop().unwrap_or(0);
        if self.parts.is_empty() {
            return Err(Unusable::Invalid("a `)` closes nothing", start));
        }
        self.out.push(')');
        self.add(parts)?;
        self.atom = Some(parts);
        Ok(())
    }

    fn quantifier(&mut self, character: char, start: usize) -> Result<(), Unusable> {
        let Some(atom) = self.atom.take() else {
            return Err(Unusable::Invalid("there is nothing to repeat", start));
        };
        if character == '{' {
            let times = self.range(start)?;
            self.add(atom.saturating_mul(times.saturating_sub(1)))
        } else {
            self.out.push(character);
            Ok(())
        }
    }

    fn add(&mut self, parts: usize) -> Result<(), Unusable> {
        let sum = self.parts.last_mut().ok_or(Unusable::TooComplex)?;
        *sum = sum.saturating_add(parts);
        if *sum > MAX_PARTS {
            return Err(Unusable::TooComplex);
        }
        Ok(())
    }

    fn atom(&mut self, character: char, start: usize) -> Result<(), Unusable> {
        match character {
            '.' => self.out.push_str(r"[^\n\r]"),
            '[' => self.class(start)?,
            '\\' => {
                let escape = self.escape(start)?;
                self.write(&escape);
            }
            ']' | '}' => return Err(Unusable::Invalid("a bracket closes nothing", start)),
            _ => push_literal(&mut self.out, character),
        }
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}` behind its opening brace; answers how often the atom is written out.
    fn range(&mut self, start: usize) -> Result<usize, Unusable> {
        let invalid = Unusable::Invalid("a repetition is written `{2}`, `{2,}` or `{2,3}`", start);
        let rest = &self.text[self.at..];
        let Some(end) = rest.find('}') else {
            return Err(invalid);
        };
        let (least, most) = rest[..end].split_once(',').unwrap_or((&rest[..end], ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if least.is_empty() || !digits(least) || !digits(most) {
            return Err(invalid);
        }
        let number = |text: &str| text.parse::<usize>().map_err(|_| Unusable::TooComplex);
        let (fewest, times) = (
            number(least)?,
            number(if most.is_empty() { least } else { most })?,
        );
        if times < fewest {
            return Err(Unusable::Invalid("a repetition ends before it begins", start));
        }
        self.out.push('{');
        self.out.push_str(&rest[..=end]);
        self.at += end + 1;
        Ok(times)
    }

    /// What stands behind a backslash.
    fn escape(&mut self, start: usize) -> Result<Escape, Unusable> {
        let invalid = Unusable::Invalid("there is no such escape", start);
        let Some(character) = self.peek() else {
            return Err(invalid);
        };
        self.skip(character);
        match character {
            'n' => Ok(Escape::Character('\n')),
            'r' => Ok(Escape::Character('\r')),
            't' => Ok(Escape::Character('\t')),
            'p' | 'P' => {
                let category = self.category().ok_or(Unusable::Invalid(
                    "a category is written `\\p{L}` or `\\p{Lu}`",
                    start,
                ))?;
                Ok(Escape::Category(format!("\\{character}{{{category}}}")))
            }
            _ if ESCAPED.contains(character) => Ok(Escape::Character(character)),
            _ => Err(invalid),
        }
    }

    fn category(&mut self) -> Option<String> {
        let name = self.text[self.at..].strip_prefix('{')?.split_once('}')?.0;
        let mut letters = name.chars();
        let first = letters.next()?;
        let (_, seconds) = CATEGORIES.iter().find(|(letter, _)| *letter == first)?;
        let known = match (letters.next(), letters.next()) {
            (None, _) => true,
            (Some(second), None) => seconds.contains(second),
            (Some(_), Some(_)) => false,
        };
        self.at += name.len() + 2;
        known.then(|| name.to_owned())
    }

    /// A character class behind its opening bracket.
    fn class(&mut self, start: usize) -> Result<(), Unusable> {
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

    fn write(&mut self, escape: &Escape) {
        match escape {
            Escape::Character(character) => push_literal(&mut self.out, *character),
            Escape::Category(category) => self.out.push_str(category),
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip(&mut self, character: char) {
        self.at += character.len_utf8();
    }
}

enum Escape {
    Character(char),
    Category(String),
}

/// A character that means itself to the matcher, inside of classes too.
fn push_literal(out: &mut String, character: char) {
    if character.is_ascii_alphanumeric() {
        out.push(character);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(character)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern, true).unwrap().fits(text)
    }

    #[test]
    fn patterns_fit_what_the_standard_says() {
        let cases = [
            ("a.c", "abc", true),
            ("a.c", "a\nc", false),
            ("a.c", "a\rc", false),
            ("a.c", "a\u{2028}c", true),
            ("a|bc", "bc", true),
            ("a|bc", "ac", false),
            ("(a|b)c", "bc", true),
            ("", "", true),
            ("(|x)", "x", true),
            ("a{2,3}", "aaaa", false),
            ("a{2,}", "aaaa", true),
            ("a{2}b?c*d+", "aad", true),
            ("[a-c]+", "abc", true),
            ("[^a-c]", "b", false),
            ("[-a]", "-", true),
            ("[a-]", "-", true),
            ("[^-]", "-", false),
            (r"[\]\[\-]+", "]-[", true),
            (r"[&~&&]+", "&~", true),
            ("[a&&b]", "&", true),
            (r"\p{Lu}\p{Ll}+", "Ünder", true),
            (r"\P{L}", "5", true),
            (r"[\p{N}x]+", "5x", true),
            (r"\.\*\\", r".*\", true),
            (r"\n\r\t", "\n\r\t", true),
            ("a b#", "a b#", true),
            ("@&~,;'\"", "@&~,;'\"", true),
            ("^ab.*", "abc", true),
            (".*bc$", "abc", true),
            ("😀.", "😀é", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(fits(pattern, text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn every_category_exists() {
        for (first, seconds) in CATEGORIES {
            assert!(
                Pattern::compile(&format!("\\p{{{first}}}"), true).is_ok(),
                "{first}"
            );
            for second in seconds.chars() {
                let pattern = format!("\\P{{{first}{second}}}");
                assert!(Pattern::compile(&pattern, true).is_ok(), "{pattern}");
            }
        }
    }

    #[test]
    fn what_is_no_i_regexp_is_invalid() {
        let patterns = [
            "(",
            ")",
            "(a",
            "[",
            "]",
            "[]",
            "[^]",
            "[a",
            "{",
            "}",
            "a{",
            "a{}",
            "a{,2}",
            "a{1,2,3}",
            "a{-1}",
            "a{3,2}",
            "*",
            "a**",
            "a+?",
            "a{2}{3}",
            "|*",
            "(?i)a",
            "(?:a)",
            r"\d",
            r"\w",
            r"\s",
            r"\b",
            r"\1",
            r"\",
            r"\x41",
            r"\u0041",
            r"\p{X}",
            r"\p{Lx}",
            r"\p{Letter}",
            r"\pL",
            r"\p{",
            r"\p{Greek}",
            "[[:alpha:]]",
            "[a-b-c]",
            "[z-a]",
            r"[a-\p{L}]",
            "[a[b]]",
            r"[\d]",
        ];
        for pattern in patterns {
            let found = Pattern::compile(pattern, true);
            assert!(
                matches!(found, Err(Unusable::Invalid(..))),
                "{pattern}: {found:?}"
            );
        }
    }

    #[test]
    fn patterns_that_take_too_much_are_refused() {
        let nested = format!("{}a{}", "(".repeat(33), ")".repeat(33));
        for pattern in [
            nested.as_str(),
            "((a{1,1000}){1,1000}){1,1000}",
            "a{99999999999}",
            &"x".repeat(1_025),
        ] {
            assert_eq!(
                Pattern::compile(pattern, false).unwrap_err(),
                Unusable::TooComplex
            );
        }
        assert!(Pattern::compile(&format!("{}a{}", "(".repeat(32), ")".repeat(32)), false).is_ok());
    }
}
