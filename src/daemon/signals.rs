//! What the daemon is told by signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::process::inherited::Inherited;

/// The signals that mean: leave. A closed terminal (SIGHUP) is one of them.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Not where somebody wants it to be ignored (`nohup`).
    hang_up: Option<Signal>,
}

impl Signals {
    pub fn listen(inherited: &Inherited) -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: (!inherited.ignores_hang_up()).then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(&mut self.hang_up) => {}
        }
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
