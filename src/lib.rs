//! kdeck: a full-screen console for one host and a rack of debug targets.
//!
//! # A byte's way in
//!
//! 1. [`link`] opens a byte stream or a UDP port: TCP, Unix socket, serial line, pseudo-terminal.
//! 2. [`target`] has one actor for each target. `target/text.rs` makes the link and makes it again when it is lost;
//!    `target/conversation.rs` reads it and hands the bytes to the protocol engine. A Windows kernel's actor is in
//!    `target/kd`: `link.rs` feeds the engine, `debugger.rs` sorts what comes out of it.
//! 3. [`proto`] holds the engines: KDNET and KD, telnet, netconsole. They know no sockets and no clock.
//! 4. [`transcript`] is the target's numbered history, a bounded ring of raw bytes with their times. The actor appends;
//!    everybody else reads, at their own pace:
//! 5. [`transcript::log`] writes the log files; [`headless`] prints events; [`ui`] draws what is visible, which
//!    [`transcript::safe`] has made harmless first. Devices of the raw port get their lines of [`session::devices`].
//! 6. To others in the session it goes on: `session/server/peer.rs` has one task for each client and sends what that
//!    client has asked for, as far as it can take it; `session/client/mirror.rs` puts it into transcripts with the same
//!    numbers, from which its own screen reads.
//!
//! # A key's way out
//!
//! 1. [`ui`] turns a key into a message, `ui/update` into a change of the screen or an effect.
//! 2. [`command`] parses the line: whom it is for, and which command of the table it is.
//! 3. [`deck`] is the seat the person has: the [`host`] of this process, or a [`session::client`] of another one. A client
//!    sends the line as it was typed; its task at the server has it carried out as whoever was let in, and their permission
//!    is judged there, by [`command`] and once more by [`host`].
//! 4. [`host`] records the line in the transcript and queues it for the target's actor.
//! 5. [`target`] encodes it with the engine and writes it to the link. To a kernel it is a debugger's command:
//!    `target/kd/commands` carries it out, with the pure code of [`code`] on memory that is fetched as it is needed.
//!
//! # The map
//!
//! | place | what it holds |
//! | --- | --- |
//! | `main.rs` | start-up only: arguments, logging, error hooks; then it hands over |
//! | `main/console.rs`, `main/tools.rs` | a host or a client with its console or without; what kdeck does besides |
//! | [`cli`] | the command line, its help, manual page and completions |
//! | [`config`] | what the file says, what it means once checked, places, defaults |
//! | [`connect`] | connection strings: one grammar, typed results, errors with a caret |
//! | [`link`] | byte streams and datagrams; knows no protocol |
//! | [`proto`] | protocols as state machines without I/O |
//! | [`code`] | reading machines: images, names, stacks, expressions, disassembly, dumps |
//! | [`target`] | the actors, and what can be asked of them |
//! | [`transcript`] | entries, the ring, readers, log files, search, text made safe |
//! | [`rack`] | what is known of all targets; addresses like `@web*` |
//! | [`host`] | the engine that owns the targets; runs with or without a screen |
//! | [`deck`] | the seat somebody sits in, at a host or a client, and the rare events that are told there |
//! | [`session`] | many people on one rack: who is here, what they may, what they say, what is recorded of it |
//! | [`session::transport`] | byte streams that carry a session, TLS, certificates and pins |
//! | [`session::door`] | letting people in: versions, passwords, deadlines |
//! | [`session::attach`] | taking back the console of a host on the same machine |
//! | [`session::server`], [`session::client`] | the two ends of a session once somebody is in |
//! | [`session::devices`] | the raw debug-and-chat port, and the file of its devices |
//! | [`session::directory`] | finding servers, here and on other machines |
//! | [`command`] | one table of all commands, their parser, whom they address |
//! | [`headless`] | the scripting contract |
//! | [`ui`] | the screen: messages, model and update, views, key map, themes, terminal |
//! | [`sim`] | simulated targets for the demo and the tests |
//! | [`setup`] | keys and settings of Windows targets, and what is wrong with them |
//! | [`signals`] | what ends a run in an orderly way |
//!
//! Three rules carry it. A slow reader slows nobody: transcripts are bounded, readers hold a position and learn what they
//! missed. What a target sends is hostile: it is kept raw, and nothing of it reaches a terminal but what
//! [`transcript::safe`] lets through. What a client says of itself counts for nothing: what it may do is decided at the
//! host.

pub mod cli;
pub mod code;
pub mod command;
pub mod config;
pub mod connect;
pub mod deck;
#[cfg(test)]
mod fixtures;
pub mod headless;
pub mod host;
pub mod link;
#[cfg(test)]
#[path = "../tests/support/ports.rs"]
mod ports;
pub mod proto;
pub mod rack;
pub mod session;
pub mod setup;
pub mod signals;
pub mod sim;
pub mod target;
pub mod transcript;
pub mod ui;
