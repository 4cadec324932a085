//! The type `parallel_group` (section 7).

use std::num::NonZeroU32;

use crate::{
    composite::{FanOut, OnItemError, ParallelGroup, Tolerance},
    decode::{
        DraftGraph, Fields, Provided, Repetition,
        scalar::{choice, choice_beside, count, invalid, whole, wrong_type},
        scope,
    },
    diagnostic::Code,
    graph::NodeIndex,
    limits,
    report::Report,
    template::Use,
    tree::At,
};

const MEMBERS_FIELDS: [&str; 2] = ["nodes", "edges"];
const ITEMS_FIELDS: [&str; 2] = ["items", "body"];
/// Fields of both forms.
const FIELDS: [&str; 4] = ["max_concurrency", "mode", "on_item_error", "tolerated_failures"];
const MODES: [(&str, Option<NonZeroU32>); 2] = [("all", None), ("any", Some(NonZeroU32::MIN))];
const ON_ITEM_ERROR: [(&str, OnItemError); 2] = [
    ("fail", OnItemError::Fail),
    ("null", OnItemError::Null(Tolerance::All)),
];

/// Decodes the `config` of a `parallel_group`, and its members.
pub(super) fn decode(
    node: &Fields<'_>,
    owner: NodeIndex,
    uses: &mut Vec<Use>,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> Option<ParallelGroup> {
    let config = node.require("config", report)?;
    let fields = Fields::open(&config, report)?;
    let is_for_items = ITEMS_FIELDS.iter().any(|name| fields.get(name).is_some());
    let has_members = fields.get("nodes").is_some();
    if !is_for_items && !has_members {
        let known = [&MEMBERS_FIELDS[..], &ITEMS_FIELDS, &FIELDS].concat();
        fields.refuse_others(&known, "the config of a group", report);
        fields.require_one_of("nodes", "`nodes` or `items`", report);
        return None;
    }
    let (fan_out, most) = if !has_members {
        (
            for_each(&fields, owner, uses, graph, report),
            limits::MAX_ITERATIONS,
        )
    } else {
        let (fan_out, count) = members(&fields, owner, graph, report);
        (Some(fan_out), count)
    };
    let max_concurrency = fields.get("max_concurrency");
    // One without members is reported as such.
    let at_least = fields.get("mode").and_then(|at| mode(&at, most.max(1), report));
    Some(ParallelGroup {
        max_concurrency: max_concurrency.and_then(|at| count(&at, limits::MAX_CONCURRENCY, report)),
        at_least: at_least.flatten(),
        on_item_error: on_item_error(&fields, report),
        fan_out: fan_out?,
    })
}

/// The members, and how many there are.
fn members(
    fields: &Fields<'_>,
    owner: NodeIndex,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> (FanOut, u32) {
    let known = [&MEMBERS_FIELDS[..], &FIELDS].concat();
    fields.refuse_others(&known, "a group with `nodes`", report);
    let scope = graph.open(owner, Provided::default());
    let count = scope::members(fields, scope, Code::EmptyGroup, graph, report);
    (FanOut::Members(scope), u32::try_from(count).unwrap_or(u32::MAX))
}

/// What runs for each of the items.
fn for_each(
    fields: &Fields<'_>,
    owner: NodeIndex,
    uses: &mut Vec<Use>,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> Option<FanOut> {
    let known = [&ITEMS_FIELDS[..], &FIELDS].concat();
    fields.refuse_others(&known, "a group with `items`", report);
    let items = fields
        .require("items", report)
        .and_then(|at| scope::items(&at, uses, report));
    let provided = Provided {
        item: true,
        repetition: Some(Repetition::Concurrent),
    };
    let body = graph.open(owner, provided);
    let at = fields.require("body", report)?;
    scope::body(&at, body, Code::EmptyGroup, graph, report);
    Some(FanOut::Items { items: items?, body })
}

/// How many of at most `most` must succeed; within, `None` for all.
fn mode(at: &At<'_>, most: u32, report: &mut Report) -> Option<Option<NonZeroU32>> {
    if at.value.as_string_lit().is_some() {
        return choice_beside(at, &MODES, " or {\"at_least\": …}", report);
    }
    if at.value.as_object().is_none() {
        wrong_type(at, "a text or {\"at_least\": …}", report);
        return None;
    }
    let fields = Fields::open(at, report)?;
    fields.refuse_others(&["at_least"], "a mode", report);
    let at = fields.require("at_least", report)?;
    count(&at, most, report).map(Some)
}

fn on_item_error(fields: &Fields<'_>, report: &mut Report) -> OnItemError {
    let at = fields.get("on_item_error");
    let chosen = at.and_then(|at| choice(&at, &ON_ITEM_ERROR, report));
    let Some(tolerated) = fields.get("tolerated_failures") else {
        return chosen.unwrap_or(OnItemError::Fail);
    };
    if chosen == Some(OnItemError::Fail) {
        let message = "a group that fails with its first failure tolerates none: leave out `on_item_error`";
        invalid(&tolerated, message, report);
    }
    tolerance(&tolerated, report).map_or(OnItemError::Fail, OnItemError::Null)
}

/// A whole number from 0, or a text such as `"10%"`.
fn tolerance(at: &At<'_>, report: &mut Report) -> Option<Tolerance> {
    let Some(lit) = at.value.as_string_lit() else {
        return whole(at, 0..=u32::MAX, report).map(Tolerance::Count);
    };
    let parts = lit.value.strip_suffix('%').and_then(parts_per_million);
    if parts.is_none() {
        let message = "expected a number of failures, or a part of at most 4 decimals such as \"10%\"";
        invalid(at, message, report);
    }
    parts.map(Tolerance::PartsPerMillion)
}

/// A percentage from 0 to 100, exactly.
fn parts_per_million(percent: &str) -> Option<u32> {
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, "0"));
    let is_spelled = [whole, decimals]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_spelled || decimals.len() > 4 {
        return None;
    }
    let parts = format!("{whole}{decimals:0<4}").parse().ok()?;
    (parts <= 1_000_000).then_some(parts)
}
