//! Agent cards, for clients of both versions.

use agentchains_engine::ports::Role;
use axum::body::Body;
use http::{Request, Response, header};
use serde_json::{Value, json};

use crate::{
    client::json_of,
    server::{Server, echo, person},
};

async fn card(server: &Server, agent: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(format!("/a2a/{agent}/.well-known/agent-card.json"))
        .header(header::HOST, "agents.example:7420");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

const V1_0: (&str, &str) = ("a2a-version", "1.0");

#[tokio::test]
async fn a_card_says_what_the_workflow_is_and_every_way_to_it() {
    let server = Server::start();
    let id = server.publish(&echo()).await;
    let response = card(&server, &id, &[V1_0]).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let card = json_of(response).await;
    assert_eq!(
        (&card["name"], &card["description"], &card["version"]),
        (&json!("Echo"), &json!("Says it back"), &json!("1"))
    );
    let url = format!("http://agents.example:7420/a2a/{id}");
    let ways: Vec<_> = card["supportedInterfaces"].as_array().unwrap().iter().collect();
    let way = |binding: &str, version: &str| json!({"url": url, "protocolBinding": binding, "protocolVersion": version});
    assert_eq!(
        ways,
        [
            &way("JSONRPC", "1.0"),
            &way("HTTP+JSON", "1.0"),
            &way("JSONRPC", "0.3"),
            &way("HTTP+JSON", "0.3")
        ]
    );
    let able = &card["capabilities"];
    assert_eq!(
        (
            &able["streaming"],
            &able["pushNotifications"],
            &able["extendedAgentCard"]
        ),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(
        (&card["skills"][0]["id"], &card["skills"][0]["name"]),
        (&json!(id), &json!("Echo"))
    );
    assert_eq!(
        card["defaultInputModes"],
        json!(["application/json", "text/plain"])
    );
    for absent in [
        "url",
        "protocolVersion",
        "securitySchemes",
        "securityRequirements",
    ] {
        assert!(card.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn the_card_at_the_root_is_that_of_the_only_agent_that_the_caller_may_see() {
    let server = Server::start();
    let root = async |tenant: &str| {
        let mut request = Request::get("/.well-known/agent-card.json")
            .header(header::HOST, "agents.example:7420")
            .header(V1_0.0, V1_0.1)
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(person(Role::Viewer, tenant));
        let response = server.send(request).await;
        (response.status().as_u16(), json_of(response).await)
    };
    assert_eq!(root("default").await.0, 404);
    let hidden = server.create(&echo()).await;
    let id = server.publish(&echo()).await;
    let (status, only) = root("default").await;
    assert_eq!(status, 200, "{only}");
    assert_eq!(only, json_of(card(&server, &id, &[V1_0]).await).await);
    let (status, elsewhere) = root("elsewhere").await;
    assert_eq!(status, 404, "{elsewhere}");
    server.set_published(&hidden, true).await;
    assert_eq!(root("default").await, (404, elsewhere));
    server.archive(&hidden).await;
    assert_eq!(root("default").await, (200, only));
}

#[tokio::test]
async fn a_client_that_names_no_version_gets_the_fields_of_both() {
    let server = Server::start();
    let id = server.publish(&echo()).await;
    let card = json_of(card(&server, &id, &[]).await).await;
    let url = format!("http://agents.example:7420/a2a/{id}");
    assert_eq!(
        (
            &card["url"],
            &card["protocolVersion"],
            &card["preferredTransport"]
        ),
        (&json!(url), &json!("0.3.0"), &json!("JSONRPC"))
    );
    assert_eq!(
        card["additionalInterfaces"],
        json!([{"url": url, "transport": "JSONRPC"}, {"url": url, "transport": "HTTP+JSON"}])
    );
    assert_eq!(card["supportedInterfaces"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn the_test_kit_names_no_version_and_gets_the_fields_of_1_0_alone() {
    let server = Server::with(|server| server.tck = true);
    let (unnamed, named) = (
        card(&server, "tck", &[]).await,
        card(&server, "tck", &[V1_0]).await,
    );
    assert_eq!(json_of(unnamed).await, json_of(named).await);
}

#[tokio::test]
async fn a_client_of_a_version_that_is_not_spoken_learns_from_the_card_which_are() {
    let server = Server::start();
    let id = server.publish(&echo()).await;
    let response = card(&server, &id, &[("a2a-version", "7.0")]).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_card_tells_the_schema_of_the_input_and_whether_text_will_do() {
    let server = Server::start();
    let schema = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}});
    let mut document = echo();
    document["input_schema"] = schema.clone();
    let id = server.publish(&document).await;
    let card = json_of(card(&server, &id, &[V1_0]).await).await;
    assert_eq!(card["defaultInputModes"], json!(["application/json"]));
    let extensions = card["capabilities"]["extensions"].as_array().unwrap();
    assert!(
        extensions
            .iter()
            .any(|extension| extension["params"]["inputSchema"] == schema)
    );
    assert!(extensions.iter().all(|extension| extension["required"] == false));
}

#[tokio::test]
async fn cards_are_cached_until_they_change() {
    let server = Server::start();
    let id = server.publish(&echo()).await;
    let first = card(&server, &id, &[V1_0]).await;
    let headers = first.headers();
    let etag = headers[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(headers[header::CACHE_CONTROL], "private, max-age=60");
    assert!(headers[header::LAST_MODIFIED].to_str().unwrap().ends_with(" GMT"));
    let same = card(
        &server,
        &id,
        &[V1_0, ("if-none-match", &format!("\"other\", W/{etag}"))],
    )
    .await;
    assert_eq!(
        (same.status().as_u16(), &same.headers()[header::ETAG]),
        (304, &headers[header::ETAG])
    );
    let old = card(&server, &id, &[("if-none-match", &etag)]).await;
    assert_eq!(old.status(), 200, "the card of both versions is another one");
}

#[tokio::test]
async fn a_server_that_needs_keys_says_which_in_the_form_of_each_version() {
    let server = Server::with(|server| server.needs_key = true);
    let id = server.publish(&echo()).await;
    let scheme = |card: &Value| card["securitySchemes"]["api_key"].clone();
    let new = json_of(card(&server, &id, &[V1_0]).await).await;
    assert_eq!(
        scheme(&new),
        json!({"httpAuthSecurityScheme": {"scheme": "Bearer"}})
    );
    assert_eq!(
        new["securityRequirements"],
        json!([{"schemes": {"api_key": {"list": []}}}])
    );
    let old = json_of(card(&server, &id, &[]).await).await;
    assert_eq!(
        (&scheme(&old)["type"], &scheme(&old)["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    assert_eq!(old["security"], json!([{"api_key": []}]));
}

#[tokio::test]
async fn behind_a_proxy_a_card_names_the_origin_that_goes_by_the_host() {
    let server = Server::with(|server| {
        server.origins = vec![
            "https://other.example".into(),
            "https://Agents.example:7420/".into(),
        ];
    });
    let id = server.publish(&echo()).await;
    let card = json_of(card(&server, &id, &[V1_0]).await).await;
    assert_eq!(
        card["supportedInterfaces"][0]["url"],
        json!(format!("https://Agents.example:7420/a2a/{id}"))
    );
}
