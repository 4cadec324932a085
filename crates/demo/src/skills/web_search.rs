//! `web-search`: three results about the query.

use serde_json::{Value, json};

use super::{
    Skill,
    text::{capitalised, pick, slug},
};
use crate::ask::{Ask, fnv1a};

pub(super) const SKILL: Skill = Skill {
    id: "web-search",
    name: "Web Search",
    description: "Finds three pages about a query.",
    cost_usd: 0.004,
    delay_ms: (300, 600),
    flaky: false,
    answer,
};

const HOSTS: [&str; 4] = [
    "news.example.com",
    "guide.example.org",
    "journal.example.net",
    "reports.example.com",
];

fn answer(ask: &Ask) -> Value {
    let query = ask.query();
    let about = capitalised(&query);
    let pages = [
        (
            format!("{about}: an overview"),
            format!("What {query} is, where it stands and why it matters."),
        ),
        (
            format!("How {query} is used in practice"),
            format!("Five teams report on their work with {query}."),
        ),
        (
            format!("The open questions of {query}"),
            format!("What is not yet known about {query}, and who works on it."),
        ),
    ];
    let results: Vec<Value> = (0_u64..)
        .zip(pages)
        .map(|(rank, (title, snippet))| {
            let host = pick(&HOSTS, fnv1a(&[&query]).wrapping_add(rank));
            let url = format!("https://{host}/{}", slug(&title));
            json!({"rank": rank + 1, "title": title, "url": url, "snippet": snippet})
        })
        .collect();
    json!({"query": query, "results": results})
}
