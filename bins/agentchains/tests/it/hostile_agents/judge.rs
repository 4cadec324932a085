//! What came of a case, against what must come of it.

use std::time::Duration;

use serde_json::Value;

use super::corpus::Expect;

/// What came of a case.
pub(crate) struct Seen {
    pub(crate) took: Duration,
    pub(crate) execution: Value,
    /// The node that called the hostile agent.
    pub(crate) node: Value,
    pub(crate) events: Vec<Value>,
    pub(crate) approvals: Value,
    pub(crate) attempts: usize,
    pub(crate) cancels: usize,
    pub(crate) next_calls: usize,
    pub(crate) canary_requests: usize,
    /// The credential that the agent was called with.
    pub(crate) secret: &'static str,
    /// What the server wrote to its log meanwhile.
    pub(crate) log: Vec<String>,
}

/// All that is not as it must be.
pub(crate) fn judge(expect: &Expect, seen: &Seen) -> Vec<String> {
    let mut wrong = Wrong::default();
    let Seen { execution, node, .. } = seen;
    wrong.unless(
        expect.node.iter().any(|status| node["status"] == **status),
        || {
            format!(
                "node is {}, not {:?}: {}",
                node["status"], expect.node, node["error"]
            )
        },
    );
    wrong.unless(expect.attempts.contains(&seen.attempts), || {
        format!("{} attempts, not {:?}", seen.attempts, expect.attempts)
    });
    wrong.unless(seen.took <= Duration::from_secs(expect.max_seconds), || {
        format!("took {:?}, more than {} s", seen.took, expect.max_seconds)
    });
    wrong.unless(seen.says_one_of(&expect.code_any_of), || {
        format!(
            "none of {:?} in the node or its events: {node}",
            expect.code_any_of
        )
    });
    let spent: Vec<f64> = expect
        .spent
        .into_iter()
        .chain(expect.spent_any_of.clone())
        .collect();
    let cost = &execution["cost_usd"];
    wrong.unless(
        spent.is_empty() || spent.iter().any(|spent| cost.as_f64() == Some(*spent)),
        || format!("spent {cost}, not {spent:?}"),
    );
    wrong.unless(
        expect
            .execution
            .as_ref()
            .is_none_or(|status| execution["status"] == **status),
        || format!("execution is {}, not {:?}", execution["status"], expect.execution),
    );
    wrong.exactly("calls of the next node", expect.next_calls, seen.next_calls);
    wrong.exactly(
        "requests at the canary",
        expect.canary_requests,
        seen.canary_requests,
    );
    wrong.unless(
        expect.cancels_min.is_none_or(|least| seen.cancels >= least),
        || format!("{} cancels, fewer than {:?}", seen.cancels, expect.cancels_min),
    );
    let error = node["error"].to_string().len();
    wrong.unless(expect.error_max_bytes.is_none_or(|most| error <= most), || {
        format!("the error has {error} bytes")
    });
    hidden(expect, seen, &mut wrong);
    wrong.0
}

/// What must not be seen of the credential and of what the agent sent.
fn hidden(expect: &Expect, seen: &Seen, wrong: &mut Wrong) {
    let shown = format!("{}{}{:?}{:?}", seen.execution, seen.node, seen.events, seen.log);
    wrong.unless(
        expect.secret_hidden != Some(true) || !shown.contains(seen.secret),
        || "the credential is shown".to_owned(),
    );
    let is_record =
        |line: &String| serde_json::from_str::<Value>(line).is_ok_and(|record| record.is_object());
    wrong.unless(
        expect.log_forged != Some(false) || seen.log.iter().all(is_record),
        || format!("the log has lines that are no records: {:?}", seen.log),
    );
    let pending = seen.approvals.as_array().is_some_and(|approvals| {
        approvals.len() == 1 && approvals[0]["status"] == "pending" && approvals[0]["kind"] == "approval"
    });
    wrong.unless(!expect.approval_still_pending || pending, || {
        format!("the approval does not wait: {}", seen.approvals)
    });
}

impl Seen {
    fn says_one_of(&self, codes: &[String]) -> bool {
        let said = format!("{}{}", self.node, Value::from(self.events.clone()));
        codes.is_empty() || codes.iter().any(|code| said.contains(&format!("\"{code}\"")))
    }
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    fn exactly(&mut self, what: &str, expected: Option<usize>, found: usize) {
        self.unless(expected.is_none_or(|expected| expected == found), || {
            format!("{found} {what}, not {expected:?}")
        });
    }
}
