//! Nothing goes wrong any more: calls are answered, children end, time passes, and people do what they are asked.

use agentchains_machine::{ApprovalStatus, AttemptOutcome, ExecutionId, ExecutionStatus, Input, PauseReason};
use serde_json::json;

use super::{
    document::{AGENTS, agent_id},
    world::{PEOPLE, World, pick},
};
use crate::harness::reply_costing;

/// More steps than any of these executions needs to end.
const PATIENCE: usize = 3_000;
/// Tells of a child execution: that it goes on, that it completed, that it was cancelled.
const GOES_ON: u8 = 0;
const COMPLETED: u8 = 4;
const CANCELLED: u8 = 9;

impl World {
    /// The execution comes to its end.
    pub(super) fn ended(mut self) -> Self {
        for agent in 0..AGENTS {
            self.run.gate.well(&agent_id(agent));
        }
        self.act(|world| _ = world.run.feed(Input::Tick));
        for _ in 0..PATIENCE {
            if self.run.rows.execution.status.is_terminal() {
                return self;
            }
            self.act(Self::go_on);
        }
        panic!(
            "no end in sight: {} with {}",
            self.run.status(),
            self.run.states()
        );
    }

    /// Whatever can happen next: a call is answered, a child ends, or what is in the way is taken away.
    fn go_on(&mut self) {
        if let Some((node, attempt)) = pick(self.run.open_calls.keys(), 0) {
            let outcome = if self.run.aborts.contains(&(node.clone(), attempt)) {
                AttemptOutcome::Aborted(None)
            } else {
                reply_costing(json!({"choice": 255}), "0")
            };
            self.run.attempt_ends(&node, attempt, outcome);
        } else if let Some(child) = self.child_that_can_end() {
            let news = if self.children[&child].is_cancelled {
                CANCELLED
            } else {
                COMPLETED
            };
            self.tell(child, news);
        } else {
            self.unblock();
        }
    }

    /// A child in flight that waits neither for a person nor for its parent.
    fn child_that_can_end(&self) -> Option<ExecutionId> {
        let mut children = self.children.iter();
        let found = children.find(|(_, child)| {
            let asks = child
                .told
                .as_ref()
                .is_some_and(|told| told.pause_reason.is_some());
            (child.is_cancelled || !(child.is_held || asks)) && child.is_in_flight(&self.run)
        });
        found.map(|(id, _)| *id)
    }

    /// Nothing is in flight: a pause is lifted, a person answers, or time passes.
    fn unblock(&mut self) {
        let row = self.run.rows.execution.clone();
        let is_held = row.parent.as_ref().is_some_and(|parent| parent.holds);
        match (row.status, row.pause_reason) {
            (ExecutionStatus::Paused, _) if is_held => _ = self.run.feed(Input::Release),
            (ExecutionStatus::Paused, Some(PauseReason::User)) => _ = self.run.resume().unwrap(),
            (ExecutionStatus::Paused, Some(PauseReason::Budget)) => {
                _ = self.run.resume_with(Some("1000")).unwrap();
            }
            _ if self.answer_a_question() => {}
            _ if row.wake_at.is_some() => self.wake(),
            _ => panic!("stuck: {} with {}", self.run.status(), self.run.states()),
        }
    }

    /// A person answers what this execution asks, or one of its children.
    fn answer_a_question(&mut self) -> bool {
        let mut questions = self.run.rows.approvals.values();
        if let Some(question) = questions.find(|row| row.status == ApprovalStatus::Pending) {
            let has_decided = |person: &str| question.decisions.iter().any(|decision| decision.by == person);
            let person = PEOPLE.into_iter().find(|person| !has_decided(person)).unwrap();
            let mut decision = self
                .run
                .decision(question.path.as_str(), &question.actions[0], person);
            decision.approval_id = question.id;
            self.run.feed(Input::Decide(decision));
            return true;
        }
        let mut children = self.children.iter();
        let asking = children.find(|(_, child)| !child.is_held && child.is_in_flight(&self.run));
        let Some(child) = asking.map(|(id, _)| *id) else {
            return false;
        };
        self.tell(child, GOES_ON);
        true
    }
}
