//! Simulated targets: something to look at before there is a lab, and something to test against.
//!
//! Each kind of target is written sans-IO ([`text::Machine`], [`kd::machine`]) and put on real sockets by
//! [`server`] and [`kd::rack`]; [`plan`] says which machines make up a rack of text targets. The demo runs a rack
//! inside the console's own process, `kdeck sim` runs one for other programs. Nothing here is used by a console that
//! watches real targets.

pub mod demo;
pub mod kd;
pub mod plan;
pub mod server;
mod telnet;
pub mod text;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
    let end = End::catch()?;
    let rack = serve(plans, ports, wire)?;
    for (plan, address) in plans.iter().zip(rack.addresses()) {
        let target = plan.target(*address, wire);
        writeln!(out, "{target}\t{}", plan.behaviour).map_err(Error::List)?;
    }
    out.flush().map_err(Error::List)?;
    end.wait().await;
    rack.stop().await;
    Ok(())
}

/// Lets `plans` call the UDP ports of `host` from `first` on, and lists them, as [`run_text`] does.
///
/// # Errors
/// [`Error`] when there are not so many ports, a target gets no socket, or `out` does not take the list.
pub async fn run_kdnet(
    plans: &[kd::rack::Plan],
    (host, first): (IpAddr, u16),
    offers: Duration,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let end = End::catch()?;
    let rack = kd::rack::Rack::default();
    let ports: Vec<u16> = (first..=u16::MAX).take(plans.len()).collect();
    if ports.len() < plans.len() {
        let count = plans.len();
        return Err(Error::TooHigh { first, count });
    }
    for (plan, port) in plans.iter().zip(ports) {
        let call = rack.call(plan, SocketAddr::new(host, port), offers);
        call.map_err(Error::Socket)?;
        let behaviour = plan.settings.behaviour;
        writeln!(out, "{}\t{behaviour}", plan.net_string(port)).map_err(Error::List)?;
    }
    out.flush().map_err(Error::List)?;
    end.wait().await;
    rack.stop().await;
    Ok(())
}

/// Lets each of `plans` wait for its debugger at its place, and lists them, as [`run_text`] does.
///
/// # Errors
/// [`Error`] when a place cannot be had or `out` does not take the list.
pub async fn run_kdcom(
    plans: &[(kd::rack::Plan, kd::com::Place)],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let end = End::catch()?;
    let rack = kd::rack::Rack::default();
    for (plan, place) in plans {
        let open = rack.listen(plan, place);
        let place = open.map_err(|source| Error::Place {
            place: place.clone(),
            source,
        })?;
        let behaviour = plan.settings.behaviour;
        writeln!(out, "{}\t{behaviour}", plan.com_string(&place)).map_err(Error::List)?;
    }
    out.flush().map_err(Error::List)?;
    end.wait().await;
    rack.stop().await;
    Ok(())
}

/// The signals that end a simulation.
struct End([Signal; 3]);

impl End {
    fn catch() -> Result<Self, Error> {
        let catch = |kind| signal(kind).map_err(Error::Signal);
        Ok(Self([
            catch(SignalKind::interrupt())?,
            catch(SignalKind::terminate())?,
            catch(SignalKind::hangup())?,
        ]))
    }

    async fn wait(self) {
        let [mut interrupt, mut terminate, mut hang_up] = self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}
