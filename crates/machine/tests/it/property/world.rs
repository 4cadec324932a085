//! The world around an execution: people, child executions, time and crashes, as the events have it.

use std::sync::Arc;

use agentchains_machine::{ExecutionId, FailureCode, Input, NewExecution, NodePath, NodeState, Parent};
use agentchains_workflow::{Compiled, check};
use serde_json::json;
use uuid::Uuid;

use super::{
    children::{self, Child, Children},
    events::Event,
    plan::{Plan, one_of},
};
use crate::harness::Run;

/// Who decides.
pub(super) const PEOPLE: [&str; 4] = ["ann", "bob", "eve", "joe"];

/// An execution of a plan, and what it has to do with.
pub(super) struct World {
    pub(super) run: Run,
    pub(super) children: Children,
    /// Commands to children that were passed on.
    commands: usize,
    /// Children before the last commands: those are lost in a crash before they are passed on.
    before: Vec<(ExecutionId, bool, bool)>,
    /// Whether the process is gone after every step.
    crashes: bool,
}

impl World {
    pub(super) fn new(plan: &Plan) -> Self {
        Self::made(plan, |_| {})
    }

    /// An execution that is more than that of a plan.
    pub(super) fn made(plan: &Plan, adjust: impl FnOnce(&mut NewExecution)) -> Self {
        let run = Run::prepare(compile(plan), |new| {
            new.input = json!({"topic": "tea", "size": 100, "items": [1, {"b": 2}, "c"]}).into();
            new.parent = plan.settings.depth.map(parent);
            adjust(new);
        });
        Self {
            run,
            children: Children::new(),
            commands: 0,
            before: Vec::new(),
            crashes: false,
        }
    }

    /// The same, and the process is gone after every step.
    pub(super) fn crashing(plan: &Plan) -> Self {
        Self {
            crashes: true,
            ..Self::new(plan)
        }
    }

    /// Begins the execution and lets the events happen.
    pub(super) fn play<'e>(mut self, events: impl IntoIterator<Item = &'e Event>) -> Self {
        self.act(|world| world.feed(Input::Start));
        for event in events {
            self.apply(event);
        }
        self
    }

    /// Does something to the execution, and lets the world know what comes of it.
    pub(super) fn act(&mut self, act: impl FnOnce(&mut Self)) {
        act(self);
        self.pass_on();
        if self.crashes {
            self.run.crash();
            self.pass_on();
        }
    }

    /// Steps an input that is never refused.
    pub(super) fn feed(&mut self, input: Input) {
        self.run.feed(input);
    }

    /// Starts the children that are wanted, and passes commands on to them.
    fn pass_on(&mut self) {
        // Results of calls that nobody waits for come as strays.
        let rows = &self.run.rows.nodes;
        self.run.open_calls.retain(|(node, attempt), _| {
            matches!(&rows[node].state, NodeState::Running(running) if running.number == *attempt)
        });
        for start in self.run.children.values() {
            let known = self.children.entry(start.execution_id);
            let child = known.or_insert_with(|| Child::new(start.clone()));
            assert_eq!(child.start, *start, "a child is started twice in different ways");
            let by = self.run.rows.execution.deadline;
            assert!(!start.waits || by.is_none() || start.deadline.is_some_and(|own| Some(own) <= by));
        }
        let states = self.children.iter();
        self.before = states
            .map(|(id, child)| (*id, child.is_held, child.is_cancelled))
            .collect();
        for (execution_id, command) in &self.run.child_commands[self.commands..] {
            if let Some(child) = self.children.get_mut(execution_id) {
                child.hear(*command);
            }
        }
        self.commands = self.run.child_commands.len();
        children::check(&self.children, &self.run);
    }

    /// Lets an event happen; where nothing fits, nothing happens. Refusals are part of the game.
    pub(super) fn apply(&mut self, event: &Event) {
        self.act(|world| match event {
            Event::Answer { .. } | Event::Stray { .. } | Event::Accept { .. } => world.agents(event),
            Event::Tell { child, news } => world.child_tells(*child, *news),
            Event::Refuse { child } => world.child_is_refused(*child),
            Event::Pass { seconds } => _ = world.run.wait(&format!("{seconds}s")),
            Event::Wake => world.wake(),
            Event::Crash { before_acting } => world.crash(*before_acting),
            Event::Park if world.run.machine.is_parked() => world.run.reload(),
            Event::Park => {}
            Event::Quarantine => _ = world.run.crash_once_more(),
            Event::Busy { .. } | Event::Open { .. } | Event::Well { .. } | Event::Leave { .. } => {
                world.gate(event);
            }
            command => world.people(command),
        });
    }

    fn child_tells(&mut self, child: usize, news: u8) {
        if let Some(child) = pick(self.children.keys(), child) {
            self.tell(child, news);
        }
    }

    /// A child tells something that is new, or the last once more.
    pub(super) fn tell(&mut self, execution_id: ExecutionId, news: u8) {
        let child = self.children.get_mut(&execution_id).unwrap();
        let report = child.report(news);
        if child.start.waits && child.is_in_flight(&self.run) {
            child.counted = child.counted.max(report.spent);
        }
        let path = child.start.path.clone();
        self.feed(Input::ChildReported {
            path,
            execution_id,
            report,
        });
    }

    fn child_is_refused(&mut self, child: usize) {
        let Some(execution_id) = pick(self.children.keys(), child) else {
            return;
        };
        // One that has told anything was started.
        if self.children[&execution_id].told.is_none() {
            let child = self.children.remove(&execution_id).unwrap();
            self.run
                .children
                .retain(|_, start| start.execution_id != execution_id);
            self.feed(Input::ChildRefused {
                path: child.start.path,
                execution_id,
                code: FailureCode::SubworkflowFailed,
                message: "there is no such workflow".into(),
            });
        }
    }

    /// Time passes until the execution wants to be looked at.
    pub(super) fn wake(&mut self) {
        if let Some(wake_at) = self.run.rows.execution.wake_at {
            self.run.now = wake_at;
            self.feed(Input::Tick);
        }
    }

    fn crash(&mut self, before_acting: bool) {
        if before_acting {
            for (id, is_held, is_cancelled) in std::mem::take(&mut self.before) {
                if let Some(child) = self.children.get_mut(&id) {
                    (child.is_held, child.is_cancelled) = (is_held, is_cancelled);
                }
            }
            self.children.retain(|_, child| child.told.is_some());
            let known = &self.children;
            let starts = &mut self.run.children;
            starts.retain(|_, start| known.contains_key(&start.execution_id));
        }
        self.run.crash();
    }

    fn people(&mut self, event: &Event) {
        match event {
            Event::Pause => _ = self.run.pause(),
            Event::Cancel => _ = self.run.cancel(),
            Event::Hold => self.feed(Input::Hold),
            Event::Release => self.feed(Input::Release),
            Event::Resume { tenths } => {
                let budget = tenths.map(|tenths| format!("{}.{}", tenths / 10, tenths % 10));
                _ = self.run.resume_with(budget.as_deref());
            }
            Event::Decide { question, action, by } => {
                let Some(question) = pick(self.run.rows.approvals.values(), *question) else {
                    return;
                };
                let action = &question.actions[action % question.actions.len()];
                let mut decision = self
                    .run
                    .decision(question.path.as_str(), action, one_of(*by, &PEOPLE));
                decision.approval_id = question.id;
                _ = self.run.step(Input::Decide(decision));
            }
            _ => {}
        }
    }
}

fn compile(plan: &Plan) -> Arc<Compiled> {
    let document = plan.document().to_string();
    let checked = check(&document);
    let errors: Vec<_> = checked.diagnostics.errors().collect();
    assert!(errors.is_empty(), "{errors:?} in {document}");
    Arc::new(checked.workflow.unwrap())
}

fn parent(depth: u32) -> Parent {
    let above = ExecutionId::from_uuid(Uuid::from_u128(7));
    Parent {
        execution_id: above,
        root_execution_id: above,
        path: NodePath::top_level("s"),
        depth,
        waits: true,
        budgets: Vec::new(),
        holds: false,
    }
}

/// One of the things, by a number of any size.
pub(super) fn pick<'a, T: Clone + 'a>(
    mut things: impl ExactSizeIterator<Item = &'a T>,
    choice: usize,
) -> Option<T> {
    let count = things.len().max(1);
    things.nth(choice % count).cloned()
}
