//! Another program that runs beside kdeck for as long as a test needs it.

use std::process::{Child, Command, Stdio};

/// A running program; ended when dropped, however the test ends.
#[derive(Debug)]
pub struct Background(pub Child);

impl Background {
    /// Starts it with its standard output in a pipe, and none of the test's own streams: who waits for the end of
    /// those would wait for this program.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.stdout(Stdio::piped()).spawn();
        Self(child.expect("the program starts"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
