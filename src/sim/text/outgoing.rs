//! The output of a simulated machine, on its way to whoever carries it.

use std::io::Write as _;

/// What was printed and not yet fetched.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub bytes: Vec<u8>,
    /// The last line is not complete, so that a message first has to end it.
    in_line: bool,
}

impl Outgoing {
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= OUTGOING_BYTES_MAX
    }

    /// Ends the line begun by somebody else, if any.
    pub fn fresh_line(&mut self) {
        if std::mem::take(&mut self.in_line) {
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    pub fn end_line(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
        self.in_line = false;
    }

    pub fn line(&mut self, text: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(text.as_ref());
        self.end_line();
    }

    /// Appends text that the next message must not run into.
    pub fn part(&mut self, text: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(text.as_ref());
        self.in_line = true;
    }

    pub fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.bytes.write_fmt(text).expect("a Vec takes every byte");
    }
}

/// Most bytes a machine has ready before it waits to be asked. Bounds what a poll returns, give or
/// take one command's reply; room for every attack of the hostile kind together.
pub const OUTGOING_BYTES_MAX: usize = 256 * 1024;
