//! A database that takes nothing more for a while: the server says so, loses nothing that it has acknowledged, and goes
//! on by itself once the trouble is over (I34).

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::{client::Client, server::Server};

/// A server with an execution that waits for a person, in a folder of its own.
struct Scene {
    folder: TempDir,
    server: Server,
    workflow: String,
    waiting: String,
    approval: String,
}

impl Scene {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serve(folder.path()).await;
        let document = json!({
            "name": "asks",
            "nodes": [{"id": "ask", "type": "human_approval", "config": {"message": "Go on?"}}],
        });
        let workflow = server.client.create(&document).await;
        let waiting = server.client.execute(&workflow, &json!({})).await;
        let mut events = server.client.follow(&waiting, 0).await;
        events.until("execution.paused", None).await;
        let approvals = server.client.get("/approvals").await;
        let approval = approvals.body["approvals"][0]["id"].as_str().unwrap().to_owned();
        Self {
            folder,
            server,
            workflow,
            waiting,
            approval,
        }
    }

    fn client(&self) -> &Client {
        &self.server.client
    }

    fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("agentchains.db")
    }

    /// While the database takes nothing: what would be written is refused.
    async fn takes_nothing(&self) {
        let ready = self.client().ready().await;
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(ready.retry_after.is_some(), "{ready:?}");
        let execute = format!("/workflows/{}/execute", self.workflow);
        let decide = format!("/approvals/{}/decision", self.approval);
        for (path, body) in [(execute, json!({})), (decide, json!({"decision": "approve"}))] {
            let refused = self.client().post(&path, &body).await;
            assert_eq!(refused.status, 503, "{path}: {refused:?}");
            assert_eq!(refused.body["code"], "store_unavailable", "{path}: {refused:?}");
            assert!(refused.retry_after.is_some(), "{path}: {refused:?}");
        }
    }

    /// While the database can be read.
    async fn still_answers(&self) {
        let seen = self.client().execution(&self.waiting).await;
        assert_eq!(seen["status"], "paused", "{seen}");
    }

    /// After it: what was acknowledged is there, and what was asked for meanwhile is carried out once.
    async fn goes_on(self) {
        while self.client().ready().await.status != 200 {
            tokio::task::yield_now().await;
        }
        let events = self.client().follow(&self.waiting, 0).await.rest().await;
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        assert_eq!(count("approval.decided"), 1, "{events:#?}");
        assert_eq!(count("execution.completed"), 1, "{events:#?}");
        let started = self.client().execute(&self.workflow, &json!({})).await;
        self.server.kill().await;

        let server = Server::serve(self.folder.path()).await;
        let ended = server.client.execution(&self.waiting).await;
        assert_eq!(ended["status"], "completed", "{ended}");
        let other = server.client.execution(&started).await;
        assert_ne!(other["status"], Value::Null, "{other}");
    }
}

/// The size beyond which the process can make no file grow; a write beyond it fails as on a full disk.
fn limit_files(server: &Server, bytes: &str) {
    let process = server.process().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &process, &format!("--fsize={bytes}:unlimited")])
        .status();
    assert!(set.unwrap().success());
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_refuses_what_is_new_and_keeps_what_was_acknowledged() {
    let scene = Scene::set().await;
    limit_files(&scene.server, "4096");
    scene.takes_nothing().await;
    scene.still_answers().await;
    limit_files(&scene.server, "unlimited");
    scene.goes_on().await;
}

#[tokio::test]
#[cfg(unix)]
async fn a_database_file_that_is_gone_takes_nothing_until_it_is_back() {
    let scene = Scene::set().await;
    let elsewhere = scene.folder.path().join("moved.db");
    fs::rename(scene.database(), &elsewhere).unwrap();
    let before = scene.server.log().len();
    scene.takes_nothing().await;
    let log = scene.server.log().since(before).join("\n");
    assert!(log.contains("deleted or replaced"), "{log}");
    fs::rename(&elsewhere, scene.database()).unwrap();
    scene.goes_on().await;
}

#[tokio::test]
async fn a_database_that_another_program_locks_takes_nothing_until_it_is_free() {
    let scene = Scene::set().await;
    let mut other = locked(&scene.database()).await;
    scene.takes_nothing().await;
    scene.still_answers().await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    scene.goes_on().await;
}

/// A connection that holds the write lock.
async fn locked(database: &Path) -> SqliteConnection {
    let url = format!("sqlite:{}", database.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}
