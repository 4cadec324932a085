//! Usage in JSON.

use std::time::Duration;

use agentchains_cost::Usage;

#[test]
fn usage_round_trips_and_leaves_out_what_is_absent() {
    let usage = Usage {
        output_tokens: Some(0),
        compute_time: Some(Duration::from_millis(250)),
        model: Some("large".into()),
        ..Usage::default()
    };
    let json = serde_json::to_string(&usage).unwrap();
    assert_eq!(json, r#"{"output_tokens":0,"seconds":0.25,"model":"large"}"#);
    assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), usage);
    assert_eq!(serde_json::from_str::<Usage>("{}").unwrap(), Usage::default());
    let least = Usage {
        lower_bound: true,
        ..usage
    };
    let json = serde_json::to_string(&least).unwrap();
    assert!(json.ends_with(r#""lower_bound":true}"#), "{json}");
    assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), least);
}

#[test]
fn compute_time_that_is_no_duration_is_refused() {
    for seconds in ["-1", "1e300", "\"1\""] {
        let json = format!(r#"{{"seconds":{seconds}}}"#);
        assert!(serde_json::from_str::<Usage>(&json).is_err(), "{json}");
    }
}
