//! What a command asks of the permission of whoever types it, where its argument decides.
//!
//! Other commands have it in the [table](super::table).

use super::entry::{Command, Right};
use crate::connect::{ServerString, ServerTransport, TargetLink, TargetString};

/// What this command asks for with that argument.
pub(super) fn of(command: &Command, argument: &str) -> Right {
    match command.name {
        ".add" => to_add(argument),
        ".server" => to_serve(argument),
        ".device" if argument.split_whitespace().next() == Some("import") => Right::Files,
        // Without an argument they tell how it is.
        ".broadcast" | ".chatport" if argument.is_empty() => Right::Look,
        _ => command.right,
    }
}

/// Some kinds of target run programs or open files of the host's machine.
fn to_add(string: &str) -> Right {
    let Ok(target) = string.parse::<TargetString>() else {
        // It will not be added, and why is told by whoever tries.
        return Right::Steer;
    };
    match &target.link {
        TargetLink::Exec(_) => Right::Programs,
        link if link.opens_files() => Right::Files,
        _ => Right::Steer,
    }
}

/// A server on a serial line opens any file that is named as its device; one without a password lets anybody in.
fn to_serve(string: &str) -> Right {
    let Ok(server) = string.parse::<ServerString>() else {
        return Right::Steer;
    };
    // One is made where none is given.
    let is_open = server.password.is_some_and(|it| it.reveal().is_none());
    match server.transport {
        ServerTransport::Com(_) => Right::Files,
        // Of a pipe the system says who is at the other end.
        ServerTransport::Npipe { .. } => Right::Steer,
        _ if is_open => Right::Open,
        _ => Right::Steer,
    }
}
