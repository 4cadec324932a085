//! The JSON Schema of documents, held against what reads them.

use agentchains_workflow::{Code, Schema, check, document_schema};
use serde_json::{Value, json};

use crate::codes;

/// What is wrong with the form of a document, which its schema tells too. Other codes need more than one place, or a
/// language inside of a text.
const OF_FORM: [Code; 10] = [
    Code::EmptyGroup,
    Code::EmptyLoop,
    Code::EmptyWorkflow,
    Code::InvalidNodeId,
    Code::LoopUnbounded,
    Code::MissingField,
    Code::ReservedNodeId,
    Code::UnknownField,
    Code::UnknownNodeType,
    Code::WrongType,
];

fn schema() -> Schema {
    Schema::of(document_schema()).unwrap()
}

/// That a document has no form that its schema denies, and none of the findings that it should have told.
fn agree(schema: &Schema, text: &str) {
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let is_older = document.get("graph_json").is_some();
    let repeats_a_key = document.to_string().len() < text.len() / 2;
    if is_older || repeats_a_key {
        return;
    }
    let checked = check(text);
    let fits = schema.validate(&document);
    if checked.workflow.is_some() {
        assert_eq!(fits, Ok(()), "{text}");
    } else if let Some(error) = checked
        .diagnostics
        .errors()
        .find(|error| OF_FORM.contains(&error.code))
    {
        assert!(fits.is_err(), "{error:?} in {text}");
    }
}

#[test]
fn what_is_found_in_the_form_of_a_document_breaks_its_schema_and_a_valid_one_fits() {
    let schema = schema();
    for case in codes::cases() {
        agree(&schema, &case.good);
        agree(&schema, &case.bad);
    }
}

#[test]
fn the_schema_and_the_reader_agree_on_what_is_changed_at_any_place() {
    let schema = schema();
    let mut count = 0;
    let short = codes::cases()
        .into_iter()
        .map(|case| case.good)
        .filter(|text| text.len() < 2_000);
    for text in short {
        let Ok(document) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        for pointer in places(&document) {
            for changed in changes(&document, &pointer) {
                agree(&schema, &changed.to_string());
                count += 1;
            }
        }
    }
    assert!(count > 10_000, "{count}");
}

#[test]
fn every_field_that_the_schema_names_is_in_a_valid_document() {
    let valid: String = codes::cases().into_iter().map(|case| case.good).collect();
    let schema = document_schema();
    let fields = places(&schema).into_iter().filter_map(|place| {
        let (around, field) = place.rsplit_once('/')?;
        around.ends_with("/properties").then(|| format!("\"{field}\":"))
    });
    let unused: Vec<String> = fields.filter(|field| !valid.contains(field.as_str())).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// The pointers to all values in a document.
fn places(value: &Value) -> Vec<String> {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| (key.clone(), member))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        _ => Vec::new(),
    };
    let below = members.into_iter().flat_map(|(key, member)| {
        let key = key.replace('~', "~0").replace('/', "~1");
        places(member)
            .into_iter()
            .map(move |place| format!("/{key}{place}"))
    });
    std::iter::once(String::new()).chain(below).collect()
}

/// A document with something else at one place, with a member more there, and with each of its members left out.
fn changes(document: &Value, pointer: &str) -> Vec<Value> {
    let with = |value: Value| {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let others = [
        json!(null),
        json!(true),
        json!(2),
        json!(-1),
        json!(0.5),
        json!("t"),
        json!(""),
        json!([]),
        json!({}),
    ];
    let mut changed: Vec<Value> = others.into_iter().map(with).collect();
    if let Some(members) = document.pointer(pointer).and_then(Value::as_object) {
        let mut more = members.clone();
        more.insert("colour".to_owned(), json!("red"));
        changed.push(with(more.into()));
        changed.extend(members.keys().map(|left_out| {
            let mut fewer = members.clone();
            fewer.remove(left_out);
            with(fewer.into())
        }));
    }
    changed
}
