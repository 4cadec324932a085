//! The document of a plan. Settings that do not go together are left out, so that every plan is a valid workflow.

use serde_json::{Map, Value, json};

use super::{
    composites::set,
    plan::{Asks, Body, EdgePlan, Kind, NodePlan, OnErrorPlan, Plan, Repeat, one_of},
};

/// What the expressions of a scope may name besides the nodes beside them.
#[derive(Debug, Clone, Default)]
struct Place {
    has_item: bool,
    has_index: bool,
    has_last: bool,
    /// The number of a node above one that is around.
    above: Option<usize>,
}

/// A node with what surrounds it.
struct Spot<'p> {
    plan: &'p NodePlan,
    /// Its number.
    id: usize,
    place: &'p Place,
    /// The number of a node above it.
    above: Option<usize>,
}

pub(super) fn name(number: usize) -> String {
    format!("n{number}")
}

impl Plan {
    pub(super) fn document(&self) -> Value {
        let settings = &self.settings;
        let mut document = json!({
            "name": "random",
            "on_failure": one_of(settings.on_failure, &["drain", "cancel", "continue"]),
            "on_budget": one_of(settings.on_budget, &["fail", "pause"]),
            "unknown_cost": one_of(settings.unknown_cost, &["allow", "serialize"]),
            "scheduling": if settings.layered { "layered" } else { "eager" },
            "max_concurrency": settings.max_concurrency,
        });
        set(&mut document, "max_budget", settings.tenths.map(usd));
        set(&mut document, "timeout", settings.timeout);
        set(
            &mut document,
            "output",
            settings.output_is_missing.then_some("{{ input.absent }}"),
        );
        merge(&mut document, self.body.document(0, &Place::default()));
        document
    }
}

impl Body {
    /// Its `nodes` and `edges`; its first node has that number.
    fn document(&self, first: usize, place: &Place) -> Value {
        let ids = self.ids(first);
        let edges = self.distinct_edges();
        let nodes: Vec<Value> = (0..self.nodes.len())
            .map(|index| {
                let mut into = edges.iter().filter(|edge| edge.ends.1 == index);
                let degree = into.clone().count();
                let spot = Spot {
                    plan: &self.nodes[index],
                    id: ids[index],
                    place,
                    above: into.next().map(|edge| ids[edge.ends.0]).or(place.above),
                };
                spot.document(degree, &ids[index + 1..])
            })
            .collect();
        let edges: Vec<Value> = edges.iter().map(|edge| self.edge(edge, &ids)).collect();
        json!({"nodes": nodes, "edges": edges})
    }

    fn edge(&self, edge: &EdgePlan, ids: &[usize]) -> Value {
        let (from, to) = edge.ends;
        let mut value = json!({"from": name(ids[from]), "to": name(ids[to])});
        let labels: &[Option<&str>] = match &self.nodes[from].kind {
            Kind::Approval { .. } => &[None, Some("approved"), Some("rejected"), Some("amend")],
            Kind::Condition { form } if form % 4 < 2 => &[None, Some("true"), Some("false")],
            Kind::Condition { .. } => &[None, Some("high"), Some("1"), Some("default")],
            _ => &[None],
        };
        set(&mut value, "when", one_of(edge.label, labels));
        value
    }
}

impl Spot<'_> {
    /// The node with so many in-edges and these nodes behind it.
    fn document(&self, degree: usize, behind: &[usize]) -> Value {
        let plan = self.plan;
        let (kind, config) = self.kind();
        let mut node = json!({"id": name(self.id), "type": kind, "config": config});
        node["on_unknown"] = json!(one_of(plan.on_unknown, &["resend", "resend", "ask", "fail"]));
        set(&mut node, "max_cost", plan.tenths.map(usd));
        let retry = |max_attempts| json!({"max_attempts": max_attempts, "initial_interval": 5});
        set(&mut node, "retry", plan.max_attempts.map(retry));
        set(&mut node, "timeout", plan.timeout);
        match plan.on_error {
            OnErrorPlan::Output => node["on_error"] = json!({"output": {"fallback": self.id}}),
            OnErrorPlan::Goto(target) if !behind.is_empty() => {
                node["on_error"] = json!({"goto": name(behind[target % behind.len()])});
            }
            OnErrorPlan::Fail | OnErrorPlan::Goto(_) => {}
        }
        // An edge that a `goto` adds may be one more; it is not counted, so that the join can always hold.
        node["join"] = match plan.join % 8 {
            1 => json!("all"),
            2 => json!("any"),
            3 => json!("settled"),
            4 if degree > 0 => json!({"at_least": 1 + usize::from(plan.join) / 8 % degree}),
            _ => json!("default"),
        };
        if let Kind::Call {
            agent,
            asks,
            breaker_wait,
        } = &plan.kind
        {
            node["agent_id"] = json!(agent_id(*agent));
            set(&mut node, "breaker_wait", *breaker_wait);
            match asks {
                Asks::Misfit => node["input_schema"] = json!({"required": ["absent"]}),
                Asks::FittingAnswer => {
                    node["output_schema"] = json!({"properties": {"choice": {"minimum": 100}}});
                }
                _ => {}
            }
        }
        node
    }

    fn kind(&self) -> (&'static str, Value) {
        match &self.plan.kind {
            Kind::Call { asks, .. } => ("agent_call", self.asked(*asks)),
            Kind::Condition { form } => ("condition", self.condition(*form)),
            Kind::Approval {
                expires,
                on_timeout,
                quorum,
            } => {
                let mut config = json!({"quorum": quorum, "actions": ["approve", "reject", "amend"]});
                set(&mut config, "timeout", *expires);
                config["on_timeout"] = json!(one_of(*on_timeout, &["reject", "approve", "fail"]));
                ("human_approval", config)
            }
            Kind::Members { body, fan } => {
                let mut config = self.body(body, self.inside());
                fan.write(&mut config, body.nodes.len());
                ("parallel_group", config)
            }
            Kind::Items { items, body, fan } => {
                let place = Place {
                    has_item: true,
                    has_index: true,
                    has_last: false,
                    ..self.inside()
                };
                let mut config = json!({"items": items.document(), "body": self.body(body, place)});
                fan.write(&mut config, 3);
                ("parallel_group", config)
            }
            Kind::Loop {
                repeat,
                most,
                completes,
                body,
            } => {
                let place = Place {
                    has_item: self.place.has_item || matches!(repeat, Repeat::Items(_)),
                    has_index: true,
                    has_last: true,
                    ..self.inside()
                };
                let mut config = json!({"body": self.body(body, place), "max_iterations": most});
                config["on_exhausted"] = json!(if *completes { "complete" } else { "fail" });
                repeat.write(&mut config, &name(self.id + 1));
                ("loop", config)
            }
            Kind::Child { waits, has_input } => {
                let mut config = json!({"workflow_id": "other", "wait": waits});
                set(
                    &mut config,
                    "input",
                    has_input.then(|| self.asked(Asks::Whatever)),
                );
                ("subworkflow", config)
            }
        }
    }

    /// What the members of the node may name, when it adds nothing of its own.
    fn inside(&self) -> Place {
        Place {
            above: self.above,
            ..self.place.clone()
        }
    }

    fn body(&self, body: &Body, place: Place) -> Value {
        body.document(self.id + 1, &place)
    }

    fn asked(&self, asks: Asks) -> Value {
        let mut config = Map::new();
        if let Some(above) = self.above {
            let text = match asks {
                Asks::Predecessor => format!("{{{{ {}.choice }}}}", name(above)),
                _ => format!("{{{{ {} | default('none') }}}}", name(above)),
            };
            config.insert("above".into(), text.into());
        }
        let in_scope = [
            (self.place.has_item, "item", "{{ item }}"),
            (self.place.has_index, "index", "{{ loop.index }}"),
            (self.place.has_last, "last", "{{ loop.last | default('none') }}"),
            (matches!(asks, Asks::Missing), "missing", "{{ input.absent }}"),
            (
                matches!(asks, Asks::Nonsense),
                "nonsense",
                "{{ input.topic * 2 }}",
            ),
        ];
        for (_, field, text) in in_scope.into_iter().filter(|(is_there, ..)| *is_there) {
            config.insert(field.into(), text.into());
        }
        config.into()
    }

    fn condition(&self, form: u8) -> Value {
        let above_is = |bound: u8| match self.above {
            Some(above) => format!("$.nodes.{}.output.choice > {bound}", name(above)),
            None if self.place.has_index => "$.loop.index == 1".to_owned(),
            None => format!("$.input.size > {bound}"),
        };
        let cases = || json!([{"when": above_is(200), "label": "high"}, {"when": above_is(80)}]);
        match form % 4 {
            0 => json!({"expression": above_is(120)}),
            1 => json!({"path": "$.input.topic", "operator": "eq", "value": "tea"}),
            2 => json!({"cases": cases()}),
            _ => json!({"cases": cases(), "default": []}),
        }
    }
}

/// Agents are few, so that one that is busy or away concerns several nodes.
pub(super) const AGENTS: u8 = 4;

pub(super) fn agent_id(number: u8) -> String {
    format!("agent-{}", number % AGENTS)
}

fn usd(tenths: u32) -> f64 {
    f64::from(tenths) / 10.0
}

fn merge(target: &mut Value, fields: Value) {
    if let (Value::Object(target), Value::Object(fields)) = (target, fields) {
        target.extend(fields);
    }
}
