//! Pause, resume and cancel, and what races with them (language reference, section 10).

use agentchains_machine::{
    AttemptOutcome, AttemptStatus, ExecutionStatus, Input, PauseReason, Rejected, RemoteCancel,
};
use serde_json::json;

use crate::harness::{broke, flow, reply, reply_costing, usd};

fn conflict(status: ExecutionStatus, pause_reason: Option<PauseReason>) -> Rejected {
    Rejected::Conflict { status, pause_reason }
}

#[test]
fn a_paused_execution_starts_nothing_until_it_is_resumed() {
    let mut run = flow("a b | a>b").start();
    run.pause().unwrap();
    assert_eq!(run.status(), "paused(user)");
    run.play("a+");
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed b:pending", "paused(user)")
    );
    run.resume().unwrap();
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed b:running", "running")
    );
}

#[test]
fn a_retry_that_comes_due_during_a_pause_starts_with_the_resume() {
    let mut run = flow("a").node("a", json!({"retry": {"jitter": "none"}})).start();
    run.play("a~");
    run.pause().unwrap();
    run.wait("1h");
    assert_eq!(run.states(), "a:waiting(retry)");
    assert_eq!(run.sleeps_for(), None);
    run.resume().unwrap();
    assert_eq!(run.states(), "a:running");
}

#[test]
fn a_retry_that_came_due_during_a_pause_starts_after_a_restart_too() {
    let mut run = flow("a").node("a", json!({"retry": {"jitter": "none"}})).start();
    run.play("a~");
    run.pause().unwrap();
    run.wait("1h");
    run.reload();
    run.resume().unwrap();
    assert_eq!(run.states(), "a:running");
}

#[test]
fn the_last_result_during_a_pause_leaves_it_paused_and_resuming_completes_it() {
    let mut run = flow("a").start();
    run.pause().unwrap();
    run.play("a+");
    assert_eq!(run.status(), "paused(user)");
    run.resume().unwrap();
    assert_eq!(run.status(), "completed");
}

#[test]
fn a_failure_during_a_pause_ends_the_execution() {
    let mut run = flow("a b | a>b").start();
    run.pause().unwrap();
    run.play("a-");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn commands_that_do_not_apply_are_refused_and_change_nothing() {
    let mut run = flow("a").start();
    let running = conflict(ExecutionStatus::Running, None);
    assert_eq!(run.resume(), Err(running));
    run.pause().unwrap();
    let paused = conflict(ExecutionStatus::Paused, Some(PauseReason::User));
    let before = run.rows.clone();
    assert_eq!(run.pause(), Err(paused));
    assert!(run.feed(Input::Tick).is_empty());
    assert_eq!(run.rows, before);
    run.cancel().unwrap();
    let cancelling = conflict(ExecutionStatus::Cancelling, None);
    assert_eq!(run.cancel(), Err(cancelling.clone()));
    assert_eq!(run.pause(), Err(cancelling.clone()));
    assert_eq!(run.resume(), Err(cancelling));
}

#[test]
fn a_terminal_execution_refuses_everything_and_hears_nothing() {
    let mut run = flow("a").start();
    run.play("a+");
    let completed = conflict(ExecutionStatus::Completed, None);
    assert_eq!(run.pause(), Err(completed.clone()));
    assert_eq!(run.resume(), Err(completed.clone()));
    assert_eq!(run.cancel(), Err(completed));
    for input in [Input::Start, Input::Tick, Input::Recover] {
        assert!(run.feed(input).is_empty());
    }
    assert!(run.attempt_ends("a", 1, reply(json!("late"))).is_empty());
}

#[test]
fn cancel_is_recorded_first_and_then_aborts_what_is_in_flight() {
    let mut run = flow("a b c | a>c").start();
    run.play("b+");
    run.cancel().unwrap();
    assert_eq!(run.status(), "cancelling");
    assert_eq!(run.aborts, [("a".to_owned(), 1)]);
    run.ends("a", AttemptOutcome::Aborted(Some(RemoteCancel::Refused)));
    assert_eq!(run.states(), "a:cancelled(refused) b:completed c:cancelled");
    assert_eq!(run.status(), "cancelled");
    assert_eq!(run.attempt("a", 1).status, AttemptStatus::Aborted);
}

#[test]
fn what_had_not_started_when_an_execution_is_cancelled_is_cancelled() {
    let mut run = flow("a q? c d | a>c q>d")
        .node("a", json!({"retry": {"jitter": "none"}}))
        .start();
    run.play("a~");
    run.cancel().unwrap();
    assert_eq!(run.states(), "a:cancelled q:cancelled c:cancelled d:cancelled");
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn results_that_come_while_cancelling_count_and_start_nothing() {
    let mut run = flow("a b c d | a>c b>d").start();
    run.cancel().unwrap();
    run.ends("a", reply_costing(json!("late"), "0.2"));
    run.fails("b", broke());
    assert_eq!(
        run.states(),
        "a:completed b:failed(agent_failed) c:cancelled d:cancelled"
    );
    assert_eq!(run.status(), "cancelled(agent_failed)");
    assert_eq!(run.rows.execution.spent, usd("0.2"));
}

#[test]
fn calls_that_do_not_answer_their_abort_are_not_waited_for() {
    let mut run = flow("a").start();
    run.accepts("a", "task-1");
    run.cancel().unwrap();
    let grace = run.sleeps_for().unwrap();
    assert!(
        grace.as_secs() < 5,
        "terminal within five seconds, {grace:?} is too long"
    );
    run.wait("4s");
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:cancelled(unknown)", "cancelled")
    );
    assert!(run.attempt_ends("a", 1, reply(json!("too late"))).is_empty());
}

#[test]
fn an_execution_that_has_not_begun_can_be_cancelled() {
    let mut run = flow("a").prepare();
    run.cancel().unwrap();
    assert_eq!((run.status().as_str(), run.called().as_str()), ("cancelled", ""));
}

#[test]
fn a_paused_execution_is_cancelled_at_once() {
    let mut run = flow("a b | a>b").start();
    run.pause().unwrap();
    run.play("a+");
    run.cancel().unwrap();
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed b:cancelled", "cancelled")
    );
}

#[test]
fn a_cancel_takes_the_place_of_a_drain() {
    let mut run = flow("a b c | b>c").start();
    run.play("a-");
    assert_eq!(run.status(), "running");
    run.cancel().unwrap();
    assert_eq!(run.aborts, [("b".to_owned(), 1)]);
    run.aborted("b");
    assert_eq!(run.status(), "cancelled(agent_rejected)");
}

#[test]
fn a_cancel_during_an_abort_neither_aborts_twice_nor_waits_longer() {
    let mut run = flow("a b").set(json!({"on_failure": "cancel"})).start();
    run.play("a-");
    run.now = run.later("3s");
    run.cancel().unwrap();
    assert_eq!(run.aborts, [("b".to_owned(), 1)]);
    assert_eq!(run.sleeps_for().unwrap().as_secs(), 1);
    run.wait("1s");
    assert_eq!(run.status(), "cancelled(agent_rejected)");
}

#[test]
fn a_pause_is_refused_once_the_end_has_begun() {
    let mut run = flow("a b").start();
    run.play("a-");
    assert_eq!(run.pause(), Err(conflict(ExecutionStatus::Running, None)));
}

#[test]
fn a_drain_that_was_paused_before_can_be_resumed() {
    let mut run = flow("a b").start();
    run.pause().unwrap();
    run.play("a-");
    assert_eq!(run.status(), "paused(user)");
    run.resume().unwrap();
    assert_eq!(run.status(), "running");
    run.play("b+");
    assert_eq!(run.status(), "failed(agent_rejected)");
}
