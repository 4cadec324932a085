//! The agent that is called: A2A 1.0 over JSON-RPC, as little of it as the engine asks for. It answers a message
//! with one that has the `config` that came in it, after `config.delay_ms`, or with `config.hold` once it is told to let
//! go ([`RELEASE`]), and notes both in a log that is only appended to. It makes no tasks, so that it has no state, and what a crash cut off must be sent again.

use std::{borrow::Cow, convert::Infallible, fs, io::Write as _, net::SocketAddr, path::PathBuf, rc::Rc};

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::LocalSet,
    time::{Duration, sleep},
};

use crate::{
    error::{Result, While as _},
    process::monotonic_nanos,
};

/// The path to which a POST lets all calls go that are held, and those to come.
pub(crate) const RELEASE: &str = "/release";

/// JSON-RPC 2.0, section 5.1.
const METHOD_NOT_FOUND: i32 = -32_601;

/// Runs the agent alone, until it is killed.
#[derive(Debug, Args)]
pub(crate) struct EchoAgentArgs {
    /// Where messages are noted when they come and when they are answered
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

struct Agent {
    address: SocketAddr,
    log: Option<fs::File>,
    /// Whether held calls are let go.
    released: watch::Sender<bool>,
}

/// Serves until the process is killed.
///
/// # Errors
/// When it cannot listen or its log cannot be opened.
#[expect(
    clippy::print_stdout,
    reason = "who started the agent learns there where it listens"
)]
pub(crate) async fn serve(arguments: &EchoAgentArgs) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.during("listen")?;
    let address = listener.local_addr().during("listen")?;
    let open = |path| fs::OpenOptions::new().create(true).append(true).open(path);
    let log = arguments
        .log
        .as_ref()
        .map(open)
        .transpose()
        .during("open the log")?;
    println!("The echo agent is listening on {address}");
    let agent = Rc::new(Agent {
        address,
        log,
        released: watch::Sender::new(false),
    });
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await.during("accept a connection")?;
            tokio::task::spawn_local(attend(Rc::clone(&agent), stream));
        }
    };
    LocalSet::new().run_until(accepting).await
}

/// Answers the requests of one connection, for as long as it is kept.
async fn attend(agent: Rc<Agent>, stream: TcpStream) {
    let service = service_fn(|request| answer(&agent, request));
    if stream.set_nodelay(true).is_ok() {
        // A connection ends when its caller has gone, which is nobody's fault.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

async fn answer(
    agent: &Agent,
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let reply = if request.method() == Method::GET {
        card(agent.address)
    } else if request.uri().path() == RELEASE {
        agent.released.send_replace(true);
        "{}".to_owned()
    } else {
        match request.into_body().collect().await {
            Ok(body) => reply(agent, &body.to_bytes()).await,
            Err(error) => refusal(&error.to_string()),
        }
    };
    let mut response = Response::new(Full::new(reply.into()));
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

fn card(address: SocketAddr) -> String {
    let url = format!("http://{address}/");
    let interface = json!({"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"});
    json!({"name": "Echo", "supportedInterfaces": [interface]}).to_string()
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    method: Cow<'a, str>,
    params: Params<'a>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    config: &'a RawValue,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    hold: bool,
}

async fn reply(agent: &Agent, body: &[u8]) -> String {
    let call: Call<'_> = match serde_json::from_slice(body) {
        Ok(call) => call,
        Err(error) => return refusal(&error.to_string()),
    };
    let (id, Some(message)) = (
        call.id,
        call.params.message.filter(|_| call.method == "SendMessage"),
    ) else {
        let error = json!({"code": METHOD_NOT_FOUND, "message": "this agent takes messages only"});
        return format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, call.id);
    };
    agent.note("received", &message.message_id);
    let data = message.parts.iter().find_map(|part| part.data.as_ref());
    let config = data.map_or("null", |data| data.config.get());
    let told: Config = serde_json::from_str(config).unwrap_or_default();
    if told.delay_ms > 0 {
        sleep(Duration::from_millis(told.delay_ms)).await;
    }
    if told.hold {
        // The sender lives as long as the agent.
        let _ = agent.released.subscribe().wait_for(|released| *released).await;
    }
    agent.note("answered", &message.message_id);
    // A message id of the engine is a UUID, which needs no escapes.
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"message":{{"messageId":"r-{message}","role":"ROLE_AGENT","parts":[{{"data":{config}}}]}}}}}}"#,
        message = message.message_id,
    )
}

/// The answer to what is no request.
fn refusal(why: &str) -> String {
    json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32_700, "message": why}}).to_string()
}

impl Agent {
    /// One line, in one write, so that lines never mix.
    fn note(&self, what: &str, message_id: &str) {
        if let Some(mut log) = self.log.as_ref() {
            let line = format!("{what} {} {message_id}\n", monotonic_nanos());
            // A log that cannot be written shows as missing lines, which fails the scenario.
            let _ = log.write_all(line.as_bytes());
        }
    }
}
