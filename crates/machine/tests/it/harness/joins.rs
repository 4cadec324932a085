//! The joins, written a second time from the language reference (section 5).

use agentchains_machine::{NodePath, NodeRow, NodeState, SkipCause};
use agentchains_workflow::{EdgeRef, Graph, Join, NodeKind, Scheduling, When};

use super::{
    Run,
    rows::Rows,
    scope::{beside, graph_of},
};

/// Whether a node that has started could: by its in-edges, and by the layers below.
pub(super) fn assert_join_holds(rows: &Rows, run: &Run, path: &NodePath) {
    let graph = graph_of(path, run);
    let index = graph.find(path.node_id()).unwrap();
    let (mut live, mut settled, mut cut_off, mut edges) = (0, 0, 0, 0);
    for edge in graph.incoming(index) {
        edges += 1;
        let source = rows.nodes.get(&beside(path, &graph.node(edge.from).id));
        settled += u32::from(source.is_some_and(|row| row.state.status().is_settled()));
        live += u32::from(source.is_some_and(|row| is_live(graph, &edge, row)));
        cut_off += u32::from(source.is_some_and(is_cut_off));
    }
    let holds = edges == 0
        || match graph.node(index).join {
            Join::Default => settled == edges && live > 0 && cut_off == 0,
            Join::All => live == edges,
            Join::Any => live > 0,
            Join::Settled => settled == edges,
            Join::AtLeast(least) => live >= least.get(),
        };
    assert!(holds, "{path} started too early");
    if run.workflow.settings().scheduling == Scheduling::Layered {
        for below in graph.layers()[..graph.layer_of(index) as usize].iter().flatten() {
            let other = beside(path, &graph.node(*below).id);
            assert!(
                rows.status(&other).is_settled(),
                "{path} started before {other} had settled"
            );
        }
    }
}

fn is_live(graph: &Graph, edge: &EdgeRef<'_>, source: &NodeRow) -> bool {
    match &source.state {
        NodeState::Completed(done) => match edge.when {
            When::Always => {
                let asks = matches!(graph.node(edge.from).kind, NodeKind::HumanApproval(_));
                !(asks && done.branch.as_deref() == Some("rejected"))
            }
            When::Labels(labels) => done.branch.as_ref().is_some_and(|branch| labels.contains(branch)),
            When::OnError => false,
        },
        NodeState::Failed(failed) => failed.handled && *edge.when == When::OnError,
        _ => false,
    }
}

fn is_cut_off(source: &NodeRow) -> bool {
    match &source.state {
        NodeState::Failed(failed) => !failed.handled,
        NodeState::Skipped(reason) => reason.cause == SkipCause::UpstreamFailed,
        _ => false,
    }
}
