//! Tools that cargo does not bring along.

use crate::command::Cargo;

/// A cargo subcommand: how to see that it is there, and how to get it.
pub(crate) struct Tool {
    version: Cargo,
    install: Cargo,
}

/// The test runner.
pub(crate) const NEXTEST: Tool = Tool {
    version: Cargo::new(&["nextest", "--version"]),
    install: Cargo::new(&["install", "cargo-nextest", "--locked"]),
};

/// The linter of the dependency graph.
pub(crate) const DENY: Tool = Tool {
    version: Cargo::new(&["deny", "--version"]),
    install: Cargo::new(&["install", "cargo-deny", "--locked"]),
};

/// Installs the tool where it is missing.
pub(crate) fn ensure(tool: &Tool) -> Result<(), String> {
    if tool.version.run_quietly().is_ok() {
        return Ok(());
    }
    println!("    missing, so first: {}", tool.install);
    tool.install.run()
}
