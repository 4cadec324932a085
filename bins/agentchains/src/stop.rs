//! How a process that serves is told to stop.

use tokio::signal;

/// SIGTERM and interrupts, from the moment on that there is one of these. Before that they end the process at once.
pub(crate) struct StopSignals {
    #[cfg(unix)]
    terminate: Option<signal::unix::Signal>,
    #[cfg(unix)]
    interrupt: Option<signal::unix::Signal>,
}

#[cfg(unix)]
impl StopSignals {
    /// Listens. Where the system has no room for a handler, a signal ends the process as it did before.
    pub(crate) fn listen() -> Self {
        let on = |kind| signal::unix::signal(kind).ok();
        Self {
            terminate: on(signal::unix::SignalKind::terminate()),
            interrupt: on(signal::unix::SignalKind::interrupt()),
        }
    }

    /// Returns at the next signal; also at one that came since the last.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = received(self.terminate.as_mut()) => {}
            () = received(self.interrupt.as_mut()) => {}
        }
    }
}

#[cfg(unix)]
async fn received(signal: Option<&mut signal::unix::Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
impl StopSignals {
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// Returns at the next interrupt.
    pub(crate) async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
