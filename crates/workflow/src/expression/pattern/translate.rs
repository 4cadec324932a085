//! From a pattern to the matcher's own notation: groups, repetitions and single characters.

use crate::expression::pattern::Unusable;

/// General categories of Unicode by their first letter, with the second letters that may follow.
pub(super) const CATEGORIES: [(char, &str); 7] = [
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
/// Parts that a pattern may have once every repetition is written out.
const MAX_PARTS: usize = 10_000;

/// A pattern in the matcher's own notation.
pub(super) struct Translation {
    pub(super) pattern: String,
    /// Parts of the pattern once every repetition is written out.
    pub(super) parts: usize,
}

/// Checks a pattern and writes it in the matcher's own notation. Does not recurse.
///
/// # Errors
///
/// [`Unusable`].
pub(super) fn translate(text: &str) -> Result<Translation, Unusable> {
    let mut translator = Translator {
        text,
        at: 0,
        out: String::with_capacity(text.len() * 2),
        parts: vec![1],
        atom: None,
    };
    let parts = translator.pattern()?;
    Ok(Translation {
        pattern: translator.out,
        parts,
    })
}

/// Writes a pattern in the matcher's own notation.
pub(super) struct Translator<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) out: String,
    /// For each open group, and for the pattern around them, the parts so far.
    parts: Vec<usize>,
    /// The parts of the atom that a quantifier would repeat; `None` where none may follow.
    atom: Option<usize>,
}

impl Translator<'_> {
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
    pub(super) fn escape(&mut self, start: usize) -> Result<Escape, Unusable> {
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

    pub(super) fn write(&mut self, escape: &Escape) {
        match escape {
            Escape::Character(character) => push_literal(&mut self.out, *character),
            Escape::Category(category) => self.out.push_str(category),
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    pub(super) fn skip(&mut self, character: char) {
        self.at += character.len_utf8();
    }
}

/// What a backslash and what follows it stand for.
pub(super) enum Escape {
    Character(char),
    Category(String),
}

/// A character that means itself to the matcher, inside of classes too.
pub(super) fn push_literal(out: &mut String, character: char) {
    if character.is_ascii_alphanumeric() {
        out.push(character);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(character)));
    }
}
