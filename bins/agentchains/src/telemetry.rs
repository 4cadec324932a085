//! Log lines, text for people at a terminal and JSON for everything else; and metrics for Prometheus.

use std::{
    io::{IsTerminal, stderr},
    sync::Arc,
    time::Duration,
};

use agentchains_engine::metrics::HISTOGRAMS;
use agentchains_http::RenderMetrics;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::task::AbortOnDropHandle;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::cli::LogFormat;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,sqlx=warn,sqlx::pool=error,sea_orm=warn,sea_orm_migration=warn,rmcp=warn";

/// Between two times at which measured values are put into their buckets; until then each takes memory of its own.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Sends log lines to standard error.
pub(crate) fn init(format: Option<LogFormat>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let at_terminal = stderr().is_terminal();
    let format = format.unwrap_or(if at_terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(stderr)).init(),
        LogFormat::Text => {
            let colours = at_terminal && std::env::var_os("NO_COLOR").is_none();
            registry
                .with(fmt::layer().with_ansi(colours).with_writer(stderr))
                .init();
        }
    }
}

/// The metrics of this process, for as long as it is held.
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    _upkeep: AbortOnDropHandle<()>,
}

impl Metrics {
    /// Begins to measure. To be called once, before an engine starts.
    ///
    /// # Errors
    /// [`BuildError`] when something else measures already.
    pub(crate) fn install() -> Result<Self, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for (name, bounds) in HISTOGRAMS {
            builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)?;
        }
        let handle = builder.install_recorder()?;
        let upkeep = handle.clone();
        let upkeep = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP_EVERY);
            loop {
                ticks.tick().await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self {
            handle,
            _upkeep: AbortOnDropHandle::new(upkeep),
        })
    }

    pub(crate) fn renderer(&self) -> RenderMetrics {
        let handle = self.handle.clone();
        Arc::new(move || handle.render())
    }
}
