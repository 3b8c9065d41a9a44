//! Why a target is not there: from what was seen on its port to what to do about it.
//!
//! The host sees only what comes. What it cannot know, whether a cable is in and what a target was told, it asks for,
//! most likely first.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::addresses::reachable;
use super::{DEBUG_ON, Finding, RESTART, settings_line};
use crate::proto::kdnet::net::SILENT_MS;
use crate::proto::kdnet::{Counters, Dropped, LastOffer, Net, Sighting};

/// What is known about a target and its port.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The present.
    pub now: Instant,
    /// How long the port has been open.
    pub waited: Duration,
    /// The port.
    pub port: u16,
    /// Where the target ought to be, if that was said (`target=`).
    pub target: Option<IpAddr>,
    /// The addresses of this machine; empty if they are not known.
    pub addresses: &'a [IpAddr],
    /// What was counted on the port.
    pub counters: Counters,
    /// Who sent something.
    pub sightings: &'a [Sighting],
    /// The last offer.
    pub last_offer: Option<&'a LastOffer>,
    /// Where the target is, if there is a session.
    pub peer: Option<SocketAddr>,
    /// When something authentic came last.
    pub last_heard: Option<Instant>,
}

impl<'a> Facts<'a> {
    /// What `net` has seen since `opened`, on `port`.
    #[must_use]
    pub fn new(
        net: &'a Net,
        now: Instant,
        opened: Instant,
        port: u16,
        target: Option<IpAddr>,
        addresses: &'a [IpAddr],
    ) -> Self {
        Self {
            now,
            waited: now.saturating_duration_since(opened),
            port,
            target,
            addresses,
            counters: net.counters(),
            sightings: net.sightings().all(),
            last_offer: net.last_offer(),
            peer: net.peer().map(spoken),
            last_heard: net.last_heard(),
        }
    }

    /// Lines that say what was seen and what to do, for a person.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.summary()];
        for finding in self.findings() {
            lines.extend(finding.to_string().lines().map(str::to_owned));
        }
        lines
    }

    /// What stands in the way, worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = [
            self.nothing(),
            self.silence(),
            self.no_answer(),
            self.another_key(),
            self.earlier_session(),
            self.not_kdnet(),
            self.link_local(),
            self.another_source(),
            self.another_host(),
            self.another_machine(),
            self.another_debugger(),
        ]
        .into_iter()
        .flatten()
        .collect();
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    fn summary(&self) -> String {
        let Facts { port, counters, .. } = self;
        let heard = match self.heard_ago() {
            Some(ago) => format!(", heard {} ago", seconds(ago)),
            None => String::new(),
        };
        let state = match self.peer {
            Some(peer) => format!("connected to {}{heard}", spoken(peer)),
            None => format!("waiting for {}{heard}", seconds(self.waited)),
        };
        let (offers, data) = (counters.offers + counters.keepalives, counters.data);
        format!(
            "UDP port {port}: {state}; {} datagrams, of them {offers} offers and {data} of data",
            counters.datagrams
        )
    }

    fn heard_ago(&self) -> Option<Duration> {
        let heard = self.last_heard?;
        Some(self.now.saturating_duration_since(heard))
    }

    /// Who was dropped last for that reason.
    fn dropped(&self, why: Dropped) -> String {
        let mut of_it = self.sightings.iter().collect::<Vec<_>>();
        of_it.retain(|seen| seen.dropped == Some(why));
        let last = of_it.iter().max_by_key(|seen| seen.last);
        last.map_or_else(
            || "an address that is forgotten".to_owned(),
            |seen| spoken(seen.address).to_string(),
        )
    }

    fn offer_from(&self) -> Option<IpAddr> {
        self.last_offer.map(|last| last.from.ip().to_canonical())
    }

    fn nothing(&self) -> Option<Finding> {
        if self.counters.datagrams > 0 {
            return None;
        }
        let port = self.port;
        let what = format!(
            "nothing has come on UDP port {port} in {}",
            seconds(self.waited)
        );
        let lines = self.lines_for_target();
        let mut finding = if self.waited < Duration::from_millis(SILENT_MS) {
            Finding::warning(what).remedy("a target calls every 3 s: wait a little longer")
        } else {
            Finding::error(what)
        };
        if let Some(target) = self.target {
            finding = finding.remedy(format!(
                "{target} was called {} times: is that the target, and was it started with debugging on?",
                self.counters.pokes
            ));
        }
        finding = finding
            .remedy(format!(
                "restart the target after the last bcdedit: {RESTART}"
            ))
            .remedy(format!("debugging must be switched on there: {DEBUG_ON}"))
            .remedy(
                "save what `bcdedit /dbgsettings` prints there, and: kdeck check --bcdedit FILE",
            );
        for line in lines {
            finding = finding.remedy(format!(
                "the target must be told this host and port: {line}"
            ));
        }
        Some(
            finding
                .remedy(format!(
                    "let the port through this machine's firewall: ufw allow {port}/udp, or firewall-cmd --add-port={port}/udp, or nft"
                ))
                .remedy("the target's adapter must be a wired one that KDNET supports (kdnet.exe lists them), its cable in, on a network that leads here")
                .remedy("with several adapters say which: bcdedit /set \"{dbgsettings}\" busparams <bus.device.function>")
                .remedy("an adapter in a docking station must be docked, and stay so")
                .remedy("without a DHCP server the target takes an address of 169.254.0.0/16, which reaches its own switch only")
                .remedy("a virtual machine of QEMU or KVM: set the Hyper-V vendor id to KVMKVMKVM, then power off and on"),
        )
    }

    /// What to type at the target, once for each address of this machine it might call.
    fn lines_for_target(&self) -> Vec<String> {
        let own = reachable(self.addresses).into_iter();
        own.take(ADDRESSES_SHOWN)
            .map(|host| settings_line(host, self.port, "<its key>"))
            .collect()
    }

    fn silence(&self) -> Option<Finding> {
        let ago = self.heard_ago()?;
        let (peer, limit) = (spoken(self.peer?), Duration::from_millis(SILENT_MS));
        (ago >= limit).then(|| {
            Finding::error(format!("nothing has come from {peer} for {}", seconds(ago)))
                .remedy("a machine that is switched off, paused, or hangs is waited for; it is connected again by itself")
                .remedy("the network between may be down, or the target on another one now")
                .remedy("a notebook that was taken out of its docking station has lost its adapter: dock it")
        })
    }

    fn no_answer(&self) -> Option<Finding> {
        let last = self.last_offer?;
        if self.peer.is_some() || self.counters.data > 0 || self.counters.responses == 0 {
            return None;
        }
        let from = spoken(last.from);
        let mut finding = Finding::error(format!(
            "{from} offers itself, and has not sent data after {} responses: they may not reach it",
            self.counters.responses
        ))
        .remedy(format!(
            "let UDP from port {} of this machine to {from} through every firewall between",
            self.port
        ));
        if from.ip() != last.offer.target.ip() {
            finding = finding.remedy(format!(
                "it calls itself {}: address translation between must lead answers back",
                last.offer.target
            ));
        }
        Some(finding.remedy(
            "this host must have a route to it: ip route get ".to_owned() + &from.ip().to_string(),
        ))
    }

    fn another_key(&self) -> Option<Finding> {
        let count = self.counters.unauthenticated;
        if count == 0 {
            return None;
        }
        let from = self.dropped(Dropped::Unauthenticated);
        let what = format!("{count} KDNET datagrams with another key, the last from {from}");
        Some(if self.peer.is_some() {
            Finding::warning(what).remedy("late ones of an earlier session are harmless; more of them mean another target on this port")
        } else {
            Finding::error(what)
                .remedy("compare the key with the target's: kdeck check --bcdedit FILE, of what `bcdedit /dbgsettings` prints there")
                .remedy("a key that was made anew (newkey, kdnet.exe) has to be made known here too")
                .remedy("or it is another target's: each needs a port of its own")
        })
    }

    fn earlier_session(&self) -> Option<Finding> {
        let counters = self.counters;
        let offers = counters.offers + counters.keepalives;
        (counters.unknown_session > 0 && offers == 0 && self.peer.is_none()).then(|| {
            let from = self.dropped(Dropped::UnknownSession);
            Finding::warning(format!(
                "data of a session that was not begun here, from {from}: a target that is still with an earlier host, or has another key"
            ))
            .remedy("it offers itself within 3 s and is taken over then; if it does not, compare the keys")
        })
    }

    fn not_kdnet(&self) -> Option<Finding> {
        let count = self.counters.not_kdnet;
        (count > 0).then(|| {
            let from = self.dropped(Dropped::NotKdnet);
            Finding::warning(format!(
                "{count} datagrams that are not KDNET, the last from {from}"
            ))
            .remedy("another program sends to this port: find it there, or give the target another port")
        })
    }

    fn link_local(&self) -> Option<Finding> {
        let from = self.offer_from()?;
        matches!(from, IpAddr::V4(ip) if ip.is_link_local()).then(|| {
            Finding::warning(format!(
                "the target has the address {from}, which it gives itself when no DHCP server answers"
            ))
            .remedy("only hosts on the same switch reach it: connect this one there, or let the target have a lease")
            .remedy("if there is a DHCP server, set the target up without nodhcp")
        })
    }

    fn another_source(&self) -> Option<Finding> {
        let (wanted, from) = (self.target?, self.offer_from()?);
        (wanted.to_canonical() != from && !wanted.is_unspecified()).then(|| {
            Finding::warning(format!("offers come from {from}, not from target={wanted}")).remedy(
                "the target has another lease now, or its settings were copied to another machine",
            )
        })
    }

    fn another_host(&self) -> Option<Finding> {
        let told = self.last_offer?.offer.host.ip();
        let translated = !self.addresses.is_empty() && !self.addresses.contains(&told);
        (translated && told != IpAddr::V4(Ipv4Addr::UNSPECIFIED)).then(|| {
            let mut finding = Finding::warning(format!(
                "the target calls {told}, which is no address of this machine: something between leads it here"
            ));
            for line in self.lines_for_target() {
                finding = finding.remedy(format!("if that is not meant: {line}"));
            }
            finding
        })
    }

    fn another_machine(&self) -> Option<Finding> {
        (self.counters.other_machine > 0).then(|| {
            let from = self.dropped(Dropped::OtherMachine);
            Finding::warning(format!(
                "a second machine, at {from}, calls this port with the same key; it is ignored while the first is there"
            ))
            .remedy("a copied machine has copied settings: give it a key and a port of its own (kdeck keygen)")
        })
    }

    fn another_debugger(&self) -> Option<Finding> {
        (self.counters.wrong_direction > 0).then(|| {
            let from = self.dropped(Dropped::WrongDirection);
            Finding::warning(format!(
                "a host's datagrams came back or from another debugger, at {from}"
            ))
            .remedy("one debugger at a time: end the other, and look for a loop in the network")
        })
    }
}

/// An address as people write it: one of IPv4 may have come through a socket of IPv6.
fn spoken(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Addresses of this machine for which a line is shown: more confuse.
const ADDRESSES_SHOWN: usize = 3;

#[cfg(test)]
mod tests;
