//! One execution, driven by hand: step, check, write the rows, remember the effects.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use agentchains_machine::{
    ApprovalRow, AttemptFailure, AttemptOutcome, AttemptRow, Call, ChildCommand, Decision, Effect,
    ExecutionId, Input, Machine, NewExecution, NodePath, NodeRow, Rejected, RemoteTask, Resume, StartChild,
    Step, WorkflowId,
};
use agentchains_workflow::{Compiled, parse_duration};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ScriptedGate, asks, broke, invariants, refused, reply, reply_costing, rows::Rows, usd};

/// An attempt: the node's path and the attempt's number.
pub(crate) type Key = (String, u32);

/// An execution and the world around it.
pub(crate) struct Run {
    pub(crate) workflow: Arc<Compiled>,
    pub(crate) machine: Machine,
    pub(crate) gate: ScriptedGate,
    pub(crate) now: Timestamp,
    /// What was made durable.
    pub(crate) rows: Rows,
    /// Every call that was to be made, in order.
    pub(crate) calls: Vec<Call>,
    /// Calls that nobody has answered.
    pub(crate) open_calls: BTreeMap<Key, Call>,
    /// Attempts that were to be aborted, in order.
    pub(crate) aborts: Vec<Key>,
    /// Attempts whose tasks were to be looked at, in order.
    pub(crate) looks: Vec<Key>,
    /// The child execution that each node has started last.
    pub(crate) children: BTreeMap<String, StartChild>,
    /// What was asked of child executions, in order.
    pub(crate) child_commands: Vec<(ExecutionId, ChildCommand)>,
}

impl Run {
    /// An execution that has not begun, with the workflow's own budget and timeout. It is started by "ann".
    pub(crate) fn prepare(workflow: Arc<Compiled>, adjust: impl FnOnce(&mut NewExecution)) -> Self {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let settings = workflow.settings();
        let mut new = NewExecution {
            id: ExecutionId::from_uuid(Uuid::from_u128(1)),
            tenant: "default".into(),
            workflow_id: WorkflowId::from_uuid(Uuid::from_u128(2)),
            workflow_version: 3,
            input: json!({"topic": "tea"}).into(),
            max_budget: settings.max_budget,
            on_budget: settings.on_budget,
            timeout: settings.timeout,
            labels: BTreeMap::new(),
            initiated_by: "ann".into(),
            parent: None,
            ends_by: None,
            forked_from: None,
            seeds: Vec::new(),
        };
        adjust(&mut new);
        let machine = Machine::create(Arc::clone(&workflow), new, now);
        Self {
            rows: Rows::new(machine.execution().clone()),
            workflow,
            machine,
            gate: ScriptedGate::default(),
            now,
            calls: Vec::new(),
            open_calls: BTreeMap::new(),
            aborts: Vec::new(),
            looks: Vec::new(),
            children: BTreeMap::new(),
            child_commands: Vec::new(),
        }
    }

    pub(crate) fn begin(mut self) -> Self {
        self.feed(Input::Start);
        self
    }

    /// Steps one input, and writes and remembers what comes of it. Nothing has changed when it is refused.
    pub(crate) fn step(&mut self, input: Input) -> Result<Step, Rejected> {
        let step = self.machine.step(self.now, input, &mut self.gate)?;
        let before = self.rows.without_events();
        self.rows.write(&step.changes);
        invariants::check(&before, &self.rows, &step, self);
        for effect in &step.effects {
            match effect {
                Effect::Call(call) => {
                    let key = (call.path.as_str().to_owned(), call.attempt);
                    self.open_calls.insert(key, call.clone());
                    self.calls.push(call.clone());
                }
                Effect::Abort { path, attempt, .. } => {
                    let key = (path.as_str().to_owned(), *attempt);
                    self.aborts.push(key.clone());
                    // An abort is answered even where nobody waits for the call: after a crash, or a question.
                    let mut sent = self.calls.iter().rev();
                    let sent = sent.find(|call| call.path == *path && call.attempt == *attempt);
                    self.open_calls.extend(sent.map(|call| (key, call.clone())));
                }
                Effect::Look { path, attempt, .. } => self.looks.push((path.as_str().to_owned(), *attempt)),
                Effect::StartChild(start) => {
                    self.children
                        .insert(start.path.as_str().to_owned(), (**start).clone());
                }
                Effect::CommandChild {
                    execution_id,
                    command,
                } => self.child_commands.push((*execution_id, *command)),
            }
        }
        if self.machine.has_more_to_start() {
            self.step(Input::Tick)?;
        }
        Ok(step)
    }

    /// Steps an input that is never refused.
    pub(crate) fn feed(&mut self, input: Input) -> Step {
        self.step(input).unwrap()
    }

    // Attempts.

    pub(crate) fn ends(&mut self, node: &str, outcome: AttemptOutcome) -> Step {
        let attempt = self.node(node).attempts;
        self.attempt_ends(node, attempt, outcome)
    }

    pub(crate) fn attempt_ends(&mut self, node: &str, attempt: u32, outcome: AttemptOutcome) -> Step {
        self.open_calls.remove(&(node.to_owned(), attempt));
        self.feed(Input::AttemptEnded {
            path: NodePath::from(node.to_owned()),
            attempt,
            outcome,
        })
    }

    pub(crate) fn ok(&mut self, node: &str, output: Value) -> Step {
        self.ends(node, reply(output))
    }

    pub(crate) fn ok_costing(&mut self, node: &str, cost: &str) -> Step {
        self.ends(node, reply_costing(json!({}), cost))
    }

    pub(crate) fn fails(&mut self, node: &str, failure: AttemptFailure) -> Step {
        self.ends(node, AttemptOutcome::Failed(failure))
    }

    pub(crate) fn aborted(&mut self, node: &str) -> Step {
        self.ends(node, AttemptOutcome::Aborted(None))
    }

    pub(crate) fn accepts(&mut self, node: &str, task_id: &str) -> Step {
        let attempt = self.node(node).attempts;
        self.feed(Input::TaskAccepted {
            path: NodePath::from(node.to_owned()),
            attempt,
            task: RemoteTask {
                task_id: task_id.to_owned(),
                context_id: None,
            },
        })
    }

    // Time.

    /// Time passes, and the driver wakes at the end of it.
    pub(crate) fn wait(&mut self, duration: &str) -> Step {
        self.now = self.later(duration);
        self.feed(Input::Tick)
    }

    pub(crate) fn later(&self, duration: &str) -> Timestamp {
        let duration = parse_duration(duration).unwrap();
        self.now.checked_add(duration).unwrap()
    }

    /// How long until time alone changes something.
    pub(crate) fn sleeps_for(&self) -> Option<Duration> {
        let wake_at = self.rows.execution.wake_at?;
        Some(Duration::try_from(wake_at.duration_since(self.now)).unwrap())
    }

    // People.

    pub(crate) fn question(&self, node: &str) -> ApprovalRow {
        let mut rows = self.rows.approvals.values();
        rows.rfind(|row| row.path.as_str() == node).unwrap().clone()
    }

    pub(crate) fn decision(&self, node: &str, decision: &str, by: &str) -> Decision {
        Decision {
            approval_id: self.question(node).id,
            decision: decision.to_owned(),
            by: by.to_owned(),
            roles: Vec::new(),
            comment: None,
            data: None,
            shown_hash: None,
            request_key: None,
        }
    }

    pub(crate) fn decide(&mut self, node: &str, decision: &str, by: &str) -> Result<Step, Rejected> {
        let decision = self.decision(node, decision, by);
        self.step(Input::Decide(decision))
    }

    pub(crate) fn pause(&mut self) -> Result<Step, Rejected> {
        self.step(Input::Pause { by: None })
    }

    pub(crate) fn resume(&mut self) -> Result<Step, Rejected> {
        self.resume_with(None)
    }

    pub(crate) fn resume_with(&mut self, max_budget: Option<&str>) -> Result<Step, Rejected> {
        self.step(Input::Resume(Resume {
            max_budget: max_budget.map(usd),
            by: "eve".into(),
            roles: Vec::new(),
            may_decide: true,
        }))
    }

    pub(crate) fn cancel(&mut self) -> Result<Step, Rejected> {
        self.step(Input::Cancel { by: None })
    }

    // Crashes.

    /// The process is gone and another one takes over, from the rows alone.
    pub(crate) fn crash(&mut self) -> Step {
        self.reload();
        let lost = std::mem::take(&mut self.open_calls);
        if lost.is_empty() && self.rows.execution.children == 0 {
            return self.feed(Input::Tick);
        }
        self.feed(Input::Recover)
    }

    /// The process is gone as often before, and nothing of the execution is gone on with.
    pub(crate) fn crash_once_more(&mut self) -> Step {
        self.reload();
        self.open_calls.clear();
        self.feed(Input::Quarantine)
    }

    /// The driver is dropped and made again from the rows.
    pub(crate) fn reload(&mut self) {
        self.machine = Machine::restore(Arc::clone(&self.workflow), self.rows.snapshot());
    }

    // Rows.

    /// The node as the machine holds it.
    pub(crate) fn node(&self, path: &str) -> &NodeRow {
        let mut rows = self.machine.nodes();
        rows.find(|row| row.path.as_str() == path).unwrap()
    }

    pub(crate) fn attempt(&self, node: &str, number: u32) -> &AttemptRow {
        &self.rows.attempts[&(node.to_owned(), number)]
    }

    /// The last call of a node.
    pub(crate) fn call(&self, node: &str) -> &Call {
        let mut calls = self.calls.iter().rev();
        calls.find(|call| call.path.as_str() == node).unwrap()
    }
}

impl Run {
    /// Plays a script: `a+` succeeds, `a-` fails for good, `a~` fails so that a retry may help, `a!` takes the
    /// task `of-a` and asks something, `q=approve` is bob's decision.
    pub(crate) fn play(&mut self, script: &str) -> &mut Self {
        for word in script.split_whitespace() {
            if let Some((node, decision)) = word.split_once('=') {
                self.decide(node, decision, "bob").unwrap();
                continue;
            }
            let (node, ending) = word.split_at(word.len() - 1);
            match ending {
                "+" => self.ok(node, json!({"by": node})),
                "-" => self.fails(node, refused()),
                "~" => self.fails(node, broke()),
                "!" => {
                    self.accepts(node, &format!("of-{node}"));
                    self.ends(node, asks("Which?"))
                }
                other => panic!("{other:?} is no ending of an attempt"),
            };
        }
        self
    }
}
