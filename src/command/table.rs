//! The one table of all commands: parser, completion, help and manual read it.

use super::entry::{Command, Completes, Place, Right, debugger, deck, screen};
use super::{devices, history, link, rack, session, shell};
use crate::target::debugger;

/// Every command, by name.
pub const TABLE: &[Command] = &[
    deck(".add", "STRING", rack::add, "add a target, as with -k")
        .waits()
        .needs(Right::Steer)
        .announced(),
    deck(
        ".baud",
        "RATE",
        link::baud,
        "set the speed of the serial line, here or behind an RFC 2217 server",
    )
    .writes(),
    deck(
        ".break",
        "",
        link::send_break,
        "send a break (serial, telnet, RFC 2217), or stop a debug target",
    )
    .writes(),
    deck(
        ".broadcast",
        "[NAME on|off]",
        devices::broadcast,
        "show devices of the chat port all that targets print, or not",
    )
    .needs(Right::Steer)
    .announced(),
    debugger(
        ".bugcheck",
        "",
        "show the bug check that stopped a Windows target: code, name, parameters",
    ),
    deck(
        ".chat",
        "[TEXT]",
        session::say,
        "say something to everybody, or go to the chat",
    ),
    deck(
        ".chatport",
        "[STRING|off]",
        devices::chat_port,
        "open the port where people with nc or PuTTY read and chat, or close it",
    )
    .waits()
    .needs(Right::Steer)
    .announced(),
    deck(
        ".clients",
        "",
        session::clients,
        "list who is here: machine and account, when last active, how they joined",
    ),
    screen(".close", "", "close the pane in front"),
    deck(
        ".connect",
        "",
        link::connect,
        "connect now, without waiting for the next try",
    )
    .writes(),
    debugger(
        ".crash",
        "",
        "stop a Windows target with a bug check (0xE2)",
    )
    .writes(),
    debugger(
        ".cxr",
        "[ADDRESS]",
        "look at registers and stack as the context record at ADDRESS has them",
    ),
    deck(
        ".device",
        "VERB WHO",
        devices::device,
        "kick, block, unblock, mute, unmute a device; import FILE of another kernel",
    )
    .waits()
    .needs(Right::Steer)
    .announced(),
    deck(
        ".devices",
        "",
        devices::list,
        "list the devices that came in by the chat port",
    )
    .waits(),
    debugger(
        ".diag",
        "",
        "tell what was seen on a waiting target's port, and what to do about it",
    ),
    deck(
        ".disconnect",
        "",
        link::disconnect,
        "disconnect, and stay so until .connect",
    )
    .writes(),
    deck(".dtr", "on|off", link::dtr, "set the serial line's DTR")
        .writes()
        .completes(Completes::OnOff),
    deck(
        ".echo",
        "TEXT",
        session::say,
        "say something to everybody at this rack",
    ),
    deck(
        ".endsrv",
        "N [/disconnect]",
        session::endsrv,
        "let nobody else in through a server; /disconnect cuts who came through it",
    )
    .needs(Right::Steer)
    .announced(),
    screen(
        ".filter",
        "[TEXT]",
        "show only the targets that match, or all again",
    ),
    deck(
        ".find",
        "REGEX",
        history::find,
        "count and show the lines of the history that match",
    )
    .waits(),
    debugger(".formats", "EXPRESSION", "show a number in all formats"),
    deck(
        ".help",
        "[COMMAND]",
        rack::help,
        "tell what the commands do",
    )
    .completes(Completes::Commands)
    .local(),
    deck(
        ".keys",
        "TEXT",
        link::keys,
        "send characters as they are; \\r \\n \\t \\e \\\\ \\xNN are understood",
    )
    .writes(),
    deck(
        ".kick",
        "NAME [REASON]",
        session::kick,
        "put somebody out of the session",
    )
    .needs(Right::Steer),
    deck(
        ".last",
        "[N]",
        history::last,
        "show the last N lines of the history (10)",
    ),
    debugger(".lastevent", "", "show what stopped the target last"),
    screen(
        ".layout",
        "[1|columns|rows|grid]",
        "arrange the panes, or go on to the next layout",
    ),
    deck(".me", "TEXT", session::me, "tell everybody what you do"),
    deck(
        ".msg",
        "NAME TEXT",
        session::msg,
        "say something to one person alone",
    ),
    deck(
        ".names",
        "",
        session::names,
        "tell who is here, names alone",
    ),
    deck(
        ".noshell",
        "",
        shell::noshell,
        "forbid .shell for everybody, as long as this process runs",
    )
    .needs(Right::Programs)
    .announced(),
    screen(".open", "[NAME...]", "open targets in panes").completes(Completes::Targets),
    debugger(
        ".prompt",
        "[ANSWER]",
        "show what the target asks, or answer it",
    )
    .writes(),
    deck(
        ".qq",
        "",
        rack::end_session,
        "end the session for everybody, and its host",
    )
    .needs(Right::Steer),
    screen(".quit", "", "leave kdeck").also(&[".exit"]),
    screen(".rack", "", "show the overview of all targets"),
    screen(
        ".raw",
        "",
        "send every key to the target in front, until the escape key",
    ),
    debugger(
        ".readmem",
        "FILE RANGE",
        "write a file of the host into the target's memory",
    )
    .writes()
    .needs(Right::Files),
    debugger(".reboot", "", "restart a Windows target at once").writes(),
    deck(
        ".release",
        "[NAME...]",
        session::release,
        "give up targets you have taken with .take",
    )
    .needs(Right::Steer)
    .completes(Completes::Targets),
    deck(
        ".reload",
        "",
        rack::reload,
        "read the configuration file again; only what changed is touched",
    )
    .waits()
    .needs(Right::Files)
    .announced(),
    screen(
        ".remote",
        "[STRING]",
        "join somebody else's session, as with -remote",
    ),
    screen(
        ".remote_exit",
        "[COMMAND;...]",
        "leave the session, which goes on; a script's last commands may follow",
    ),
    deck(".remove", "", rack::remove, "remove the addressed targets")
        .writes()
        .by_itself()
        .waits()
        .completes(Completes::Targets)
        .announced(),
    deck(
        ".role",
        "[host|server|client]",
        session::role,
        "tell what this process is, or what it takes to be something else",
    )
    .local(),
    deck(".rts", "on|off", link::rts, "set the serial line's RTS")
        .writes()
        .completes(Completes::OnOff),
    deck(
        ".save",
        "FILE",
        history::save,
        "write the history to a file",
    )
    .waits()
    .needs(Right::Files),
    deck(
        ".send",
        "TEXT",
        link::send,
        "send a line, whatever it begins with",
    )
    .writes(),
    deck(
        ".server",
        "STRING",
        session::server,
        "let others join: tcp:port=5005, npipe:pipe=lab, ssl, spipe, com",
    )
    .waits()
    .needs(Right::Steer)
    .announced(),
    deck(
        ".servers",
        "",
        session::servers,
        "list the servers through which others join",
    ),
    deck(
        ".shell",
        "COMMAND",
        shell::shell,
        "run a command on the host and show what it prints",
    )
    .waits()
    .needs(Right::Programs),
    deck(".sleep", "SECONDS", rack::sleep, "wait; for scripts")
        .waits()
        .local(),
    deck(
        ".status",
        "",
        link::status,
        "tell all that is known about a target",
    ),
    deck(
        ".take",
        "[NAME...] [/force]",
        session::take,
        "take targets for yourself: only your input goes to them until .release",
    )
    .needs(Right::Steer)
    .completes(Completes::Targets),
    deck(
        ".targets",
        "",
        rack::targets,
        "list the targets and their states",
    )
    .also(&[".list"]),
    screen(
        ".theme",
        "[NAME]",
        "change the colours, or go on to the next theme",
    )
    .completes(Completes::Themes),
    debugger(
        ".time",
        "",
        "show the times of the session and of the target",
    ),
    debugger(
        ".trap",
        "[ADDRESS]",
        "look at registers and stack as the trap frame at ADDRESS has them",
    ),
    deck(
        ".wait",
        "[SECONDS] REGEX",
        history::wait,
        "wait until the target prints what matches (30 s); for scripts",
    )
    .waits(),
    deck(
        ".who",
        "",
        session::who,
        "tell who is here, what they may do and since when",
    ),
    debugger(
        ".writemem",
        "FILE RANGE",
        "write memory of the target to a file of the host",
    )
    .needs(Right::Files)
    .requests(),
];

/// Whether a command of that name is carried out by the debuggers of targets.
pub fn is_for_debuggers(name: &str) -> bool {
    let of_debuggers = |command: &&Command| matches!(command.place, Place::Debugger);
    TABLE
        .iter()
        .filter(of_debuggers)
        .any(|command| command.name == name)
}

/// The command of that name.
///
/// # Errors
/// When there is none; names the nearest.
pub fn find(name: &str) -> Result<&'static Command, String> {
    let names = |command: &Command| command.name == name || command.aliases.contains(&name);
    TABLE.iter().find(|command| names(command)).ok_or_else(|| {
        let all = TABLE.iter().map(|command| command.name);
        let meant = debugger::nearest(name, all);
        let meant = meant.map_or_else(String::new, |meant| format!(" did you mean {meant}?"));
        format!("{name} is no command;{meant} .help lists all; ..TEXT sends a line that begins with a dot")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_help_and_its_own_name() {
        for pair in TABLE.windows(2) {
            assert!(
                pair[0].name < pair[1].name,
                "{} stands before {}",
                pair[0].name,
                pair[1].name
            );
        }
        for command in TABLE {
            assert!(
                !command.help.is_empty() && command.help.len() < 90,
                "{}",
                command.name
            );
            assert!(command.name.starts_with('.'), "{}", command.name);
            for alias in command.aliases {
                assert!(
                    TABLE.iter().all(|other| other.name != *alias),
                    "{alias} is a name too"
                );
            }
        }
    }
}
