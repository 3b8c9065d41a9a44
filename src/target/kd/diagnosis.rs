//! What `.status` and `.diag` tell of the link to a Windows kernel.

use std::time::Instant;

use super::debugger::Debugger;
use super::link::Engine;
use super::{Place, attach};
use crate::proto::kd::Serial;
use crate::proto::kd::session::Counters;
use crate::proto::kdnet::Net;
use crate::setup;
use crate::setup::diagnose::Facts;

impl Debugger<'_> {
    /// What is known of link and target, for people.
    pub(super) fn describe(&self) -> String {
        let mut lines = Vec::new();
        if let Some(peer) = &self.known.peer {
            lines.push(format!("target  {peer}"));
        }
        if let Some(version) = &self.known.version {
            lines.push(format!("kernel  {}", attach::describe(version)));
        }
        match self.link.engine() {
            Engine::Net(net) if self.never_called() => lines.push(format!(
                "packets none yet; datagrams on its port: {}, and .diag tells of which kind",
                net.counters().datagrams
            )),
            _ => lines.push(format!("packets {}", counted(self.link.counters()))),
        }
        if !self.known.breakpoints.is_empty() {
            let count = match self.known.breakpoints.iter().count() {
                1 => "1 breakpoint".to_owned(),
                count => format!("{count} breakpoints"),
            };
            lines.push(format!("stops   {count}; bl lists them"));
        }
        lines.join("\n")
    }

    /// What came over the link, and what to do if that is not what should.
    pub(super) fn diagnosis(&self) -> String {
        match self.link.engine() {
            Engine::Line(line) => diagnose_line(line),
            Engine::Net(net) => self.diagnose_net(net),
        }
    }

    fn diagnose_net(&self, net: &Net) -> String {
        let Place::Net(place) = self.link.place() else {
            return String::new();
        };
        // A name is looked up by the link; here a literal address is enough.
        let target = place.target.as_deref().and_then(|text| text.parse().ok());
        let addresses = setup::addresses::of_this_machine();
        let facts = Facts::new(
            net,
            Instant::now(),
            self.link.opened(),
            place.port,
            target,
            &addresses,
        );
        facts.lines().join("\n")
    }
}

fn counted(counters: Counters) -> String {
    let mut text = format!("{} in, {} out", counters.packets, counters.sent);
    for (count, what) in [
        (counters.resent, "sent again"),
        (counters.repeated, "came again"),
        (counters.damaged, "damaged"),
        (counters.restarts, "restarts"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

/// What came over a byte stream, and what to do about it.
fn diagnose_line(line: &Serial) -> String {
    let counters = line.counters();
    let session = counters.session;
    let finding = if session.packets > 0 && session.damaged == 0 {
        "KD packets come, and none is damaged: the line is good. A running target that prints nothing is silent; .break stops it"
    } else if session.packets > 0 {
        "KD packets come, but some are damaged: a bad cable, or flow control that is not the target's"
    } else if session.damaged > 0 {
        "what comes looks like KD, but every packet is damaged: compare the speed with `bcdedit /dbgsettings` on the target"
    } else if counters.noise_bytes > 0 {
        "bytes come, but no KD packets: another speed, a console instead of a debugger on this line, or the wrong line"
    } else {
        "nothing came at all. In this order:\n\
         1. a running target is silent until it prints or is stopped: .break\n\
         2. `bcdedit /debug on` and `bcdedit /dbgsettings serial debugport:N baudrate:N` on the target, then a restart of it\n\
         3. the port's number: debugport counts from 1 on the target, and has nothing to do with this machine's names\n\
         4. a null-modem cable between two machines, not a straight one; a virtual machine's port has to be connected and the machine on"
    };
    format!(
        "{finding}\n{}; {} bytes of noise",
        counted(session),
        counters.noise_bytes
    )
}
