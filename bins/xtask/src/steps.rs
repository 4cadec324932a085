//! The steps of `cargo xtask test`, in their order, and how one is run.

use std::time::Instant;

use crate::command::Cargo;
use crate::foreign;
use crate::postgres;
use crate::report::{Outcome, Report};
use crate::tool::{self, DENY, NEXTEST, Tool};

/// One check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Installed first where it is missing.
    tool: Option<Tool>,
    /// Installs what the check runs against where that is missing; where this fails, the check is skipped, but in
    /// continuous integration, unless not every machine can have it.
    prepare: Option<fn() -> Result<(), String>>,
    is_had_everywhere: bool,
    /// What must succeed for the check to make sense here; where it fails, the check is skipped.
    needs: Option<Cargo>,
    check: Cargo,
}

/// The tests against one agent of others. They are ignored where they are not asked for.
macro_rules! foreign_tests {
    ($agent:literal) => {
        Cargo::new(&[
            "nextest",
            "run",
            "--workspace",
            "--run-ignored",
            "only",
            "-E",
            concat!("binary(foreign) & test(/(^|::)", $agent, "$/)"),
        ])
    };
}

/// All checks: the cheap ones first.
pub(crate) const TEST: &[Step] = &[
    Step::new("formatting", Cargo::new(&["fmt", "--all", "--check"])),
    Step::new(
        "lints",
        Cargo::new(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ),
    Step::new(
        "tests",
        Cargo::new(&[
            "nextest",
            "run",
            "--workspace",
            "-E",
            "not test(/(^|::)postgres::/)",
        ]),
    )
    .with(NEXTEST),
    Step::new(
        "tests on PostgreSQL",
        Cargo::new(&["nextest", "run", "--workspace", "-E", "test(/(^|::)postgres::/)"]),
    )
    .with(NEXTEST)
    .against(postgres::ensure),
    Step::new("agents of others: Python SDK 1.x", foreign_tests!("python_1_3"))
        .with(NEXTEST)
        .against(|| foreign::PYTHON_1_3.ensure()),
    Step::new("agents of others: Python SDK 0.3", foreign_tests!("python_0_3"))
        .with(NEXTEST)
        .against(|| foreign::PYTHON_0_3.ensure()),
    Step::new("agents of others: JavaScript SDK 1.x", foreign_tests!("js_1_3"))
        .with(NEXTEST)
        .against(|| foreign::JS_1_3.ensure()),
    Step::new("agents of others: Agent Development Kit", foreign_tests!("adk"))
        .with(NEXTEST)
        .against(|| foreign::ADK.ensure()),
    Step::new("the API against its description", foreign_tests!("schemathesis"))
        .with(NEXTEST)
        .against(|| foreign::SCHEMATHESIS.ensure()),
    Step::new("the A2A test kit", foreign_tests!("a2a_tck"))
        .with(NEXTEST)
        .against_if_had(|| foreign::A2A_TCK.ensure()),
    Step::new(
        "the MCP server against its conformance tests and inspector",
        Cargo::new(&[
            "nextest",
            "run",
            "--package",
            "agentchains",
            "--run-ignored",
            "only",
            "-E",
            "binary(foreign) & test(/^mcp::/)",
        ]),
    )
    .with(NEXTEST)
    .against(|| foreign::MCP.ensure()),
    Step::new("doc tests", Cargo::new(&["test", "--workspace", "--doc"])),
    Step::new(
        "dependencies",
        Cargo::new(&["deny", "check", "bans", "licenses", "sources"]),
    )
    .with(DENY),
    Step::new(
        "advisories",
        Cargo::new(&["deny", "check", "--disable-fetch", "advisories"]),
    )
    .with(DENY)
    .after(Cargo::new(&["deny", "fetch", "db"])),
    Step::new(
        "documentation",
        Cargo::new(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    ),
];

impl Step {
    const fn new(name: &'static str, check: Cargo) -> Self {
        Self {
            name,
            tool: None,
            prepare: None,
            is_had_everywhere: true,
            needs: None,
            check,
        }
    }

    const fn with(mut self, tool: Tool) -> Self {
        self.tool = Some(tool);
        self
    }

    const fn against(mut self, prepare: fn() -> Result<(), String>) -> Self {
        self.prepare = Some(prepare);
        self
    }

    const fn against_if_had(mut self, prepare: fn() -> Result<(), String>) -> Self {
        self.is_had_everywhere = false;
        self.against(prepare)
    }

    const fn after(mut self, needs: Cargo) -> Self {
        self.needs = Some(needs);
        self
    }

    fn run(&self) -> Outcome {
        if let Some(tool) = &self.tool
            && let Err(failure) = tool::ensure(tool)
        {
            return Outcome::Failed(failure);
        }
        if let Some(prepare) = self.prepare
            && let Err(failure) = prepare()
        {
            return missing(failure, self.is_had_everywhere && in_continuous_integration());
        }
        if let Some(needs) = &self.needs
            && let Err(failure) = needs.run_quietly()
        {
            return Outcome::Skipped(failure);
        }
        match self.check.run() {
            Ok(()) => Outcome::Passed,
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

/// What becomes of a check that cannot be run for want of what it runs against.
fn missing(reason: String, must_be_there: bool) -> Outcome {
    if must_be_there {
        Outcome::Failed(reason)
    } else {
        Outcome::Skipped(reason)
    }
}

/// Services that run continuous integration set this variable, and so does `.ci/run`.
fn in_continuous_integration() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Runs the steps up to the first that fails.
#[expect(clippy::disallowed_methods, reason = "measures how long real processes take")]
pub(crate) fn run(steps: &'static [Step]) -> Report {
    let mut report = Report::default();
    for (number, step) in (1..).zip(steps) {
        println!("\n==> [{number}/{}] {}: {}", steps.len(), step.name, step.check);
        let start = Instant::now();
        let outcome = step.run();
        let failed = matches!(outcome, Outcome::Failed(_));
        report.add(step.name, outcome, start.elapsed());
        if failed {
            report.not_run(steps.iter().skip(number).map(|step| step.name));
            break;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_fails_continuous_integration_only() {
        assert!(
            matches!(missing("no network".into(), false), Outcome::Skipped(reason) if reason == "no network")
        );
        assert!(
            matches!(missing("no network".into(), true), Outcome::Failed(reason) if reason == "no network")
        );
    }
}
