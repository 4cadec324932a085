//! Where a scenario is played: a directory, the agent, and the engine's server on a database, each in a process of its
//! own.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    agent_log::AgentLog,
    connection::Connection,
    error::{LoadError, Result, While as _},
    process::Process,
    workflows::AGENT,
};

const API: &str = "/api/v3/orchestration";

/// Between two looks at whether something has come about.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How long all executions may take to come to rest.
const REST_WITHIN: Duration = Duration::from_secs(600);

/// What to measure, and where.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The server's program.
    pub(crate) server: PathBuf,
    /// Below which temporary directories are made.
    pub(crate) directory: PathBuf,
    /// A database that is there already; without one, each stage has a SQLite file of its own.
    pub(crate) database: Option<String>,
    /// How often each scenario is played.
    pub(crate) repeat: usize,
}

/// Whether the agent keeps a log, which costs it a write for each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    Kept,
    None,
}

/// An agent and a server. All is killed and deleted when this is dropped.
pub(crate) struct Stage {
    settings: Settings,
    server: Option<Process>,
    pub(crate) agent: Process,
    /// How long the server took to be ready when it was started first.
    pub(crate) first_start: Duration,
    // Deleted last.
    directory: TempDir,
}

impl Stage {
    /// Starts agent and server, and registers the one with the other.
    ///
    /// # Errors
    /// When one of them does not start.
    pub(crate) async fn set(settings: &Settings, witness: Witness) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("load-")
            .tempdir_in(&settings.directory)
            .during("make a temporary directory")?;
        let mut arguments: Vec<OsString> = vec!["echo-agent".into()];
        if witness == Witness::Kept {
            arguments.extend(["--log".into(), directory.path().join(AGENT_LOG).into()]);
        }
        let program = std::env::current_exe().during("find this program")?;
        let agent = Process::start(&program, &arguments, &directory.path().join("agent.err")).await?;
        let mut stage = Self {
            settings: settings.clone(),
            server: None,
            agent,
            first_start: Duration::ZERO,
            directory,
        };
        stage.first_start = stage.start_server().await?;
        stage.register_agent().await?;
        Ok(stage)
    }

    /// A database that is there already may know the agent of an earlier stage, which had another address.
    async fn register_agent(&self) -> Result<()> {
        let definition = json!({"agent_id": AGENT, "url": format!("http://{}/", self.agent.address)});
        let body = Bytes::from(definition.to_string());
        let mut connection = self.connect().await?;
        let (status, _) = connection
            .send(Method::POST, &api("/agents"), body.clone())
            .await?;
        if status != StatusCode::CREATED {
            let path = api(&format!("/agents/{AGENT}"));
            connection.succeed(Method::PUT, &path, body).await?;
        }
        Ok(())
    }

    /// Starts the server, and tells how long it took until it was ready.
    ///
    /// # Errors
    /// When it does not come to be ready.
    pub(crate) async fn start_server(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database",
            &self.database_url(),
        ]
        .map(OsString::from);
        let log = self.directory.path().join("server.err");
        let server = Process::start(&self.settings.server, &arguments, &log).await?;
        let mut connection = Connection::open(server.address).await?;
        self.server = Some(server);
        while connection.send(Method::GET, "/readyz", Bytes::new()).await?.0 != StatusCode::OK {
            sleep(LOOK_EVERY).await;
        }
        Ok(begun.elapsed())
    }

    /// Kills the server with SIGKILL.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) async fn kill_server(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// The server.
    ///
    /// # Errors
    /// When it was killed.
    pub(crate) fn server(&self) -> Result<&Process> {
        self.server
            .as_ref()
            .ok_or_else(|| LoadError::new("find the server: it was killed"))
    }

    /// Opens a connection to the server.
    ///
    /// # Errors
    /// When there is no server.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::open(self.server()?.address).await
    }

    /// Saves a workflow.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn publish(&self, document: &Value) -> Result<Workflow> {
        let mut connection = self.connect().await?;
        let saved = connection
            .json(Method::POST, &api("/workflows"), document)
            .await?;
        let id = saved["id"]
            .as_str()
            .ok_or_else(|| LoadError::new("read a workflow's id"))?;
        Ok(Workflow {
            id: id.to_owned(),
            execute: api(&format!("/workflows/{id}/execute")),
        })
    }

    /// Waits until no execution is pending or running.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn until_rest(&self) -> Result<()> {
        let mut connection = self.connect().await?;
        let path = api("/executions?status=running&status=pending&limit=1");
        let deadline = Instant::now() + REST_WITHIN;
        while !is_empty(&connection.get(&path).await?, "executions") {
            if Instant::now() > deadline {
                return Err(LoadError::new("see all executions come to rest"));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The log of an agent that keeps one.
    pub(crate) fn agent_log(&self) -> AgentLog {
        AgentLog::of(self.directory.path().join(AGENT_LOG))
    }

    /// A file that is deleted with the stage.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.file(DATABASE)
    }

    /// Bytes that the database takes on disk, its write-ahead log included.
    ///
    /// # Errors
    /// When it has no file.
    pub(crate) fn disk(&self) -> Result<u64> {
        let database = fs::metadata(self.database()).during("see how large the database is")?;
        let log = fs::metadata(self.file("agentchains.db-wal")).map_or(0, |log| log.len());
        Ok(database.len() + log)
    }

    fn database_url(&self) -> String {
        let own = || format!("sqlite:{}", self.database().display());
        self.settings.database.clone().unwrap_or_else(own)
    }
}

const DATABASE: &str = "agentchains.db";

const AGENT_LOG: &str = "agent.log";

/// A workflow that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: String,
    execute: String,
}

impl Workflow {
    /// Starts it.
    ///
    /// # Errors
    /// When that is refused.
    pub(crate) async fn start(&self, connection: &mut Connection) -> Result<String> {
        let answer = connection.json(Method::POST, &self.execute, &json!({})).await?;
        let id = answer["execution_id"].as_str();
        id.map(str::to_owned)
            .ok_or_else(|| LoadError::new("read an execution's id"))
    }

    /// Starts it and waits on the same request until it has completed.
    ///
    /// # Errors
    /// When it does not complete.
    pub(crate) async fn run(&self, connection: &mut Connection) -> Result<()> {
        let path = format!("{}?wait=60", self.execute);
        let answer = connection
            .succeed(Method::POST, &path, Bytes::from_static(b"{}"))
            .await?;
        // Looking for the words costs less than reading the JSON, and the load shares the machine with what it measures.
        let is_completed = answer.windows(COMPLETED.len()).any(|words| words == COMPLETED);
        let refused = || LoadError::new(format!("complete: {}", String::from_utf8_lossy(&answer)));
        is_completed.then_some(()).ok_or_else(refused)
    }
}

const COMPLETED: &[u8] = br#""status":"completed""#;

/// Whether a list has nothing in it.
pub(crate) fn is_empty(list: &Value, name: &str) -> bool {
    list[name].as_array().is_none_or(Vec::is_empty)
}

/// The path of a resource of the API.
pub(crate) fn api(path: &str) -> String {
    format!("{API}{path}")
}

/// The directory in which this program is: on the disk that the project is on, which a directory for temporary files need
/// not be.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn own_directory() -> Result<PathBuf> {
    let program = std::env::current_exe().during("find this program")?;
    program
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| LoadError::new("find this program's directory"))
}
