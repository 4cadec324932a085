//! `agentchains serve`: the server, until it is told to stop.

use std::{net::SocketAddr, process::ExitCode};

use tokio::{net::TcpListener, select, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    cli::ServeArgs,
    exit::CommandError,
    settings::Settings,
    telemetry::{self, Metrics},
    wiring::{Wired, wire},
};

/// Serves until SIGTERM or an interrupt, then drains; a second signal forces.
pub(crate) async fn serve(args: ServeArgs) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(args)?;
    telemetry::init(settings.log);
    let listener = listen(settings.listen).await?;
    let metrics = Metrics::install()?;
    let wired = wire(&settings, Vec::new()).await?;
    let address = listener.local_addr().map_err(CommandError::Serve)?;
    announce(address);
    info!(%address, database = settings.shown_database(), "listening");
    until_stopped(listener, wired, &metrics, &settings).await
}

/// On standard output, so that whoever started the server on port 0 learns where it is.
#[expect(clippy::print_stdout, reason = "log lines go to standard error")]
pub(crate) fn announce(address: SocketAddr) {
    println!("AgentChains is listening on http://{address}");
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| CommandError::Listen { address, source })
}

/// Serves requests, and winds everything down in order: requests, executions, the store.
pub(crate) async fn until_stopped(
    listener: TcpListener,
    wired: Wired,
    metrics: &Metrics,
    settings: &Settings,
) -> Result<ExitCode, CommandError> {
    let stop = CancellationToken::new();
    let server = tokio::spawn(agentchains_http::serve(
        listener,
        wired.app(settings, metrics),
        stop.clone(),
    ));
    stop_signal().await;
    info!(drain = ?settings.drain, "stopping: calls in flight may end; a second signal forces");
    let drained = async {
        // The door stays open meanwhile: whoever asks is told to come back later, and can still read and steer.
        wired.engine.shutdown(settings.drain).await;
        stop.cancel();
        server.await
    };
    select! {
        served = drained => {
            wired.store.close().await;
            if let Ok(served) = served {
                served.map_err(CommandError::Serve)?;
            }
            info!("stopped");
        }
        () = stop_signal() => warn!("stopped at once; what was in flight is taken up at the next start"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns when the process is told to end: by SIGTERM, or by an interrupt.
#[cfg(unix)]
pub(crate) async fn stop_signal() {
    let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) else {
        return interrupt().await;
    };
    select! {
        _ = terminate.recv() => {}
        () = interrupt() => {}
    }
}

/// Returns when the process is told to end: by an interrupt.
#[cfg(not(unix))]
pub(crate) async fn stop_signal() {
    interrupt().await;
}

async fn interrupt() {
    if signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}
