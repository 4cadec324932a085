//! Prints the description of the API: `cargo run -p agentchains-http --example openapi > crates/http/openapi.json`.

#![expect(clippy::print_stdout, reason = "it prints")]

fn main() {
    println!("{:#}", agentchains_http::openapi());
}
