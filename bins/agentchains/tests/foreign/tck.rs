//! The test kit of the A2A protocol against the agent that the server has for it.

use tokio::process::Command;

use crate::{process, server::Server};

#[tokio::test]
#[ignore = "needs the A2A test kit, which `cargo xtask test` installs"]
async fn a2a_tck() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve_with(folder.path(), &["--a2a-tck"], &[]).await;
    let kit = process::installed().join("a2a_tck");
    let output = Command::new(kit.join("bin/python"))
        .current_dir(kit.join("checkout"))
        .args(["-B", "run_tck.py", "--sut-host"])
        .arg(format!("http://{}/a2a/tck", server.client.address()))
        .args(["--transport", "jsonrpc,http_json", "--level", "must"])
        .output()
        .await
        .unwrap();
    // The percentage that it prints is 100 also where nothing passes.
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    for binding in ["jsonrpc:", "http_json:"] {
        let line = told.lines().find(|line| line.contains(binding));
        assert!(line.is_some_and(|line| !line.contains(" 0/")), "{told}");
    }
}
