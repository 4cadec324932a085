//! The binary as a child process.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::client::Client;

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Kept open: a closed pipe would make the server's next line an error.
    _stdout: BufReader<ChildStdout>,
    pub(crate) client: Client,
}

impl Server {
    /// Starts `agentchains serve` on a database in the folder, on a free port.
    pub(crate) async fn serve(folder: &Path) -> Self {
        let database = format!("sqlite:{}", folder.join("agentchains.db").display());
        Self::start(&["serve", "--listen", "127.0.0.1:0", "--database", &database]).await
    }

    /// Starts `agentchains demo` on a free port.
    pub(crate) async fn demo(folder: &Path) -> Self {
        Self::start(&[
            "demo",
            "--listen",
            "127.0.0.1:0",
            "--dir",
            folder.to_str().unwrap(),
        ])
        .await
    }

    async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_agentchains"))
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        let address = line
            .trim()
            .rsplit_once("http://")
            .expect("it says where it listens")
            .1;
        let client = Client::new(address.parse().unwrap());
        Self {
            child,
            _stdout: stdout,
            client,
        }
    }

    /// `kill -9`: the process gets no chance to do anything more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// `SIGTERM`, and the exit status.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(sent.success());
        self.child.wait().await.unwrap()
    }
}
