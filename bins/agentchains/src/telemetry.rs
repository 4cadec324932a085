//! Log lines: text for people at a terminal, JSON for everything else.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::cli::LogFormat;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,sqlx=warn,sqlx::pool=error,sea_orm=warn,sea_orm_migration=warn";

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
