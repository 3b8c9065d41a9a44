//! What targets have that no two of them can: names, local ports.

use std::collections::HashMap;

use super::Target;
use crate::connect::LocalPort;

/// Targets, found by what only one of them can have.
#[derive(Default)]
pub(super) struct Taken {
    names: HashMap<String, usize>,
    /// The number that made a name free last.
    numbers: HashMap<String, usize>,
    /// By port number (0 for devices): the few that could clash.
    ports: HashMap<(u16, String), Vec<(LocalPort, usize)>>,
}

impl Taken {
    /// The index of the target that has the name `name`.
    pub(super) fn name(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// What `target` would hold, and the index of the one that holds it already.
    pub(super) fn port(&self, target: &Target) -> Option<(LocalPort, usize)> {
        let port = target.connect.local_port()?;
        let rivals = self.ports.get(&slot(&port))?;
        let rival = rivals
            .iter()
            .find(|(rival, _)| rival.clashes_with(&port))
            .map(|(_, index)| *index)?;
        Some((port, rival))
    }

    /// Notes that `target` will have the index `index`.
    pub(super) fn insert(&mut self, target: &Target, index: usize) {
        self.names.insert(target.name.clone(), index);
        if let Some(port) = target.connect.local_port() {
            self.ports
                .entry(slot(&port))
                .or_default()
                .push((port, index));
        }
    }

    /// `name`, or if that is taken, with the first number behind it that makes it free.
    pub(super) fn free_name(&mut self, name: String) -> String {
        if self.name(&name).is_none() {
            return name;
        }
        // Thousands of targets may lead to one place: the search goes on where it ended.
        let mut number = self.numbers.get(&name).copied().unwrap_or(2);
        while self.name(&format!("{name}-{number}")).is_some() {
            number += 1;
        }
        let free = format!("{name}-{number}");
        self.numbers.insert(name, number);
        free
    }
}

/// Where to look for rivals: a number, or a path.
fn slot(port: &LocalPort) -> (u16, String) {
    match port {
        LocalPort::Udp { port, .. } | LocalPort::Tcp { port, .. } => (*port, String::new()),
        LocalPort::Device(path) => (0, path.display().to_string()),
    }
}
