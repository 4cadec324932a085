//! The steps of `cargo xtask test`, in their order, and how one is run.

use std::time::Instant;

use crate::command::Cargo;
use crate::report::{Outcome, Report};
use crate::tool::{self, DENY, NEXTEST, Tool};

/// One check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Installed first where it is missing.
    tool: Option<Tool>,
    /// What must succeed for the check to make sense here; where it fails, the check is skipped.
    needs: Option<Cargo>,
    check: Cargo,
}

/// All checks: the cheap ones first.
pub(crate) const TEST: &[Step] = &[
    Step::new("formatting", Cargo::new(&["fmt", "--all", "--check"])),
    Step::new(
        "lints",
        Cargo::new(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ),
    Step::new("tests", Cargo::new(&["nextest", "run", "--workspace"])).with(NEXTEST),
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
            needs: None,
            check,
        }
    }

    const fn with(mut self, tool: Tool) -> Self {
        self.tool = Some(tool);
        self
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
