//! The type `subworkflow` (section 7).

use std::num::NonZeroU32;

use crate::{
    composite::Subworkflow,
    decode::{
        Fields,
        scalar::{boolean, choice_beside, count, text},
    },
    limits,
    report::Report,
    template::{Template, Use},
    tree::At,
};

const FIELDS: [&str; 4] = ["workflow_id", "version", "input", "wait"];

/// Decodes the `config` of a `subworkflow`.
pub(super) fn decode(node: &Fields<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Subworkflow> {
    let config = node.require("config", report)?;
    let fields = Fields::open(&config, report)?;
    fields.refuse_others(&FIELDS, "the config of `subworkflow`", report);
    let workflow = fields.require("workflow_id", report);
    let workflow = workflow.and_then(|at| text(&at, 1..=limits::MAX_NAME_CHARS, report));
    let version = fields.get("version").and_then(|at| version(&at, report));
    let input = fields
        .get("input")
        .and_then(|at| Template::compile(&at, uses, report));
    let wait = fields.get("wait").and_then(|at| boolean(&at, report));
    Some(Subworkflow {
        workflow: workflow?,
        version,
        input,
        wait: wait.unwrap_or(true),
    })
}

/// A version's number; `None` for the latest.
fn version(at: &At<'_>, report: &mut Report) -> Option<NonZeroU32> {
    if at.value.as_string_lit().is_some() {
        choice_beside(at, &[("latest", ())], " or a number", report);
        return None;
    }
    count(at, u32::MAX, report)
}
