//! What a call costs the engine: an A2A message over JSON-RPC to an agent on loopback, which completes the task at once
//! over a connection that is kept. `cargo bench -p agentchains-benches --bench call`

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]

mod caller;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use divan::Bencher;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::caller::Caller;

/// Calls of which the CPU time is measured, after as many that are not.
const CALLS: u32 = 20_480;

/// How many calls are in flight: of one, the caller sleeps until the answer is there, and of many it finds some whenever it
/// looks, as an engine under load does.
const AT_ONCE: [u32; 2] = [1, 64];

fn main() {
    AT_ONCE.into_iter().for_each(print_cpu_time);
    divan::main();
}

/// The time from the call to its outcome, the agent's own included.
#[divan::bench]
fn call_and_answer(bencher: Bencher<'_, '_>) {
    let caller = Caller::new(&start_agent());
    bencher.bench_local(|| caller.call(1));
}

/// Prints the CPU time of a call on the calling side alone: the runtime with its connections is on this thread, and the
/// agent is on others.
#[expect(clippy::print_stdout, reason = "divan has no counter of CPU time")]
fn print_cpu_time(at_once: u32) {
    let caller = Caller::new(&start_agent());
    let mut took = Duration::ZERO;
    for _ in 0..2 {
        let begin = thread_cpu_time();
        for _ in 0..CALLS / at_once {
            caller.call(at_once);
        }
        took = thread_cpu_time().saturating_sub(begin);
    }
    println!(
        "CPU time of a call on the calling side, {at_once} in flight: {:?}",
        took / CALLS
    );
}

fn thread_cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .expect("the clock counts up from zero")
}

/// Starts an agent on threads of its own, and gives its address.
fn start_agent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let url = base.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let base = base.clone();
            // A connection ends when its caller has gone.
            thread::spawn(move || attend(stream, &base));
        }
    });
    url
}

/// Answers the requests of one connection: those for the card, and messages.
fn attend(mut stream: TcpStream, base: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let asked = read_request(&mut reader)?;
        let reply = asked
            .map_or_else(|| card(base), |asked| completed(&asked))
            .to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            reply.len()
        );
        stream.write_all(format!("{head}{reply}").as_bytes())?;
    }
}

/// The next request's body; `None` when it has none.
fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Value>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body).ok())
}

fn card(base: &str) -> Value {
    let interface = json!({"url": base, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"});
    json!({"name": "healthy", "supportedInterfaces": [interface]})
}

fn completed(asked: &Value) -> Value {
    let artifact = json!({"artifactId": "r", "parts": [{"data": {"text": "It is so.", "score": 0.5}}]});
    let status = json!({"state": "TASK_STATE_COMPLETED", "timestamp": "2026-11-22T12:00:00.000Z"});
    let task = json!({
        "id": "t-1", "contextId": "c-1", "status": status, "artifacts": [artifact], "metadata": {"cost_usd": 0.01},
    });
    json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"task": task}})
}
