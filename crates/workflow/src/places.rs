//! Where values stand in the text of a document.
//!
//! Each part is made once for a document and answers for many values, in time that does not grow with the document.

use std::collections::HashMap;

use crate::{
    import::{self, Origins},
    json, limits,
    tree::At,
};

/// Bytes between two places whose lines and columns are known.
const STRIDE: usize = 256;

/// A place in the text of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The JSON pointer (RFC 6901) of the value there.
    pub pointer: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
}

/// The places of a document's values, for those who find something in it that [`check`](crate::check) cannot know.
///
/// ```
/// use agentchains_workflow::Places;
///
/// let text = r#"{"name": "old", "graph_json": {"nodes": {
///   "a": {"config": {"agent_id": "nobody"}}}}}"#;
/// let place = Places::of(text).find("/nodes/0/agent_id").ok_or("the document has nodes")?;
/// assert_eq!(place.pointer, "/graph_json/nodes/a/config/agent_id");
/// assert_eq!((place.line, place.column), (2, 32));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct Places<'t> {
    positions: Positions<'t>,
    values: Option<Values>,
}

#[derive(Debug)]
struct Values {
    offsets: Offsets,
    /// Where the parts come from, in a document of the older form.
    origins: Option<Origins>,
}

impl<'t> Places<'t> {
    /// Reads a document of either form.
    #[must_use]
    pub fn of(text: &'t str) -> Self {
        let values = json::parse(text).ok().map(|tree| {
            let root = At::root(&tree);
            Values {
                offsets: Offsets::of(&root),
                origins: import::origins(&root),
            }
        });
        Self {
            positions: Positions::of(text),
            values,
        }
    }

    /// The place in the text of what a JSON pointer names in the document's current form: the value there or, where
    /// there is none, the innermost one around it. `None` where the text is no JSON.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<Place> {
        let Values { offsets, origins } = self.values.as_ref()?;
        let pointer = match origins {
            Some(origins) => origins.of(pointer),
            None => pointer.to_owned(),
        };
        let (line, column) = self.positions.at(offsets.find(&pointer));
        Some(Place {
            pointer,
            line,
            column,
        })
    }
}

/// The bytes at which the values of a tree begin.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    starts: Vec<usize>,
    /// From the number of a value, by one token of a pointer, to the number of a value in it.
    steps: HashMap<(usize, String), usize>,
}

impl Offsets {
    /// Those of a value and of everything in it.
    pub(crate) fn of(root: &At<'_>) -> Self {
        let mut offsets = Self::default();
        offsets.add(root);
        offsets
    }

    fn add(&mut self, at: &At<'_>) -> usize {
        let number = self.starts.len();
        self.starts.push(at.offset());
        for (key, member) in at.members() {
            let inner = self.add(&member);
            // Cut as it is in pointers.
            let key = key.chars().take(limits::MAX_NAME_CHARS).collect();
            self.steps.entry((number, key)).or_insert(inner);
        }
        for (position, item) in at.items().enumerate() {
            let inner = self.add(&item);
            self.steps.insert((number, position.to_string()), inner);
        }
        number
    }

    /// Where the value begins that a pointer from the root names, or the innermost one around what does not exist.
    pub(crate) fn find(&self, pointer: &str) -> usize {
        let mut value = 0;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            match self.steps.get(&(value, token)) {
                Some(inner) => value = *inner,
                None => break,
            }
        }
        self.starts.get(value).copied().unwrap_or_default()
    }
}

/// The lines and columns of a text. A line ends with a line feed and with nothing else.
#[derive(Debug)]
pub(crate) struct Positions<'t> {
    text: &'t str,
    /// Bytes with their lines and columns, in order, from the first on.
    known: Vec<(usize, (u32, u32))>,
}

impl<'t> Positions<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let mut known = vec![(0, (1, 1))];
        let mut position = (1, 1);
        let mut next = STRIDE;
        for (offset, character) in text.char_indices() {
            if offset >= next {
                known.push((offset, position));
                next = offset + STRIDE;
            }
            position = behind(position, character);
        }
        Self { text, known }
    }

    /// The line of a byte, and its column in characters, both counted from 1.
    pub(crate) fn at(&self, offset: usize) -> (u32, u32) {
        let before = self.known.partition_point(|(known, _)| *known <= offset);
        let (start, position) = self.known[before.saturating_sub(1)];
        let between = self.text.get(start..offset).unwrap_or_default();
        between.chars().fold(position, behind)
    }
}

fn behind((line, column): (u32, u32), character: char) -> (u32, u32) {
    if character == '\n' {
        (line.saturating_add(1), 1)
    } else {
        (line, column.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_counting_from_the_start() {
        let text = "aß\r\u{2028}\n𝄞".repeat(200);
        let positions = Positions::of(&text);
        let mut position = (1, 1);
        for (offset, character) in text.char_indices() {
            assert_eq!(positions.at(offset), position, "{offset}");
            position = behind(position, character);
        }
        assert_eq!(positions.at(text.len()), position);
    }
}
