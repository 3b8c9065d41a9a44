//! The text that is printed when a server starts: the lines with which clients join.
//!
//! Its form is that of "Remote debugging using KD" of Microsoft's debugger documentation, with our program's name where
//! that has a placeholder: each line can be pasted as it is.

use super::calls;
use crate::connect::{Family, ServerString, ServerTransport};
use crate::session::transport::Trust;

/// How one server is written, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    /// For `.servers`, without the machine.
    pub(super) listed: String,
    /// For clients; that of the list if nobody can join.
    pub(super) join: String,
    /// What clients type; none if the server dials.
    typed: Vec<String>,
}

/// What else is to be said about a server that has just been opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes(Vec<String>);

impl Lines {
    /// Those of a server on the machine `machine`.
    pub(super) fn new(string: &ServerString, machine: &str) -> Self {
        let listed = string.masked();
        Self {
            join: string
                .for_clients(machine, false)
                .unwrap_or_else(|| listed.clone()),
            listed,
            typed: typed(string, machine, false),
        }
    }
}

impl Notes {
    /// `made`: the password is one that was made for it.
    pub(super) fn new(
        string: &ServerString,
        trust: &Trust,
        made: bool,
        warnings: Vec<String>,
    ) -> Self {
        let mut notes = Vec::new();
        if let Some(client) = calls(string) {
            notes.push(format!(
                "Called {client}, for one client; when it leaves, the server has to be started again."
            ));
        }
        if made {
            notes.push("The password was made for this server and is not shown again.".to_owned());
        }
        if super::is_open_to_anybody(string) {
            notes.push(
                "WARNING: password=none: whoever reaches this server may steer every target."
                    .to_owned(),
            );
        }
        if string.viewpassword.is_some() {
            notes.push("Observers join with the viewpassword in the password's place.".to_owned());
        }
        let certificate = match &string.transport {
            ServerTransport::Ssl { certificate, .. }
            | ServerTransport::Spipe { certificate, .. } => certificate.is_none(),
            ServerTransport::Tcp { .. } | ServerTransport::Com(_) => {
                super::is_open_to_anybody(string)
            }
            ServerTransport::Npipe { .. } => false,
        };
        if certificate {
            notes.push(format!(
                "Clients are asked about this certificate when they first see it: {}",
                trust.fingerprint()
            ));
        }
        notes.extend(warnings.into_iter().map(|warning| format!("{warning}.")));
        Self(notes)
    }
}

/// The whole text. `servers` are all that let people in, by number; the line of the new one has its password in clear.
pub(super) fn text<'a>(
    servers: impl Iterator<Item = (u32, &'a Lines)>,
    new: u32,
    string: &ServerString,
    notes: &Notes,
) -> String {
    let mut text = match calls(string) {
        None => "Server started.  Client can connect with any of these command lines".to_owned(),
        Some(_) => "Server started.".to_owned(),
    };
    let revealed = typed(string, &crate::session::machine_name(), true);
    for (id, lines) in servers {
        let typed = if id == new { &revealed } else { &lines.typed };
        for line in typed {
            text.push_str(&format!("\n{id}: {line}"));
        }
    }
    for note in &notes.0 {
        text.push_str(&format!("\n{note}"));
    }
    text
}

/// What clients type to join.
fn typed(string: &ServerString, machine: &str, reveal: bool) -> Vec<String> {
    let strings = [
        string.for_clients(machine, reveal),
        string.for_clients_by_ssh(machine, reveal),
    ];
    let lines = strings.into_iter().flatten();
    lines
        .map(|string| match reveal {
            true => Family::Client.command_line(&string),
            // Not to be pasted before its password is filled in: debuggers do not quote the star either.
            false => format!("kdeck -remote {string}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(string: &str, reveal: bool) -> Vec<String> {
        typed(&string.parse().unwrap(), "LABHOST", reveal)
    }

    #[test]
    fn every_transport_has_a_line_to_paste() {
        let mut shown = String::new();
        for string in [
            "tcp:port=5005",
            "tcp:port=53:60",
            "tcp:port=5005,password=Lab12",
            "tcp:port=5005,password=none",
            "tcp:port=5005,ipversion=6,hidden",
            "ssl:port=5443,password=Lab12",
            "ssl:proto=tls1,machuser=lab,port=5443,password=Lab12",
            "npipe:pipe=MainPipe",
            "npipe:pipe=MainPipe,password=Lab12,viewpassword=watch",
            "spipe:pipe=MainPipe,password=Lab12",
            "com:port=com2,baud=115200,channel=7,password=Lab12",
            "tcp:port=5005,password=Lab$12",
            "tcp:port=5005,clicon=BOX",
        ] {
            let parsed: ServerString = string.parse().unwrap();
            shown.push_str(&format!(
                "{string}\n  0 - Debugger Server - {}\n",
                parsed.masked()
            ));
            for line in lines(string, false).into_iter().chain(lines(string, true)) {
                shown.push_str(&format!("  {line}\n"));
            }
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn what_is_pasted_reads_back_and_masked_lines_have_no_secret() {
        for string in [
            "tcp:port=5005,password=Lab12",
            "ssl:port=5443,password=Lab12",
            "npipe:pipe=a,password=Lab12",
            "spipe:pipe=a,password=Lab12",
            "com:port=com2,baud=115200,channel=7,password=Lab12",
        ] {
            for line in lines(string, true) {
                let pasted = line.strip_prefix("kdeck -remote ").unwrap();
                let client: crate::connect::ClientString = pasted.parse().unwrap();
                assert_eq!(client.password.unwrap().reveal(), Some("Lab12"));
            }
            assert!(
                lines(string, false)
                    .iter()
                    .all(|line| !line.contains("Lab12"))
            );
        }
    }

    #[test]
    fn only_the_new_server_shows_its_password_and_all_are_listed() {
        let (old, new) = (
            "tcp:port=7,password=Old12",
            "npipe:pipe=tiger,password=New12",
        );
        let strings = [old, new].map(|string| string.parse::<ServerString>().unwrap());
        let [first, second] = strings.clone().map(|string| Lines::new(&string, "LABHOST"));
        let servers = [(0, &first), (3, &second)];
        let [_, new] = &strings;
        let text = text(servers.into_iter(), 3, new, &Notes::default());
        let start = "Server started.  Client can connect with any of these command lines\n\
                     0: kdeck -remote tcp:Port=7,Password=*,Server=LABHOST\n";
        assert!(text.starts_with(start), "{text}");
        assert!(
            text.contains("\n3: kdeck -remote npipe:Pipe=tiger,Password=New12,Server="),
            "{text}"
        );
        assert!(text.contains("\n3: kdeck -remote ssh:Server="), "{text}");
        assert!(!text.contains("Old12"), "{text}");
    }
}
