//! Lists in parts, by the key of the last item that was given out (keyset paging).
//!
//! A cursor is the text of that key. It is checked like any input: what no list gave out is refused.

use std::str::FromStr;

use agentchains_ports::{InvalidCursor, Page, PageRequest, StoreError};

/// The key after which a part begins.
pub(crate) fn position<K: FromStr>(page: &PageRequest) -> Result<Option<K>, StoreError> {
    page.cursor
        .as_deref()
        .map(|cursor| cursor.parse().map_err(|_| InvalidCursor.into()))
        .transpose()
}

/// How many rows to read for a part: one more than wanted tells whether there is another part. A part has at
/// least one item, so that a list that is read on comes to its end.
pub(crate) fn rows_to_read(page: &PageRequest) -> u64 {
    u64::from(page.limit.max(1)) + 1
}

/// Makes a part of the rows that were read for it.
pub(crate) fn part<M, T>(
    mut rows: Vec<M>,
    page: &PageRequest,
    key: impl FnOnce(&M) -> String,
    item: impl FnMut(M) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let limit = usize::try_from(page.limit.max(1)).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = if more { rows.last().map(key) } else { None };
    let items = rows.into_iter().map(item).collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor })
}
