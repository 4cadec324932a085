//! Where the parts of a converted document come from.

use std::collections::HashMap;

use crate::tree::push_token;

/// From JSON pointers into the converted document to pointers into the original one.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    known: HashMap<String, String>,
}

impl Origins {
    /// Remembers where a part of the converted document, with all that is in it, comes from.
    pub(super) fn insert(&mut self, converted: String, original: String) {
        self.known.insert(converted, original);
    }

    /// The place in the original from which a place in the converted document comes.
    pub(crate) fn of(&self, converted: &str) -> String {
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
