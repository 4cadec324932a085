//! One call to the store fails, whichever it is and whether it takes effect or not: every execution goes on by itself
//! and comes to the same end, and nothing is asked of an agent that would not have been asked otherwise (I34).

mod flows;

use std::pin::pin;

use agentchains_engine::{
    Caller, EngineError, StartRequest,
    machine::{ApprovalStatus, Event, ExecutionId, ExecutionRow, WorkflowId},
    ports::{ApprovalFilter, ExecutionFilter, ExecutionQuery, Idempotency, PageRequest},
};
use agentchains_testkit::Fault;
use jiff::Timestamp;

use self::flows::{Flow, Person, flows};
use crate::harness::{World, decision, named, process, seconds, settle};

const TENANT: &str = "default";
/// Seconds after which nothing more is expected to happen by itself.
const PATIENCE: usize = 60;

/// All that there is to say about a run, in an order that does not depend on what happened at the same time.
#[derive(Debug, PartialEq)]
struct End {
    executions: Vec<String>,
    /// What the agents were asked: execution, node and attempt.
    asked: Vec<String>,
    events: Vec<String>,
}

/// A person, or a program, who asks again when there was no answer.
struct Caretaker<'w> {
    world: &'w World,
    person: Person,
}

impl Caretaker<'_> {
    /// Starts it, under a key, so that it is started once however often it is asked for.
    async fn start(&self, workflow: WorkflowId) -> ExecutionId {
        let request = StartRequest {
            idempotency: Some(Idempotency {
                key: "start".to_owned(),
                fingerprint: "start".to_owned(),
                expires_at: Timestamp::MAX,
            }),
            ..StartRequest::default()
        };
        loop {
            match self.waits(self.world.try_start(workflow, request.clone())).await {
                Ok(row) => return row.id,
                Err(error) => self.comes_back(&error),
            }
        }
    }

    /// Does what is to be done about an execution, or tries again the next time.
    async fn look_after(&mut self, id: ExecutionId) {
        let (engine, caller) = (&self.world.engine, Caller::anonymous());
        let done = match self.person {
            Person::Sleeps => return,
            Person::Approves => return self.approve().await,
            Person::Pauses => self.waits(engine.pause(&caller, id)).await,
            Person::Cancels => self.waits(engine.cancel(&caller, id)).await,
            Person::Resumes => self.waits(engine.resume(&caller, id, None)).await,
        };
        match done {
            // Rejected where it was done, and only the answer was lost.
            Ok(_) | Err(EngineError::Rejected(_)) => self.person = self.person.next(),
            Err(error) => self.comes_back(&error),
        }
    }

    /// Approves what is asked, under a key.
    async fn approve(&self) {
        let filter = ApprovalFilter {
            status: Some(ApprovalStatus::Pending),
            ..ApprovalFilter::default()
        };
        let asked = self
            .world
            .store
            .memory()
            .approvals(TENANT, &filter, &page())
            .await;
        for asked in asked.unwrap().items {
            let mut approval = decision(&asked, "approve", "ann");
            approval.request_key = Some("approve".to_owned());
            let (engine, caller) = (&self.world.engine, Caller::anonymous());
            match self.waits(engine.decide(&caller, approval)).await {
                Ok(row) => assert_eq!(row.status, ApprovalStatus::Decided),
                Err(error) => self.comes_back(&error),
            }
        }
    }

    /// Waits for an answer; time passes meanwhile.
    async fn waits<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        loop {
            tokio::select! {
                biased;
                answer = answer.as_mut() => return answer,
                () = settle() => {}
            }
            self.world.clock.advance(seconds(1));
        }
    }

    /// Only what may help is tried again.
    fn comes_back(&self, error: &EngineError) {
        assert!(matches!(error, EngineError::Store(_)), "{error:?}");
    }
}

fn page() -> PageRequest {
    PageRequest {
        limit: 100,
        cursor: None,
    }
}

/// Runs a flow to its end. `fault`: the number of the call to the store that fails, counted from the start of the
/// execution on. Returns the names of the calls, too.
fn run(flow: &Flow, fault: Option<(usize, Fault)>) -> (End, Vec<&'static str>) {
    process(async {
        let world = World::new();
        for (agent, answers) in &flow.script {
            world.agents.script(agent, answers.clone());
        }
        if let Some(child) = &flow.child {
            world.workflow(&named("child", child.clone())).await;
        }
        let workflow = world.workflow(&flow.document).await;
        settle().await;
        let store = world.store.inner().clone();
        let before = store.calls().len();
        if let Some((number, fault)) = fault {
            store.fail_call(before + number, fault);
        }
        let mut caretaker = Caretaker {
            world: &world,
            person: flow.person,
        };
        let id = caretaker.start(workflow).await;
        for _ in 0..PATIENCE {
            settle().await;
            if all(&world).await.iter().all(|row| row.status.is_terminal()) {
                break;
            }
            caretaker.look_after(id).await;
            world.pass(seconds(1)).await;
        }
        let calls = store.calls().split_off(before);
        assert_eq!(world.agents.in_flight(), 0, "a call goes on after the end");
        (end(&world).await, calls)
    })
}

/// The executions as they are in the store, whatever fails, those above others first.
async fn all(world: &World) -> Vec<ExecutionRow> {
    let filter = ExecutionFilter::default();
    let found = world.store.memory().executions(TENANT, &filter, &page()).await;
    let mut rows = found.unwrap().items;
    rows.sort_by_key(|row| (row.depth(), row.id));
    rows
}

async fn end(world: &World) -> End {
    let memory = world.store.memory();
    let rows = all(world).await;
    let place = |id: ExecutionId| rows.iter().position(|row| row.id == id);
    let calls = world.agents.calls();
    let mut asked: Vec<String> = calls
        .iter()
        .map(|(id, call)| format!("{:?} {} {}", place(*id), call.path, call.attempt))
        .collect();
    asked.sort();
    let (mut executions, mut events) = (Vec::new(), Vec::new());
    for row in &rows {
        let status = world.status(row.id).await;
        let nodes = memory.nodes(row.id).await.unwrap();
        let nodes: Vec<String> = nodes
            .iter()
            .map(|node| {
                format!(
                    "{} {} {} {}",
                    node.path,
                    node.state.status(),
                    node.attempts,
                    node.cost
                )
            })
            .collect();
        let (spent, reserved) = (row.spent, row.reserved);
        // Ids follow from the moment, which a fault may put off.
        let output = row.output.as_ref().map(|output| {
            rows.iter().fold(output.to_string(), |text, row| {
                text.replace(&row.id.to_string(), "<id>")
            })
        });
        executions.push(format!("{status} {spent} {reserved} {output:?} {nodes:?}"));
        let told = memory.events(row.id, 0, 1_000).await.unwrap();
        assert!(
            told.iter().zip(1..).all(|(event, seq)| event.seq == seq),
            "a gap in {told:?}"
        );
        let mut told: Vec<String> = told.iter().map(named_event).collect();
        told.sort();
        events.extend(told);
    }
    End {
        executions,
        asked,
        events,
    }
}

fn named_event(event: &Event) -> String {
    let path = event.data.member("path");
    let path = path.and_then(|path| path.as_text().map(|path| path.into_owned()));
    format!("{} {path:?}", event.kind)
}

#[test]
fn an_execution_comes_to_the_same_end_whichever_call_to_the_store_fails() {
    let flows = flows();
    assert!(flows.len() >= 20);
    for flow in &flows {
        let (expected, calls) = run(flow, None);
        let (status, _) = expected.executions[0].split_once(' ').unwrap();
        assert_eq!(status, flow.end, "{}: {expected:?}", flow.name);
        for (number, method) in calls.iter().enumerate() {
            for fault in Fault::ALL {
                let (end, _) = run(flow, Some((number, fault)));
                let name = flow.name;
                assert_eq!(end, expected, "{name}: {fault:?} at call {number}, {method}");
            }
        }
    }
}
