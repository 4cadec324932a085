//! From the JSON tree to the model: types, values and fields, one by one.
//!
//! Owns what can be judged at one place of the document. What needs two places, such as an edge and the node that it
//! names, is left to [`crate::wiring`] and [`crate::references`]. It never stops at an error.

mod agent_call;
mod condition;
mod human_approval;
mod node;
mod policy;
mod scalar;
mod workflow;

use crate::{
    diagnostic::Code,
    document::{Join, Node, Settings},
    report::{Report, quoted},
    template::Use,
    tree::{At, Spot},
};

pub(crate) use workflow::decode;

/// A document as far as it could be decoded.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) settings: Settings,
    /// What the `output` template refers to.
    pub(crate) output_uses: Vec<Use>,
    pub(crate) nodes: Vec<DraftNode>,
    pub(crate) edges: Vec<DraftEdge>,
}

/// A node as far as it could be decoded.
#[derive(Debug)]
pub(crate) struct DraftNode {
    pub(crate) id: Option<Named>,
    pub(crate) depends_on: Vec<Named>,
    pub(crate) join: Join,
    pub(crate) join_spot: Spot,
    /// The target of its `on_error`.
    pub(crate) goto: Option<Named>,
    /// Where the branches of a condition lead; `None` for other types.
    pub(crate) branches: Option<Vec<Branch>>,
    /// The labels that its edges may have; `None` where that cannot be told.
    pub(crate) labels: Option<Vec<String>>,
    /// What its templates refer to.
    pub(crate) uses: Vec<Use>,
    /// `None` where something in it is wrong.
    pub(crate) node: Option<Node>,
}

/// A node that a condition's config names, and the label that leads there.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) label: String,
    pub(crate) target: Named,
}

/// A member of `edges`.
#[derive(Debug)]
pub(crate) struct DraftEdge {
    pub(crate) from: Named,
    pub(crate) to: Named,
    pub(crate) label: Option<Named>,
    pub(crate) spot: Spot,
}

/// A name, and where it is written.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) spot: Spot,
}

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
        let found = self.get(name);
        if found.is_none() {
            report.add(
                Code::MissingField,
                self.at.missing_spot(name),
                format!("`{name}` is required"),
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
