//! What the random executions meet: every word that rows and events are written in, over fixed cases.

use std::collections::{BTreeMap, BTreeSet};

use agentchains_machine::{
    ApprovalStatus, AttemptStatus, EventType, ExecutionStatus, FailureCode, NodeStatus, NodeType,
    PauseReason, RemoteCancel, SkipCause,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use super::{events::events, generate::plan, world::World};
use crate::harness::Rows;

/// Enough for the rarest word to occur several times.
const CASES: u64 = 500;

/// Codes that these executions cannot meet: a mistake of our own, and what takes longer than a test may.
const OUT_OF_REACH: &[FailureCode] = &[FailureCode::Internal, FailureCode::ConditionError];

#[test]
fn random_executions_meet_every_word_of_the_language() {
    let mut met = Met::default();
    for case in 0..CASES {
        met.rows(&execution(case));
    }
    let missing: Vec<String> = expected()
        .into_iter()
        .filter(|word| !met.0.contains_key(word))
        .collect();
    assert!(missing.is_empty(), "never met: {missing:?}; met: {:#?}", met.0);
}

/// What an execution leaves, by the number of its case.
fn execution(case: u64) -> Rows {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&case.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (plan, events) = (plan(), events()).new_tree(&mut runner).unwrap().current();
    World::new(&plan).play(&events).ended().run.rows
}

/// How often each word occurred.
#[derive(Default)]
struct Met(BTreeMap<String, usize>);

impl Met {
    fn note(&mut self, word: String) {
        *self.0.entry(word).or_default() += 1;
    }

    fn rows(&mut self, rows: &Rows) {
        for event in &rows.events {
            self.note(format!("event {}", event.kind));
            let data = event.data.to_value();
            let about = event.kind.as_str().split('.').next().unwrap();
            match about {
                "node" => self.node(&data),
                "execution" => {
                    self.text("execution", &data["status"]);
                    self.text("paused by", &data["pause_reason"]);
                    self.text("code", &data["error"]["code"]);
                }
                "approval" => self.text("approval", &data["status"]),
                _ => {}
            }
        }
        for attempt in rows.attempts.values() {
            self.note(format!("attempt {}", attempt.status));
        }
    }

    fn node(&mut self, data: &Value) {
        let (kind, status) = (data["type"].as_str().unwrap(), data["status"].as_str().unwrap());
        self.note(format!("{kind} {status}"));
        self.text("waiting for", &data["waiting_on"]["kind"]);
        self.text("skipped by", &data["skip_reason"]["cause"]);
        self.text("remote task", &data["remote_cancel"]);
        self.text("code", &data["error"]["code"]);
        self.text("loop stopped by", &data["output"]["stopped_by"]);
        if data["used_fallback"] == true {
            self.note(format!("{kind} fallback"));
        }
    }

    fn text(&mut self, about: &str, word: &Value) {
        if let Some(word) = word.as_str() {
            self.note(format!("{about} {word}"));
        }
    }
}

fn expected() -> BTreeSet<String> {
    let mut expected: BTreeSet<String> = BTreeSet::new();
    let mut each = |about: &str, words: Vec<String>| {
        expected.extend(words.into_iter().map(|word| format!("{about} {word}")));
    };
    each("event", words(EventType::ALL));
    each(
        "execution",
        without(ExecutionStatus::ALL, &[ExecutionStatus::Pending]),
    );
    each("paused by", words(PauseReason::ALL));
    each("code", without(FailureCode::ALL, OUT_OF_REACH));
    each("approval", words(ApprovalStatus::ALL));
    each("attempt", without(AttemptStatus::ALL, &[AttemptStatus::Running]));
    each("skipped by", words(SkipCause::ALL));
    each("remote task", words(RemoteCancel::ALL));
    each(
        "waiting for",
        ["retry", "breaker", "approval", "outcome", "agent_input"]
            .map(str::to_owned)
            .to_vec(),
    );
    each(
        "loop stopped by",
        ["condition", "exhausted", "items"].map(str::to_owned).to_vec(),
    );
    for kind in NodeType::ALL {
        // A condition takes no time, and fails only by what is out of reach.
        let never: &[NodeStatus] = match kind {
            NodeType::Condition => &[
                NodeStatus::Running,
                NodeStatus::Waiting,
                NodeStatus::Failed,
                NodeStatus::Pending,
            ],
            NodeType::HumanApproval => &[NodeStatus::Running],
            _ => &[],
        };
        each(kind.as_str(), without(NodeStatus::ALL, never));
        if !matches!(kind, NodeType::Condition) {
            each(kind.as_str(), vec!["fallback".to_owned()]);
        }
    }
    expected
}

fn words<Word: ToString>(all: &[Word]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

fn without<Word: ToString + PartialEq>(all: &[Word], never: &[Word]) -> Vec<String> {
    let rest = all.iter().filter(|word| !never.contains(word));
    rest.map(ToString::to_string).collect()
}
