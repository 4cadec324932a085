//! What agents and child executions are supposed to do when the walk gets to them.

use std::time::Duration;

use agentchains_cost::{ReportedCost, Usage, Usd};
use agentchains_machine::{
    AgentReply, AttemptFailure, AttemptOutcome, Call, ChildReport, ExecutionStatus, Failure, FailureCode,
    Input, Json, Machine, StartChild,
};

use super::{
    DryRunError,
    request::Place,
    walk::{Run, Usual, Walk},
};
use crate::{children::Birth, clock::add, library::Key, references::Resolved, start::check_input};

/// Bytes that supposed outputs come to, each time that one is taken.
const MAX_BYTES: usize = 64 << 20;

/// What comes of a call.
struct Answer {
    said: Result<Json, Failure>,
    /// Whether another attempt may help.
    retryable: bool,
    /// The cost without the fixed price per call, which is due in any case.
    cost: ReportedCost,
    usage: Option<Usage>,
    duration: Duration,
}

/// Why a child execution does not start.
struct Refused(FailureCode, String);

impl Walk {
    /// Has a call answered in its time.
    pub(super) fn call(&mut self, number: usize, call: &Call) -> Result<(), DryRunError> {
        self.calls += 1;
        let run = &self.runs[number];
        let place = run.place.of(&call.path);
        let Some(answer) = self.answer(run, &place, call) else {
            self.missing.insert(place.path);
            return Ok(());
        };
        self.take(answer.said.as_ref().ok())?;
        let ends = add(self.timeline.now(), answer.duration);
        let outcome = if ends > call.deadline {
            timed_out(call)
        } else {
            answer.into_outcome()
        };
        let ended = Input::AttemptEnded {
            path: call.path.clone(),
            attempt: call.attempt,
            outcome,
        };
        self.timeline.at(ends.min(call.deadline), number, ended);
        Ok(())
    }

    /// What is supposed, else what the past attempt of that number said. A supposed output that states a cost costs that.
    fn answer(&self, run: &Run, place: &Place, call: &Call) -> Option<Answer> {
        let past = run
            .past
            .as_ref()
            .and_then(|past| past.answer(&call.path, call.attempt));
        let Some(output) = self.ground.supposed.output(place) else {
            return past.map(|past| Answer {
                said: past.said.clone(),
                retryable: past.retryable,
                cost: past.cost,
                usage: past.usage.clone(),
                duration: past.duration,
            });
        };
        let usual = self.usual(run, call.path.node_id());
        let (unstated, duration) = match past {
            Some(past) => (past.cost, past.duration),
            None => (
                self.without_fixed_price(&call.agent_id, usual.cost),
                usual.duration,
            ),
        };
        Some(Answer {
            said: Ok(output.clone()),
            retryable: false,
            cost: match stated_cost(output) {
                ReportedCost::Absent => unstated,
                stated => stated,
            },
            usage: past.and_then(|past| past.usage.clone()),
            duration,
        })
    }

    fn usual(&self, run: &Run, node_id: &str) -> Usual {
        let of_workflow = self.ground.usual.get(&run.key);
        of_workflow
            .and_then(|nodes| nodes.get(node_id))
            .copied()
            .unwrap_or_default()
    }

    /// What an agent charges where a call costs this altogether.
    fn without_fixed_price(&self, agent_id: &str, cost: Option<Usd>) -> ReportedCost {
        let profile = self.ground.agents.profile(agent_id);
        let fixed = profile.and_then(|profile| profile.terms.prices.per_call);
        cost.map_or(ReportedCost::Absent, |cost| {
            let rest = cost.saturating_sub(fixed.unwrap_or_default());
            ReportedCost::Usd(rest.max(Usd::ZERO))
        })
    }

    /// Counts an output that is handed out.
    fn take(&mut self, output: Option<&Json>) -> Result<(), DryRunError> {
        self.bytes += output.map_or(0, |output| output.as_str().len());
        if self.bytes > MAX_BYTES {
            return Err(DryRunError::TooLong {
                after: format!("{} MiB of outputs", MAX_BYTES >> 20),
            });
        }
        Ok(())
    }

    /// Starts a child execution. One that is not waited for answers for itself, and is not walked; neither is one whose
    /// output is supposed.
    pub(super) fn start_child(&mut self, number: usize, start: StartChild) -> Result<(), DryRunError> {
        let run = &self.runs[number];
        let place = run.place.of(&start.path);
        let (path, execution_id) = (start.path.clone(), start.execution_id);
        let supposed = self.ground.supposed.output(&place).cloned();
        if !start.waits || supposed.is_some() {
            self.take(supposed.as_ref())?;
            let run = &self.runs[number];
            let past = run.past.as_ref().and_then(|past| past.totals(&path));
            let usual = self.usual(run, path.node_id());
            let (spent, duration) = past.unwrap_or((usual.cost.unwrap_or_default(), usual.duration));
            let report = ChildReport {
                status: ExecutionStatus::Completed,
                pause_reason: None,
                spent,
                cost_known: past.is_some() || usual.cost.is_some(),
                output: supposed,
                error: None,
            };
            let at = if start.waits {
                add(self.timeline.now(), duration)
            } else {
                self.timeline.now()
            };
            let input = Input::ChildReported {
                path,
                execution_id,
                report,
            };
            self.timeline.at(at, number, input);
            return Ok(());
        }
        match self.child(number, place, start) {
            Ok(child) => self.begin(child),
            Err(Refused(code, message)) => {
                let input = Input::ChildRefused {
                    path,
                    execution_id,
                    code,
                    message,
                };
                self.timeline.at_once(number, input);
            }
        }
        Ok(())
    }

    /// A child execution, where one may start.
    fn child(&self, number: usize, place: Place, start: StartChild) -> Result<Run, Refused> {
        let failed = |message: String| Refused(FailureCode::SubworkflowFailed, message);
        let run = &self.runs[number];
        let library = &self.ground.library;
        let volume = library
            .get(run.key)
            .ok_or_else(|| failed("it is not known".to_owned()))?;
        let found: &Resolved = volume.target(start.path.node_id()).map_err(failed)?;
        let (key, name) = (found.key(), &found.record.name);
        if self.runs_at_or_above(number, key) {
            let message = format!(
                "workflow {name:?} runs already in an execution above: references to workflows must not form a ring"
            );
            return Err(Refused(FailureCode::SubworkflowTooDeep, message));
        }
        let most = run.machine.workflow().limits().max_executions;
        if u64::try_from(self.runs.len()).is_ok_and(|runs| runs >= most) {
            let message = format!("there are at most {most} executions under one root (max_executions)");
            return Err(Refused(FailureCode::SubworkflowTooDeep, message));
        }
        let cannot_start = |why: &str| failed(format!("workflow {name:?} cannot be started: {why}"));
        if let Some(why) = self.ground.unstartable.get(&key) {
            return Err(cannot_start(why));
        }
        let child = library.get(key).ok_or_else(|| cannot_start("it is not known"))?;
        check_input(&child.workflow, &start.input).map_err(|error| cannot_start(&error.to_string()))?;
        let past = run
            .past
            .as_ref()
            .and_then(|past| self.ground.past.below(past, &start.path));
        let parent = Some((number, start.path.clone()));
        let new = Birth::new(&run.machine, start).execution(found, &child.workflow);
        let machine = Machine::create(child.workflow.clone(), new, self.timeline.now());
        Ok(Run::new(machine, key, place, parent, past))
    }

    fn runs_at_or_above(&self, number: usize, key: Key) -> bool {
        let mut run = Some(number);
        while let Some(number) = run {
            if self.runs[number].key.0 == key.0 {
                return true;
            }
            run = self.runs[number].parent.as_ref().map(|(above, _)| *above);
        }
        false
    }
}

impl Answer {
    fn into_outcome(self) -> AttemptOutcome {
        match self.said {
            Ok(output) => AttemptOutcome::Succeeded(AgentReply {
                output,
                cost: self.cost,
                usage: self.usage,
            }),
            Err(failure) => AttemptOutcome::Failed(AttemptFailure {
                code: failure.code,
                message: failure.message,
                retryable: self.retryable,
                retry_after: None,
                reached_agent: failure.code != FailureCode::AgentUnreachable,
                cost: self.cost,
                usage: self.usage,
            }),
        }
    }
}

/// What an output says that it cost, as those of agents do (language reference, section 9).
fn stated_cost(output: &Json) -> ReportedCost {
    let stated = output.member("_cost").and_then(|stated| stated.read());
    stated.unwrap_or_default()
}

fn timed_out(call: &Call) -> AttemptOutcome {
    AttemptOutcome::Failed(AttemptFailure {
        code: FailureCode::AgentTimeout,
        message: format!(
            "attempt {} at agent {:?} would take longer than its timeout; raise the node's timeout",
            call.attempt, call.agent_id
        ),
        retryable: true,
        retry_after: None,
        reached_agent: true,
        cost: ReportedCost::Absent,
        usage: None,
    })
}
