//! Workflows that are ready to run: documents in the crate's `templates` folder, built into the program.

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};

use crate::{
    extract::{Query, TemplateKey},
    problem::Problem,
};

/// Each template's key and the JSON that is served as it is.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "sequential-pipeline",
        include_str!("../../templates/sequential-pipeline.json"),
    ),
    (
        "fan-out-fan-in",
        include_str!("../../templates/fan-out-fan-in.json"),
    ),
    (
        "human-in-the-loop",
        include_str!("../../templates/human-in-the-loop.json"),
    ),
    (
        "conditional-routing",
        include_str!("../../templates/conditional-routing.json"),
    ),
    (
        "evaluator-optimizer",
        include_str!("../../templates/evaluator-optimizer.json"),
    ),
    ("map-reduce", include_str!("../../templates/map-reduce.json")),
    (
        "ensemble-vote",
        include_str!("../../templates/ensemble-vote.json"),
    ),
];

/// The JSON of each template, as `GET /templates` lists it.
pub fn templates() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(_, json)| *json)
}

/// `GET /templates`.
pub(crate) async fn list(query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let all: Vec<&str> = templates().collect();
    Ok(json(format!("{{\"templates\":[{}]}}", all.join(","))))
}

/// `GET /templates/{key}`.
pub(crate) async fn show(TemplateKey(wanted): TemplateKey, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let found = TEMPLATES.iter().find(|(key, _)| *key == wanted);
    found
        .map(|(_, text)| json((*text).to_owned()))
        .ok_or_else(|| Problem::not_found("template", &wanted))
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

#[cfg(test)]
mod tests {
    use agentchains_engine::workflow::check;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_template_is_a_valid_workflow_under_its_key() {
        for (key, text) in TEMPLATES {
            let template: Value = serde_json::from_str(text).expect(key);
            assert_eq!(template["key"], *key);
            for field in ["name", "description", "sample_input"] {
                assert!(!template[field].is_null(), "{key}: {field}");
            }
            let checked = check(&template["workflow"].to_string());
            assert!(checked.diagnostics.is_empty(), "{key}: {:?}", checked.diagnostics);
        }
    }
}
