//! The player: carries a case out, step by step, and compares what comes of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    api::Api,
    case::Case,
    desk::Desk,
    expectation::Expectation,
    judge,
    setup::{MAIN, Setup, begun},
    step::{Action, Decide, Release, Save, Step},
    subject::{Answer, Request, Stage, Subject},
};

/// Plays a case on a stage. `number` is of this case alone.
///
/// # Errors
/// What is not as the case says, in a few lines.
pub fn play<S: Stage>(case: &Case, number: usize, stage: &S) -> Result<(), String> {
    let desk = Arc::new(Desk::new(case.agents.clone()));
    let subject = stage.subject(number, Arc::clone(&desk), case.restarts());
    let api = Api {
        subject,
        execution: String::new(),
    };
    let setup = Setup::new(case, number);
    Player { setup, api, desk }.play()
}

/// A case that is being played.
struct Player<'a, S> {
    setup: Setup<'a>,
    api: Api<S>,
    desk: Arc<Desk>,
}

impl<S: Subject> Player<'_, S> {
    fn play(&mut self) -> Result<(), String> {
        let case = self.setup.case;
        self.setup.register_agents(&mut self.api)?;
        if let Some(expected) = &case.expect.validation {
            return judge::validation(expected, &self.setup.validate(&mut self.api)?);
        }
        self.setup.store_others(&mut self.api)?;
        if !self.setup.start(&mut self.api)? {
            return self.compare(&case.expect);
        }
        for (number, step) in (1..).zip(&case.steps) {
            self.step(step)
                .map_err(|why| format!("step {number}: {why}\n{}", self.api.overview()))?;
        }
        self.rest(&case.expect)
            .and_then(|()| self.compare(&case.expect))
            .map_err(|why| format!("{why}\n{}", self.api.overview()))
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let spoken_of = self.api.execution.clone();
        for path in &step.inside {
            self.api.execution = self.api.child(path)?;
        }
        let answer = self.act(&step.action)?;
        self.api.execution = spoken_of;
        if let Some(answer) = answer {
            judge::answer(step.refused.as_ref(), &answer)?;
            let makes_another = matches!(step.action, Action::Retry | Action::Fork(_) | Action::Execute(_));
            if makes_another && step.refused.is_none() {
                begun(&mut self.api, &answer)?;
            }
        }
        self.api.subject.settle(0);
        Ok(())
    }

    /// Does what a step says; where that is a request, gives the answer.
    fn act(&mut self, action: &Action) -> Result<Option<Answer>, String> {
        let answer = match action {
            Action::Wait(expected) => return self.wait(expected).map(|()| None),
            Action::Expect(expected) => return self.compare(expected).map(|()| None),
            Action::Release(release) => return self.release(release).map(|()| None),
            Action::Restart => {
                let desk = &self.desk;
                self.api.subject.restart(&|| desk.forget());
                return Ok(None);
            }
            Action::Advance(by) => {
                self.api.subject.advance(by);
                return Ok(None);
            }
            Action::Pause => self.post("pause", None),
            Action::Resume(body) => self.post("resume", Some(body)),
            Action::Cancel => self.post("cancel", None),
            Action::Retry => self.post("retry", None),
            Action::Fork(body) => self.post("fork", Some(body)),
            Action::Execute(body) => self.setup.execute(&mut self.api, body),
            Action::Decide(decide) => self.decide(decide)?,
            Action::Save(Save { name, workflow }) => {
                self.setup
                    .save(&mut self.api, name.as_deref().unwrap_or(MAIN), workflow)
            }
            Action::Archive(name) => {
                let path = format!("/workflows/{}", self.setup.id(name));
                self.api.request("DELETE", &path, None)
            }
        };
        Ok(Some(answer))
    }

    fn post(&mut self, verb: &str, body: Option<&Map<String, Value>>) -> Answer {
        let path = format!("/executions/{}/{verb}", self.api.execution);
        let body = body.map(|body| Value::Object(body.clone()));
        self.api.request("POST", &path, body.as_ref())
    }

    fn decide(&mut self, decide: &Decide) -> Result<Answer, String> {
        let approvals = self.api.approvals();
        let asked = approvals
            .iter()
            .find(|approval| approval["path"] == decide.node.as_str());
        let asked = asked.ok_or_else(|| format!("{:?} asks nothing", decide.node))?;
        let mut body = decide.with.clone();
        if body.get("shown_hash").is_some_and(|hash| hash == "shown") {
            body.insert("shown_hash".into(), asked["shown_hash"].clone());
        }
        let id = asked["id"].as_str().unwrap_or_default();
        Ok(self.api.subject.send(Request {
            method: "POST",
            path: format!("/approvals/{id}/decision"),
            body: Some(Value::Object(body).to_string()),
            key: decide.key.as_ref().map(|key| self.setup.names.own(key)),
        }))
    }

    fn release(&mut self, release: &Release) -> Result<(), String> {
        let mut round = 0;
        while !self.desk.release(&release.agent, release.key.as_ref()) {
            if !self.api.subject.settle(round) {
                return Err(format!("no call of agent {:?} is held", release.agent));
            }
            round += 1;
        }
        Ok(())
    }

    /// Lets things happen until the expectation holds.
    fn wait(&mut self, expected: &Expectation) -> Result<(), String> {
        let mut round = 0;
        loop {
            self.api.subject.settle(0);
            let Err(why) = judge::judge(&mut self.api, &self.desk, expected) else {
                return Ok(());
            };
            if !self.api.subject.pass_time(round) {
                return Err(format!("this never came to be:\n{why}"));
            }
            round += 1;
        }
    }

    /// Lets things happen until the execution has the status that is expected in the end, or has ended.
    fn rest(&mut self, expected: &Expectation) -> Result<(), String> {
        let Some(expected) = &expected.status else {
            return Ok(());
        };
        let mut round = 0;
        loop {
            self.api.subject.settle(0);
            let execution = self.api.show("");
            let status = execution["status"].as_str().unwrap_or_default();
            if status == expected || matches!(status, "completed" | "failed" | "cancelled") {
                return Ok(());
            }
            if !self.api.subject.pass_time(round) {
                return Err(format!("it stays {status}, expected {expected}"));
            }
            round += 1;
        }
    }

    /// Compares, and gives what is still under way a moment to arrive.
    fn compare(&mut self, expected: &Expectation) -> Result<(), String> {
        let mut round = 0;
        loop {
            let may_change = self.api.subject.settle(round);
            match judge::judge(&mut self.api, &self.desk, expected) {
                Err(_) if may_change => round += 1,
                judged => return judged,
            }
        }
    }
}
