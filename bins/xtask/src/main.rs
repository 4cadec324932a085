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
mod foreign;
mod postgres;
mod report;
mod steps;
mod tool;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask test | agents

  test    formatting, lints, tests, tests on PostgreSQL and against agents of others, doc tests, dependencies,
          advisories and documentation; stops at the first that fails
  agents  only installs the agents of others that the tests need";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
        ["agents"] => agents(),
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

fn agents() -> ExitCode {
    let mut all = ExitCode::SUCCESS;
    for agent in foreign::ALL {
        if let Err(failure) = agent.ensure() {
            eprintln!("{failure}");
            all = ExitCode::FAILURE;
        }
    }
    all
}
