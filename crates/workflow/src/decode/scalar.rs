//! Values without members: texts, numbers, choices, durations, money.
//!
//! Each function answers `None` after it has said why; a caller goes on with the rest of the document.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use agentchains_cost::Usd;
use jsonc_parser::ast;

use crate::{
    diagnostic::Code,
    duration::seconds,
    json::type_name,
    limits,
    report::{Report, listed, quoted},
    tree::At,
};

/// A constant count.
pub(super) const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

/// Says that a value is of another type than `expected`.
pub(super) fn wrong_type(at: &At<'_>, expected: &str, report: &mut Report) {
    let message = format!("expected {expected}, found {}", type_name(at.value));
    report.add(Code::WrongType, at.spot(), message);
}

pub(super) fn invalid(at: &At<'_>, message: impl Into<String>, report: &mut Report) {
    report.add(Code::InvalidValue, at.spot(), message);
}

/// A string of any length.
pub(super) fn string<'a>(at: &At<'a>, report: &mut Report) -> Option<&'a str> {
    let found = at.value.as_string_lit();
    if found.is_none() {
        wrong_type(at, "a string", report);
    }
    found.map(|lit| lit.value.as_ref())
}

/// A string of that many characters.
pub(super) fn text(at: &At<'_>, lengths: RangeInclusive<usize>, report: &mut Report) -> Option<String> {
    let found = string(at, report)?;
    let most = *lengths.end();
    if found.chars().nth(most).is_some() {
        report.add(
            Code::ValueTooLong,
            at.spot(),
            format!("the text has more than {most} characters"),
        );
        return None;
    }
    if found.is_empty() && *lengths.start() > 0 {
        invalid(at, "the text must not be empty", report);
        return None;
    }
    Some(found.to_owned())
}

pub(super) fn boolean(at: &At<'_>, report: &mut Report) -> Option<bool> {
    let found = at.value.as_boolean_lit();
    if found.is_none() {
        wrong_type(at, "true or false", report);
    }
    found.map(|lit| lit.value)
}

/// A whole number from 1 to `most`.
pub(super) fn count(at: &At<'_>, most: u32, report: &mut Report) -> Option<NonZeroU32> {
    whole(at, 1..=most, report).and_then(NonZeroU32::new)
}

/// A whole number within bounds that are part of them.
pub(super) fn whole(at: &At<'_>, bounds: RangeInclusive<u32>, report: &mut Report) -> Option<u32> {
    let Some(lit) = at.value.as_number_lit() else {
        wrong_type(at, "a whole number", report);
        return None;
    };
    // `2.0` and `2e0` are whole numbers too.
    let value: f64 = lit.value.parse().unwrap_or(f64::NAN);
    if value.fract() != 0.0 {
        report.add(Code::WrongType, at.spot(), "expected a whole number");
        return None;
    }
    let (least, most) = bounds.into_inner();
    if !(f64::from(least)..=f64::from(most)).contains(&value) {
        invalid(
            at,
            format!("expected a whole number from {least} to {most}"),
            report,
        );
        return None;
    }
    Some(value as u32)
}

/// A number within bounds that are part of them.
pub(super) fn decimal(at: &At<'_>, bounds: RangeInclusive<f64>, report: &mut Report) -> Option<f64> {
    let Some(lit) = at.value.as_number_lit() else {
        wrong_type(at, "a number", report);
        return None;
    };
    let value = lit.value.parse().ok().filter(|value| bounds.contains(value));
    if value.is_none() {
        invalid(
            at,
            format!("expected a number from {} to {}", bounds.start(), bounds.end()),
            report,
        );
    }
    value
}

/// One of a fixed set of words.
pub(super) fn choice<T: Copy>(at: &At<'_>, choices: &[(&str, T)], report: &mut Report) -> Option<T> {
    choice_beside(at, choices, "", report)
}

/// One of a fixed set of words, where something else than a word may be written too: `others` ends the list of what
/// is allowed.
pub(super) fn choice_beside<T: Copy>(
    at: &At<'_>,
    choices: &[(&str, T)],
    others: &str,
    report: &mut Report,
) -> Option<T> {
    let found = string(at, report)?;
    if let Some((_, chosen)) = choices.iter().find(|(word, _)| *word == found) {
        return Some(*chosen);
    }
    let words = listed(choices.iter().map(|(word, _)| *word));
    let hint = report.did_you_mean(found, choices.iter().map(|(word, _)| *word));
    let message = format!("{} is not one of {words}{others}", quoted(found));
    report.add_with_hint(Code::InvalidValue, at.spot(), message, hint);
    None
}

/// A duration: a number of seconds, or a number and a unit in a string (section 1).
pub(super) fn duration(at: &At<'_>, report: &mut Report) -> Option<Duration> {
    let seconds = match at.value {
        ast::Value::NumberLit(lit) => lit.value.parse().ok(),
        ast::Value::StringLit(lit) => seconds(&lit.value),
        _ => {
            wrong_type(at, "a duration", report);
            return None;
        }
    };
    let Some(seconds) = seconds.filter(|seconds: &f64| *seconds >= 0.0) else {
        let hint = Some(
            "a duration is a number of seconds, or a text such as \"250ms\", \"30s\", \"5m\", \"2h\", \"1d\"",
        );
        report.add_with_hint(Code::InvalidValue, at.spot(), "this is not a duration", hint);
        return None;
    };
    if seconds > limits::MAX_DURATION.as_secs_f64() {
        let days = limits::MAX_DURATION.as_secs() / (24 * 3_600);
        invalid(at, format!("the duration is longer than {days} days"), report);
        return None;
    }
    Some(Duration::from_secs_f64(seconds))
}

/// A duration in which something is meant to happen, so more than zero.
pub(super) fn time_limit(at: &At<'_>, report: &mut Report) -> Option<Duration> {
    let limit = duration(at, report)?;
    if limit.is_zero() {
        invalid(
            at,
            "nothing can be done in no time: expected more than zero",
            report,
        );
        return None;
    }
    Some(limit)
}

/// An amount of USD: a number or a decimal string, taken exactly from its characters.
pub(super) fn usd(at: &At<'_>, report: &mut Report) -> Option<Usd> {
    let spelled = match at.value {
        ast::Value::NumberLit(lit) => lit.value,
        ast::Value::StringLit(lit) => lit.value.as_ref(),
        _ => {
            wrong_type(at, "an amount in USD", report);
            return None;
        }
    };
    let Ok(amount) = spelled.parse::<Usd>() else {
        let message = format!(
            "{} is not an amount in USD of at most 9 decimals",
            quoted(spelled)
        );
        let hint = Some("write it as a number or as a decimal text, such as 0.05 or \"0.05\"");
        report.add_with_hint(Code::InvalidValue, at.spot(), message, hint);
        return None;
    };
    if amount.is_negative() {
        invalid(at, "an amount must not be negative", report);
        return None;
    }
    if amount > limits::MAX_USD {
        invalid(at, format!("the amount is above {} USD", limits::MAX_USD), report);
        return None;
    }
    Some(amount)
}
