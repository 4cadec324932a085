//! What a node says about its in-edges and its failures: `join`, `retry`, `on_error` (sections 5 and 8).

use std::{num::NonZeroU32, time::Duration};

use crate::{
    decode::{
        Fields, Named,
        scalar::{at_least_one, choice_beside, count, decimal, duration, invalid, wrong_type},
    },
    diagnostic::Code,
    document::{Jitter, Join, OnError, Retry},
    limits,
    report::Report,
    tree::At,
};

const JOINS: [(&str, Join); 4] = [
    ("default", Join::Default),
    ("all", Join::All),
    ("any", Join::Any),
    ("settled", Join::Settled),
];
const RETRY_FIELDS: [&str; 5] = [
    "max_attempts",
    "initial_interval",
    "multiplier",
    "max_interval",
    "jitter",
];
const JITTERS: [(&str, Jitter); 2] = [("full", Jitter::Full), ("none", Jitter::None)];
const DEFAULT_ATTEMPTS: NonZeroU32 = at_least_one(3);
const DEFAULT_INITIAL: Duration = Duration::from_secs(1);
const DEFAULT_MULTIPLIER: f64 = 2.0;
const DEFAULT_MAX: Duration = Duration::from_secs(30);

/// When a node runs, given its in-edges.
pub(super) fn join(at: &At<'_>, report: &mut Report) -> Option<Join> {
    if at.value.as_string_lit().is_some() {
        return choice_beside(at, &JOINS, " or {\"at_least\": …}", report);
    }
    if at.value.as_object().is_none() {
        wrong_type(at, "a text or {\"at_least\": …}", report);
        return None;
    }
    let fields = Fields::open(at, report)?;
    fields.refuse_others(&["at_least"], "a join", report);
    let edges = u32::try_from(limits::MAX_EDGES).unwrap_or(u32::MAX);
    let at_least = fields
        .require("at_least", report)
        .and_then(|at| count(&at, edges, report));
    at_least.map(Join::AtLeast)
}

/// How failed attempts are tried again.
pub(super) fn retry(at: &At<'_>, report: &mut Report) -> Option<Retry> {
    let fields = Fields::open(at, report)?;
    fields.refuse_others(&RETRY_FIELDS, "`retry`", report);
    let max_attempts = fields
        .get("max_attempts")
        .and_then(|at| count(&at, limits::MAX_ATTEMPTS, report));
    let initial = fields
        .get("initial_interval")
        .and_then(|at| duration(&at, report));
    let multiplier = fields
        .get("multiplier")
        .and_then(|at| decimal(&at, 1.0..=limits::MAX_MULTIPLIER, report));
    let initial_interval = initial.unwrap_or(DEFAULT_INITIAL);
    let max_at = fields.get("max_interval");
    let max_interval = max_at.and_then(|at| duration(&at, report));
    if let (Some(at), Some(max)) = (max_at, max_interval)
        && max < initial_interval
    {
        invalid(&at, "`max_interval` is shorter than `initial_interval`", report);
    }
    Some(Retry {
        max_attempts: max_attempts.unwrap_or(DEFAULT_ATTEMPTS),
        initial_interval,
        multiplier: multiplier.unwrap_or(DEFAULT_MULTIPLIER),
        max_interval: max_interval.unwrap_or(DEFAULT_MAX.max(initial_interval)),
        jitter: fields.choice("jitter", &JITTERS, report),
    })
}

/// What happens after the last attempt failed, and where the target of a `goto` is named.
pub(super) fn on_error(at: &At<'_>, report: &mut Report) -> Option<(OnError, Option<Named>)> {
    if at.value.as_string_lit().is_some() {
        choice_beside(at, &[("fail", ())], ", {\"output\": …} or {\"goto\": …}", report)?;
        return Some((OnError::Fail, None));
    }
    if at.value.as_object().is_none() {
        wrong_type(at, "\"fail\", {\"output\": …} or {\"goto\": …}", report);
        return None;
    }
    let fields = Fields::open(at, report)?;
    fields.refuse_others(&["output", "goto"], "`on_error`", report);
    match (fields.get("output"), fields.get("goto")) {
        (Some(output), None) => Some((OnError::Output(output.to_json().into()), None)),
        (None, Some(goto)) => {
            let target = Named::decode(&goto, report)?;
            Some((OnError::Goto(target.name.clone()), Some(target)))
        }
        (Some(_), Some(_)) => {
            invalid(at, "`output` and `goto` exclude each other", report);
            None
        }
        (None, None) => {
            report.add(Code::MissingField, at.spot(), "`output` or `goto` is required");
            None
        }
    }
}
