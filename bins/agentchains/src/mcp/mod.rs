//! `agentchains mcp`: the MCP tools on standard input and output, over an engine in this process or those of a server.

mod bridge;
mod way;

use std::process::ExitCode;

use agentchains_engine::Caller;
use agentchains_mcp::{McpServer, serve_stdio};
use tokio::select;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::McpArgs, exit::CommandError, remote::Client, settings::Settings, stop::StopSignals, telemetry,
    wiring::wire,
};

/// Serves one client until it closes its end, or the process is told to stop; then winds the engine down.
pub(crate) async fn mcp(args: McpArgs) -> Result<ExitCode, CommandError> {
    if let Some(server) = &args.server {
        telemetry::init(args.settings.log);
        let client = Client::new(server, args.key.as_deref())?;
        let mut stops = StopSignals::listen();
        return select! {
            ended = bridge::bridge(client) => ended.map(|()| ExitCode::SUCCESS),
            () = stops.next() => Ok(ExitCode::SUCCESS),
        };
    }
    let settings = Settings::load(args.settings)?;
    telemetry::init(settings.log);
    let wired = wire(&settings, Vec::new()).await?;
    let server = McpServer {
        engine: wired.engine.clone(),
        approvals: settings.mcp_approvals,
        stop: CancellationToken::new(),
    };
    let mut stops = StopSignals::listen();
    let served = select! {
        served = serve_stdio(server, Caller::anonymous()) => served,
        () = stops.next() => Ok(()),
    };
    wired.engine.shutdown(settings.drain).await;
    wired.store.close().await;
    served.map_err(CommandError::Mcp)?;
    Ok(ExitCode::SUCCESS)
}
