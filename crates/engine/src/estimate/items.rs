//! How many items a group or a loop runs over, where the execution's input alone decides that.

use std::cell::Cell;

use agentchains_workflow::{Json, LoopField, Scope, SettledNode, Template};

/// What is known of the items of a group or a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// There are so many.
    Counted(u64),
    /// The input decides that they are no array, but something of this type.
    NoArray(&'static str),
    /// Not the input alone decides it, or it lacks what they are made from.
    Unknown,
}

impl Items {
    /// How many there are where there may be so many.
    pub(super) fn count(self, most: u64) -> u64 {
        match self {
            Self::Counted(count) => count.min(most),
            Self::NoArray(_) | Self::Unknown => most,
        }
    }
}

/// What a template of items renders to with this input.
pub(super) fn items(template: &Template, input: &Json) -> Items {
    let scope = InputOnly {
        input,
        asks_for_more: Cell::new(false),
    };
    let Some(rendered) = template
        .render(&scope)
        .ok()
        .filter(|_| !scope.asks_for_more.get())
    else {
        return Items::Unknown;
    };
    match rendered.items() {
        Some(items) => Items::Counted(u64::try_from(items.len()).unwrap_or(u64::MAX)),
        None => Items::NoArray(type_name(&rendered)),
    }
}

/// What a person calls the type of a value that is no array.
fn type_name(value: &Json) -> &'static str {
    match value.as_str().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// A scope in which nothing is known but the input, and that notices when more is asked for: a `default` would hide it.
struct InputOnly<'a> {
    input: &'a Json,
    asks_for_more: Cell<bool>,
}

impl InputOnly<'_> {
    fn nothing<T>(&self) -> Option<T> {
        self.asks_for_more.set(true);
        None
    }
}

impl Scope for InputOnly<'_> {
    fn input(&self) -> Json {
        self.input.clone()
    }

    fn node(&self, _id: &str) -> Option<SettledNode> {
        self.nothing()
    }

    /// Asked for in any case, so that it tells nothing; a template that looks into it fails.
    fn execution(&self) -> Json {
        Json::null()
    }

    fn item(&self) -> Option<Json> {
        self.nothing()
    }

    fn loop_field(&self, _field: LoopField) -> Option<Json> {
        self.nothing()
    }
}
