//! The header `Retry-After` (RFC 9110, section 10.2.3).

use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// The longest wait that an agent may ask for; more is taken as this.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// When an agent may be asked again, if it says so in a way that can be understood.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let latest = now.checked_add(LONGEST).ok()?;
    let asked_for = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are still a number of seconds.
        let seconds = value.parse().unwrap_or(i64::MAX);
        now.checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(latest)
    } else {
        rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?
    };
    Some(asked_for.min(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nothing_else() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (value, expected) in [
            ("0", Some("1994-11-06T08:49:00Z")),
            (" 120 ", Some("1994-11-06T08:51:00Z")),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some("1994-11-06T08:49:37Z")),
            ("99999999999999999999", Some("1994-11-07T08:49:00Z")),
            ("Thu, 30 Dec 9999 00:00:00 GMT", Some("1994-11-07T08:49:00Z")),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now),
                expected.map(|at| at.parse().unwrap()),
                "{value}"
            );
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
