//! An agent of others as a child process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

/// What an agent is built on. `cargo xtask test` installs each into a folder of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    Python1,
    Python03,
    Js1,
    Adk,
}

/// A running agent; killed when dropped.
pub(crate) struct ForeignAgent {
    /// Its address. The ways to it are below.
    pub(crate) base: String,
    child: Child,
    /// Kept open: the agent may write more.
    _stdout: BufReader<ChildStdout>,
}

impl ForeignAgent {
    /// Starts the agent, and returns when it takes connections.
    pub(crate) fn start(sdk: Sdk) -> Self {
        let mut command = sdk.command(&workspace().join("crates/agents/tests/foreign/agents"));
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("{sdk:?} cannot be started by {command:?}: {error}; `cargo xtask test` installs it")
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let base = line.trim().to_owned();
        let agent = Self {
            base,
            child,
            _stdout: stdout,
        };
        assert!(
            agent.base.starts_with("http://"),
            "{sdk:?} does not say where it listens"
        );
        agent
    }
}

impl Drop for ForeignAgent {
    fn drop(&mut self) {
        // It fails where the agent has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sdk {
    /// What runs the script in this folder that is built on it.
    pub(crate) fn command(self, folder: &Path) -> Command {
        let name = match self {
            Self::Python1 => "python_1_3",
            Self::Python03 => "python_0_3",
            Self::Js1 => "js_1_3",
            Self::Adk => "adk",
        };
        let installed = installed().join(name);
        let script = folder.join(name);
        if let Self::Js1 = self {
            let mut node = Command::new("node");
            node.env("NODE_PATH", installed.join("node_modules"))
                .arg(script.with_extension("cjs"));
            return node;
        }
        let mut python = Command::new(installed.join("bin/python"));
        python
            .args(["-B", "-W", "ignore"])
            .arg(script.with_extension("py"));
        python
    }
}

/// Both packages that start agents are two levels below the root.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Beside the folder of temporary files in the target folder.
pub(crate) fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../foreign")
}
