//! `critic`: a score from 0 to 1 and remarks on what the nodes before it produced.

use serde_json::{Value, json};

use super::{Skill, text::pick};
use crate::ask::{Ask, fnv1a};

pub(super) const SKILL: Skill = Skill {
    id: "critic",
    name: "Critic",
    description: "Gives a score from 0 to 1 and remarks on what earlier steps produced.",
    cost_usd: 0.008,
    delay_ms: (200, 400),
    flaky: false,
    answer,
};

const STRENGTHS: [&str; 3] = [
    "The main points are covered.",
    "The sources are named.",
    "It is short and clear.",
];
const WEAKNESSES: [&str; 3] = [
    "Figures would help.",
    "Opposing views are missing.",
    "The conclusion could be stated first.",
];

/// What is accepted, in hundredths.
const ACCEPTED: u64 = 75;

fn answer(ask: &Ask) -> Value {
    let judged = Value::Object(ask.upstream.clone()).to_string();
    let seed = fnv1a(&[&judged, &ask.query()]);
    let hundredths = 60 + seed % 40;
    let verdict = if hundredths >= ACCEPTED {
        "accept"
    } else {
        "revise"
    };
    let hundredths = u32::try_from(hundredths).unwrap_or_default();
    json!({
        "score": f64::from(hundredths) / 100.0,
        "verdict": verdict,
        "remarks": [pick(&STRENGTHS, seed / 40), pick(&WEAKNESSES, seed / 120)],
    })
}
