//! Settings out of files and flags.

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn settings(file: &str, flags: &[&str]) -> Result<Settings, CommandError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agentchains.toml");
    std::fs::write(&path, file).unwrap();
    let mut words = vec!["agentchains", "serve", "--config", path.to_str().unwrap()];
    words.extend(flags);
    match Cli::parse_from(words).command {
        Command::Serve(args) => Settings::load(args),
        _ => unreachable!("serve was asked for"),
    }
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let settings = settings(
        "listen = '127.0.0.1:1'\ndrain = '5s'",
        &["--listen", "127.0.0.1:2"],
    )
    .unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.drain, Duration::from_secs(5));
    assert_eq!(settings.database, "sqlite:agentchains.db");
}

#[test]
fn what_is_an_agent_to_others_is_said_by_flags_or_the_file() {
    let of = |file: &str, flags: &[&str]| {
        let found = settings(file, flags).unwrap();
        (found.a2a_publish, found.a2a_tck)
    };
    assert_eq!(of("", &[]), (A2aPublish::None, false));
    let file = "a2a_publish = 'all'\na2a_tck = true";
    assert_eq!(of(file, &[]), (A2aPublish::All, true));
    let flags = ["--a2a-publish", "none", "--a2a-tck", "false"];
    assert_eq!(of(file, &flags), (A2aPublish::None, false));
    assert_eq!(
        of("", &["--a2a-publish", "all", "--a2a-tck"]),
        (A2aPublish::All, true)
    );
}

#[test]
fn beyond_loopback_callers_must_show_keys_and_less_is_allowed_with_keys() {
    for (flags, auth, addresses, inline) in [
        (vec![], Auth::Off, "loopback", true),
        (vec!["--auth", "required"], Auth::Required, "none", false),
        (
            vec!["--listen", "0.0.0.0:1", "--auth", "required"],
            Auth::Required,
            "none",
            false,
        ),
        (
            vec!["--auth", "required", "--allow-agent-addresses", "private"],
            Auth::Required,
            "private",
            false,
        ),
    ] {
        let found = settings("", &flags).unwrap();
        let told = (
            found.auth,
            found.allow_agent_addresses.as_str(),
            found.allow_inline_endpoints,
        );
        assert_eq!(told, (auth, addresses, inline), "{flags:?}");
    }
    for flags in [
        vec!["--listen", "0.0.0.0:1"],
        vec!["--listen", "[::]:1", "--auth", "off"],
    ] {
        let refused = settings("", &flags).unwrap_err().to_string();
        assert!(refused.contains("--auth required"), "{refused}");
    }
}

#[test]
fn agents_may_name_secrets_of_the_server_where_nobody_is_asked_who_they_are_or_the_operator_says_so() {
    for (file, flags, allowed) in [
        ("", vec![], "any"),
        ("", vec!["--auth", "required"], "none"),
        (
            "auth = 'required'\nallow_agent_secrets = 'env:AGENT_*'",
            vec![],
            "env:AGENT_*",
        ),
        (
            "allow_agent_secrets = 'any'",
            vec!["--allow-agent-secrets", "file:/run/secrets"],
            "file:/run/secrets",
        ),
    ] {
        assert_eq!(
            settings(file, &flags).unwrap().allow_agent_secrets,
            allowed,
            "{file:?} {flags:?}"
        );
    }
}

#[test]
fn inline_endpoints_are_allowed_unless_the_flag_or_the_file_says_no() {
    for (file, flags, allowed) in [
        ("", vec![], true),
        ("allow_inline_endpoints = false", vec![], false),
        ("", vec!["--allow-inline-endpoints", "false"], false),
        (
            "allow_inline_endpoints = false",
            vec!["--allow-inline-endpoints"],
            true,
        ),
    ] {
        let settings = settings(file, &flags).unwrap();
        assert_eq!(settings.allow_inline_endpoints, allowed, "{file:?} {flags:?}");
    }
}

#[test]
fn caps_are_amounts_of_the_file_or_of_a_flag_and_nothing_else() {
    let usd = |amount: &str| Some(amount.parse().unwrap());
    let found = settings(
        "[caps]\ndaily = 10.5\nmonthly = '99.999999999'",
        &["--cap", "daily=7"],
    )
    .unwrap();
    assert_eq!(
        found.caps,
        Caps {
            daily: usd("7"),
            monthly: usd("99.999999999"),
        }
    );
    for (file, flags) in [
        ("[caps]\nyearly = 1", vec![]),
        ("[caps]\ndaily = -1", vec![]),
        ("[caps]\ndaily = 'much'", vec![]),
        ("", vec!["--cap", "daily"]),
        ("", vec!["--cap", "weekly=1"]),
    ] {
        let refused = settings(file, &flags).unwrap_err();
        assert!(
            matches!(refused, CommandError::Usage(_)),
            "{file:?} {flags:?}: {refused}"
        );
    }
}

#[test]
fn limits_are_those_of_the_language_unless_the_file_or_a_flag_says_otherwise() {
    let found = settings(
        "[limits]\nmax_nodes = 7\nmax_items = 8",
        &["--limit", "max_items=9"],
    )
    .unwrap()
    .limits;
    let expected = Limits {
        max_nodes: 7,
        max_items: 9,
        ..Limits::default()
    };
    assert_eq!(found, expected);
    for wrong in ["max_nodes=many", "max_nodes", "no_limit=1", "max_items=-1"] {
        let refused = settings("", &["--limit", wrong]).unwrap_err().to_string();
        assert!(refused.contains("limit"), "{refused}");
    }
}

#[test]
fn agents_are_declared_in_the_file_and_faults_in_them_told_without_secrets() {
    let declared = "[[agents]]\nagent_id = 'a'\nurl = 'https://a.example'\ntimeout = '30s'\nmax_cost = 0.05\n\
        auth = { type = 'bearer', token = { env = 'A' } }\n[[agents]]\nagent_id = 'b'\nurl = 'https://b.example'";
    let agents = settings(declared, &[]).unwrap().agents;
    assert_eq!(agents.len(), 2);
    assert_eq!(
        (agents[0].agent_id.as_str(), agents[0].auth.is_some()),
        ("a", true)
    );
    for (fault, said) in [
        ("auth = { type = 'bearer', token = 'canary' }", "expected one of"),
        (
            "auth = { type = 'bearer', token = { value = 'canary' } }",
            "unknown field",
        ),
        ("colour = 'canary'", "unknown field"),
    ] {
        let file = format!("[[agents]]\nagent_id = 'a'\nurl = 'https://a.example'\n{fault}");
        let refused = settings(&file, &[]).unwrap_err().to_string();
        assert!(refused.contains(said) && !refused.contains("canary"), "{refused}");
    }
}

#[test]
fn an_unknown_setting_is_refused() {
    assert!(matches!(
        settings("lisen = '127.0.0.1:1'", &[]),
        Err(CommandError::Settings { .. })
    ));
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    assert!(matches!(
        settings("", &["--listen", "0.0.0.0:7420"]),
        Err(CommandError::Usage(_))
    ));
}
