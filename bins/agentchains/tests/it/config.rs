//! `config show` and `config check`.

use std::{path::Path, process::Output};

use serde_json::Value;
use tokio::process::Command;

const FILE: &str = r#"
listen = "127.0.0.1:7777"
database = "postgres://keeper:canary-c0ffee@db.example/agentchains"
drain = "5s"
rate_limit = "600/1m"

[limits]
max_nodes = 7

[caps]
daily = 12.5

[[agents]]
agent_id = "searcher"
url = "https://searcher.example"
headers = { x-key = "canary-c0ffee" }
"#;

async fn config(folder: &Path, file: &str, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("agentchains.toml"), file).unwrap();
    Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .arg("config")
        .args(arguments)
        .current_dir(folder)
        .env("AGENTCHAINS_AUTH", "required")
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn each_setting_is_shown_with_its_source_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--limit", "max_edges=4", "--mcp-approvals"];
    let arguments = [&["show", "--output", "json"][..], &flags].concat();
    let output = config(folder.path(), FILE, &arguments).await;
    assert!(output.status.success(), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| {
        let mut settings = shown["settings"].as_array().unwrap().iter();
        let found = settings.find(|setting| setting["name"] == name).expect(name);
        format!("{} from {}", found["value"], found["source"].as_str().unwrap())
    };
    for (name, expected) in [
        ("listen", r#""127.0.0.1:7777" from agentchains.toml"#),
        ("auth", r#""required" from AGENTCHAINS_AUTH"#),
        ("mcp_approvals", "true from --mcp-approvals"),
        ("a2a_tck", "false from default"),
        ("drain", r#""5s" from agentchains.toml"#),
        ("rate_limit", r#""600/60s" from agentchains.toml"#),
        ("limits.max_nodes", "7 from agentchains.toml"),
        ("limits.max_edges", "4 from --limit"),
        ("caps.daily", "12.5 from agentchains.toml"),
        ("caps.monthly", "null from default"),
        ("agents", r#"["searcher"] from agentchains.toml"#),
    ] {
        assert_eq!(of(name), expected, "{name}");
    }
    let table = config(folder.path(), FILE, &["show"]).await;
    for output in [&output, &table] {
        let all = format!("{output:?}");
        assert!(all.contains("db.example") && !all.contains("canary"), "{all}");
    }
}

#[tokio::test]
async fn settings_that_would_not_start_are_told_with_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let valid = config(folder.path(), FILE, &["check"]).await;
    assert!(valid.status.success(), "{valid:?}");
    for (file, flags, said) in [
        ("lisen = 'x'", vec![], "unknown field `lisen`"),
        ("drain = 'soon'", vec![], "drain"),
        ("", vec!["--rate-limit", "0/1m"], "600/1m"),
        (
            "",
            vec!["--allow-agent-addresses", "everywhere"],
            "allow_agent_addresses",
        ),
        ("allow_agent_secrets = 'PATH'", vec![], "allow_agent_secrets"),
        (
            "[[agents]]\nagent_id = 'a'\nurl = 'http://169.254.169.254'",
            vec![],
            "metadata",
        ),
    ] {
        let arguments = [vec!["check"], flags].concat();
        let refused = config(folder.path(), file, &arguments).await;
        assert_eq!(refused.status.code(), Some(2), "{file:?} {refused:?}");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.starts_with("error: ") && told.contains(said), "{told}");
    }
    assert!(
        !folder.path().join("agentchains.db").exists(),
        "checking makes no database"
    );
}
