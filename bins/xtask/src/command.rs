//! Running cargo, and other programs silently.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// A cargo command at the root of the workspace.
pub(crate) struct Cargo {
    args: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

impl Cargo {
    pub(crate) const fn new(args: &'static [&'static str]) -> Self {
        Self { args, env: None }
    }

    pub(crate) const fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env = Some((name, value));
        self
    }

    /// Runs it with its output on the terminal.
    pub(crate) fn run(&self) -> Result<(), String> {
        let status = self
            .command()
            .status()
            .map_err(|error| not_started(self, &error))?;
        check(self, status)
    }

    /// Runs it silently; the error carries the last line that it wrote.
    pub(crate) fn run_quietly(&self) -> Result<(), String> {
        quietly_as(self, &mut self.command())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(self.args).envs(self.env).current_dir(workspace());
        command
    }
}

/// Runs any program silently; the error carries the last line that it wrote.
pub(crate) fn quietly(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let shown = std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ");
    quietly_as(&shown, command)
}

fn quietly_as(shown: &impl fmt::Display, command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| not_started(shown, &error))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("no message");
    check(shown, output.status).map_err(|failure| format!("{failure}: {last}"))
}

fn check(shown: &impl fmt::Display, status: ExitStatus) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` ended with {status}"))
    }
}

fn not_started(shown: &impl fmt::Display, error: &std::io::Error) -> String {
    format!("`{shown}` cannot be started: {error}")
}

/// The command as it would be typed.
impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, value)) = self.env {
            write!(f, "{name}=\"{value}\" ")?;
        }
        write!(f, "cargo {}", self.args.join(" "))
    }
}

/// The root of the workspace: `cargo run` says where this package is, two levels below it.
pub(crate) fn workspace() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package.map_or_else(|| PathBuf::from("."), |package| package.join("../.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let command = Cargo::new(&["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            command.to_string(),
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps"
        );
    }

    #[test]
    fn a_command_that_fails_is_named_with_its_status_and_last_line() {
        let failure = Cargo::new(&["--no-such-option"]).run_quietly().unwrap_err();
        assert!(
            failure.starts_with("`cargo --no-such-option` ended with exit status: "),
            "{failure}"
        );
        assert!(failure.contains("--help"), "{failure}");
    }
}
