//! Looking into the objects that clients send: leniently, as JSON of protocol buffers is read, and with a note of
//! everything that cannot be understood.
//!
//! A field goes by its name in camel case or in snake case; null and the empty text are absent; numbers and truth values
//! may be texts, as they are in a query.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::error::{A2aError, Violation};

/// Characters of the longest id that a client may make up: ids are kept in labels.
const MAX_ID_CHARS: usize = 256;

/// The most faults that are told of one request.
const MAX_FAULTS: usize = 20;

/// The faults that were found so far, as far as they are told.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Violation>);

/// An object, and the place in the request at which it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    place: &'a str,
}

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Violation::new(field, description));
        }
    }

    /// What was read, where nothing was at fault.
    pub(super) fn none<T>(self, read: Option<T>) -> Result<T, A2aError> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(A2aError::invalid(self.0)),
        }
    }
}

impl<'a> Fields<'a> {
    pub(super) const fn new(object: &'a Map<String, Value>, place: &'a str) -> Self {
        Self { object, place }
    }

    /// The full name of a field.
    pub(super) fn name(&self, field: &str) -> String {
        match self.place {
            "" => field.to_owned(),
            place => format!("{place}.{field}"),
        }
    }

    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        let found = self.object.get(field).or_else(|| {
            let snake: Cow<'_, str> = snake_case(field);
            self.object.get(&*snake)
        });
        found.filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(super) fn text(&self, field: &str, faults: &mut Faults) -> Option<&'a str> {
        let value = self.get(field)?;
        let text = value.as_str();
        if text.is_none() {
            faults.add(self.name(field), "must be a text");
        }
        text
    }

    /// An id, which is kept.
    pub(super) fn id(&self, field: &str, faults: &mut Faults) -> Option<String> {
        let id = self.text(field, faults)?;
        if id.chars().count() > MAX_ID_CHARS || id.chars().any(char::is_control) {
            let rule = format!("must be at most {MAX_ID_CHARS} characters, none of them a control character");
            faults.add(self.name(field), rule);
            return None;
        }
        Some(id.to_owned())
    }

    pub(super) fn object(&self, field: &str, faults: &mut Faults) -> Option<&'a Map<String, Value>> {
        let value = self.get(field)?;
        let object = value.as_object();
        if object.is_none() {
            faults.add(self.name(field), "must be an object");
        }
        object
    }

    pub(super) fn truth(&self, field: &str, faults: &mut Faults) -> Option<bool> {
        let truth = match self.get(field)? {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if truth.is_none() {
            faults.add(self.name(field), "must be true or false");
        }
        truth
    }

    /// A number within these bounds.
    pub(super) fn number(&self, field: &str, least: u32, most: u32, faults: &mut Faults) -> Option<u32> {
        let number = match self.get(field)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let fitting = number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (least..=most).contains(number));
        if fitting.is_none() {
            faults.add(
                self.name(field),
                format!("must be a whole number from {least} to {most}"),
            );
        }
        fitting
    }
}

fn snake_case(camel: &str) -> Cow<'_, str> {
    if !camel.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return camel.into();
    }
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake.into()
}
