//! Lists in parts, by the key of the last item.

use std::str::FromStr;

use agentchains_ports::{InvalidCursor, Page, PageRequest, StoreError};

/// The key after which a part begins.
pub(super) fn position<K: FromStr>(page: &PageRequest) -> Result<Option<K>, StoreError> {
    page.cursor
        .as_deref()
        .map(|cursor| cursor.parse().map_err(|_| InvalidCursor.into()))
        .transpose()
}

/// The first items of those after the position.
pub(super) fn part<T>(
    items: impl Iterator<Item = T>,
    page: &PageRequest,
    key: impl FnOnce(&T) -> String,
) -> Page<T> {
    let limit = usize::try_from(page.limit.max(1)).unwrap_or(usize::MAX);
    let mut items: Vec<T> = items.take(limit.saturating_add(1)).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(key) } else { None };
    Page { items, next_cursor }
}
