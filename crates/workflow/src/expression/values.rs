//! What the paths of a condition selected, kept so that a person sees why it was decided so.

use serde_json::{Map, Value};

use crate::{expression::steps::OutOfSteps, limits, nesting::depth, size::size};

/// Levels of a node's output around a value that was selected: the output, its `values`, and a path's list.
const LEVELS: usize = 3;
/// Bytes of a node's output besides its values, names of branches included.
const FRAME: usize = 1_024;

/// What was selected, by the path as it is written.
#[derive(Debug)]
pub(crate) struct Values {
    kept: Map<String, Value>,
    /// Bytes that may still be kept.
    room: usize,
}

/// Why what was selected is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotKept {
    OutOfSteps,
    TooLarge,
    TooDeep,
}

impl From<OutOfSteps> for NotKept {
    fn from(_: OutOfSteps) -> Self {
        Self::OutOfSteps
    }
}

impl Values {
    /// Of an output of at most so many bytes.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            kept: Map::new(),
            room: max_bytes.saturating_sub(FRAME),
        }
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.kept
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        self.kept.contains_key(path)
    }

    /// Keeps copies of what a path selected.
    pub(super) fn keep(&mut self, path: &str, selected: &[&Value]) -> Result<(), NotKept> {
        // The path in quotes, with a colon, brackets and a comma.
        self.take(path.len() * 2 + 6)?;
        for value in selected {
            let size = size(value, self.room).ok_or(NotKept::TooLarge)?;
            self.take(size + 1)?;
            if depth(value) + LEVELS > limits::MAX_DEPTH {
                return Err(NotKept::TooDeep);
            }
        }
        let copies = selected.iter().copied().cloned().collect();
        self.kept.insert(path.to_owned(), Value::Array(copies));
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<(), NotKept> {
        self.room = self.room.checked_sub(bytes).ok_or(NotKept::TooLarge)?;
        Ok(())
    }
}
