//! `summarizer`: a text over what the nodes before it produced, of at most `config.max_length` characters.

use serde_json::{Map, Value, json};

use super::{Skill, text::shortened};
use crate::ask::Ask;

pub(super) const SKILL: Skill = Skill {
    id: "summarizer",
    name: "Summarizer",
    description: "Summarises what earlier steps produced, in at most max_length characters.",
    cost_usd: 0.012,
    delay_ms: (400, 800),
    flaky: false,
    answer,
};

/// Characters of a summary where the caller sets no limit.
const DEFAULT_LENGTH: u64 = 600;

/// The longest summary.
const MAX_LENGTH: u64 = 20_000;

/// Where statements stand in the outputs of other agents.
const STATEMENTS: [&str; 5] = ["snippet", "abstract", "summary", "text", "answer"];

fn answer(ask: &Ask) -> Value {
    let limit = ask
        .config
        .get("max_length")
        .and_then(Value::as_u64)
        .unwrap_or(DEFAULT_LENGTH)
        .min(MAX_LENGTH);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let sources: Vec<&String> = ask.upstream.keys().collect();
    let mut statements = Vec::new();
    for output in ask.upstream.values() {
        collect(output, &mut statements);
    }
    let query = ask.query();
    let text = if statements.is_empty() {
        format!("There is nothing to summarise about {query} yet.")
    } else {
        format!("About {query}: {}", statements.join(" "))
    };
    let summary = shortened(&text, limit);
    json!({"summary": summary, "length": summary.chars().count(), "sources": sources})
}

/// Collects the statements of a value, in its order. What a parser accepted is not deep enough to overflow.
fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => collect_object(object, into),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

fn collect_object<'a>(object: &'a Map<String, Value>, into: &mut Vec<&'a str>) {
    for (name, value) in object {
        match value {
            Value::String(text) if STATEMENTS.contains(&name.as_str()) => into.push(text),
            nested => collect(nested, into),
        }
    }
}
