//! JSON values as they are kept: as text.
//!
//! Between the moment at which a value comes in and that at which something looks into it, it is passed on, stored
//! and sent, all of which need its text. A tree of it takes many times the memory, so one is made only to look
//! inside, and dropped afterwards.

mod read;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::canonical::{Canonical, canonical_json};

static NULL: LazyLock<Json> = LazyLock::new(|| Json(Arc::from(RawValue::NULL.to_owned())));

/// A JSON value as its canonical text ([`canonical_json`](crate::canonical_json)), so that equal values have equal
/// texts. Clones share the text.
///
/// ```
/// use agentchains_workflow::Json;
/// use serde_json::json;
///
/// let value = Json::from(json!({"b": [1, 2], "a": "x"}));
/// assert_eq!(value.as_str(), r#"{"a":"x","b":[1,2]}"#);
/// assert_eq!(value.member("a"), Some(json!("x").into()));
/// assert_eq!(value.to_value(), json!({"a": "x", "b": [1, 2]}));
/// ```
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// `null`.
    #[must_use]
    pub fn null() -> Self {
        NULL.clone()
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// The value as a tree.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.read().unwrap_or_default()
    }

    /// The value as a type that can be read from it; `None` when it is not of that type.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let mut reader = serde_json::Deserializer::from_str(self.as_str());
        // A value that is as deep as one may be is also read as a part of others.
        reader.disable_recursion_limit();
        T::deserialize(serde_stacker::Deserializer::new(&mut reader)).ok()
    }

    /// The text that the value is, where it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        let quoted = self.as_str().strip_prefix('"')?.strip_suffix('"')?;
        if quoted.contains('\\') {
            self.read().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(quoted))
        }
    }

    /// The items of an array, each without a look inside; `None` for anything else.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        let items: Vec<&RawValue> = serde_json::from_str(self.as_str()).ok()?;
        Some(items.into_iter().map(Self::part).collect())
    }

    /// The members of an object, each without a look inside; `None` for anything else.
    #[must_use]
    pub fn members(&self) -> Option<BTreeMap<String, Self>> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(self.as_str()).ok()?;
        let members = members.into_iter();
        Some(members.map(|(name, member)| (name, Self::part(member))).collect())
    }

    /// A member of an object, where there is one.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        self.members()?.remove(name)
    }

    /// The levels of arrays and objects around the innermost value; 0 for a scalar.
    #[must_use]
    pub fn depth(&self) -> usize {
        let (mut depth, mut deepest) = (0_usize, 0);
        let (mut in_text, mut escaped) = (false, false);
        for byte in self.as_str().bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = !in_text,
                _ if in_text => {}
                b'[' | b'{' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b']' | b'}' => depth -= 1,
                _ => {}
            }
        }
        deepest
    }

    /// An object of small members, and of others that are texts already.
    #[must_use]
    pub fn object(small: &Map<String, Value>, texts: &[(&str, &Self)]) -> Self {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Member<'m> {
            Small(Canonical<'m>),
            Text(&'m Json),
        }
        let small = small
            .iter()
            .map(|(name, member)| (name.as_str(), Member::Small(Canonical(member))));
        let texts = texts.iter().map(|(name, member)| (*name, Member::Text(member)));
        Self::written(&small.chain(texts).collect::<BTreeMap<_, _>>())
    }

    /// What something that writes canonical JSON writes.
    pub(crate) fn written(value: &impl Serialize) -> Self {
        // Writing to memory cannot fail, and every key that is written here is a text.
        serde_json::value::to_raw_value(value).map_or_else(|_| Self::null(), |text| Self(Arc::from(text)))
    }

    fn part(text: &RawValue) -> Self {
        Self(Arc::from(text.to_owned()))
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self::written(&Canonical(value))
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::written(&text)
    }
}

impl From<bool> for Json {
    fn from(truth: bool) -> Self {
        Self::written(&truth)
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self::written(&number)
    }
}

/// `null`.
impl Default for Json {
    fn default() -> Self {
        Self::null()
    }
}

/// An array.
impl FromIterator<Self> for Json {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::written(&items.into_iter().collect::<Vec<_>>())
    }
}

/// An object; of members with the same name the last one counts.
impl<K: Ord + Serialize> FromIterator<(K, Self)> for Json {
    fn from_iter<I: IntoIterator<Item = (K, Self)>>(members: I) -> Self {
        Self::written(&members.into_iter().collect::<BTreeMap<_, _>>())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl PartialEq<Value> for Json {
    fn eq(&self, other: &Value) -> bool {
        self.as_str() == canonical_json(other)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As the value, by serialisers of `serde_json` that write text: its conversion to a tree (`to_value`, `json!`) refuses
/// a value that is nested 128 levels.
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Any value.
impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_back_is_what_was_written() {
        for value in [
            json!(null),
            json!(0.1),
            json!(u64::MAX),
            json!("a\"\\\u{e9}\n"),
            json!({"b": [{"z": 1, "a": []}], "a": {}}),
        ] {
            let kept = Json::from(&value);
            assert_eq!(kept.to_value(), value);
            assert_eq!(serde_json::to_string(&kept).unwrap(), kept.as_str());
            assert_eq!(serde_json::from_str::<Json>(kept.as_str()).unwrap(), kept);
        }
    }

    #[test]
    fn equal_values_have_equal_texts() {
        let texts = [
            "{\"b\": {},\t\"a\": [ 1e2 ], \"c\": [], \"b\": 2, \"a\": [100.00]}",
            "{\"c\": [], \"a\": [1.0E2],\n\"\\u0062\": 2}",
        ];
        for text in texts {
            let read: Json = serde_json::from_str(text).unwrap();
            assert_eq!(read.as_str(), r#"{"a":[100.0],"b":2,"c":[]}"#);
            assert_eq!(read, json!({"a": [100.0], "b": 2, "c": []}));
        }
        let read: Json = serde_json::from_value(json!({"b": {"d": 1, "c": null}, "a": -1})).unwrap();
        assert_eq!(read.as_str(), r#"{"a":-1,"b":{"c":null,"d":1}}"#);
    }

    #[test]
    fn values_are_put_together_and_taken_apart_without_a_look_inside() {
        let (a, b) = (Json::from(json!({"x": [1]})), Json::from("b"));
        let list: Json = [b.clone(), a.clone()].into_iter().collect();
        assert_eq!(list.as_str(), r#"["b",{"x":[1]}]"#);
        assert_eq!(list.items(), Some(vec![b.clone(), a.clone()]));
        let object: Json = [("b", b), ("a\"", a.clone())].into_iter().collect();
        assert_eq!(object.as_str(), r#"{"a\"":{"x":[1]},"b":"b"}"#);
        assert_eq!(object.member("a\""), Some(a));
        assert_eq!((object.items(), list.members()), (None, None));
        let small = Map::from_iter([
            ("z".to_owned(), json!({"d": 1, "c": 2})),
            ("b".to_owned(), json!(3)),
        ]);
        let mixed = Json::object(&small, &[("b", &list), ("a", &object)]);
        let expected = r#"{"a":{"a\"":{"x":[1]},"b":"b"},"b":["b",{"x":[1]}],"z":{"c":2,"d":1}}"#;
        assert_eq!(mixed.as_str(), expected);
    }

    #[test]
    fn texts_are_known_with_and_without_escapes() {
        assert_eq!(Json::from("plain").as_text().as_deref(), Some("plain"));
        assert_eq!(Json::from("a\"b\\").as_text().as_deref(), Some("a\"b\\"));
        assert_eq!(Json::from(json!(1)).as_text(), None);
        assert_eq!(Json::from(json!(["a"])).as_text(), None);
    }

    #[test]
    fn depth_counts_what_is_outside_of_texts() {
        for (value, depth) in [
            (json!("[[{\"\\"), 0),
            (json!([]), 1),
            (json!({"[": [{"a": "}"}], "b": 1}), 3),
        ] {
            assert_eq!(Json::from(value).depth(), depth);
        }
        let deep = (0..1000).fold(Json::null(), |inner, _| [inner].into_iter().collect());
        assert_eq!((deep.depth(), deep.to_value().is_array()), (1000, true));
    }
}
