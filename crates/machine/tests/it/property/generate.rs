//! Strategies for workflows: groups and loops up to three levels deep, with every setting that the language has.

use proptest::{collection::vec, option, prelude::*};

use super::plan::{Asks, Body, EdgePlan, Fan, Items, Kind, NodePlan, OnErrorPlan, Plan, Repeat, Settings};

/// Groups and loops inside of each other at the most.
const LEVELS: u32 = 3;

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    (body(LEVELS), settings()).prop_map(|(body, settings)| Plan { body, settings })
}

fn body(levels: u32) -> BoxedStrategy<Body> {
    let nodes = if levels == LEVELS { 1..=7 } else { 1..=3 };
    let edges = if levels == LEVELS { 0..14 } else { 0..4 };
    (vec(node(levels), nodes), vec(edge(), edges))
        .prop_map(|(nodes, edges)| Body { nodes, edges })
        .boxed()
}

fn edge() -> impl Strategy<Value = EdgePlan> {
    (any::<(usize, usize)>(), any::<u8>()).prop_map(|(ends, label)| EdgePlan { ends, label })
}

fn node(levels: u32) -> impl Strategy<Value = NodePlan> {
    let on_error = prop_oneof![
        6 => Just(OnErrorPlan::Fail),
        1 => Just(OnErrorPlan::Output),
        1 => any::<usize>().prop_map(OnErrorPlan::Goto),
    ];
    let tries = (option::of(1..4_u32), option::weighted(0.3, 1..90_u32));
    let calls = (option::of(0..8_u32), any::<u8>());
    (kind(levels), any::<u8>(), on_error, tries, calls).prop_map(
        |(kind, join, on_error, (max_attempts, timeout), (tenths, on_unknown))| NodePlan {
            kind,
            join,
            on_error,
            max_attempts,
            timeout,
            tenths,
            on_unknown,
        },
    )
}

fn kind(levels: u32) -> BoxedStrategy<Kind> {
    if levels == 0 {
        return leaf().boxed();
    }
    prop_oneof![3 => leaf(), 2 => composite(levels - 1)].boxed()
}

fn leaf() -> impl Strategy<Value = Kind> {
    let call = (any::<u8>(), asks(), option::of(0..40_u32));
    let approval = (option::of(1..60_u32), any::<u8>(), 1..3_u32);
    prop_oneof![
        6 => call.prop_map(|(agent, asks, breaker_wait)| Kind::Call { agent, asks, breaker_wait }),
        2 => any::<u8>().prop_map(|form| Kind::Condition { form }),
        2 => approval.prop_map(|(expires, on_timeout, quorum)| Kind::Approval { expires, on_timeout, quorum }),
        2 => (prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(waits, has_input)| Kind::Child { waits, has_input }),
    ]
}

fn asks() -> impl Strategy<Value = Asks> {
    prop_oneof![
        40 => Just(Asks::Whatever),
        4 => Just(Asks::Predecessor),
        1 => Just(Asks::Missing),
        1 => Just(Asks::Nonsense),
        1 => Just(Asks::Misfit),
        3 => Just(Asks::FittingAnswer),
    ]
}

fn composite(levels: u32) -> impl Strategy<Value = Kind> {
    let fan = || {
        (any::<u8>(), any::<u8>(), option::of(1..3_u32)).prop_map(|(mode, on_item_error, max_concurrency)| {
            Fan {
                mode,
                on_item_error,
                max_concurrency,
            }
        })
    };
    prop_oneof![
        (body(levels), fan()).prop_map(|(body, fan)| Kind::Members { body, fan }),
        (items(), body(levels), fan()).prop_map(|(items, body, fan)| Kind::Items { items, body, fan }),
        (repeat(), 1..5_u32, any::<bool>(), body(levels)).prop_map(|(repeat, most, completes, body)| {
            Kind::Loop {
                repeat,
                most,
                completes,
                body,
            }
        }),
    ]
}

fn items() -> impl Strategy<Value = Items> {
    prop_oneof![
        18 => (0..4_u8).prop_map(Items::Written),
        5 => Just(Items::FromInput),
        1 => Just(Items::NoArray),
    ]
}

fn repeat() -> impl Strategy<Value = Repeat> {
    prop_oneof![
        any::<u8>().prop_map(Repeat::Until),
        any::<u8>().prop_map(Repeat::While),
        items().prop_map(Repeat::Items),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let policies = (any::<(u8, u8, u8)>(), prop::bool::weighted(0.3), 1..6_u32);
    let limits = (
        option::weighted(0.4, 0..30_u32),
        option::weighted(0.2, 1..200_u32),
    );
    let above = option::weighted(0.3, prop_oneof![4 => Just(2_u32), 1 => Just(16)]);
    (policies, limits, above, prop::bool::weighted(0.05)).prop_map(
        |(
            ((on_failure, on_budget, unknown_cost), layered, max_concurrency),
            limits,
            depth,
            output_is_missing,
        )| {
            Settings {
                on_failure,
                on_budget,
                unknown_cost,
                layered,
                max_concurrency,
                tenths: limits.0,
                timeout: limits.1,
                depth,
                output_is_missing,
            }
        },
    )
}
