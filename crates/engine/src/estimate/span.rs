//! Durations as bounds, and the longest way through a graph.

use std::{
    iter::Sum,
    ops::{Add, Mul},
    time::Duration,
};

use agentchains_workflow::{Graph, NodeIndex};

/// How long something may take at the most. Ordered: what has no end is longer than anything that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Span {
    /// Parts of it that have no end, so that of two ways the one with more of them is the longer one.
    endless: u64,
    /// The rest, together.
    bounded: Duration,
}

impl Span {
    pub(super) const ZERO: Self = Self::at_most(Duration::ZERO);
    pub(super) const ENDLESS: Self = Self {
        endless: 1,
        bounded: Duration::ZERO,
    };

    pub(super) const fn at_most(bounded: Duration) -> Self {
        Self { endless: 0, bounded }
    }

    /// The bound; `None` where there is no end.
    pub(super) fn bound(self) -> Option<Duration> {
        (self.endless == 0).then_some(self.bounded)
    }

    pub(super) fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The time that so many workers need at the most for work that comes to this, where no two of them can share the
    /// part `critical` of it (Graham, "Bounds for certain multiprocessing anomalies", 1966).
    fn shared_by(self, workers: u32, critical: Self) -> Self {
        if self.endless > 0 {
            return critical.max(Self::ENDLESS);
        }
        let rest = self.bounded.saturating_sub(critical.bounded);
        critical + Self::at_most(rest / workers.max(1))
    }
}

/// One after the other.
impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            endless: self.endless.saturating_add(other.endless),
            bounded: self.bounded.saturating_add(other.bounded),
        }
    }
}

/// So many times, one after the other.
impl Mul<u64> for Span {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        const NANOS_PER_SECOND: u128 = 1_000_000_000;
        let nanos = self.bounded.as_nanos().saturating_mul(u128::from(times));
        let subsecond = u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or_default();
        Self {
            endless: self.endless.saturating_mul(times),
            bounded: u64::try_from(nanos / NANOS_PER_SECOND)
                .map_or(Duration::MAX, |seconds| Duration::new(seconds, subsecond)),
        }
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

/// How nodes follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Whether a layer begins only once the one below has ended.
    pub(super) layered: bool,
    /// Nodes that run at once; absent: all that may.
    pub(super) places: Option<u32>,
}

/// The way through a graph that takes the longest, given what each of its nodes takes, and how long the graph takes.
pub(super) fn longest_way(graph: &Graph, spans: &[Span], pace: Pace) -> (Vec<NodeIndex>, Span) {
    let (way, longest) = if pace.layered {
        slowest_of_each_layer(graph, spans)
    } else {
        critical_path(graph, spans)
    };
    let busy = spans.iter().filter(|span| !span.is_zero()).count();
    let whole = match pace.places {
        Some(places) if busy > places as usize => {
            spans.iter().copied().sum::<Span>().shared_by(places, longest)
        }
        _ => longest,
    };
    (way, whole)
}

fn slowest_of_each_layer(graph: &Graph, spans: &[Span]) -> (Vec<NodeIndex>, Span) {
    let slowest = graph.layers().iter().filter_map(|layer| {
        let nodes = layer.iter().rev().copied();
        nodes.max_by_key(|node| spans[node.index()])
    });
    let way: Vec<NodeIndex> = slowest.collect();
    let whole = way.iter().map(|node| spans[node.index()]).sum();
    (way, whole)
}

fn critical_path(graph: &Graph, spans: &[Span]) -> (Vec<NodeIndex>, Span) {
    let mut ends = vec![Span::ZERO; spans.len()];
    let mut before: Vec<Option<NodeIndex>> = vec![None; spans.len()];
    let mut last: Option<NodeIndex> = None;
    for node in graph.layers().iter().flatten().copied() {
        let latest = graph
            .incoming(node)
            .map(|edge| edge.from)
            .reduce(|a, b| if ends[b.index()] > ends[a.index()] { b } else { a });
        before[node.index()] = latest;
        ends[node.index()] = latest.map_or(Span::ZERO, |from| ends[from.index()]) + spans[node.index()];
        if last.is_none_or(|last| ends[node.index()] > ends[last.index()]) {
            last = Some(node);
        }
    }
    let whole = last.map_or(Span::ZERO, |last| ends[last.index()]);
    let mut way: Vec<NodeIndex> = std::iter::successors(last, |node| before[node.index()]).collect();
    way.reverse();
    (way, whole)
}
