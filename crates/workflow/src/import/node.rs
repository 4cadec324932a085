//! Nodes of the older form.

use serde_json::{Map, Value, json};

use crate::{
    decode,
    diagnostic::Code,
    import::{Converter, is_null, origins::member, unplaced},
    report::quoted,
    tree::At,
};

const CONDITION_FIELDS: [&str; 5] = ["field", "operator", "value", "then_branch", "else_branch"];
/// Older names of operators.
const OPERATORS: [(&str, &str); 7] = [
    ("==", "eq"),
    ("=", "eq"),
    ("!=", "neq"),
    (">", "gt"),
    (">=", "gte"),
    ("<", "lt"),
    ("<=", "lte"),
];

/// Converts a node, an object; `pointer` is its place in the converted document and `original` the one that it has.
pub(super) fn convert(
    converter: &mut Converter<'_>,
    id: &str,
    at: &At<'_>,
    pointer: &str,
    original: &str,
) -> Value {
    let mut conversion = Conversion {
        converter,
        pointer,
        original,
        node: Map::from_iter([
            ("id".to_owned(), json!(id)),
            ("type".to_owned(), json!("agent_call")),
        ]),
    };
    let mut config = None;
    for (key, member) in at.members() {
        match key {
            _ if is_null(&member) && key != "type" => {}
            "config" => config = Some(member),
            "depends_on" => conversion.depends_on(id, &member),
            "id" if member.value.as_string_lit().is_some_and(|lit| lit.value == id) => {}
            "id" => {
                let pointer = format!("{original}/id");
                let message = "the id of a node is its key";
                conversion.converter.refuse(Code::InvalidValue, pointer, message);
            }
            _ if key == decode::AGENT || decode::NODE_FIELDS.contains(&key) => {
                conversion.set(key, member.to_json(), key);
            }
            _ => conversion
                .converter
                .unknown(original, key, &decode::NODE_FIELDS, "a node"),
        }
    }
    conversion.config(config.as_ref());
    Value::Object(conversion.node)
}

struct Conversion<'n, 'c> {
    converter: &'n mut Converter<'c>,
    pointer: &'n str,
    original: &'n str,
    node: Map<String, Value>,
}

impl Conversion<'_, '_> {
    /// Sets a field that comes from a place below the original node.
    fn set(&mut self, field: &str, value: Value, from: &str) {
        let converted = format!("{}/{field}", self.pointer);
        let original = format!("{}/{from}", self.original);
        if self.node.contains_key(field) && field != "type" {
            self.converter.given_twice(field, &converted, original);
            return;
        }
        self.converter.origins.insert(converted, original);
        self.node.insert(field.to_owned(), value);
    }

    fn depends_on(&mut self, id: &str, at: &At<'_>) {
        let mut kept = Vec::new();
        for (position, before) in at.items().enumerate() {
            let value = before.to_json();
            if let Some(before) = value.as_str()
                && !self.converter.seen.insert((before.to_owned(), id.to_owned()))
            {
                continue;
            }
            let origin = (
                format!("{}/depends_on/{}", self.pointer, kept.len()),
                format!("{}/depends_on/{position}", self.original),
            );
            self.converter.origins.insert(origin.0, origin.1);
            kept.push(value);
        }
        let is_list = at.value.as_array().is_some();
        let value = if is_list { Value::Array(kept) } else { at.to_json() };
        self.node.insert("depends_on".to_owned(), value);
    }

    fn config(&mut self, config: Option<&At<'_>>) {
        let is_object = config.is_none_or(|at| at.value.as_object().is_some());
        match self.node["type"].as_str() {
            Some("agent_call") if is_object => self.agent_call(config),
            Some("condition") if is_object => self.condition(config),
            Some("loop") if is_object => self.composite(config, true),
            Some("parallel_group" | "subworkflow") if is_object => self.composite(config, false),
            _ => {
                if let Some(config) = config {
                    self.set("config", config.to_json(), "config");
                }
            }
        }
    }

    /// What the older form says of the request is said of the node or of the agent; the rest is what it is asked.
    fn agent_call(&mut self, config: Option<&At<'_>>) {
        let mut asked = Map::new();
        for (key, at) in config.iter().flat_map(|config| config.members()) {
            let text = at.value.as_string_lit().map(|lit| lit.value.as_ref());
            match key {
                "timeout" | "method" | "headers" | "payload" | "protocol" | "agent_id" if is_null(&at) => {}
                "timeout" => self.set(key, at.to_json(), "config/timeout"),
                "agent_id" => self.set(key, at.to_json(), "config/agent_id"),
                "method" if text.is_some_and(|text| text.eq_ignore_ascii_case("post")) => {}
                "method" => self.refuse(key, "agents are called with POST", None),
                "protocol" if text == Some("a2a") => {}
                "protocol" => self.refuse(key, "agents are called over A2A", None),
                "headers" if at.members().next().is_none() && at.value.as_object().is_some() => {}
                "headers" => {
                    let hint = "register the agent with its `auth`, and name it with `agent_id`";
                    self.refuse(key, "headers belong to the agent, not to a node", Some(hint));
                }
                "payload" => self.payload(&mut asked, &at),
                // The older form has this where nobody is named.
                "endpoint" if is_null(&at) || text == Some("") => {}
                _ => self.ask(&mut asked, key, at.to_json(), "config"),
            }
        }
        if !self.node.contains_key("agent_id") {
            let origin = (format!("{}/agent_id", self.pointer), self.in_config("endpoint"));
            self.converter.origins.insert(origin.0, origin.1);
        } else if asked.contains_key("endpoint") {
            self.refuse("endpoint", "the node names an agent by `agent_id` already", None);
        }
        self.set("config", Value::Object(asked), "config");
    }

    fn payload(&mut self, asked: &mut Map<String, Value>, at: &At<'_>) {
        if at.value.as_object().is_none() {
            let pointer = self.in_config("payload");
            self.converter.wrong_type(&pointer, "an object", at);
        }
        for (key, at) in at.members() {
            self.ask(asked, key, at.to_json(), "config/payload");
        }
    }

    /// Adds to what the agent is asked.
    fn ask(&mut self, asked: &mut Map<String, Value>, key: &str, value: Value, from: &str) {
        let original = member(&format!("{}/{from}", self.original), key);
        if asked.insert(key.to_owned(), value).is_some() {
            let message = format!("{} is in the config and in its payload", quoted(key));
            self.converter.refuse(Code::InvalidValue, original, message);
            return;
        }
        let converted = member(&format!("{}/config", self.pointer), key);
        self.converter.origins.insert(converted, original);
    }

    fn condition(&mut self, config: Option<&At<'_>>) {
        let mut operator = json!("eq");
        let mut value = Value::Null;
        let mut field = None;
        let mut converted = Map::new();
        for (key, at) in config.iter().flat_map(|config| config.members()) {
            match key {
                "field" => field = Some(at.to_json()),
                "operator" => operator = current_operator(at.to_json()),
                "value" => value = at.to_json(),
                "then_branch" | "else_branch" if is_null(&at) => {}
                "then_branch" => self.put(&mut converted, "then", at.to_json(), key),
                "else_branch" => self.put(&mut converted, "else", at.to_json(), key),
                _ => {
                    let around = format!("{}/config", self.original);
                    let whose = "the config of `condition`";
                    self.converter.unknown(&around, key, &CONDITION_FIELDS, whose);
                }
            }
        }
        let path = match &field {
            Some(Value::String(field)) if !field.is_empty() => self.path(field),
            Some(Value::String(_)) | None => {
                let pointer = self.in_config("field");
                self.converter
                    .refuse(Code::MissingField, pointer, "`field` is required");
                "$.input".to_owned()
            }
            Some(_) => {
                let pointer = self.in_config("field");
                self.converter
                    .refuse(Code::WrongType, pointer, "expected a string");
                "$.input".to_owned()
            }
        };
        match (operator.as_str(), &value) {
            // In the older form what is missing equals null.
            (Some("eq"), Value::Null) => {
                let expression = format!("!{path} || {path} == null");
                self.put(&mut converted, "expression", expression.into(), "field");
            }
            (Some("neq"), Value::Null) => {
                let expression = format!("{path} && {path} != null");
                self.put(&mut converted, "expression", expression.into(), "field");
            }
            _ => {
                self.put(&mut converted, "path", path.into(), "field");
                self.put(&mut converted, "operator", operator, "operator");
                self.put(&mut converted, "value", value, "value");
            }
        }
        self.set("config", Value::Object(converted), "config");
    }

    /// Groups, loops and sub-workflows have the same fields in both forms, but that the older one has null where
    /// nothing is given, and may call `condition` what ends a loop.
    fn composite(&mut self, config: Option<&At<'_>>, is_loop: bool) {
        let mut converted = Map::new();
        for (key, at) in config.iter().flat_map(|config| config.members()) {
            let field = if is_loop && key == "condition" {
                "until"
            } else {
                key
            };
            if is_null(&at) {
                continue;
            }
            if converted.contains_key(field) {
                self.refuse(key, &format!("`{field}` is given twice"), None);
            } else if field == key {
                converted.insert(key.to_owned(), at.to_json());
            } else {
                self.put(&mut converted, field, at.to_json(), key);
            }
        }
        self.set("config", Value::Object(converted), "config");
    }

    fn put(&mut self, config: &mut Map<String, Value>, field: &str, value: Value, from: &str) {
        let converted = format!("{}/config/{field}", self.pointer);
        let original = self.in_config(from);
        self.converter.origins.insert(converted, original);
        config.insert(field.to_owned(), value);
    }

    /// The path of a field: one that is written as a path, or that begins with `input` or with the id of a node, and
    /// else a member of the input.
    fn path(&self, field: &str) -> String {
        if field.starts_with('$') {
            return field.to_owned();
        }
        let mut keys = field.split('.').peekable();
        let mut path = match keys.next_if(|first| *first != "input" && self.converter.ids.contains(*first)) {
            Some(node) => {
                keys.next_if_eq(&"output");
                format!("$.nodes{}.output", step(node))
            }
            None => {
                keys.next_if_eq(&"input");
                "$.input".to_owned()
            }
        };
        for key in keys {
            path.push_str(&step(key));
        }
        path
    }

    fn refuse(&mut self, key: &str, message: &str, hint: Option<&str>) {
        let spot = unplaced(self.in_config(key));
        self.converter
            .report
            .add_with_hint(Code::InvalidValue, spot, message, hint);
    }

    fn in_config(&self, key: &str) -> String {
        format!("{}/config/{key}", self.original)
    }
}

fn current_operator(operator: Value) -> Value {
    let current = OPERATORS
        .iter()
        .find(|(older, _)| operator.as_str() == Some(older));
    current.map_or(operator, |(_, name)| json!(name))
}

/// The step of a path to a member.
fn step(key: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_short = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(is_name);
    if is_short {
        format!(".{key}")
    } else {
        format!("[{}]", Value::from(key))
    }
}
