//! What ran, how long it took, what was skipped and why.

use std::fmt;
use std::time::Duration;

/// How a step ended.
pub(crate) enum Outcome {
    Passed,
    /// With the reason.
    Skipped(String),
    /// With the reason.
    Failed(String),
}

/// The summary at the end.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, Outcome, Duration)>,
    not_run: Vec<&'static str>,
}

impl Report {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        self.steps.push((name, outcome, took));
    }

    pub(crate) fn not_run(&mut self, names: impl Iterator<Item = &'static str>) {
        self.not_run.extend(names);
    }

    /// Whether no step failed.
    pub(crate) fn passed(&self) -> bool {
        !self
            .steps
            .iter()
            .any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "==> summary")?;
        for (name, outcome, took) in &self.steps {
            let (word, reason) = match outcome {
                Outcome::Passed => ("passed", None),
                Outcome::Skipped(reason) => ("skipped", Some(reason)),
                Outcome::Failed(reason) => ("FAILED", Some(reason)),
            };
            write!(f, "    {word:<8} {:>7.1} s  {name}", took.as_secs_f64())?;
            reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))?;
            writeln!(f)?;
        }
        for name in &self.not_run {
            writeln!(f, "    not run             {name}")?;
        }
        let total: Duration = self.steps.iter().map(|(_, _, took)| *took).sum();
        let word = if self.passed() { "passed" } else { "FAILED" };
        write!(f, "    {word:<8} {:>7.1} s  in all", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_passed_was_skipped_failed_and_did_not_run() {
        let mut report = Report::default();
        report.add("formatting", Outcome::Passed, Duration::from_millis(250));
        report.add(
            "advisories",
            Outcome::Skipped("no network".into()),
            Duration::from_secs(2),
        );
        assert!(report.passed());
        report.add(
            "lints",
            Outcome::Failed("`cargo clippy` ended".into()),
            Duration::from_secs(100),
        );
        report.not_run(["tests"].into_iter());
        assert!(!report.passed());
        let expected = [
            "==> summary",
            "    passed       0.2 s  formatting",
            "    skipped      2.0 s  advisories: no network",
            "    FAILED     100.0 s  lints: `cargo clippy` ended",
            "    not run             tests",
            "    FAILED     102.2 s  in all",
        ];
        assert_eq!(report.to_string(), expected.join("\n"));
    }
}
