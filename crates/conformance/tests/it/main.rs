//! The suite in memory: the engine behind its API in this process, with simulated time.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod clock;
mod documents;
mod memory;
mod runner;

use std::collections::BTreeMap;

use agentchains_conformance::{Case, RunnerKind, cases, play, run};
use memory::MemoryStage;

#[test]
fn every_case_holds_in_memory() {
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let report = run(RunnerKind::Memory, &MemoryStage, at_once).unwrap();
    report.verdict().unwrap_or_else(|failures| panic!("{failures}"));
}

#[test]
fn a_case_that_does_not_hold_says_what_differs_and_how_the_nodes_stand() {
    let case = r#"{"about": "", "workflow": {"name": "case", "nodes": [{"id": "a", "type": "agent_call", "agent_id": "a"}]},
        "expect": {"status": "completed", "nodes": {"a": {"attempt": 2}}, "calls": {"a": 1}}}"#;
    let failed = play(&Case::parse(case).unwrap(), 0, &MemoryStage).unwrap_err();
    assert!(
        failed.starts_with("nodes.a.attempt: expected 2, got 1\nnodes:"),
        "{failed}"
    );
    assert!(failed.contains(r#""a" "completed""#), "{failed}");
}

#[test]
fn what_can_never_come_to_be_is_not_waited_for_for_ever() {
    let case = r#"{"about": "", "workflow": {"name": "case", "nodes": [{"id": "a", "type": "agent_call", "agent_id": "a"}]},
        "steps": [{"wait": {"nodes": {"a": "failed"}}}], "expect": {}}"#;
    let failed = play(&Case::parse(case).unwrap(), 0, &MemoryStage).unwrap_err();
    assert!(failed.starts_with("step 1: this never came to be:"), "{failed}");
}

#[test]
fn the_example_of_the_readme_is_a_case_that_holds() {
    let readme = include_str!("../../README.md");
    let example = readme
        .split("```json")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let case = Case::parse(example.unwrap()).unwrap();
    assert_eq!(play(&case, 0, &MemoryStage), Ok(()));
}

#[test]
fn there_are_cases_enough_in_every_section_that_has_rules_of_execution() {
    let mut counts = BTreeMap::<String, usize>::new();
    for case in cases().unwrap() {
        *counts.entry(case.section().to_owned()).or_default() += 1;
    }
    assert!(counts.values().sum::<usize>() >= 200, "{counts:?}");
    for section in ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10"] {
        assert!(counts.contains_key(section), "section {section} has no case");
    }
}

#[test]
fn nearly_every_case_is_for_both_runners() {
    let all = cases().unwrap();
    let (memory, server): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|case| case.only_on.is_some())
        .partition(|case| case.runs_on(RunnerKind::Memory));
    assert!(
        memory.len() * 10 <= all.len(),
        "too many are for simulated time only"
    );
    assert!(server.len() * 10 <= all.len(), "too many are for the server only");
}
