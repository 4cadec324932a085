//! The documents of the suite, the examples and the templates against the JSON Schema of documents.

use std::{fs, path::Path};

use agentchains_conformance::{Case, cases};
use agentchains_engine::workflow::{Schema, check, document_schema};
use serde_json::Value;

/// The documents in the files of a folder, with their files.
fn files(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .map(|(path, text)| (path, serde_json::from_str(&text).unwrap()))
        .collect()
}

#[test]
fn every_valid_document_fits_the_schema_of_documents() {
    let schema = Schema::of(document_schema()).unwrap();
    let cases = cases().unwrap();
    let named = |case: &Case| -> Vec<_> {
        case.documents()
            .map(|document| (case.name.clone(), document.clone()))
            .collect()
    };
    let mut documents: Vec<(String, Value)> = cases.iter().flat_map(named).collect();
    documents.extend(files("examples/workflows"));
    let templates = files("crates/http/templates");
    documents.extend(
        templates
            .into_iter()
            .map(|(path, mut template)| (path, template["workflow"].take())),
    );
    let mut valid = 0;
    for (name, document) in documents {
        let is_older = document.get("graph_json").is_some();
        if !is_older && check(&document.to_string()).workflow.is_some() {
            assert_eq!(schema.validate(&document), Ok(()), "{name}");
            valid += 1;
        }
    }
    assert!(valid > 400, "{valid}");
}
