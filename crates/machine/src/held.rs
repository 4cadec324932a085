//! Attempts that are held until a person has said what is to become of them: their agent asks something, or a crash left
//! their outcome unknown.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    AgentAnswer, AgentQuestion, ApprovalKind, ApprovalRow, Attempt, DecisionRecord, Effect, EventType,
    Failure, FailureCode, Gate, HeldFor, Machine, MessageId, NodePath, NodeState, Waiting,
    approval::{REJECT, rejection},
    event::approval_data,
    machine::after,
    scope::NodeKey,
};

/// The actions of a question about an attempt whose outcome is unknown.
const RESEND: &str = "resend";
const FAIL: &str = "fail";
/// Besides [`REJECT`], the action of an agent's question.
const ANSWER: &str = "answer";

/// How long after its question an agent is first asked whether it goes on without an answer. Each further wait is twice
/// as long, up to [`LONGEST_LOOK_INTERVAL`].
const FIRST_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The longest wait between two looks at a task.
const LONGEST_LOOK_INTERVAL: Duration = Duration::from_secs(30);

impl Machine {
    /// Asks a person what is to be done about an attempt of which nobody knows how it ended.
    pub(crate) fn ask_about_outcome(&mut self, now: Timestamp, key: NodeKey, attempt: &Attempt) {
        let message = format!(
            "A crash left the outcome of attempt {} at agent {:?} unknown. Send it again?",
            attempt.number, attempt.agent_id
        );
        let request = self.row(key).request.as_ref();
        let shown = [
            ("agent_id", attempt.agent_id.as_str().into()),
            ("attempt", attempt.number.into()),
            (
                "config",
                request.map(|request| request.config.clone()).unwrap_or_default(),
            ),
        ];
        let shown = shown.into_iter().collect();
        let question = ApprovalRow {
            actions: vec![RESEND.to_owned(), FAIL.to_owned()],
            ..self.plain_question(now, key, message, shown)
        }
        .hashed();
        self.hold_attempt(now, key, HeldFor::Outcome, attempt.clone(), question, None);
    }

    /// Asks a person what an agent asks. Where nothing may go on any more, nobody is asked, and the task is cancelled.
    pub(crate) fn agent_asks(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: Attempt,
        asked: AgentQuestion,
    ) {
        if attempt.abort_by.is_some() {
            // The abort came when nobody waited for the call any more, so that the task was not cancelled.
            return self.abort(key);
        }
        if self.execution.ending.is_some() || self.is_stopping(key.scope) {
            return self.abort_attempt(now, key, attempt);
        }
        let question = ApprovalRow {
            kind: ApprovalKind::AgentInput,
            form: asked.form,
            actions: vec![ANSWER.to_owned(), REJECT.to_owned()],
            ..self.plain_question(now, key, asked.message, asked.shown)
        }
        .hashed();
        let answer = AgentAnswer {
            message_id: MessageId::of_answer(question.id),
            question_id: asked.id,
            comment: None,
            data: None,
        };
        let attempt = Attempt {
            answer: Some(Box::new(answer)),
            ..attempt
        };
        let look_at = asked.may_move_on.then(|| next_look(now, question.created_at));
        self.hold_attempt(now, key, HeldFor::AgentInput, attempt, question, look_at);
    }

    fn hold_attempt(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        about: HeldFor,
        attempt: Attempt,
        question: ApprovalRow,
        look_at: Option<Timestamp>,
    ) {
        let waiting = Waiting::Held {
            about,
            approval_id: question.id,
            attempt,
            go_on_at: None,
            look_at,
        };
        self.put_question(now, key, waiting, question);
    }

    /// Asks the agent whether it goes on without an answer, and does so again later.
    pub(crate) fn look_at_task(&mut self, now: Timestamp, key: NodeKey) {
        let NodeState::Waiting(mut waiting) = self.row(key).state.clone() else {
            return;
        };
        let Waiting::Held {
            approval_id,
            attempt,
            look_at,
            ..
        } = &mut waiting
        else {
            return;
        };
        let asked_at = self
            .approvals
            .get(approval_id)
            .map(|question| question.created_at);
        *look_at = asked_at.map(|asked_at| next_look(now, asked_at));
        let row = self.row(key);
        if let Some(remote_task) = row.remote_task.clone() {
            let effect = Effect::Look {
                path: row.path.clone(),
                attempt: attempt.number,
                agent_id: attempt.agent_id.clone(),
                remote_task,
                question_id: attempt
                    .answer
                    .as_ref()
                    .and_then(|answer| answer.question_id.clone()),
            };
            self.effect(effect);
        }
        self.set_state(now, key, NodeState::Waiting(waiting));
    }

    /// The agent goes on by itself: nobody needs to answer any more, and what becomes of the task is looked at.
    pub(crate) fn task_moved_on(&mut self, now: Timestamp, path: &NodePath, number: u32) {
        let waiting = self.find(path).map(|key| (key, self.row(key).state.clone()));
        let Some((key, NodeState::Waiting(mut waiting))) = waiting else {
            return;
        };
        let Waiting::Held {
            about: HeldFor::AgentInput,
            attempt,
            go_on_at: go_on_at @ None,
            look_at,
            ..
        } = &mut waiting
        else {
            return;
        };
        if attempt.number != number {
            return;
        }
        attempt.answer = None;
        (*go_on_at, *look_at) = (Some(now), None);
        self.withdraw_question(now, key);
        self.set_state(now, key, NodeState::Waiting(waiting));
    }

    /// A person refuses what an agent asks for: its task is cancelled, and the node fails once it is known how that went.
    fn agent_gets_no_answer(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        attempt: Attempt,
        decided: &DecisionRecord,
    ) {
        let failure = Failure::in_node(self.path(key), FailureCode::ApprovalRejected, rejection(decided));
        let rejected = Some(Box::new(failure));
        self.abort_attempt(now, key, Attempt { rejected, ..attempt });
    }

    /// A person has said what is to become of it.
    pub(crate) fn held_attempt_decided(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        about: HeldFor,
        attempt: Attempt,
        row: ApprovalRow,
        gate: &dyn Gate,
    ) {
        let (approval_id, decided) = (row.id, row.decisions.last().cloned());
        self.emit(now, EventType::ApprovalDecided, approval_data(&row));
        self.approval_changed(row);
        let Some(decided) = decided else { return };
        match about {
            HeldFor::Outcome if decided.decision != RESEND => {
                self.outcome_stays_unknown(now, key, &attempt, gate);
            }
            HeldFor::AgentInput if decided.decision != ANSWER => {
                self.agent_gets_no_answer(now, key, attempt, &decided);
            }
            _ => {
                let waiting = Waiting::Held {
                    about,
                    approval_id,
                    attempt: attempt.answered(decided),
                    go_on_at: Some(now),
                    look_at: None,
                };
                self.set_state(now, key, NodeState::Waiting(waiting));
            }
        }
    }
}

/// When a task is looked at again whose question is open since `asked_at`. Looks that come when they are due are 1, 3, 7,
/// 15 seconds after the question, and so on: nothing but the question needs to be remembered for that.
fn next_look(now: Timestamp, asked_at: Timestamp) -> Timestamp {
    let open_for = Duration::try_from(now.duration_since(asked_at)).unwrap_or_default();
    let interval = open_for.saturating_add(FIRST_LOOK_INTERVAL);
    after(now, interval.min(LONGEST_LOOK_INTERVAL))
}

impl Attempt {
    /// With what a person answered to its agent's question, where that is what was decided.
    fn answered(mut self, decided: DecisionRecord) -> Self {
        if let Some(answer) = &mut self.answer {
            answer.comment = decided.comment;
            answer.data = decided.data;
        }
        self
    }
}
