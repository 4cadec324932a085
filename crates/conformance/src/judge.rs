//! The judge: compares what a case expects with what the API shows and the agents got.

use serde_json::{Value, json};

use crate::{
    api::Api,
    compare::{Differences, Mode},
    desk::Desk,
    expectation::{Calls, Expectation, Refusal, Validation},
    facts::{Facts, Kind},
    subject::{Answer, Subject},
};

type Judged = Result<(), String>;

/// Compares everything that is expected.
pub(crate) fn judge<S: Subject>(api: &mut Api<S>, desk: &Desk, expected: &Expectation) -> Judged {
    let mut found = Differences::default();
    execution(api, expected, &mut found);
    nodes(api, expected, &mut found);
    events(api, expected, &mut found);
    approvals(api, expected, &mut found);
    for (agent_id, expected) in &expected.calls {
        calls(expected, agent_id, &desk.messages(agent_id), &mut found);
    }
    if let Some(expected) = &expected.call_order {
        found.compare(Mode::Exact, "call_order", &json!(expected), &json!(desk.order()));
    }
    for (agent_id, expected) in &expected.cancels {
        found.equal(&format!("cancels.{agent_id}"), *expected, desk.cancels(agent_id));
    }
    result(found)
}

/// Compares an answer with the refusal that it must be, or that it must not be.
pub(crate) fn answer(refused: Option<&Refusal>, answer: &Answer) -> Judged {
    let mut found = Differences::default();
    match refused {
        None if answer.status < 300 => {}
        None => found.add("answer", "no refusal", &answer.body),
        Some(expected) => {
            found.equal("status", expected.status, answer.status);
            if let Some(code) = &expected.code {
                found.compare(Mode::Exact, "code", &json!(code), &answer.body["code"]);
            }
            if let Some(errors) = &expected.errors {
                same_set("errors", errors, list(&answer.body, "errors"), &mut found);
            }
            if let Some(members) = &expected.members {
                found.compare(Mode::Part, "members", members, &answer.body);
            }
        }
    }
    result(found)
}

/// Compares what is said of a document.
pub(crate) fn validation(expected: &Validation, answer: &Value) -> Judged {
    let mut found = Differences::default();
    same_set("errors", &expected.errors, list(answer, "errors"), &mut found);
    same_set(
        "warnings",
        &expected.warnings,
        list(answer, "warnings"),
        &mut found,
    );
    found.compare(
        Mode::Exact,
        "valid",
        &expected.errors.is_empty().into(),
        &answer["valid"],
    );
    if let Some(layers) = &expected.layers {
        found.compare(Mode::Exact, "layers", layers, &answer["layers"]);
    }
    result(found)
}

fn result(found: Differences) -> Judged {
    if found.is_empty() {
        Ok(())
    } else {
        Err(found.into_text())
    }
}

fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object[name].as_array().map_or(&[], Vec::as_slice)
}

fn execution<S: Subject>(api: &mut Api<S>, expected: &Expectation, found: &mut Differences) {
    let status = expected.status.as_ref().map(|status| json!(status));
    let facts = [
        ("status", &status, Mode::Exact),
        ("pause_reason", &expected.pause_reason, Mode::Exact),
        ("error", &expected.error, Mode::Part),
        ("output", &expected.output, Mode::Exact),
    ];
    if expected.execution.is_some() || facts.iter().any(|(_, expected, _)| expected.is_some()) {
        let shown = api.show("");
        for (name, expected, mode) in facts {
            if let Some(expected) = expected {
                found.compare(mode, name, expected, &shown[name]);
            }
        }
        if let Some(expected) = &expected.execution {
            found.compare(Mode::Part, "execution", expected, &shown);
        }
    }
    for (name, expected) in [("cost", &expected.cost), ("explain", &expected.explain)] {
        if let Some(expected) = expected {
            found.compare(Mode::Part, name, expected, &api.show(&format!("/{name}")));
        }
    }
}

fn nodes<S: Subject>(api: &mut Api<S>, expected: &Expectation, found: &mut Differences) {
    if expected.nodes.is_empty() && !expected.only {
        return;
    }
    let shown = api.nodes();
    for (path, facts) in &expected.nodes {
        let at = format!("nodes.{path}");
        match shown.iter().find(|node| node["path"] == path.as_str()) {
            Some(node) => facts.compare(&at, node, found),
            None => found.add(&at, "a node", "none"),
        }
    }
    if expected.only {
        let paths = shown.iter().filter_map(|node| node["path"].as_str());
        for path in paths.filter(|path| !expected.nodes.contains_key(*path)) {
            found.add(&format!("nodes.{path}"), "no such node", "one");
        }
    }
}

fn events<S: Subject>(api: &mut Api<S>, expected: &Expectation, found: &mut Differences) {
    if expected.events.is_empty() && expected.no_events.is_empty() {
        return;
    }
    let shown = api.events();
    let mut rest = shown.iter();
    if let Some(missing) = expected
        .events
        .iter()
        .find(|facts| !rest.any(|event| facts.hold(event)))
    {
        let seen: Vec<_> = shown.iter().map(brief).collect();
        found.add(
            "events",
            format!("{missing:?}, after those before it"),
            seen.join(", "),
        );
    }
    for unwanted in &expected.no_events {
        if let Some(event) = shown.iter().find(|event| unwanted.hold(event)) {
            found.add("no_events", format!("no {unwanted:?}"), event);
        }
    }
}

fn brief(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {}", text(&event["type"]), text(&event["data"]["path"]))
}

fn approvals<S: Subject>(api: &mut Api<S>, expected: &Expectation, found: &mut Differences) {
    let Some(expected) = &expected.approvals else {
        return;
    };
    let shown = api.approvals();
    let mut paths: Vec<&str> = shown
        .iter()
        .filter_map(|approval| approval["path"].as_str())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let wanted: Vec<&String> = expected.keys().collect();
    found.compare(Mode::Exact, "approvals", &json!(wanted), &json!(paths));
    for (path, facts) in expected {
        if let Some(approval) = shown.iter().find(|approval| approval["path"] == path.as_str()) {
            found.compare(Mode::Part, &format!("approvals.{path}"), facts, approval);
        }
    }
}

fn calls(expected: &Calls, agent_id: &str, messages: &[Value], found: &mut Differences) {
    let at = format!("calls.{agent_id}");
    match expected {
        Calls::Count(count) => found.equal(&at, *count, messages.len()),
        Calls::InAnyOrder { any_order } => same_set(&at, any_order, messages, found),
        Calls::InOrder(calls) => {
            found.equal(&at, calls.len(), messages.len());
            for (number, (facts, message)) in calls.iter().zip(messages).enumerate() {
                facts.compare(&format!("{at}[{number}]"), message, found);
            }
        }
    }
}

/// Each expected one is found once, and there are no others.
fn same_set<K: Kind>(at: &str, expected: &[Facts<K>], actual: &[Value], found: &mut Differences) {
    let mut left: Vec<&Value> = actual.iter().collect();
    for facts in expected {
        match left.iter().position(|value| facts.hold(value)) {
            Some(position) => {
                left.remove(position);
            }
            None => found.add(at, format!("{facts:?}"), json!(actual)),
        }
    }
    for surplus in left {
        found.add(at, "no other one", surplus);
    }
}
