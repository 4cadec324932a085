//! The server on PostgreSQL: a kill loses nothing, and no second server has the database.

use agentchains_demo::{DemoSettings, start_all};
use agentchains_testkit::PostgresDatabase;
use serde_json::json;
use tokio::process::Command;

use crate::{
    crash::{messages, start_parallel_research},
    server::Server,
};

#[tokio::test]
async fn killed_after_two_nodes_completed_it_finishes_after_a_restart_without_calling_them_again() {
    let Some(database) = PostgresDatabase::create().unwrap() else {
        return;
    };
    let agents = start_all(DemoSettings::default()).await.unwrap();
    let server = Server::serve_on(&database.url(), &[], &[]).await;
    let execution = start_parallel_research(&server, &agents).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("node.started", Some("merge")).await;
    server.kill().await;

    let server = Server::serve_on(&database.url(), &[], &[]).await;
    let mut events = server.client.follow(&execution, 0).await;
    events.until("execution.paused", None).await;
    let resume = format!("/executions/{execution}/resume");
    assert_eq!(server.client.post(&resume, &json!({})).await.status, 200);
    events.rest().await;
    let ended = server.client.execution(&execution).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    for agent in ["web-search", "academic-search"] {
        assert_eq!(messages(&agents, agent), 1, "{agent}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_database_of_another_is_refused_without_showing_the_password() {
    let Some(database) = PostgresDatabase::create().unwrap() else {
        return;
    };
    let url = database.url().replace("postgres@", "postgres:hidden@");
    let server = Server::serve_on(&url, &[], &[]).await;
    let second = Command::new(env!("CARGO_BIN_EXE_agentchains"))
        .args(["serve", "--listen", "127.0.0.1:0", "--database", &url])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    assert!(!said.contains("hidden"), "{said}");
    assert!(server.terminate().await.success());
}
