//! Agents of others for the tests: what they are built on comes from the registries of their languages, pinned by the
//! files beside the agents, and goes into the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{quietly, workspace};

/// Where the agents are, with what they need.
const AGENTS: &str = "crates/agents/tests/foreign/agents";

/// Where a repository is, beside the virtual environment.
const CHECKOUT: &str = "checkout";

/// An agent of others.
pub(crate) struct Foreign {
    /// Of the folder that it is installed into, and of its script.
    name: &'static str,
    kit: Kit,
}

#[derive(Clone, Copy)]
enum Kit {
    /// A virtual environment with what `requirements-<name>.txt` lists.
    Python,
    /// The modules that `package-lock.json` lists.
    Node,
    /// A program of a virtual environment, which needs no script.
    Program,
    /// A program of a repository, with a virtual environment to run it in.
    Repository(&'static Repository),
    /// These programs of the modules that `<name>/package-lock.json` lists, with a Node that is one of the modules.
    NodePrograms(&'static [&'static str]),
}

/// A repository that is in no registry.
struct Repository {
    url: &'static str,
    commit: &'static str,
    /// The variable that may name another place to clone it from, a folder for one.
    variable: &'static str,
    program: &'static str,
}

pub(crate) const PYTHON_1_3: Foreign = Foreign::new("python_1_3", Kit::Python);
pub(crate) const PYTHON_0_3: Foreign = Foreign::new("python_0_3", Kit::Python);
pub(crate) const JS_1_3: Foreign = Foreign::new("js_1_3", Kit::Node);
pub(crate) const ADK: Foreign = Foreign::new("adk", Kit::Python);
pub(crate) const SCHEMATHESIS: Foreign = Foreign::new("schemathesis", Kit::Program);
pub(crate) const MCP: Foreign = Foreign::new("mcp", Kit::NodePrograms(&["conformance", "mcp-inspector"]));

/// The test kit of the A2A protocol. Not every machine can have it.
pub(crate) const A2A_TCK: Foreign = Foreign::new(
    "a2a_tck",
    Kit::Repository(&Repository {
        url: "https://github.com/a2aproject/a2a-tck",
        commit: "357c4a87afa2818731590647cccbea31c31733a2",
        variable: "A2A_TCK",
        program: "run_tck.py",
    }),
);

/// All that come from registries.
pub(crate) const ALL: &[Foreign] = &[PYTHON_1_3, PYTHON_0_3, JS_1_3, ADK, SCHEMATHESIS, MCP];

impl Foreign {
    const fn new(name: &'static str, kit: Kit) -> Self {
        Self { name, kit }
    }

    /// Installs it, unless exactly that is installed, and sees whether it would start.
    pub(crate) fn ensure(&self) -> Result<(), String> {
        let folder = self.folder()?;
        let marker = folder.join("installed");
        let pins = self.pins()?;
        if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == pins) {
            return self.check(&folder);
        }
        println!("    missing, so first: {} into {}", self.name, folder.display());
        self.install(&folder)?;
        self.check(&folder)?;
        std::fs::write(&marker, pins).map_err(|error| format!("{}: {error}", marker.display()))
    }

    /// Beside the program that this is, two levels below the target folder.
    fn folder(&self) -> Result<PathBuf, String> {
        let program = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let target = program
            .ancestors()
            .nth(2)
            .ok_or("this program is in no target folder")?;
        Ok(target.join("foreign").join(self.name))
    }

    fn agents() -> PathBuf {
        workspace().join(AGENTS)
    }

    fn requirements(&self) -> PathBuf {
        match self.kit {
            Kit::Python | Kit::Program | Kit::Repository(_) => {
                Self::agents().join(format!("requirements-{}.txt", self.name))
            }
            Kit::Node | Kit::NodePrograms(_) => self.modules().join("package-lock.json"),
        }
    }

    /// Where the lists of Node's modules are.
    fn modules(&self) -> PathBuf {
        match self.kit {
            Kit::NodePrograms(_) => Self::agents().join(self.name),
            _ => Self::agents(),
        }
    }

    fn pins(&self) -> Result<String, String> {
        let path = self.requirements();
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn install(&self, folder: &Path) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(failed)?;
        }
        std::fs::create_dir_all(folder).map_err(failed)?;
        match self.kit {
            Kit::Python | Kit::Program | Kit::Repository(_) => {
                if let Kit::Repository(repository) = self.kit {
                    repository.clone_into(&folder.join(CHECKOUT))?;
                }
                quietly(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
                let mut pip = Command::new(folder.join("bin/python"));
                pip.args([
                    "-m",
                    "pip",
                    "install",
                    "--disable-pip-version-check",
                    "--retries",
                    "1",
                    "--requirement",
                ]);
                quietly(pip.arg(self.requirements()))
            }
            Kit::Node | Kit::NodePrograms(_) => {
                for file in ["package.json", "package-lock.json"] {
                    std::fs::copy(self.modules().join(file), folder.join(file)).map_err(failed)?;
                }
                let mut npm = Command::new("npm");
                npm.args([
                    "ci",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                    "--fetch-retries",
                    "1",
                ]);
                quietly(npm.current_dir(folder))
            }
        }
    }

    /// Starts the agent only to see that it could serve.
    fn check(&self, folder: &Path) -> Result<(), String> {
        let script = Self::agents().join(self.name);
        match self.kit {
            Kit::Python => {
                let mut python = Command::new(folder.join("bin/python"));
                python.args(["-B", "-W", "ignore"]);
                quietly(python.arg(script.with_extension("py")).arg("--check"))
            }
            Kit::Repository(repository) => {
                let mut python = Command::new(folder.join("bin/python"));
                python.current_dir(folder.join(CHECKOUT));
                quietly(python.args(["-B", repository.program, "--help"]))
            }
            Kit::Program => quietly(Command::new(folder.join("bin").join(self.name)).arg("--version")),
            Kit::Node => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", folder.join("node_modules"));
                quietly(node.arg(script.with_extension("cjs")).arg("--check"))
            }
            Kit::NodePrograms(programs) => {
                let installed = folder.join("node_modules/.bin");
                programs.iter().try_for_each(|program| {
                    let mut node = Command::new(installed.join("node"));
                    quietly(node.arg(installed.join(program)).arg("--version"))
                })
            }
        }
    }
}

impl Repository {
    fn clone_into(&self, folder: &Path) -> Result<(), String> {
        let source = std::env::var_os(self.variable).unwrap_or_else(|| self.url.into());
        let mut clone = Command::new("git");
        clone
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(["clone", "--no-checkout"]);
        let cloned = quietly(clone.arg(source).arg(folder));
        cloned.map_err(|failure| format!("{failure}; {} may name a clone of {}", self.variable, self.url))?;
        let mut checkout = Command::new("git");
        checkout.arg("-C").arg(folder).args(["checkout", "--detach"]);
        quietly(checkout.arg(self.commit))
    }
}
