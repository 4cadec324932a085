//! The description of the API, and the page that shows it.

use agentchains_testkit::MemoryStore;
use axum::{
    body::Body,
    http::{Method, Request},
};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::support::Api;

#[test]
fn the_description_in_the_repository_is_that_of_the_code() {
    let kept: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    assert!(
        kept == agentchains_http::openapi(),
        "run `cargo run -p agentchains-http --example openapi > crates/http/openapi.json`"
    );
}

#[tokio::test]
async fn the_description_is_served_to_everybody() {
    let api = Api::behind(&MemoryStore::new());
    let served = api.get("/openapi.json").await.expect(200);
    assert_eq!(served, agentchains_http::openapi());
}

#[tokio::test]
async fn the_page_that_shows_it_loads_nothing_from_elsewhere() {
    let api = Api::behind(&MemoryStore::new());
    let moved = api.response(get("/docs")).await;
    assert_eq!(
        (moved.status().as_u16(), &moved.headers()["location"]),
        (308, &"/docs/".parse().unwrap())
    );
    let page = text(&api, "/docs/").await;
    let mut files = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.split(attribute).skip(1) {
            let link = rest.split('"').next().unwrap();
            assert!(!link.contains("//"), "{link}");
            text(&api, &format!("/docs/{}", link.trim_start_matches("./"))).await;
            files += 1;
        }
    }
    assert!(files >= 4, "{page}");
    let start = text(&api, "/docs/swagger-initializer.js").await;
    assert!(start.contains("/api/v3/orchestration/openapi.json"), "{start}");
    let absent = api.response(get("/docs/../secret")).await;
    assert_eq!(absent.status().as_u16(), 404);
}

fn get(path: &str) -> Request<Body> {
    Request::builder()
        .method(Method::GET)
        .uri(path)
        .body(Body::empty())
        .unwrap()
}

/// A file of the page.
async fn text(api: &Api, path: &str) -> String {
    let response = api.response(get(path)).await;
    assert_eq!(response.status().as_u16(), 200, "{path}");
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}
