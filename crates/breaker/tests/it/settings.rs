//! Settings in JSON.

use std::time::Duration;

use agentchains_breaker::{Mode, Rate, Settings, SlowCalls, Span, Window};

use crate::settings;

#[test]
fn absent_settings_are_the_defaults() {
    assert_eq!(
        serde_json::from_str::<Settings>("{}").unwrap(),
        settings(5, 30_000, 1)
    );
    assert_eq!(Settings::default(), settings(5, 30_000, 1));
}

#[test]
fn settings_round_trip_in_the_names_of_the_api() {
    let json = concat!(
        r#"{"failure_threshold":3,"recovery_timeout":0.25,"max_recovery_timeout":60.0,"recovery_jitter":0.1,"#,
        r#""half_open_max_calls":2,"probe_lease":90.0,"window":{"last_seconds":60.0,"minimum_calls":7,"#,
        r#""failure_rate":0.333333,"slow_call_rate":1.0,"slow_call_duration":2.5},"mode":"observe_only"}"#
    );
    let read: Settings = serde_json::from_str(json).unwrap();
    let expected = Settings {
        max_recovery_timeout: Some(Duration::from_secs(60)),
        recovery_jitter: Some(Rate::new(0.1).unwrap()),
        probe_lease: Duration::from_secs(90),
        window: Some(Window {
            span: Span::Time(Duration::from_secs(60)),
            minimum_calls: 7.try_into().unwrap(),
            failure_rate: Some(Rate::new(0.333_333).unwrap()),
            slow_calls: Some(SlowCalls {
                rate: Rate::new(1.0).unwrap(),
                duration: Duration::from_millis(2500),
            }),
        }),
        mode: Mode::ObserveOnly,
        ..settings(3, 250, 2)
    };
    assert_eq!(read, expected);
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
}

#[test]
fn settings_that_are_off_are_not_written() {
    let json = concat!(
        r#"{"failure_threshold":5,"recovery_timeout":30.0,"half_open_max_calls":1,"#,
        r#""probe_lease":600.0,"mode":"normal"}"#
    );
    assert_eq!(serde_json::to_string(&Settings::default()).unwrap(), json);
}

#[test]
fn the_minimum_of_a_window_is_twenty_calls_or_all_of_a_shorter_one() {
    for (span, minimum) in [
        (r#""last_calls":100"#, 20),
        (r#""last_calls":7"#, 7),
        (r#""last_seconds":1"#, 20),
    ] {
        let json = format!(r#"{{"window":{{{span},"failure_rate":0.5}}}}"#);
        let window = serde_json::from_str::<Settings>(&json).unwrap().window.unwrap();
        assert_eq!(window.minimum_calls.get(), minimum, "{json}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_with_advice() {
    for (json, advice) in [
        (r#"{"failure_threshold":0}"#, "expected a nonzero u32"),
        (r#"{"failure_threshold":-1}"#, "expected a nonzero u32"),
        (r#"{"recovery_timeout":0}"#, "above 0 and up to 31536000"),
        (r#"{"recovery_timeout":1e-10}"#, "above 0 and up to 31536000"),
        (r#"{"recovery_timeout":-1}"#, "from 0 to 31536000"),
        (r#"{"recovery_timeout":1e300}"#, "from 0 to 31536000"),
        (r#"{"recovery_timeout":"30"}"#, "expected f64"),
        (r#"{"half_open_max_call":1}"#, "unknown field"),
        (r#"{"probe_lease":0}"#, "above 0 and up to 31536000"),
        (
            r#"{"max_recovery_timeout":29.9}"#,
            "max_recovery_timeout, expected a number of seconds that is not below recovery_timeout",
        ),
        (r#"{"recovery_jitter":0}"#, "from 0.000001 to 1"),
        (r#"{"recovery_jitter":1.5}"#, "write 50 % as 0.5"),
        (r#"{"mode":"open"}"#, "forced_open"),
    ] {
        let error = serde_json::from_str::<Settings>(json).unwrap_err().to_string();
        assert!(error.contains(advice), "{json}: {error}");
    }
}

#[test]
fn windows_that_make_no_sense_are_refused_with_advice() {
    for (window, advice) in [
        (r#""failure_rate":0.5"#, "give last_calls or last_seconds"),
        (
            r#""last_calls":9,"last_seconds":9,"failure_rate":0.5"#,
            "last_seconds, expected it to be left out beside last_calls",
        ),
        (r#""last_calls":0,"failure_rate":0.5"#, "nonzero"),
        (
            r#""last_calls":10001,"failure_rate":0.5"#,
            "last_calls, expected a whole number from 1 to 10000",
        ),
        (
            r#""last_seconds":0.5,"failure_rate":0.5"#,
            "last_seconds, expected a number of seconds from 1 to 86400",
        ),
        (
            r#""last_seconds":86401,"failure_rate":0.5"#,
            "last_seconds, expected a number of seconds from 1 to 86400",
        ),
        (
            r#""last_calls":9,"minimum_calls":10,"failure_rate":0.5"#,
            "minimum_calls, expected a whole number that is not above last_calls",
        ),
        (r#""last_calls":9"#, "give failure_rate or slow_call_rate"),
        (r#""last_calls":9,"failure_rate":50"#, "write 50 % as 0.5"),
        (
            r#""last_calls":9,"slow_call_rate":0.5"#,
            "missing field `slow_call_duration`",
        ),
        (
            r#""last_calls":9,"slow_call_duration":1"#,
            "missing field `slow_call_rate`",
        ),
        (r#""last_call":9"#, "unknown field"),
    ] {
        let json = format!(r#"{{"window":{{{window}}}}}"#);
        let error = serde_json::from_str::<Settings>(&json).unwrap_err().to_string();
        assert!(error.contains(advice), "{json}: {error}");
    }
}

#[test]
fn a_rate_is_exact_to_a_millionth() {
    for value in [0.000_001, 0.1, 0.3, 0.5, 0.999_999, 1.0] {
        assert_eq!(Rate::new(value).unwrap().as_f64().to_bits(), value.to_bits());
    }
    for value in [
        0.0,
        -0.5,
        1.000_001,
        50.0,
        f64::NAN,
        f64::INFINITY,
        f64::MIN_POSITIVE,
    ] {
        assert!(Rate::new(value).is_err(), "{value}");
    }
}
