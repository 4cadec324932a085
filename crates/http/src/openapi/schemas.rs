//! The schemas of bodies, collected under their names.
//!
//! What is read and what is written differ: a member that may be left out of a request is always in the answer. So each
//! has a generator of its own, and a type whose schemas differ has two.

use std::collections::BTreeSet;

use schemars::{
    JsonSchema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value};

/// Where a schema of the description stands.
const PLACE: &str = "#/components/schemas/";

/// Where a schema that is read seems to stand until it is known whether it differs from the one that is written.
const READ_PLACE: &str = "#/components/read/";

/// What the name of such a schema ends with where it differs.
const READ_SUFFIX: &str = "Input";

/// The schemas so far.
pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let generator = |contract, place: &str| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = place[1..place.len() - 1].to_owned().into();
            settings.meta_schema = None;
            settings.contract = contract;
            settings.into_generator()
        };
        Self {
            read: generator(Contract::Deserialize, READ_PLACE),
            written: generator(Contract::Serialize, PLACE),
        }
    }

    /// The schema of what a request says.
    pub(super) fn read<T: JsonSchema>(&mut self) -> Value {
        self.read.subschema_for::<T>().to_value()
    }

    /// The schema of what an answer says.
    pub(super) fn written<T: JsonSchema>(&mut self) -> Value {
        self.written.subschema_for::<T>().to_value()
    }

    /// All schemas that have names, and what tells where those that are read stand.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Places) {
        let mut schemas = self.written.take_definitions(true);
        let read = self.read.take_definitions(true);
        let places = Places::of(&read, &schemas);
        for (name, schema) in read {
            schemas.insert(places.name(&name), schema);
        }
        (schemas, places)
    }
}

/// Where the schemas that are read stand.
pub(super) struct Places {
    /// Those that differ from what is written under the same name.
    differing: BTreeSet<String>,
}

impl Places {
    fn of(read: &Map<String, Value>, written: &Map<String, Value>) -> Self {
        let mut places = Self {
            differing: BTreeSet::new(),
        };
        // A schema differs, too, where it refers to one that does.
        loop {
            let before = places.differing.len();
            for (name, schema) in read {
                let mut settled = schema.clone();
                places.settle(&mut settled);
                if written.get(name).is_some_and(|other| *other != settled) {
                    places.differing.insert(name.clone());
                }
            }
            if places.differing.len() == before {
                return places;
            }
        }
    }

    fn name(&self, name: &str) -> String {
        if self.differing.contains(name) {
            format!("{name}{READ_SUFFIX}")
        } else {
            name.to_owned()
        }
    }

    /// Leads all references to where the schemas stand, and makes descriptions of what is written for readers of the code.
    pub(super) fn settle(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    match (key.as_str(), member) {
                        ("$ref", Value::String(reference)) => {
                            if let Some(name) = reference.strip_prefix(READ_PLACE) {
                                *reference = format!("{PLACE}{}", self.name(name));
                            }
                        }
                        ("description", Value::String(text)) => *text = plain(text),
                        (_, member) => self.settle(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.settle(item)),
            _ => {}
        }
    }
}

/// Documentation without its examples and links, which lead into the code.
fn plain(documentation: &str) -> String {
    let text = documentation.split("\n```").next().unwrap_or_default();
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        plain.push_str(before);
        let (name, after) = link.split_once("`]").unwrap_or((link, ""));
        plain.push('`');
        plain.push_str(name);
        plain.push('`');
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    plain.push_str(rest);
    let lines: Vec<&str> = plain.trim().split("\n\n").collect();
    let paragraphs: Vec<String> = lines.iter().map(|lines| lines.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Inner {
        #[serde(default)]
        count: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Outer {
        inner: Inner,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Same {
        name: String,
    }

    #[test]
    fn a_type_has_two_schemas_where_what_is_read_differs_from_what_is_written() {
        let mut schemas = Schemas::new();
        let mut used = json!([
            schemas.read::<Outer>(),
            schemas.written::<Outer>(),
            schemas.read::<Same>(),
            schemas.written::<Same>()
        ]);
        let (components, places) = schemas.finish();
        places.settle(&mut used);
        let names: Vec<&String> = components.keys().collect();
        assert_eq!(names, ["Inner", "InnerInput", "Outer", "OuterInput", "Same"]);
        let references: Vec<&str> = used
            .as_array()
            .unwrap()
            .iter()
            .map(|used| used["$ref"].as_str().unwrap())
            .collect();
        assert_eq!(
            references,
            ["OuterInput", "Outer", "Same", "Same"].map(|name| format!("{PLACE}{name}"))
        );
        assert_eq!(components["Inner"]["required"], json!(["count"]));
        assert_eq!(components["InnerInput"]["required"], Value::Null);
    }

    #[test]
    fn documentation_is_told_without_links_and_examples() {
        let text = "As [`Usd`] and [`Lines`](crate::Lines) of\none line.\n\nMore.\n\n```\nlet x = 1;\n```";
        assert_eq!(plain(text), "As `Usd` and `Lines` of one line.\n\nMore.");
    }
}
