//! The suite: all cases on one runner, several at a time, and what came of them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    case::{Case, CaseError, RunnerKind, cases},
    player::play,
    subject::Stage,
};

/// The environment variable that names the cases to play, by the beginning of their names; all unless it is set.
const FILTER: &str = "CONFORMANCE_CASE";

/// What came of the cases.
#[derive(Debug, Default)]
pub struct Report {
    /// How many were played.
    played: usize,
    /// Those that failed: name, rule, and what was not as it says.
    failures: Vec<String>,
}

/// Plays all cases that are for this runner, `at_once` at a time.
///
/// # Errors
/// [`CaseError`] when a file is not a case.
pub fn run<S: Stage>(runner: RunnerKind, stage: &S, at_once: usize) -> Result<Report, CaseError> {
    let filter = std::env::var(FILTER).unwrap_or_default();
    let cases: Vec<(usize, Case)> = (0..)
        .zip(cases()?)
        .filter(|(_, case)| case.runs_on(runner) && case.name.starts_with(&filter))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((number, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = catch_unwind(AssertUnwindSafe(|| play(case, *number, stage)));
                    if let Err(why) = played.unwrap_or_else(|_| Err("it panicked".to_owned())) {
                        let failure = format!("{}\n  {}\n{}", case.name, case.about, indented(&why));
                        failures
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(failure);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort();
    Ok(Report {
        played: cases.len(),
        failures,
    })
}

impl Report {
    /// Whether all is well.
    ///
    /// # Errors
    /// All failures, for people; or that no case was played, so that a misspelt filter is noticed.
    pub fn verdict(&self) -> Result<(), String> {
        match self.failures.len() {
            0 if self.played == 0 => Err(format!("no case has a name that begins as {FILTER} says")),
            0 => Ok(()),
            failed => Err(format!(
                "{failed} of {} cases failed\n\n{}",
                self.played,
                self.failures.join("\n\n")
            )),
        }
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
