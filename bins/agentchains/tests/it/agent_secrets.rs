//! Secrets of the server that agents of tenants may name: what the operator allows, whatever role somebody has.

use serde_json::{Value, json};

use crate::{
    secrets::{Echo, KEY, secrets},
    server::Server,
    tenants::Member,
};

const TOKEN: &str = "c4n4ry-operator";

/// The agent `searcher`, which repeats what it hears.
fn searcher(echo: &Echo, key: &Value) -> Value {
    json!({
        "agent_id": "searcher", "protocol": "http", "url": format!("{}/works", echo.url),
        "auth": {"type": "api_key", "in": "query", "name": "key", "key": key},
    })
}

#[tokio::test]
async fn no_role_lets_a_tenant_name_what_the_operator_has_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let stored = ["set", "mine", "--tenant", "acme"];
    assert!(secrets(folder.path(), &stored, TOKEN).await.status.success());
    let flags = [
        "--auth",
        "required",
        "--allow-agent-addresses",
        "loopback",
        "--allow-agent-secrets",
        "env:ACME_*",
    ];
    let variables = [
        ("ACME_TOKEN", TOKEN),
        ("SEARCH_TOKEN", TOKEN),
        ("AGENTCHAINS_SECRETS_KEY", KEY),
    ];
    let server = Server::serve_with(folder.path(), &flags, &variables).await;
    let echo = Echo::start().await;
    let (stored, allowed) = (json!({"stored": "mine"}), json!({"env": "ACME_TOKEN"}));
    let others = [json!({"env": "SEARCH_TOKEN"}), json!({"file": "/etc/hostname"})];

    let runner = Member::new(folder.path(), &server, "acme", "runner").await;
    let refused = runner.ask("POST", "/agents", &searcher(&echo, &stored)).await;
    assert_eq!(refused.body["code"], "forbidden", "{refused:?}");
    for role in ["editor", "admin"] {
        let member = Member::new(folder.path(), &server, "acme", role).await;
        let registered = member.ask("POST", "/agents", &searcher(&echo, &allowed)).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        for place in &others {
            for (method, path) in [("POST", "/agents"), ("PUT", "/agents/searcher")] {
                let refused = member.ask(method, path, &searcher(&echo, place)).await;
                assert_eq!(
                    (refused.status, &refused.body["code"]),
                    (422, &json!("secret_not_allowed"))
                );
                let found = &refused.body["errors"][0];
                assert_eq!(found["pointer"], "/auth/key", "{found}");
                assert!(
                    found["message"]
                        .as_str()
                        .unwrap()
                        .contains("--allow-agent-secrets"),
                    "{found}"
                );
            }
        }
        let replaced = member
            .ask("PUT", "/agents/searcher", &searcher(&echo, &stored))
            .await;
        assert_eq!(replaced.status, 200, "{replaced:?}");
        let admin = Member::new(folder.path(), &server, "acme", "admin").await;
        let found = admin.search().await;
        assert_eq!(found["output"]["n"]["authorised"], true, "{found}");
        assert_eq!(
            admin.ask("DELETE", "/agents/searcher", &Value::Null).await.status,
            204
        );
    }

    let other = Member::new(folder.path(), &server, "umbrella", "admin").await;
    let registered = other.ask("POST", "/agents", &searcher(&echo, &stored)).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let failed = other.search().await;
    assert_eq!(failed["error"]["code"], "agent_auth_error", "{failed}");
}

#[tokio::test]
async fn agents_of_the_settings_file_may_name_any_secret_where_tenants_may_name_none() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Echo::start().await;
    let file = folder.path().join("agentchains.toml");
    let declared = format!(
        "[[agents]]\nagent_id = 'searcher'\nprotocol = 'http'\nurl = '{}/works'\n\
         auth = {{ type = 'api_key', in = 'query', name = 'key', key = {{ env = 'SEARCH_TOKEN' }} }}\n",
        echo.url
    );
    std::fs::write(&file, declared).unwrap();
    let flags = [
        "--auth",
        "required",
        "--allow-agent-addresses",
        "loopback",
        "--config",
        file.to_str().unwrap(),
    ];
    let server = Server::serve_with(folder.path(), &flags, &[("SEARCH_TOKEN", TOKEN)]).await;
    let admin = Member::new(folder.path(), &server, "acme", "admin").await;
    let own = json!({"agent_id": "own", "url": &echo.url, "auth": {"type": "bearer", "token": {"env": "SEARCH_TOKEN"}}});
    let refused = admin.ask("POST", "/agents", &own).await;
    assert_eq!(refused.body["code"], "secret_not_allowed", "{refused:?}");
    let found = admin.search().await;
    assert_eq!(found["output"]["n"]["authorised"], true, "{found}");
}
