//! Settings in JSON.

use agentchains_breaker::Settings;

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
    let json = r#"{"failure_threshold":3,"recovery_timeout":0.25,"half_open_max_calls":2}"#;
    let read: Settings = serde_json::from_str(json).unwrap();
    assert_eq!(read, settings(3, 250, 2));
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for json in [
        r#"{"failure_threshold":0}"#,
        r#"{"failure_threshold":-1}"#,
        r#"{"failure_threshold":4294967296}"#,
        r#"{"recovery_timeout":-1}"#,
        r#"{"recovery_timeout":1e300}"#,
        r#"{"recovery_timeout":"30"}"#,
        r#"{"recovery_timeout":null}"#,
        r#"{"half_open_max_calls":0}"#,
        r#"{"half_open_max_call":1}"#,
    ] {
        assert!(serde_json::from_str::<Settings>(json).is_err(), "{json}");
    }
}
