//! The child executions of the world: what they are told, and what they tell.

use std::collections::BTreeMap;

use agentchains_cost::Usd;
use agentchains_machine::{
    ChildCommand, ChildReport, ExecutionId, ExecutionStatus, Failure, FailureCode, NodePath, NodeState,
    PauseReason, StartChild,
};
use serde_json::json;

use crate::harness::{Run, usd};

/// Every child execution that was ever started.
pub(super) type Children = BTreeMap<ExecutionId, Child>;

/// A child execution, as the world knows it.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) start: StartChild,
    /// The last that it told; a terminal report is never followed by another one.
    pub(super) told: Option<ChildReport>,
    pub(super) is_held: bool,
    pub(super) is_cancelled: bool,
    /// What it had spent when it told the last time that its node listened.
    pub(super) counted: Usd,
}

impl Child {
    pub(super) const fn new(start: StartChild) -> Self {
        Self {
            start,
            told: None,
            is_held: false,
            is_cancelled: false,
            counted: Usd::ZERO,
        }
    }

    pub(super) fn hear(&mut self, command: ChildCommand) {
        match command {
            ChildCommand::Cancel => self.is_cancelled = true,
            ChildCommand::Hold => self.is_held = true,
            ChildCommand::Release => self.is_held = false,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.status.is_terminal())
    }

    /// How it stands. It tells the same again once it has ended.
    pub(super) fn report(&mut self, news: u8) -> ChildReport {
        let next = match &self.told {
            Some(told) if told.status.is_terminal() => told.clone(),
            told => {
                let before = told.as_ref().map_or(Usd::ZERO, |told| told.spent);
                let spends = usd(["0", "0.1", "0.4"][usize::from(news) / 16 % 3]);
                ChildReport {
                    spent: before.checked_add(spends).unwrap(),
                    cost_known: !news.is_multiple_of(7),
                    ..news_of(news)
                }
            }
        };
        self.told = Some(next.clone());
        next
    }

    /// Whether its node waits for it.
    pub(super) fn is_in_flight(&self, run: &Run) -> bool {
        let mut nodes = run.machine.nodes().filter(|row| row.path == self.start.path);
        nodes.any(|row| matches!(&row.state, NodeState::Child(child) if child.execution_id == self.start.execution_id))
    }
}

fn news_of(news: u8) -> ChildReport {
    let plain = ChildReport {
        status: ExecutionStatus::Running,
        pause_reason: None,
        spent: Usd::ZERO,
        cost_known: true,
        output: None,
        error: None,
    };
    let failed = |code| ChildReport {
        status: ExecutionStatus::Failed,
        error: Some(Failure::in_node(
            &NodePath::top_level("inner"),
            code,
            "it went wrong",
        )),
        ..plain.clone()
    };
    match news % 10 {
        0..3 => plain,
        3 => ChildReport {
            status: ExecutionStatus::Paused,
            pause_reason: Some(PauseReason::Approval),
            ..plain
        },
        4..6 => ChildReport {
            status: ExecutionStatus::Completed,
            output: Some(json!({"choice": news}).into()),
            ..plain
        },
        6..8 => failed(FailureCode::AgentTimeout),
        8 => failed(FailureCode::ApprovalRejected),
        _ => ChildReport {
            status: ExecutionStatus::Cancelled,
            ..plain
        },
    }
}

/// What holds for children after every step (I13, I25).
pub(super) fn check(children: &Children, run: &Run) {
    let execution = &run.rows.execution;
    let by_parent = execution.parent.as_ref().is_some_and(|parent| parent.holds);
    let is_held = execution.pause_reason == Some(PauseReason::User) || by_parent;
    let mut counted: BTreeMap<&str, Usd> = BTreeMap::new();
    for child in children.values() {
        let (path, is_cancelled) = (child.start.path.as_str(), child.is_cancelled);
        let sum = counted.entry(path).or_default();
        *sum = sum.checked_add(child.counted).unwrap();
        if !child.start.waits || child.has_ended() {
            continue;
        }
        if child.is_in_flight(run) {
            assert!(
                is_cancelled || child.is_held == is_held,
                "the child of {path} is held: {}",
                child.is_held
            );
        } else {
            assert!(is_cancelled, "the child of {path} is left to itself");
        }
    }
    for (path, counted) in counted {
        assert_eq!(
            run.rows.nodes[path].cost, counted,
            "what the children of {path} spent"
        );
    }
}
