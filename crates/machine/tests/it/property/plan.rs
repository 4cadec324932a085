//! Random workflows as plain data: what a document is written from, and what shrinks when a law does not hold.

/// A workflow, and how an execution of it is started.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) body: Body,
    pub(super) settings: Settings,
}

/// The nodes of one scope. Edges point forward, so that there is no cycle; their ends are numbers of any size.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) nodes: Vec<NodePlan>,
    pub(super) edges: Vec<EdgePlan>,
}

#[derive(Debug, Clone)]
pub(super) struct EdgePlan {
    pub(super) ends: (usize, usize),
    pub(super) label: u8,
}

#[derive(Debug, Clone)]
pub(super) struct NodePlan {
    pub(super) kind: Kind,
    pub(super) join: u8,
    pub(super) on_error: OnErrorPlan,
    pub(super) max_attempts: Option<u32>,
    /// Seconds.
    pub(super) timeout: Option<u32>,
    /// The most that an attempt may cost, in tenths of a USD.
    pub(super) tenths: Option<u32>,
    pub(super) on_unknown: u8,
}

#[derive(Debug, Clone)]
pub(super) enum OnErrorPlan {
    Fail,
    Output,
    /// To one of the nodes behind it, where there is one.
    Goto(usize),
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Call {
        agent: u8,
        asks: Asks,
        /// Seconds.
        breaker_wait: Option<u32>,
    },
    Condition {
        form: u8,
    },
    Approval {
        /// Seconds.
        expires: Option<u32>,
        on_timeout: u8,
        quorum: u32,
    },
    Members {
        body: Body,
        fan: Fan,
    },
    Items {
        items: Items,
        body: Body,
        fan: Fan,
    },
    Loop {
        repeat: Repeat,
        most: u32,
        completes: bool,
        body: Body,
    },
    Child {
        waits: bool,
        has_input: bool,
    },
}

/// What a call's config holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asks {
    /// What is in scope, with defaults for what may be missing.
    Whatever,
    /// The output of a predecessor, without a default.
    Predecessor,
    /// What does not exist.
    Missing,
    /// What cannot be evaluated.
    Nonsense,
    /// What its own schema refuses.
    Misfit,
    /// Anything; but its answer must fit a schema.
    FittingAnswer,
}

/// What a group or loop runs over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Items {
    Written(u8),
    FromInput,
    /// Something that is no array.
    NoArray,
}

#[derive(Debug, Clone)]
pub(super) struct Fan {
    pub(super) mode: u8,
    pub(super) on_item_error: u8,
    pub(super) max_concurrency: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) enum Repeat {
    Until(u8),
    While(u8),
    Items(Items),
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) on_failure: u8,
    pub(super) on_budget: u8,
    pub(super) unknown_cost: u8,
    pub(super) layered: bool,
    pub(super) max_concurrency: u32,
    /// The budget, in tenths of a USD.
    pub(super) tenths: Option<u32>,
    /// Seconds.
    pub(super) timeout: Option<u32>,
    /// Executions on the way down to it, where it is a child.
    pub(super) depth: Option<u32>,
    /// Whether the execution's output cannot be rendered.
    pub(super) output_is_missing: bool,
}

/// One of these, by a number of any size.
pub(super) fn one_of<T: Copy>(choice: u8, from: &[T]) -> T {
    from[usize::from(choice) % from.len()]
}

impl Plan {
    /// The same with attempts that a crash cannot end.
    pub(super) fn resending(mut self) -> Self {
        self.body.for_each(&mut |node| node.on_unknown = 0);
        self
    }

    /// The same with an execution's timeout, in seconds.
    pub(super) fn in_time(mut self, timeout: u32) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }
}

impl Body {
    fn for_each(&mut self, change: &mut dyn FnMut(&mut NodePlan)) {
        for node in &mut self.nodes {
            change(node);
            if let Some(body) = node.kind.body_mut() {
                body.for_each(change);
            }
        }
    }

    /// The ids of its nodes; the first node of the workflow is `n0`, and each one's members follow it.
    pub(super) fn ids(&self, first: usize) -> Vec<usize> {
        let mut next = first;
        let ids = self.nodes.iter().map(|node| {
            let own = next;
            next += node.size();
            own
        });
        ids.collect()
    }

    /// The edges between different nodes, each pair once.
    pub(super) fn distinct_edges(&self) -> Vec<EdgePlan> {
        let mut edges: Vec<EdgePlan> = Vec::new();
        for edge in &self.edges {
            let (a, b) = (edge.ends.0 % self.nodes.len(), edge.ends.1 % self.nodes.len());
            let ends = (a.min(b), a.max(b));
            if a != b && edges.iter().all(|other| other.ends != ends) {
                edges.push(EdgePlan { ends, ..edge.clone() });
            }
        }
        edges
    }
}

impl NodePlan {
    /// Nodes, its members included.
    fn size(&self) -> usize {
        let body = self.kind.body();
        1 + body.map_or(0, |body| body.nodes.iter().map(Self::size).sum())
    }
}

impl Kind {
    pub(super) const fn body(&self) -> Option<&Body> {
        match self {
            Self::Members { body, .. } | Self::Items { body, .. } | Self::Loop { body, .. } => Some(body),
            _ => None,
        }
    }

    const fn body_mut(&mut self) -> Option<&mut Body> {
        match self {
            Self::Members { body, .. } | Self::Items { body, .. } | Self::Loop { body, .. } => Some(body),
            _ => None,
        }
    }
}
