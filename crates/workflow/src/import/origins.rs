//! Where the parts of a converted document come from.

use std::collections::HashMap;

use crate::tree::{At, Spot, push_token};

/// From JSON pointers into the converted document to pointers into the original one.
#[derive(Debug, Default)]
pub(super) struct Origins {
    known: HashMap<String, String>,
}

impl Origins {
    /// Remembers where a part of the converted document, with all that is in it, comes from.
    pub(super) fn insert(&mut self, converted: String, original: String) {
        self.known.insert(converted, original);
    }

    /// The place in the original from which a place in the converted document comes.
    pub(super) fn of(&self, converted: &str) -> String {
        let mut part = converted;
        loop {
            if let Some(original) = self.known.get(part) {
                return format!("{original}{}", &converted[part.len()..]);
            }
            match part.rfind('/') {
                Some(end) => part = &part[..end],
                None => return converted.to_owned(),
            }
        }
    }
}

/// A pointer to a member of what another one points to.
pub(super) fn member(pointer: &str, key: &str) -> String {
    let mut pointer = pointer.to_owned();
    push_token(&mut pointer, key);
    pointer
}

/// The place that a pointer names, or as far along it as there is anything. What is written inside of a text has the
/// text's place.
pub(super) fn locate(root: &At<'_>, pointer: &str) -> Spot {
    Spot {
        offset: offset(root, pointer.strip_prefix('/').unwrap_or_default()),
        pointer: pointer.to_owned(),
    }
}

fn offset(at: &At<'_>, rest: &str) -> usize {
    let (token, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let token = token.replace("~1", "/").replace("~0", "~");
    let found = at
        .members()
        .find(|(key, _)| *key == token)
        .map(|(_, member)| offset(&member, rest));
    let position = token.parse().ok();
    let item = || {
        position
            .and_then(|position| at.items().nth(position))
            .map(|item| offset(&item, rest))
    };
    found.or_else(item).unwrap_or_else(|| at.offset())
}
