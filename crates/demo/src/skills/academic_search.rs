//! `academic-search`: three papers about the query.

use serde_json::{Value, json};

use super::{
    Skill,
    text::{capitalised, pick, slug},
};
use crate::ask::{Ask, fnv1a};

pub(super) const SKILL: Skill = Skill {
    id: "academic-search",
    name: "Academic Search",
    description: "Finds three papers about a query.",
    cost_usd: 0.006,
    delay_ms: (400, 900),
    flaky: false,
    answer,
};

const AUTHORS: [&str; 6] = [
    "A. Okafor",
    "B. Lindqvist",
    "C. Moreau",
    "D. Tanaka",
    "E. Rossi",
    "F. Novak",
];

fn answer(ask: &Ask) -> Value {
    let query = ask.query();
    let titles = [
        (
            format!("{}: a survey", capitalised(&query)),
            format!("We review ten years of work on {query}."),
        ),
        (
            format!("On the limits of {query}"),
            format!("We prove bounds on what {query} can achieve."),
        ),
        (
            format!("Measuring {query} at scale"),
            format!("We report measurements of {query} in twelve settings."),
        ),
    ];
    let papers: Vec<Value> = (0_u64..)
        .zip(titles)
        .map(|(rank, (title, summary))| {
            let seed = fnv1a(&[&query, &title]);
            json!({
                "title": title,
                "authors": [pick(&AUTHORS, seed), pick(&AUTHORS, seed.wrapping_add(1 + seed / 6 % 5))],
                "year": 2018 + seed % 6 + rank,
                "citations": seed % 900,
                "url": format!("https://papers.example.org/{}", slug(&title)),
                "abstract": summary,
            })
        })
        .collect();
    json!({"query": query, "papers": papers})
}
