//! What is written in the config of groups and loops, besides their bodies.

use serde_json::{Value, json};

use super::plan::{Fan, Items, Repeat};

impl Fan {
    pub(super) fn write(&self, config: &mut Value, members: usize) {
        config["mode"] = match self.mode % 4 {
            2 => json!("any"),
            3 => json!({"at_least": 1 + usize::from(self.mode) / 4 % members}),
            _ => json!("all"),
        };
        match self.on_item_error % 6 {
            3 => config["on_item_error"] = json!("null"),
            4 => config["tolerated_failures"] = json!(1),
            5 => config["tolerated_failures"] = json!("40%"),
            _ => {}
        }
        set(config, "max_concurrency", self.max_concurrency);
    }
}

impl Items {
    pub(super) fn document(self) -> Value {
        match self {
            Self::Written(count) => (0..count).collect(),
            Self::FromInput => json!("{{ input.items }}"),
            Self::NoArray => json!("{{ input.topic }}"),
        }
    }
}

impl Repeat {
    /// `member` is a node of the body.
    pub(super) fn write(&self, config: &mut Value, member: &str) {
        match self {
            Self::Until(choice) => {
                let until = [
                    "$.loop.index >= 1".to_owned(),
                    format!("$.nodes.{member}.output.choice > 90"),
                    format!("$.loop.last.{member}.choice > 120"),
                    "count($.loop.results[*]) > 1".to_owned(),
                    "$.input.absent".to_owned(),
                ];
                config["until"] = json!(until[usize::from(*choice) % until.len()]);
            }
            Self::While(choice) => {
                let condition = [
                    "$.loop.index < 2".to_owned(),
                    format!("!$.loop.last || $.loop.last.{member}.choice < 160"),
                    "$.input.topic == 'tea'".to_owned(),
                    "$.input.absent".to_owned(),
                ];
                config["while"] = json!(condition[usize::from(*choice) % condition.len()]);
            }
            Self::Items(items) => config["items"] = items.document(),
        }
    }
}

/// Sets a field, where there is a value for it.
pub(super) fn set(target: &mut Value, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        target[field] = value.into();
    }
}
