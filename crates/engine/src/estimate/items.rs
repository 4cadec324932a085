//! How many items a group or a loop runs over, where the execution's input alone decides that.

use std::cell::Cell;

use agentchains_workflow::{Json, LoopField, Scope, SettledNode, Template};

/// The number of items that a template renders to with this input. `None` where it depends on anything else, and where
/// it renders to no array.
pub(super) fn known_count(items: &Template, input: &Json) -> Option<u64> {
    let scope = InputOnly {
        input,
        asks_for_more: Cell::new(false),
    };
    let rendered = items.render(&scope).ok()?;
    let count = rendered.items()?.len();
    (!scope.asks_for_more.get()).then(|| u64::try_from(count).unwrap_or(u64::MAX))
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
