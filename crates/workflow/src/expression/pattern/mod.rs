//! Patterns of `match` and `search`: I-Regexp (RFC 9485), and nothing that other dialects add to it.
//!
//! A pattern is checked here and written anew for the matcher, so that no character means more to the matcher than
//! it does in I-Regexp. Matching takes time linear in the text.

mod class;
mod translate;

use regex::{Regex, RegexBuilder};

use crate::limits;
use translate::{Translation, translate};

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 256 << 10;

/// Parts tried at as many characters that count as one step: what the matcher does at worst.
const PARTS_PER_STEP: usize = 16;

/// A compiled pattern; clones share it.
#[derive(Debug, Clone)]
pub(in crate::expression) struct Pattern {
    matcher: Regex,
    parts: usize,
}

/// Why a pattern cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::expression) enum Unusable {
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
    pub(in crate::expression) fn compile(text: &str, whole: bool) -> Result<Self, Unusable> {
        if text.len() > limits::MAX_EXPRESSION_BYTES {
            return Err(Unusable::TooComplex);
        }
        let Translation { mut pattern, parts } = translate(text)?;
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

    pub(in crate::expression) fn fits(&self, text: &str) -> bool {
        self.matcher.is_match(text)
    }

    /// The steps that matching a text takes at worst.
    pub(in crate::expression) fn cost(&self, text: &str) -> usize {
        text.len().saturating_mul(self.parts) / PARTS_PER_STEP
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
        for (first, seconds) in translate::CATEGORIES {
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
