//! Joins: whether a node runs, given what its in-edges have become (language reference, section 5).

use agentchains_workflow::{EdgeRef, Join, NodeKind, When};

use crate::{NodeRow, NodeState, SkipCause, SkipReason};

/// What an edge has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeState {
    /// Its source has not settled.
    Pending,
    /// Its target may run because of it.
    Live,
    /// Its target does not run because of it.
    Dead,
    /// Dead because of a failure that nothing handled.
    CutOff,
}

/// What an edge has become, given its source. A function of the source's row, so it is stored nowhere.
pub(crate) fn edge_state(source: &NodeRow, kind: &NodeKind, edge: &EdgeRef<'_>) -> EdgeState {
    match &source.state {
        NodeState::Pending
        | NodeState::Running(_)
        | NodeState::Open { .. }
        | NodeState::Child(_)
        | NodeState::Waiting(_) => EdgeState::Pending,
        NodeState::Completed(done) => live_if(match edge.when {
            When::Always => !is_rejection(kind, done.branch.as_deref()),
            When::Labels(labels) => done.branch.as_ref().is_some_and(|branch| labels.contains(branch)),
            When::OnError => false,
        }),
        NodeState::Failed(failed) if failed.handled => live_if(*edge.when == When::OnError),
        NodeState::Failed(_) => EdgeState::CutOff,
        NodeState::Skipped(reason) if reason.cause == SkipCause::UpstreamFailed => EdgeState::CutOff,
        NodeState::Skipped(_) | NodeState::Cancelled { .. } => EdgeState::Dead,
    }
}

/// The label of the edges that a rejection makes live; it makes unlabelled ones dead.
pub(crate) const REJECTED: &str = "rejected";

fn is_rejection(kind: &NodeKind, branch: Option<&str>) -> bool {
    matches!(kind, NodeKind::HumanApproval(_)) && branch == Some(REJECTED)
}

const fn live_if(live: bool) -> EdgeState {
    if live { EdgeState::Live } else { EdgeState::Dead }
}

/// How many in-edges of a node have become what. A cache of [`edge_state`] over its in-edges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrivals {
    live: u32,
    dead: u32,
    cut_off: u32,
}

impl Arrivals {
    pub(crate) fn count(&mut self, edge: EdgeState) {
        match edge {
            EdgeState::Pending => {}
            EdgeState::Live => self.live += 1,
            EdgeState::Dead => self.dead += 1,
            EdgeState::CutOff => {
                self.dead += 1;
                self.cut_off += 1;
            }
        }
    }
}

/// What a join says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wait,
    Run,
    Skip,
}

/// Decides a join. The table of section 5, row by row; a node without in-edges runs.
pub(crate) fn decide(join: Join, in_degree: u32, arrivals: Arrivals) -> Verdict {
    let Arrivals { live, dead, cut_off } = arrivals;
    let settled = live + dead == in_degree;
    let (run, skip) = match join {
        _ if in_degree == 0 => (true, false),
        Join::Default => (
            settled && live > 0 && cut_off == 0,
            cut_off > 0 || dead == in_degree,
        ),
        Join::All => (live == in_degree, dead > 0),
        Join::Any => (live > 0, dead == in_degree),
        Join::Settled => (settled, false),
        Join::AtLeast(k) => (live >= k.get(), in_degree - dead < k.get()),
    };
    match (run, skip) {
        (true, _) => Verdict::Run,
        (false, true) => Verdict::Skip,
        (false, false) => Verdict::Wait,
    }
}

/// Why an edge of a source that has settled is dead.
pub(crate) fn reason_of_dead_edge(source: &NodeRow) -> SkipReason {
    let (cause, by) = match &source.state {
        NodeState::Failed(failed) if !failed.handled => (SkipCause::UpstreamFailed, source.path.clone()),
        NodeState::Skipped(SkipReason {
            cause: SkipCause::UpstreamFailed,
            by,
        }) => (SkipCause::UpstreamFailed, by.clone()),
        NodeState::Skipped(_) | NodeState::Cancelled { .. } => {
            (SkipCause::UpstreamSkipped, source.path.clone())
        }
        _ => (SkipCause::BranchNotTaken, source.path.clone()),
    };
    SkipReason { cause, by }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn arrivals(edges: &str) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for edge in edges.chars() {
            arrivals.count(match edge {
                'L' => EdgeState::Live,
                'D' => EdgeState::Dead,
                'C' => EdgeState::CutOff,
                _ => EdgeState::Pending,
            });
        }
        arrivals
    }

    #[test]
    fn each_join_runs_waits_and_skips_as_the_table_says() {
        use Verdict::{Run, Skip, Wait};
        let two = Join::AtLeast(NonZeroU32::new(2).unwrap());
        let cases: &[(&str, Join, Verdict)] = &[
            ("", Join::Default, Run),
            ("LL", Join::Default, Run),
            ("LD", Join::Default, Run),
            ("LP", Join::Default, Wait),
            ("DP", Join::Default, Wait),
            ("DD", Join::Default, Skip),
            ("LC", Join::Default, Skip),
            ("PC", Join::Default, Skip),
            ("LL", Join::All, Run),
            ("LP", Join::All, Wait),
            ("PD", Join::All, Skip),
            ("PL", Join::Any, Run),
            ("CL", Join::Any, Run),
            ("PD", Join::Any, Wait),
            ("CD", Join::Any, Skip),
            ("CD", Join::Settled, Run),
            ("CP", Join::Settled, Wait),
            ("LLP", two, Run),
            ("LPD", two, Wait),
            ("LDD", two, Skip),
        ];
        for (edges, join, expected) in cases {
            let degree = u32::try_from(edges.len()).unwrap();
            assert_eq!(
                decide(*join, degree, arrivals(edges)),
                *expected,
                "{join:?} with {edges:?}"
            );
        }
    }
}
