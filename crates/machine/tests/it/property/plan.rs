//! Random workflows and random things that happen to them.

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

/// A workflow with what holds for its nodes; edges point forward, so that there is no cycle.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) nodes: Vec<NodePlan>,
    pub(super) edges: Vec<(usize, usize, u8)>,
    pub(super) settings: Settings,
}

#[derive(Debug, Clone)]
pub(super) struct NodePlan {
    asks: bool,
    join: u8,
    max_attempts: Option<u32>,
    on_error: u8,
    goto: usize,
    tenths: Option<u32>,
    on_unknown: u8,
    breaker_wait: Option<u32>,
    expires: Option<u32>,
    on_timeout: u8,
    quorum: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    on_failure: u8,
    on_budget: u8,
    unknown_cost: u8,
    layered: bool,
    max_concurrency: u32,
    tenths: Option<u32>,
    timeout: Option<u32>,
}

/// Something that happens. Numbers choose among what there is at that moment.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Answer {
        call: usize,
        ending: u8,
    },
    /// A result that may be late, repeated or of an attempt that never was.
    Stray {
        node: usize,
        attempt: u32,
        ending: u8,
    },
    Accept {
        call: usize,
    },
    Pass {
        seconds: u32,
    },
    Wake,
    Pause,
    Resume {
        tenths: Option<u32>,
    },
    Cancel,
    Decide {
        question: usize,
        decision: u8,
        by: u8,
    },
    Crash,
    Busy {
        node: usize,
    },
    Open {
        node: usize,
        seconds: u32,
    },
    Well {
        node: usize,
    },
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let edge = (any::<usize>(), any::<usize>(), any::<u8>());
    (vec(node(), 1..=12), vec(edge, 0..24), settings()).prop_map(|(nodes, edges, settings)| Plan {
        nodes,
        edges,
        settings,
    })
}

fn node() -> impl Strategy<Value = NodePlan> {
    let policies = (any::<u8>(), option::of(1..4_u32), 0..8_u8, any::<usize>());
    let calls = (option::of(0..8_u32), any::<u8>(), option::of(0..40_u32));
    let asks = (
        prop::bool::weighted(0.2),
        option::of(1..60_u32),
        any::<u8>(),
        1..3_u32,
    );
    (policies, calls, asks).prop_map(|(policies, calls, asks)| NodePlan {
        join: policies.0,
        max_attempts: policies.1,
        on_error: policies.2,
        goto: policies.3,
        tenths: calls.0,
        on_unknown: calls.1,
        breaker_wait: calls.2,
        asks: asks.0,
        expires: asks.1,
        on_timeout: asks.2,
        quorum: asks.3,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let policies = (
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        prop::bool::weighted(0.3),
        1..6_u32,
    );
    let limits = (option::of(0..20_u32), option::weighted(0.2, 1..200_u32));
    (policies, limits).prop_map(|(policies, limits)| Settings {
        on_failure: policies.0,
        on_budget: policies.1,
        unknown_cost: policies.2,
        layered: policies.3,
        max_concurrency: policies.4,
        tenths: limits.0,
        timeout: limits.1,
    })
}

pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    vec(event(), 0..60)
}

fn event() -> impl Strategy<Value = Event> {
    let (any_node, choice) = (any::<usize>, any::<u8>);
    prop_oneof![
        12 => (any_node(), choice()).prop_map(|(call, ending)| Event::Answer { call, ending }),
        3 => (any_node(), 0..4_u32, choice())
            .prop_map(|(node, attempt, ending)| Event::Stray { node, attempt, ending }),
        2 => any_node().prop_map(|call| Event::Accept { call }),
        3 => (0..30_u32).prop_map(|seconds| Event::Pass { seconds }),
        3 => Just(Event::Wake),
        1 => Just(Event::Pause),
        3 => option::of(0..30_u32).prop_map(|tenths| Event::Resume { tenths }),
        1 => prop::bool::weighted(0.3).prop_map(|yes| if yes { Event::Cancel } else { Event::Wake }),
        3 => (any_node(), choice(), choice())
            .prop_map(|(question, decision, by)| Event::Decide { question, decision, by }),
        2 => Just(Event::Crash),
        1 => any_node().prop_map(|node| Event::Busy { node }),
        1 => (any_node(), 0..60_u32).prop_map(|(node, seconds)| Event::Open { node, seconds }),
        2 => any_node().prop_map(|node| Event::Well { node }),
    ]
}

fn one_of<T: Copy>(choice: u8, from: &[T]) -> T {
    from[usize::from(choice) % from.len()]
}

pub(super) fn name(index: usize) -> String {
    format!("n{index}")
}

impl Plan {
    /// The same with attempts that a crash cannot end.
    pub(super) fn resending(mut self) -> Self {
        for node in &mut self.nodes {
            node.on_unknown = 0;
        }
        self
    }

    /// The document. Settings that do not go together are left out.
    pub(super) fn document(&self) -> Value {
        let edges = self.edges();
        let nodes: Vec<Value> = (0..self.nodes.len())
            .map(|index| self.node(index, &edges))
            .collect();
        let edges: Vec<Value> = edges
            .iter()
            .map(|(from, to, label)| match self.label(*from, *label) {
                Some(label) => json!({"from": name(*from), "to": name(*to), "when": label}),
                None => json!({"from": name(*from), "to": name(*to)}),
            })
            .collect();
        let settings = &self.settings;
        let mut document = json!({
            "name": "random",
            "nodes": nodes,
            "edges": edges,
            "on_failure": one_of(settings.on_failure, &["drain", "cancel", "continue"]),
            "on_budget": one_of(settings.on_budget, &["fail", "pause"]),
            "unknown_cost": one_of(settings.unknown_cost, &["allow", "serialize"]),
            "scheduling": if settings.layered { "layered" } else { "eager" },
            "max_concurrency": settings.max_concurrency,
        });
        if let Some(tenths) = settings.tenths {
            document["max_budget"] = json!(f64::from(tenths) / 10.0);
        }
        if let Some(timeout) = settings.timeout {
            document["timeout"] = json!(timeout);
        }
        document
    }

    fn edges(&self) -> Vec<(usize, usize, u8)> {
        let mut edges: Vec<(usize, usize, u8)> = Vec::new();
        for (a, b, label) in &self.edges {
            let (a, b) = (a % self.nodes.len(), b % self.nodes.len());
            let (from, to) = (a.min(b), a.max(b));
            if from != to && !edges.iter().any(|(f, t, _)| (*f, *t) == (from, to)) {
                edges.push((from, to, *label));
            }
        }
        edges
    }

    fn label(&self, from: usize, label: u8) -> Option<&'static str> {
        let labels = [None, Some("approved"), Some("rejected")];
        one_of(label, &labels).filter(|_| self.nodes[from].asks)
    }

    fn goto(&self, index: usize) -> Option<usize> {
        let node = &self.nodes[index];
        let behind = self.nodes.len() - index - 1;
        (node.on_error == 2 && behind > 0).then(|| index + 1 + node.goto % behind)
    }

    fn node(&self, index: usize, edges: &[(usize, usize, u8)]) -> Value {
        let plan = &self.nodes[index];
        let mut node = json!({"id": name(index)});
        if plan.asks {
            node["type"] = json!("human_approval");
            node["config"] = json!({"quorum": plan.quorum});
            if let Some(expires) = plan.expires {
                node["config"]["timeout"] = json!(expires);
                node["config"]["on_timeout"] = json!(one_of(plan.on_timeout, &["reject", "approve", "fail"]));
            }
        } else {
            node["type"] = json!("agent_call");
            node["agent_id"] = json!(name(index));
            self.call_settings(plan, &mut node);
        }
        if plan.on_error == 1 {
            node["on_error"] = json!({"output": {"fallback": index}});
        }
        if let Some(goto) = self.goto(index) {
            node["on_error"] = json!({"goto": name(goto)});
        }
        // An edge that a `goto` adds may be one more; it is not counted, so that the join can always hold.
        let degree = edges.iter().filter(|(_, to, _)| *to == index).count();
        node["join"] = match plan.join % 5 {
            1 => json!("all"),
            2 => json!("any"),
            3 => json!("settled"),
            4 if degree > 0 => json!({"at_least": 1 + usize::from(plan.join) / 5 % degree}),
            _ => json!("default"),
        };
        node
    }

    fn call_settings(&self, plan: &NodePlan, node: &mut Value) {
        node["on_unknown"] = json!(one_of(plan.on_unknown, &["resend", "resend", "fail"]));
        if let Some(max_attempts) = plan.max_attempts {
            node["retry"] = json!({"max_attempts": max_attempts, "initial_interval": 5});
        }
        if let Some(tenths) = plan.tenths {
            node["max_cost"] = json!(f64::from(tenths) / 10.0);
        }
        if let Some(breaker_wait) = plan.breaker_wait {
            node["breaker_wait"] = json!(breaker_wait);
        }
    }
}
