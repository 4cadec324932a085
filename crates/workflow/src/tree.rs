//! Values of a document together with where they stand.

use std::borrow::Cow;

use jsonc_parser::{ast, common::Ranged as _};
use serde_json::{Map, Value};

use crate::{json::number, limits};

/// One step from a value to one that it contains.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

/// A value and the way to it. Links to the value around it, so that a pointer costs nothing until it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) value: &'a ast::Value<'a>,
    /// The byte where the member's key begins, for a member of an object.
    key_offset: usize,
    around: Option<&'a At<'a>>,
    step: Step<'a>,
}

impl<'a> At<'a> {
    /// The whole document.
    pub(crate) fn root(value: &'a ast::Value<'a>) -> Self {
        Self {
            value,
            key_offset: 0,
            around: None,
            step: Step::Root,
        }
    }

    /// The byte where the value begins.
    pub(crate) fn offset(&self) -> usize {
        self.value.range().start
    }

    /// The place of the value.
    pub(crate) fn spot(&self) -> Spot {
        Spot {
            offset: self.offset(),
            pointer: self.pointer(),
        }
    }

    /// A place inside of a string, `offset` bytes behind its beginning; the string itself where it is written with
    /// escapes.
    pub(crate) fn spot_inside(&self, offset: usize) -> Spot {
        let mut spot = self.spot();
        if let ast::Value::StringLit(lit) = self.value
            && matches!(lit.value, Cow::Borrowed(_))
            && offset > 0
        {
            spot.offset += 1 + offset;
        }
        spot
    }

    /// The place of the value's key, where it is a member of an object.
    pub(crate) fn key_spot(&self) -> Spot {
        Spot {
            offset: self.key_offset,
            pointer: self.pointer(),
        }
    }

    /// The place of a member that is not there.
    pub(crate) fn missing_spot(&self, key: &str) -> Spot {
        let mut pointer = self.pointer();
        push_token(&mut pointer, key);
        Spot {
            offset: self.offset(),
            pointer,
        }
    }

    /// The members of an object; none for other values.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, At<'_>)> {
        let properties = self
            .value
            .as_object()
            .map_or(&[][..], |object| &object.properties);
        properties.iter().map(|property| {
            let key = property.name.as_str();
            let at = At {
                value: &property.value,
                key_offset: property.range.start,
                around: Some(self),
                step: Step::Key(key),
            };
            (key, at)
        })
    }

    /// The items of an array; none for other values.
    pub(crate) fn items(&self) -> impl ExactSizeIterator<Item = At<'_>> {
        let elements = self.value.as_array().map_or(&[][..], |array| &array.elements);
        elements.iter().enumerate().map(|(index, value)| At {
            value,
            key_offset: value.range().start,
            around: Some(self),
            step: Step::Index(index),
        })
    }

    /// The value without its places. A number that no double can hold becomes null; it is reported
    /// when the whole tree is checked.
    pub(crate) fn to_json(self) -> Value {
        to_json(self.value)
    }

    /// The JSON pointer (RFC 6901); keys of more than [`limits::MAX_NAME_CHARS`] characters are cut.
    pub(crate) fn pointer(&self) -> String {
        let mut steps = vec![self.step];
        let mut around = self.around;
        while let Some(at) = around {
            steps.push(at.step);
            around = at.around;
        }
        let mut pointer = String::new();
        for step in steps.iter().rev() {
            match step {
                Step::Root => {}
                Step::Key(key) => push_token(&mut pointer, key),
                Step::Index(index) => push_token(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }
}

/// Adds one step to a JSON pointer (RFC 6901).
pub(crate) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars().take(limits::MAX_NAME_CHARS) {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// A place in the document, detached from its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) offset: usize,
    pub(crate) pointer: String,
}

impl Spot {
    /// The document as a whole.
    pub(crate) fn document() -> Self {
        Self {
            offset: 0,
            pointer: String::new(),
        }
    }
}

fn to_json(value: &ast::Value<'_>) -> Value {
    match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(lit) => Value::Bool(lit.value),
        ast::Value::NumberLit(lit) => number(lit.value).map_or(Value::Null, Value::Number),
        ast::Value::StringLit(lit) => Value::String(lit.value.clone().into_owned()),
        ast::Value::Array(array) => array.elements.iter().map(to_json).collect(),
        ast::Value::Object(object) => {
            let members = object.properties.iter();
            let members = members.map(|member| (member.name.as_str().to_owned(), to_json(&member.value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}
