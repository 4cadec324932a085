//! Lists in parts.

use thiserror::Error;

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items at the most.
    pub limit: u32,
    /// Where the part before ended, as [`Page::next_cursor`] gave it.
    pub cursor: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next part begins; `None` at the end. Opaque to callers.
    pub next_cursor: Option<String>,
}

/// A cursor that no list gave out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the cursor is not one that this list gave out")]
pub struct InvalidCursor;

impl<T> Page<T> {
    /// Converts the items.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next_cursor: self.next_cursor,
        }
    }
}
