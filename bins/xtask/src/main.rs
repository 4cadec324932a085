//! The project's own tools: `cargo xtask test` runs every check that a change must pass.
//!
//! It uses nothing but the standard library, so that it builds at once in a fresh clone. The tidy test of
//! the workspace lives beside it, in `tests/`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its terminal"
)]

mod command;
mod report;
mod steps;
mod tool;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask test

  test   formatting, lints, tests, doc tests, dependencies, advisories and documentation;
         stops at the first that fails";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
        ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn test() -> ExitCode {
    let report = steps::run(steps::TEST);
    println!("\n{report}");
    if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
