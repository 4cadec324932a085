//! The walk: the machines of a tree of executions, stepped in simulated time with supposed answers.
//!
//! It owns no store and calls nobody; what the machines want done is answered from what is supposed and from the past.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{
    ApprovalRow, ApprovalStatus, AttemptOutcome, ChildCommand, ChildReport, Effect, ExecutionId, Input,
    Machine, NodePath, PauseReason, Step,
};
use agentchains_ports::compare_nodes;
use jiff::Timestamp;

use super::{
    DryRunError, DryRunReport,
    gate::{DryGate, Purse},
    past::{Past, PastTree},
    people,
    report::Reporter,
    request::{Place, Supposed},
    timeline::Timeline,
};
use crate::{
    agents::TenantAgents,
    library::{Key, Library},
};

/// Steps of one walk: as many as an execution may have node runs by default.
const MAX_STEPS: u32 = 100_000;

/// What a walk goes by.
pub(super) struct Ground {
    pub(super) agents: TenantAgents,
    pub(super) library: Library,
    /// Why executions of workflows cannot start, whatever their input is.
    pub(super) unstartable: HashMap<Key, String>,
    pub(super) supposed: Supposed,
    pub(super) past: PastTree,
    /// What runs of nodes cost and took in the middle of the past, by workflow and id.
    pub(super) usual: HashMap<Key, HashMap<String, Usual>>,
}

/// What something cost and took in the middle of the past.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usual {
    pub(super) cost: Option<Usd>,
    pub(super) duration: Duration,
}

/// An execution of the walk.
pub(super) struct Run {
    pub(super) machine: Machine,
    pub(super) key: Key,
    /// The node that started it; of the topmost one nothing.
    pub(super) place: Place,
    pub(super) parent: Option<(usize, NodePath)>,
    pub(super) past: Option<Arc<Past>>,
    reported: Option<ChildReport>,
    /// What executions below have set aside in its budget.
    set_aside_below: Usd,
}

/// The executions of the walk, the topmost one first.
pub(super) struct Walk {
    pub(super) ground: Ground,
    pub(super) runs: Vec<Run>,
    pub(super) by_id: HashMap<ExecutionId, usize>,
    pub(super) timeline: Timeline,
    pub(super) calls: u64,
    /// Bytes of the outputs that were supposed so far.
    pub(super) bytes: usize,
    /// The paths of calls that nobody answers.
    pub(super) missing: BTreeSet<String>,
    /// What people chose, by the paths of the nodes that asked them.
    decided: BTreeMap<String, String>,
}

impl Run {
    pub(super) fn new(
        machine: Machine,
        key: Key,
        place: Place,
        parent: Option<(usize, NodePath)>,
        past: Option<Arc<Past>>,
    ) -> Self {
        Self {
            machine,
            key,
            place,
            parent,
            past,
            reported: None,
            set_aside_below: Usd::ZERO,
        }
    }

    /// Its budget, with what executions below have set aside in it.
    fn budget(&self) -> Budget {
        let row = self.machine.execution();
        let reserved = row.reserved.saturating_add(self.set_aside_below);
        Budget::restore(row.max_budget, row.spent, reserved)
    }
}

impl Walk {
    /// A walk that begins with this execution, which has not started.
    pub(super) fn new(ground: Ground, top: Run, now: Timestamp) -> Self {
        let mut walk = Self {
            ground,
            runs: Vec::new(),
            by_id: HashMap::new(),
            timeline: Timeline::from(now),
            calls: 0,
            bytes: 0,
            missing: BTreeSet::new(),
            decided: BTreeMap::new(),
        };
        walk.begin(top);
        walk
    }

    pub(super) fn begin(&mut self, run: Run) {
        let number = self.runs.len();
        self.by_id.insert(run.machine.execution().id, number);
        self.runs.push(run);
        self.timeline.at_once(number, Input::Start);
    }

    /// Walks to the end.
    pub(super) fn run(mut self) -> Result<DryRunReport, DryRunError> {
        let began = self.timeline.now();
        let mut steps = 0;
        while let Some((run, input)) = self.timeline.next() {
            steps += 1;
            if steps > MAX_STEPS {
                return Err(DryRunError::TooLong {
                    after: format!("{MAX_STEPS} steps"),
                });
            }
            self.step(run, input)?;
            if self.is_over() {
                break;
            }
        }
        if !self.missing.is_empty() {
            return Err(DryRunError::NoOutput {
                nodes: self.missing.into_iter().collect(),
            });
        }
        let mut reporter = Reporter::new(began);
        for run in &self.runs {
            let mut rows: Vec<_> = run.machine.nodes().collect();
            rows.sort_by(|a, b| compare_nodes(a, b));
            for row in rows {
                reporter.add(run.place.of(&row.path).path, row);
            }
        }
        let now = self.timeline.now();
        let top = self.runs[0].machine.execution();
        Ok(reporter.finish(top, self.calls, self.decided, now))
    }

    /// Whether the topmost execution has ended, or waits for somebody to raise its budget.
    fn is_over(&self) -> bool {
        let top = self.runs[0].machine.execution();
        top.status.is_terminal() || top.pause_reason == Some(PauseReason::Budget)
    }

    fn step(&mut self, number: usize, input: Input) -> Result<(), DryRunError> {
        let now = self.timeline.now();
        let mut gate = self.gate(number);
        let run = &mut self.runs[number];
        let asking = match &input {
            Input::Decide(decision) => {
                let mut pending = run.machine.pending_approvals();
                let question = pending.find(|row| row.id == decision.approval_id);
                question.map(|row| run.place.of(&row.path).path)
            }
            _ => None,
        };
        match (run.machine.step(now, input, &mut gate), asking) {
            (Ok(step), _) => {
                if run.machine.has_more_to_start() {
                    self.timeline.at_once(number, Input::Tick);
                }
                self.take_back(number, gate);
                self.follow(number, step)
            }
            (Err(rejected), Some(node)) => Err(DryRunError::Undecided {
                node,
                reason: rejected.to_string(),
            }),
            // A command for an execution to which it does not apply any more.
            (Err(_), None) => Ok(()),
        }
    }

    /// The gate of an execution's next step, with the budgets as they stand.
    fn gate(&self, number: usize) -> DryGate {
        let run = &self.runs[number];
        let parent = run.machine.execution().parent.as_ref();
        let budgets = parent.into_iter().flat_map(|parent| &parent.budgets);
        let above = budgets.filter_map(|above| {
            let run = *self.by_id.get(&above.execution_id)?;
            Some(Purse {
                run,
                path: above.path.clone(),
                budget: self.runs[run].budget(),
            })
        });
        DryGate::new(self.ground.agents.clone(), run.set_aside_below, above.collect())
    }

    /// Takes note of what a step has set aside in budgets above, and of what it has set free.
    fn take_back(&mut self, number: usize, gate: DryGate) {
        let (above, short, freed) = gate.into_parts();
        for purse in above {
            let run = &mut self.runs[purse.run];
            let own = run.machine.execution().reserved;
            run.set_aside_below = purse.budget.reserved().saturating_sub(own);
        }
        if let Some((run, path, wanted)) = short {
            self.timeline.at_once(run, Input::ShortBelow { path, wanted });
        }
        if freed {
            let others = (0..self.runs.len()).filter(|other| *other != number);
            for other in others.filter(|other| !self.runs[*other].machine.execution().status.is_terminal()) {
                self.timeline.at_once(other, Input::Tick);
            }
        }
    }

    /// Does what follows from a step.
    fn follow(&mut self, number: usize, step: Step) -> Result<(), DryRunError> {
        for effect in step.effects {
            match effect {
                Effect::Call(call) => self.call(number, &call)?,
                Effect::Abort { path, attempt, .. } => {
                    let outcome = AttemptOutcome::Aborted(None);
                    let ended = Input::AttemptEnded {
                        path,
                        attempt,
                        outcome,
                    };
                    self.timeline.at_once(number, ended);
                }
                // Nobody asks anything in a dry run that could be answered elsewhere.
                Effect::Look { .. } => {}
                Effect::StartChild(start) => self.start_child(number, *start)?,
                Effect::CommandChild {
                    execution_id,
                    command,
                } => self.pass_on(execution_id, command),
            }
        }
        let asked = step.changes.approvals.iter();
        for question in asked.filter(|row| row.status == ApprovalStatus::Pending && row.decisions.is_empty())
        {
            self.decide(number, question)?;
        }
        self.report(number);
        let wake_at = self.runs[number].machine.execution().wake_at;
        self.timeline.wake(number, wake_at);
        Ok(())
    }

    fn pass_on(&mut self, child: ExecutionId, command: ChildCommand) {
        let input = match command {
            ChildCommand::Cancel => Input::Cancel { by: None },
            ChildCommand::Hold => Input::Hold,
            ChildCommand::Release => Input::Release,
        };
        if let Some(run) = self.by_id.get(&child) {
            self.timeline.at_once(*run, input);
        }
    }

    /// Has people answer a question.
    fn decide(&mut self, number: usize, question: &ApprovalRow) -> Result<(), DryRunError> {
        let run = &self.runs[number];
        let place = run.place.of(&question.path);
        let supposed = self.ground.supposed.decision(&place);
        let initiator = &run.machine.execution().initiated_by;
        let decisions = people::decisions(question, supposed, initiator);
        if decisions.len() < question.quorum as usize {
            return Err(DryRunError::Undecided {
                node: place.path,
                reason: "fewer people may decide than must agree".to_owned(),
            });
        }
        for decision in decisions {
            self.decided.insert(place.path.clone(), decision.decision.clone());
            self.timeline.at_once(number, Input::Decide(decision));
        }
        Ok(())
    }

    /// Tells the execution above how this one stands, where that has changed.
    fn report(&mut self, number: usize) {
        let run = &mut self.runs[number];
        let report = ChildReport::of(run.machine.execution());
        if let Some((parent, path)) = &run.parent
            && run.reported.as_ref() != Some(&report)
        {
            let input = Input::ChildReported {
                path: path.clone(),
                execution_id: run.machine.execution().id,
                report: report.clone(),
            };
            self.timeline.at_once(*parent, input);
            run.reported = Some(report);
        }
    }
}
