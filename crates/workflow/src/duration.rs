//! Durations as people write them: a number and a unit (section 1).

use std::time::Duration;

use thiserror::Error;

use crate::limits;

/// A text that is no duration, or one that is too long.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a duration; write a number and a unit, such as \"250ms\", \"30s\", \"5m\", \"2h\", \"1d\""
)]
pub struct InvalidDuration {
    text: String,
}

/// Reads a duration such as `"250ms"`, `"30s"`, `"5m"`, `"2h"` or `"1d"`.
///
/// # Errors
/// [`InvalidDuration`] when the text is none, or longer than the limit for durations.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// assert_eq!(agentchains_workflow::parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
/// assert!(agentchains_workflow::parse_duration("-5s").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    seconds(text)
        .filter(|seconds| *seconds <= limits::MAX_DURATION.as_secs_f64())
        .map(Duration::from_secs_f64)
        .ok_or_else(|| InvalidDuration {
            text: text.chars().take(40).collect(),
        })
}

/// The seconds that a text such as `"5m"` stands for; never negative.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let unit_at = text.find(|character: char| character.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let spelled = number.starts_with(|c: char| c.is_ascii_digit())
        && number.ends_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f64 = number.parse().ok().filter(|_| spelled)?;
    Some(value * unit)
}
