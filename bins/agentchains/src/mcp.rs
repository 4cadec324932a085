//! `agentchains mcp`: the MCP tools on standard input and output, over an engine in this process.

use std::process::ExitCode;

use agentchains_engine::Caller;
use agentchains_mcp::{McpServer, serve_stdio};
use tokio::select;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::ServeArgs, exit::CommandError, settings::Settings, stop::StopSignals, telemetry, wiring::wire,
};

/// Serves one client until it closes its end, or the process is told to stop; then winds the engine down.
pub(crate) async fn mcp(args: ServeArgs) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(args)?;
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
