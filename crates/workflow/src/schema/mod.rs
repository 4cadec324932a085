//! JSON Schema (2020-12), compiled once and applied to inputs and outputs.
//!
//! Refuses schemas that are none, that reach outside of themselves, or that would take too long to apply. Formats
//! and patterns are matched in linear time; nothing is ever fetched.

mod measure;

use std::sync::Arc;

use jsonschema::{
    Draft, PatternOptions, ReferencingError, ValidationError, Validator, error::ValidationErrorKind,
};
use serde_json::Value;

use crate::{
    diagnostic::Code,
    limits,
    nesting::depth,
    places::Offsets,
    report::Report,
    tree::{At, Spot},
};
use measure::Measure;

/// Mismatches that an error tells.
const SHOWN: usize = 3;
/// Characters of one mismatch.
const SHOWN_CHARS: usize = 300;
/// Bytes that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
/// Levels of recursion for which any thread has the stack.
const SHALLOW: usize = 256;
/// Stack for the deepest schema on the deepest value: measured at a third of it.
const STACK: usize = 64 << 20;

/// A compiled schema; clones share it.
#[derive(Debug, Clone)]
pub struct Schema {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    source: Value,
    validator: Validator,
    levels: usize,
}

/// Why a schema cannot be used.
enum Unusable {
    TooComplex,
    Invalid(Box<ValidationError<'static>>),
}

impl Schema {
    /// Compiles a schema of the document; `None`, after saying why, where it cannot be used.
    pub(crate) fn compile(at: &At<'_>, report: &mut Report) -> Option<Self> {
        let source = at.to_json();
        match Self::build(source) {
            Ok(schema) => Some(schema),
            Err(Unusable::TooComplex) => {
                let hint = Some("a schema is measured with every `$ref` replaced by what it names");
                let message = "the schema would take too long to apply";
                report.add_with_hint(Code::SchemaTooComplex, at.spot(), message, hint);
                None
            }
            Err(Unusable::Invalid(error)) => {
                refuse(at, &error, report);
                None
            }
        }
    }

    /// A schema that does not come from a document; `None` where it cannot be used.
    ///
    /// ```
    /// use agentchains_workflow::Schema;
    /// use serde_json::json;
    ///
    /// let schema = Schema::of(json!({"type": "string"})).ok_or("that is a schema")?;
    /// assert!(schema.validate(&json!("yes")).is_ok() && schema.validate(&json!(1)).is_err());
    /// assert!(Schema::of(json!({"type": "text"})).is_none());
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn of(source: Value) -> Option<Self> {
        Self::build(source).ok()
    }

    fn build(source: Value) -> Result<Self, Unusable> {
        let measure = Measure::of(&source).ok_or(Unusable::TooComplex)?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES);
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns);
        let validator = options
            .build(&source)
            .map_err(|error| Unusable::Invalid(Box::new(error)))?;
        Ok(Self {
            compiled: Arc::new(Compiled {
                source,
                validator,
                levels: measure.levels(),
            }),
        })
    }

    /// The schema as it was written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.compiled.source
    }

    /// Says whether a value fits.
    ///
    /// # Errors
    ///
    /// What does not fit, and where. A value that is nested deeper than [`limits::MAX_DEPTH`] fits no schema.
    pub fn validate(&self, value: &Value) -> Result<(), SchemaMismatch> {
        if depth(value) > limits::MAX_DEPTH {
            let message = format!("the value is nested more than {} levels deep", limits::MAX_DEPTH);
            return Err(SchemaMismatch { message });
        }
        if self.compiled.levels <= SHALLOW {
            self.apply(value)
        } else {
            stacker::grow(STACK, || self.apply(value))
        }
    }

    fn apply(&self, value: &Value) -> Result<(), SchemaMismatch> {
        let validator = &self.compiled.validator;
        if validator.is_valid(value) {
            return Ok(());
        }
        let shown = validator.iter_errors(value).take(SHOWN).map(|error| {
            // Without the value itself, which may be large or private.
            let what: String = error.masked().to_string().chars().take(SHOWN_CHARS).collect();
            let place: String = error.instance_path().as_str().chars().take(SHOWN_CHARS).collect();
            if place.is_empty() {
                what
            } else {
                format!("{what} at `{place}`")
            }
        });
        Err(SchemaMismatch {
            message: shown.collect::<Vec<_>>().join("; "),
        })
    }
}

/// A value does not fit its schema: the first mismatches in one sentence, each with a JSON pointer into the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaMismatch {
    message: String,
}

fn refuse(at: &At<'_>, error: &ValidationError<'_>, report: &mut Report) {
    if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) = error.kind() {
        let spot = reference(at, uri).unwrap_or_else(|| at.spot());
        let uri: String = uri.chars().take(limits::MAX_NAME_CHARS).collect();
        let hint = Some("copy what it names into `$defs`, and refer to it with `#/$defs/…`");
        report.add_with_hint(
            Code::SchemaRemoteRef,
            spot,
            format!("the schema refers to `{uri}`"),
            hint,
        );
        return;
    }
    let what: String = error.masked().to_string().chars().take(SHOWN_CHARS).collect();
    report.add(
        Code::InvalidSchema,
        inside(at, error.instance_path().as_str()),
        format!("this is not a JSON Schema (2020-12): {what}"),
    );
}

/// The first place that refers to an address, whatever it is relative to.
fn reference(at: &At<'_>, uri: &str) -> Option<Spot> {
    let members = at.members().find_map(|(key, member)| {
        let is_reference = matches!(key, "$ref" | "$dynamicRef" | "$schema");
        let text = member.value.as_string_lit().filter(|_| is_reference)?;
        let address = text.value.split('#').next()?.trim_start_matches(['.', '/']);
        (!address.is_empty() && uri.ends_with(address)).then(|| member.spot())
    });
    let inner = || at.members().find_map(|(_, member)| reference(&member, uri));
    let items = || at.items().find_map(|item| reference(&item, uri));
    members.or_else(inner).or_else(items)
}

/// The place that a pointer into the schema names.
fn inside(at: &At<'_>, place: &str) -> Spot {
    Spot {
        offset: Offsets::of(at).find(place),
        pointer: format!("{}{place}", at.pointer()),
    }
}
