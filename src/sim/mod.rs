//! Simulated targets: something to look at before there is a lab, and something to test against.
//!
//! Each kind of target is written sans-IO ([`text::Machine`]) and put on real sockets by
//! [`server`]; [`plan`] says which machines make up a rack. The demo runs a rack inside the
//! console's own process, `kdeck sim text` runs one for other programs. Nothing here is used by a
//! console that watches real targets.

pub mod kd;
pub mod plan;
pub mod server;
mod telnet;
pub mod text;

use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};

pub use plan::Plan;
pub use server::{Error, Ports, Rack, Wire, serve};

/// Serves `plans` until a signal (INT, TERM or HUP) arrives, after writing one line a target to
/// `out`: its connection string as `-k` takes it, a tab, and what the machine does.
///
/// # Errors
/// [`Error`] when the ports cannot be had or `out` does not take the list.
pub async fn run_text(
    plans: &[Plan],
    ports: Ports,
    wire: Wire,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signal)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(Error::Signal)?;
    let rack = serve(plans, ports, wire)?;
    for (plan, address) in plans.iter().zip(rack.addresses()) {
        let target = plan.target(*address, wire);
        writeln!(out, "{target}\t{}", plan.behaviour).map_err(Error::List)?;
    }
    out.flush().map_err(Error::List)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    rack.stop().await;
    Ok(())
}
