//! How many instructions the hot paths take, which tells drift that times on a shared machine cannot.
//!
//! ```console
//! $ cargo bench -p agentchains-benches --bench instructions
//! $ cargo bench -p agentchains-benches --bench instructions -- --save
//! ```
//!
//! Each case runs under valgrind's callgrind for two numbers of rounds. The difference is what the rounds took, on all
//! threads of the process, without what it takes to set them up. The figures are shown beside those of
//! `instructions.json`, which `--save` replaces: commit it with what changes them.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]
#![expect(clippy::print_stdout, reason = "this is what the program is for")]

mod caller;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use agentchains_benches::{layered_document, run_to_end};
use agentchains_machine::{Changes, ExecutionRow};
use agentchains_ports::{Commit, Creation, ExecutionStore, Fence};
use agentchains_store::{Store, StoreOptions};
use agentchains_testkit::samples;
use agentchains_workflow::check;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::caller::Caller;

/// Where the figures are kept.
const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// Instructions of one operation, by the name of its case.
type Figures = BTreeMap<String, u64>;

/// Something that is done again and again.
struct Case {
    name: &'static str,
    /// Operations in one round.
    operations: u64,
    /// Rounds of the shorter run; the longer one has twice as many.
    rounds: u64,
    play: fn(u64),
}

const NODES: usize = 100;

/// Commits that are ready at the same time.
const TOGETHER: u32 = 64;

const CASES: &[Case] = &[
    Case {
        name: "step of the machine",
        operations: NODES as u64 + 1,
        rounds: 10,
        play: steps,
    },
    Case {
        name: "call of an agent, the calling side",
        operations: 1,
        rounds: 200,
        play: agent_calls,
    },
    Case {
        name: "commit, alone",
        operations: 1,
        rounds: 100,
        play: |rounds| commits(rounds, 1),
    },
    Case {
        name: "commit, among 64 that are ready",
        operations: TOGETHER as u64,
        rounds: 10,
        play: |rounds| commits(rounds, TOGETHER),
    },
];

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.as_slice() {
        [flag, name, rounds] if flag == "--play" => {
            let case = CASES.iter().find(|case| case.name == name).expect("a case");
            (case.play)(rounds.parse().expect("a number of rounds"));
        }
        words => compare(words.iter().any(|word| word == "--save")),
    }
}

/// Measures all cases and prints them beside what was saved.
fn compare(save: bool) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let saved: Figures = fs::read(SAVED)
        .map(|text| serde_json::from_slice(&text).expect("the saved figures"))
        .unwrap_or_default();
    let mut found = Figures::new();
    for case in CASES {
        let rounds = instructions(case, 2 * case.rounds) - instructions(case, case.rounds);
        let each = rounds / (case.rounds * case.operations);
        let drift = saved
            .get(case.name)
            .map_or("no figure saved".to_owned(), |saved| {
                format!("{:+.1} %", (each as f64 / *saved as f64 - 1.0) * 100.0)
            });
        println!("{:36} {each:>9} instructions  {drift}", case.name);
        found.insert(case.name.to_owned(), each);
    }
    if save {
        let text = serde_json::to_string_pretty(&found).expect("figures");
        fs::write(SAVED, text + "\n").expect("figures that can be saved");
    }
}

/// The instructions of a process that plays a case.
fn instructions(case: &Case, rounds: u64) -> u64 {
    let directory = TempDir::new().expect("a temporary directory");
    let profile = directory.path().join("callgrind.out");
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe().expect("this program"))
        .args(["--play", case.name, &rounds.to_string()])
        .status()
        .expect("valgrind runs");
    assert!(valgrind.success(), "{}: {valgrind}", case.name);
    let profile = fs::read_to_string(&profile).expect("a profile");
    // The format of callgrind's profiles: the costs of the whole run, of which the first are instructions.
    let totals = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let count = totals.and_then(|totals| totals.split_whitespace().next()?.parse().ok());
    count.expect("a profile with totals")
}

/// Executions of a hundred nodes, from start to end.
fn steps(rounds: u64) {
    let checked = check(&layered_document(NODES, 10, 2));
    let workflow = Arc::new(checked.workflow.expect("the document is valid"));
    for _ in 0..rounds {
        run_to_end(&workflow);
    }
}

/// Calls of the load program's agent, which is a process of its own.
fn agent_calls(rounds: u64) {
    let agent = EchoAgent::start();
    let caller = Caller::new(&agent.url);
    for _ in 0..rounds {
        caller.call(1);
    }
}

struct EchoAgent {
    process: Child,
    url: String,
}

impl EchoAgent {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_load"))
            .arg("echo-agent")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its first line");
        let address = line.split_whitespace().last().expect("its address");
        let url = format!("http://{address}/");
        Self { process, url }
    }
}

impl Drop for EchoAgent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Commits of that many executions at a time: what a node's answer and the call after it change.
fn commits(rounds: u64, together: u32) {
    let directory = TempDir::new().expect("a temporary directory");
    let runtime: Runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = open(directory.path()).await;
        let mut fences = Vec::new();
        for ordinal in 0..together {
            fences.push(create(&store, ordinal).await);
        }
        for round in 0..rounds {
            let each = (0..).zip(&mut fences).map(async |(ordinal, fence)| {
                let commit = Commit {
                    fence: *fence,
                    changes: node_settled(ordinal, round),
                    purses: Vec::new(),
                };
                store.commit(commit).await.expect("a commit");
                *fence = fence.advanced();
            });
            futures_util::future::join_all(each).await;
        }
        store.close().await;
    });
}

async fn open(directory: &Path) -> Store {
    let url = format!("sqlite:{}", directory.join("agentchains.db").display());
    Store::open(StoreOptions::new(url)).await.expect("a store")
}

async fn create(store: &Store, ordinal: u32) -> Fence {
    let changes = samples::changes(samples::execution(ordinal), 1);
    match store.create(changes, None).await.expect("an execution") {
        Creation::Created((_, fence)) => fence,
        Creation::Replayed(_) | Creation::KeyReused => unreachable!("each id is used once"),
    }
}

fn node_settled(ordinal: u32, round: u64) -> Changes {
    let row = samples::execution(ordinal);
    let last_seq = 1 + 2 * round;
    let mut changes = samples::changes(ExecutionRow { last_seq, ..row }, 2);
    let position = u32::try_from(round).unwrap_or(u32::MAX);
    let names = [position, position.saturating_add(1)].map(|number| format!("n{number}"));
    changes.nodes = (position..)
        .zip(&names)
        .map(|(position, name)| samples::node(name, position))
        .collect();
    changes.attempts = names.iter().map(|name| samples::attempt(name, 1)).collect();
    changes
}
