//! The binary as a child process.

use std::{
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command},
};

use crate::client::Client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_agentchains");

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Kept open: a closed pipe would make the server's next line an error.
    _stdout: BufReader<ChildStdout>,
    log: Log,
    pub(crate) client: Client,
}

/// The lines that a server has written to its log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The lines after the first so many.
    pub(crate) fn since(&self, first: usize) -> Vec<String> {
        self.0.lock().unwrap()[first..].to_vec()
    }

    /// Reads to the end of the server, and shows each line where a test that fails is explained.
    #[expect(clippy::print_stderr, reason = "the harness keeps it for the tests that fail")]
    async fn keep(self, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            eprintln!("{line}");
            self.0.lock().unwrap().push(line);
        }
    }
}

impl Server {
    /// Starts `agentchains serve` on a database in the folder, on a free port.
    pub(crate) async fn serve(folder: &Path) -> Self {
        Self::serve_with(folder, &[], &[]).await
    }

    /// The same with further flags and variables of the environment.
    pub(crate) async fn serve_with(folder: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let database = format!("sqlite:{}", folder.join("agentchains.db").display());
        Self::serve_on(&database, flags, variables).await
    }

    /// The same on any database.
    pub(crate) async fn serve_on(database: &str, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--database", database];
        Self::start(&[&serve, flags].concat(), variables).await
    }

    /// Starts `agentchains serve` once more where a server was before.
    pub(crate) async fn serve_again(folder: &Path, address: SocketAddr) -> Self {
        let database = format!("sqlite:{}", folder.join("agentchains.db").display());
        let listen = address.to_string();
        Self::start(&["serve", "--listen", &listen, "--database", &database], &[]).await
    }

    /// Starts `agentchains demo` on a free port.
    pub(crate) async fn demo(folder: &Path) -> Self {
        Self::start(
            &[
                "demo",
                "--listen",
                "127.0.0.1:0",
                "--dir",
                folder.to_str().unwrap(),
            ],
            &[],
        )
        .await
    }

    async fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).envs(variables.iter().copied());
        Self::launch(command).await
    }

    async fn launch(mut command: Command) -> Self {
        let mut child = command
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let log = Log::default();
        tokio::spawn(log.clone().keep(child.stderr.take().unwrap()));
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        let address = line
            .trim()
            .rsplit_once("://")
            .expect("it says where it listens")
            .1;
        let client = Client::new(address.parse().unwrap());
        Self {
            child,
            _stdout: stdout,
            log,
            client,
        }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    /// `kill -9`: the process gets no chance to do anything more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// `SIGTERM`, and the exit status.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.signal().await;
        self.child.wait().await.unwrap()
    }

    /// `SIGTERM`, and once more when it has begun to drain.
    pub(crate) async fn terminate_by_force(mut self) -> ExitStatus {
        self.signal().await;
        while self.client.ready().await.status != 503 {}
        self.signal().await;
        self.child.wait().await.unwrap()
    }

    async fn signal(&self) {
        let pid = self.process().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(sent.success());
    }
}
