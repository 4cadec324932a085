//! The part of a document around a place, as it is shown on a terminal: a window of long lines, and no control
//! characters.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// Characters of a line that are shown.
const WIDTH: usize = 120;

/// A document, and the place in it that was looked up last: places come in the order of the text, so that looking all
/// of them up is one sweep.
pub(crate) struct Excerpts<'t> {
    name: String,
    text: &'t str,
    line: u32,
    column: u32,
    offset: usize,
}

impl<'t> Excerpts<'t> {
    pub(crate) fn of(name: String, text: &'t str) -> Self {
        Self {
            name,
            text,
            line: 1,
            column: 1,
            offset: 0,
        }
    }

    /// The lines around a place, which is given by its line and its column in characters, both counted from 1.
    pub(crate) fn at(&mut self, line: u32, column: u32) -> Excerpt {
        self.seek(line, column);
        let (before, after) = self.text.split_at(self.offset);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = self.offset + after.find('\n').unwrap_or(after.len());
        let (shown, caret) = window(&self.text[start..end], self.offset - start);
        let mut lines = String::new();
        if let Some(above) = self.text[..start].strip_suffix('\n') {
            let above = above.rsplit('\n').next().unwrap_or_default();
            lines = format!("{}\n", window(above, 0).0);
        }
        let first_line = line as usize - 1 - usize::from(!lines.is_empty());
        let caret = lines.len() + caret;
        lines.push_str(&shown);
        if let Some(below) = self.text[end..].strip_prefix('\n') {
            let below = below.split('\n').next().unwrap_or_default();
            lines.push_str(&format!("\n{}", window(below, 0).0));
        }
        Excerpt {
            name: self.name.clone(),
            lines,
            first_line,
            column: column as usize - 1,
            caret,
        }
    }

    /// A line ends with a line feed and with nothing else, as in the positions of findings.
    fn seek(&mut self, line: u32, column: u32) {
        if (line, column) < (self.line, self.column) {
            (self.line, self.column, self.offset) = (1, 1, 0);
        }
        for character in self.text[self.offset..].chars() {
            if (self.line, self.column) >= (line, column) {
                break;
            }
            self.offset += character.len_utf8();
            (self.line, self.column) = match character {
                '\n' => (self.line.saturating_add(1), 1),
                _ => (self.line, self.column.saturating_add(1)),
            };
        }
    }
}

/// The lines around a place.
#[derive(Debug)]
pub(crate) struct Excerpt {
    name: String,
    lines: String,
    /// Lines of the document above the first one.
    first_line: usize,
    /// Characters of the document's line in front of the place.
    column: usize,
    /// The byte of `lines` that the place is at.
    pub(crate) caret: usize,
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.lines.read_span(span, lines_before, lines_after)?;
        // Without the lines around it, the place itself is asked for.
        let column = if lines_before == 0 {
            self.column
        } else {
            read.column()
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            read.data(),
            *read.span(),
            self.first_line + read.line(),
            column,
            read.line_count(),
        )))
    }
}

/// What is shown of a line around one of its bytes, and the byte of it that this one became.
fn window(line: &str, position: usize) -> (String, usize) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (before, after) = line.split_at(position.min(line.len()));
    let room = (WIDTH - after.chars().take(WIDTH).count()).max(WIDTH / 2);
    let (start, count) = before
        .char_indices()
        .rev()
        .take(room)
        .fold((before.len(), 0), |(_, count), (start, _)| (start, count + 1));
    let mut shown = String::new();
    if start > 0 {
        shown.push('…');
    }
    shown.extend(before[start..].chars().map(visible));
    let caret = shown.len();
    let mut rest = after.chars();
    shown.extend(rest.by_ref().take(WIDTH - count).map(visible));
    if rest.next().is_some() {
        shown.push('…');
    }
    (shown, caret)
}

/// A character of the same width that does not steer the terminal: for a control character its picture.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{7f}' => '\u{2421}',
        control @ ..' ' => char::from_u32(0x2400 + control as u32).unwrap_or('\u{fffd}'),
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_on_both_sides_of_the_place_and_short_ones_are_not() {
        let long = format!("{}!{}", "ä".repeat(500), "ö".repeat(500));
        let (shown, caret) = window(&long, 1_000);
        assert_eq!(shown.chars().count(), WIDTH + 2);
        assert!(shown.starts_with("…ä") && shown.ends_with("ö…"), "{shown}");
        assert!(shown[caret..].starts_with('!'));
        let short = "x".repeat(WIDTH);
        assert_eq!(window(&short, WIDTH - 1), (short.clone(), WIDTH - 1));
        assert_eq!(window("a\u{1b}\tb\u{85}\r", 4), ("a␛ b\u{fffd}".to_owned(), 6));
    }

    #[test]
    fn an_excerpt_has_the_lines_around_the_place_and_a_bare_return_ends_none() {
        let text = "one\r\ntw\ro\n\nfour";
        let mut excerpts = Excerpts::of("f".to_owned(), text);
        let mut lines = |line, column| {
            let found = excerpts.at(line, column);
            (
                found.first_line,
                found.lines.clone(),
                found.lines[found.caret..].len(),
            )
        };
        assert_eq!(lines(2, 4), (0, "one\ntw␍o\n".to_owned(), 2));
        assert_eq!(lines(4, 2), (2, "\nfour".to_owned(), 3));
        assert_eq!(lines(1, 1), (0, "one\ntw␍o".to_owned(), 10));
    }
}
