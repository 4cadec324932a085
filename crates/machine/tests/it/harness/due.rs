//! What must hold of time after every step: nothing outlives its due time once the execution is looked at (I15), and
//! the execution is looked at in time.

use agentchains_machine::{ApprovalStatus, Ending, NodeState, Waiting};

use super::{Run, rows::Rows};

pub(super) fn check(after: &Rows, run: &Run) {
    let execution = &after.execution;
    if execution.status.is_terminal() {
        return;
    }
    let deadline = execution.deadline.filter(|deadline| *deadline > run.now);
    let is_over = execution.deadline.is_some() && deadline.is_none();
    let mut due: Vec<_> = deadline.into_iter().collect();
    for (path, row) in &after.nodes {
        let Some(moment) = row.state.due_at() else {
            continue;
        };
        let may_be_over = match &row.state {
            // A question that was withdrawn; the node ends with what is in flight.
            NodeState::Waiting(Waiting::Approval { approval_id, .. }) => {
                after.approvals[approval_id].status != ApprovalStatus::Pending
            }
            // What is to be sent again may wait longer: for a place, or for the end of a pause.
            NodeState::Waiting(_) => true,
            _ => false,
        };
        if !may_be_over || moment > run.now {
            assert!(moment > run.now, "{path} outlives {moment}");
            due.push(moment);
        }
    }
    assert_eq!(execution.wake_at, due.into_iter().min());
    assert!(
        execution.wake_at.is_none_or(|wake_at| wake_at > run.now),
        "a driver would spin"
    );
    let aborts = is_over
        || matches!(
            execution.ending,
            Some(Ending::Cancel | Ending::Timeout | Ending::Quarantine | Ending::Budget { .. })
        );
    for (path, row) in after.nodes.iter().filter(|_| aborts) {
        assert!(is_ending(&row.state), "{path} goes on after the end has begun");
    }
}

/// Whether a node is not in flight, or is only waited for.
pub(super) fn is_ending(state: &NodeState) -> bool {
    match state {
        NodeState::Running(attempt) => attempt.abort_by.is_some(),
        NodeState::Child(child) => child.cancel_by.is_some(),
        _ => true,
    }
}
