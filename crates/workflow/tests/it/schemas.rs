//! Applying schemas to values.

use agentchains_workflow::{Schema, check};
use serde_json::{Value, json};

use crate::support::{compiled, found, one};

fn schema(source: Value) -> Schema {
    let mut document = one(json!({}));
    document["input_schema"] = source;
    compiled(&document).settings().input_schema.clone().unwrap()
}

#[test]
fn values_that_fit_pass_and_others_are_told_where_not() {
    let schema = schema(json!({
        "type": "object",
        "required": ["topic"],
        "properties": {"topic": {"type": "string", "pattern": "^\\w+$"}, "tags": {"items": {"maxLength": 2}}}
    }));
    assert_eq!(schema.validate(&json!({"topic": "x", "tags": ["ab"]})), Ok(()));
    let mismatch = |value: Value| schema.validate(&value).unwrap_err().to_string();
    assert_eq!(mismatch(json!({})), "\"topic\" is a required property");
    assert_eq!(
        mismatch(json!({"topic": 5})),
        "value is not of type \"string\" at `/topic`"
    );
    let several = mismatch(json!({"topic": "a b", "tags": ["abc", "ab"]}));
    assert!(
        several.contains("`/topic`") && several.contains("`/tags/0`; "),
        "{several}"
    );
}

#[test]
fn mismatches_neither_repeat_the_value_nor_grow_with_it() {
    let schema = schema(json!({"items": {"type": "string"}}));
    let values: Value = (0..100_000).collect();
    let told = schema.validate(&values).unwrap_err().to_string();
    assert!(told.len() < 1_000, "{told}");
}

#[test]
fn integers_of_64_bits_are_told_apart() {
    let schema = schema(json!({"const": 9_007_199_254_740_993_u64}));
    assert_eq!(schema.validate(&json!(9_007_199_254_740_993_u64)), Ok(()));
    assert!(schema.validate(&json!(9_007_199_254_740_992_u64)).is_err());
}

#[test]
fn a_recursive_schema_goes_as_deep_as_values_may() {
    let mut defs = serde_json::Map::new();
    for number in 0..200 {
        let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
        defs.insert(format!("d{number}"), json!({"allOf": [next]}));
    }
    defs.insert(
        "d200".to_owned(),
        json!({"properties": {"a": {"$ref": "#/$defs/d0"}}, "required": ["q"]}),
    );
    let schema = schema(json!({"$defs": defs, "$ref": "#/$defs/d0"}));
    let nested = |depth: usize, inner: Value| (0..depth).fold(inner, |inner, _| json!({"q": 1, "a": inner}));
    assert_eq!(schema.validate(&nested(127, json!({"q": 1}))), Ok(()));
    let told = schema.validate(&nested(127, json!({}))).unwrap_err().to_string();
    assert!(told.contains("required"), "{told}");
    let told = schema
        .validate(&nested(128, json!({"q": 1})))
        .unwrap_err()
        .to_string();
    assert_eq!(told, "the value is nested more than 128 levels deep");
}

#[test]
fn schemas_that_refer_only_to_themselves_end() {
    for source in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
    ] {
        let _ends = schema(source).validate(&json!({"a": 1}));
    }
}

#[test]
fn what_is_no_schema_is_told_with_its_place() {
    let cases = [
        (json!({"type": "strin"}), "invalid_schema@/input_schema/type"),
        (
            json!({"properties": {"a": {"minimum": "x"}}}),
            "invalid_schema@/input_schema/properties/a/minimum",
        ),
        (json!({"pattern": "("}), "invalid_schema@/input_schema/pattern"),
        (
            json!({"pattern": "(((a{100}){100}){100})"}),
            "invalid_schema@/input_schema/pattern",
        ),
        (json!({"$ref": "#/nowhere"}), "invalid_schema@/input_schema"),
        (
            json!({"$ref": "file:///etc/passwd"}),
            "schema_remote_ref@/input_schema/$ref",
        ),
        (
            json!({"$id": "https://a.example/s/", "allOf": [{"$ref": "#/$defs/b"}, {"$ref": "../t.json#/u"}], "$defs": {"b": {}}}),
            "schema_remote_ref@/input_schema/allOf/1/$ref",
        ),
    ];
    for (source, expected) in cases {
        let mut document = one(json!({}));
        document["input_schema"] = source;
        assert_eq!(found(&check(&document.to_string())), [expected], "{document}");
    }
}

#[test]
fn a_schema_is_kept_as_it_was_written() {
    let source = json!({"$defs": {"x": {"type": "string"}}, "$ref": "#/$defs/x"});
    assert_eq!(schema(source.clone()).source(), &source);
}
