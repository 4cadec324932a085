//! `agentchains serve`: the server, until it is told to stop.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use agentchains_http::ServerTls;
use tokio::{net::TcpListener, select, signal, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    cli::ServeArgs,
    exit::CommandError,
    settings::Settings,
    stop::StopSignals,
    telemetry::{self, Metrics},
    wiring::{Wired, wire},
};

/// How long the database may take to be closed when somebody wants to see the end.
const FORCED_CLOSE: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or an interrupt, then drains; a second signal forces.
pub(crate) async fn serve(args: ServeArgs) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(args)?;
    telemetry::init(settings.log);
    outlive_file_limits();
    let tls = settings.tls()?;
    let listener = listen(settings.listen).await?;
    let metrics = Metrics::install()?;
    let wired = wire(&settings, Vec::new()).await?;
    let address = listener.local_addr().map_err(CommandError::Serve)?;
    let stops = StopSignals::listen();
    announce(address, scheme(tls.as_ref()));
    info!(%address, database = settings.shown_database(), "listening");
    until_stopped(listener, tls, wired, &metrics, &settings, stops).await
}

/// On standard output, so that whoever started the server on port 0 learns where it is.
#[expect(clippy::print_stdout, reason = "log lines go to standard error")]
pub(crate) fn announce(address: SocketAddr, scheme: &str) {
    println!("AgentChains is listening on {scheme}://{address}");
}

/// Of the server's addresses.
pub(crate) const fn scheme(tls: Option<&ServerTls>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| CommandError::Listen { address, source })
}

/// Serves requests, and winds everything down in order: requests, executions, the store.
pub(crate) async fn until_stopped(
    listener: TcpListener,
    tls: Option<ServerTls>,
    wired: Wired,
    metrics: &Metrics,
    settings: &Settings,
    mut stops: StopSignals,
) -> Result<ExitCode, CommandError> {
    let stop = CancellationToken::new();
    let app = wired.app(settings, metrics, tls, &stop)?;
    let server = tokio::spawn(agentchains_http::serve(listener, app, stop.clone()));
    stops.next().await;
    info!(drain = ?settings.drain, "stopping: calls in flight may end; a second signal forces");
    let drained = async {
        // The door stays open meanwhile: whoever asks is told to come back later, and can still read and steer.
        wired.engine.shutdown(settings.drain).await;
        wired.webhooks.stop().await;
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
        () = stops.next() => {
            warn!("stopped at once; what was in flight is taken up at the next start");
            // Whoever asked for this is no crash, which would be held against what was being run.
            let _ = timeout(FORCED_CLOSE, wired.store.close()).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that may not grow (`RLIMIT_FSIZE`) is a full disk to the database, and no reason to end without a word.
#[cfg(unix)]
pub(crate) fn outlive_file_limits() {
    /// The same on every system that there is a binary for.
    const SIGXFSZ: i32 = 25;
    // Once there is a handler, the write fails instead; nobody need listen.
    let _ = signal::unix::signal(signal::unix::SignalKind::from_raw(SIGXFSZ));
}

/// There is no such limit.
#[cfg(not(unix))]
pub(crate) fn outlive_file_limits() {}
