//! From the JSON tree to the model: types, values and fields, one by one.
//!
//! Owns what can be judged at one place of the document. What needs two places, such as an edge and the node that it
//! names, is left to [`crate::wiring`] and [`crate::references`]. It never stops at an error.

mod agent_call;
mod condition;
mod draft;
mod human_approval;
mod r#loop;
mod node;
mod parallel_group;
mod policy;
mod scalar;
mod scope;
mod subworkflow;
mod workflow;

use crate::{
    diagnostic::Code,
    report::{Report, quoted},
    tree::At,
};

pub(crate) use draft::{Asked, Branch, Draft, DraftEdge, DraftGraph, DraftNode, Named, Provided, Repetition};
pub(crate) use node::{AGENT, FIELDS as NODE_FIELDS, RESERVED};
pub(crate) use workflow::{FIELDS as WORKFLOW_FIELDS, decode};

impl Named {
    fn decode(at: &At<'_>, report: &mut Report) -> Option<Self> {
        let name = scalar::string(at, report)?.to_owned();
        Some(Self {
            name,
            spot: at.spot(),
        })
    }
}

/// The members of an object whose fields are all known.
#[derive(Debug)]
struct Fields<'a> {
    at: &'a At<'a>,
}

impl<'a> Fields<'a> {
    /// `None`, after saying so, where the value is no object.
    fn open(at: &'a At<'a>, report: &mut Report) -> Option<Self> {
        if at.value.as_object().is_none() {
            scalar::wrong_type(at, "an object", report);
            return None;
        }
        Some(Self { at })
    }

    fn get(&self, name: &str) -> Option<At<'a>> {
        self.at.members().find(|(key, _)| *key == name).map(|(_, at)| at)
    }

    /// A field that must be there.
    fn require(&self, name: &str, report: &mut Report) -> Option<At<'a>> {
        self.require_one_of(name, &format!("`{name}`"), report)
    }

    /// A field that must be there, or others in its place, which `forms` lists.
    fn require_one_of(&self, name: &str, forms: &str, report: &mut Report) -> Option<At<'a>> {
        let found = self.get(name);
        if found.is_none() {
            report.add(
                Code::MissingField,
                self.at.missing_spot(name),
                format!("{forms} is required"),
            );
        }
        found
    }

    /// A field that takes one of a fixed set of words.
    fn choice<T: Copy + Default>(&self, name: &str, choices: &[(&str, T)], report: &mut Report) -> T {
        self.get(name)
            .and_then(|at| scalar::choice(&at, choices, report))
            .unwrap_or_default()
    }

    /// Refuses every field that is not `known`; `whose` says what they would be fields of.
    fn refuse_others(&self, known: &[&str], whose: &str, report: &mut Report) {
        for (key, at) in self.at.members().filter(|(key, _)| !known.contains(key)) {
            let hint = report.did_you_mean(key, known.iter().copied());
            let message = format!("{} is not a field of {whose}", quoted(key));
            report.add_with_hint(Code::UnknownField, at.key_spot(), message, hint);
        }
    }
}

/// A list of texts or the like; what cannot be decoded is left out after saying why.
fn list<T>(
    at: &At<'_>,
    report: &mut Report,
    decode: impl Fn(&At<'_>, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    if at.value.as_array().is_none() {
        scalar::wrong_type(at, "an array", report);
        return None;
    }
    Some(at.items().filter_map(|item| decode(&item, report)).collect())
}

/// Refuses keys that occur twice in one object, and numbers that no double can hold, anywhere in the document.
pub(crate) fn check_tree(at: &At<'_>, report: &mut Report) {
    if let Some(lit) = at.value.as_number_lit()
        && crate::json::number(lit.value).is_none()
    {
        scalar::invalid(at, "the number is too large", report);
    }
    let mut keys = std::collections::HashSet::new();
    for (key, member) in at.members() {
        if !keys.insert(key) {
            let message = format!("the key {} occurs more than once", quoted(key));
            report.add(Code::DuplicateKey, member.key_spot(), message);
        }
        check_tree(&member, report);
    }
    for item in at.items() {
        check_tree(&item, report);
    }
}
