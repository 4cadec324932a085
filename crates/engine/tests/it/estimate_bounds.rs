//! Worst cases against what can happen: in random graphs of branches and joins, no walk costs more than is estimated.

use std::collections::BTreeMap;

use agentchains_engine::{
    Caller, DryRun, EstimateRequest, StartRequest,
    cost::Usd,
    machine::{NodeType, WorkflowId},
    ports::Creation,
};
use serde_json::{Value, json};

use crate::harness::World;

/// Documents that are tried.
const DOCUMENTS: u64 = 60;
/// Nodes of each.
const NODES: u64 = 9;
/// Conditions that an input decides, by the bits of a number.
const DECIDED: u64 = 3;

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Calls that cost up to 9 USD, and conditions on the input, each after one or two nodes before it.
fn document(numbers: &mut Numbers) -> Value {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    let mut conditions: Vec<bool> = Vec::new();
    for number in 0..NODES {
        let id = format!("n{number}");
        let is_condition = numbers.below(3) == 0;
        let joins = [
            json!("default"),
            json!("any"),
            json!("settled"),
            json!("all"),
            json!({"at_least": 1}),
        ];
        let join = joins[usize::try_from(numbers.below(5)).unwrap()].clone();
        nodes.push(if is_condition {
            let expression = format!("$.input.bit{}", numbers.below(DECIDED));
            json!({"id": id, "type": "condition", "config": {"expression": expression, "then": []}, "join": join})
        } else {
            json!({"id": id, "type": "agent_call", "agent_id": "a", "max_cost": 1 + numbers.below(9), "join": join})
        });
        conditions.push(is_condition);
        let mut before: Vec<u64> = (0..2.min(number)).map(|_| numbers.below(number)).collect();
        before.dedup();
        for from in before {
            let mut edge = json!({"from": format!("n{from}"), "to": id});
            match numbers.below(3) {
                label @ 0..2 if conditions[usize::try_from(from).unwrap()] => {
                    edge["when"] = json!(if label == 0 { "true" } else { "false" });
                }
                _ => {}
            }
            edges.push(edge);
        }
    }
    json!({"name": "random", "nodes": nodes, "edges": edges})
}

/// What the calls of a walk may cost, given which way the conditions go.
async fn cost_of_walk(world: &World, workflow: WorkflowId, document: &Value, bits: u64) -> Usd {
    let decided = (0..DECIDED).map(|bit| (format!("bit{bit}"), json!(bits >> bit & 1 == 1)));
    let calls = document["nodes"].as_array().unwrap().iter();
    let calls = calls.filter(|node| node["type"] == "agent_call");
    let costs: BTreeMap<String, Usd> = calls
        .map(|node| {
            let dollars = node["max_cost"].as_i64().unwrap();
            let id = node["id"].as_str().unwrap();
            (id.to_owned(), Usd::from_nanos(dollars * 1_000_000_000))
        })
        .collect();
    let request = StartRequest {
        input: decided.collect(),
        ..StartRequest::default()
    };
    let suppose = DryRun {
        outputs: costs.keys().map(|id| (id.clone(), json!(1))).collect(),
        ..DryRun::default()
    };
    let report = world
        .engine
        .dry_run(&Caller::anonymous(), workflow, request, suppose)
        .await
        .unwrap();
    let called = report
        .nodes
        .iter()
        .filter(|node| node.kind == NodeType::AgentCall && node.attempts > 0);
    called.map(|node| costs[&node.node_id]).sum()
}

#[tokio::test]
async fn no_walk_costs_more_than_the_worst_case() {
    let world = World::new();
    let caller = Caller::anonymous();
    let (mut tried, mut tight) = (0, 0);
    for seed in 0..DOCUMENTS {
        let document = document(&mut Numbers(seed));
        let created = world
            .engine
            .create_workflow(&caller, &document.to_string(), None)
            .await;
        // A join that never fires is refused.
        let Ok(Creation::Created(view)) = created else {
            continue;
        };
        let workflow = view.record.id;
        let estimate = world
            .engine
            .estimate(&caller, workflow, EstimateRequest::default())
            .await
            .unwrap();
        let worst = estimate.cost.worst_case_usd.unwrap();
        let mut dearest = Usd::ZERO;
        for bits in 0..1 << DECIDED {
            let cost = cost_of_walk(&world, workflow, &document, bits).await;
            assert!(cost <= worst, "{cost} > {worst} with {bits:b} in {document}");
            dearest = dearest.max(cost);
        }
        tried += 1;
        tight += u32::from(dearest == worst);
    }
    assert!(
        tried > 20 && tight > tried / 4,
        "{tight} of {tried} bounds are reached"
    );
}
