//! How long it takes to check and compile a document. `cargo bench -p agentchains-benches --bench compile`

use agentchains_benches::{layered_document, nested_document};
use agentchains_workflow::check;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20)]
fn ten_thousand_nodes_and_fifty_thousand_edges(bencher: Bencher<'_, '_>) {
    let document = layered_document(10_000, 100, 5);
    assert!(check(&document).workflow.is_some(), "the document is valid");
    bencher.bench_local(|| check(black_box(&document)));
}

#[divan::bench(sample_count = 20)]
fn ten_thousand_nodes_in_loops_and_groups(bencher: Bencher<'_, '_>) {
    // 49,459 edges.
    let document = nested_document(10, 998, 9, 5);
    assert!(check(&document).workflow.is_some(), "the document is valid");
    bencher.bench_local(|| check(black_box(&document)));
}

#[divan::bench(sample_count = 100)]
fn one_hundred_nodes(bencher: Bencher<'_, '_>) {
    let document = layered_document(100, 10, 2);
    assert!(check(&document).workflow.is_some(), "the document is valid");
    bencher.bench_local(|| check(black_box(&document)));
}
