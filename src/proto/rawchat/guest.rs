//! kdeck as the guest of somebody else's debug-and-chat port: registering when told to, and noticing where chat goes.
//!
//! The words of a greeting are in the language of the host; what stays is the `>> ` in front, the version, and the name
//! of the command to register with.

/// Bytes of a connection in which the greeting stands, whatever its language.
const GREETING_BYTES: usize = 4096;

/// One connection to such a port.
#[derive(Debug, Clone)]
pub struct Guest {
    name: String,
    /// The line that has not ended, as long as this is the greeting.
    line: Vec<u8>,
    /// Bytes that came, as far as they are counted.
    seen: usize,
    /// It is to be sent that we want to register.
    registers: bool,
    /// The port is for logs and commands, and another one for chat.
    two_ports: bool,
}

impl Guest {
    /// A guest who wants to be called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            line: Vec::new(),
            seen: 0,
            registers: false,
            two_ports: false,
        }
    }

    /// Looks at what the host sent.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.seen >= GREETING_BYTES {
                return;
            }
            self.seen += 1;
            if byte == b'\n' {
                self.take_line();
            } else {
                self.line.push(byte);
            }
        }
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let Some(line) = line.strip_prefix(">> ") else {
            return;
        };
        if line.contains("/register") {
            self.registers = true;
            // What comes now is no greeting: nobody is to make us send it again.
            self.seen = GREETING_BYTES;
        }
        let is_debug = line.starts_with("Remote Debug");
        let is_chat = line.to_lowercase().contains("chat");
        self.two_ports |= is_debug && !is_chat;
    }

    /// The line to send, without its end, once the host told us to register.
    pub fn poll_line(&mut self) -> Option<String> {
        std::mem::take(&mut self.registers).then(|| format!("/register {}", self.name))
    }

    /// Why a line is not to be sent, if so.
    #[must_use]
    pub fn refusal(&self, line: &str) -> Option<&'static str> {
        let chat = !line.starts_with('/');
        (self.two_ports && chat).then_some(
            "this port takes commands (/help) and ignores chat, which goes to the chat port of that host (3015): .add raw:server=HOST,port=3015 has that one as a target of its own",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_PORT: &str =
        ">> Remote Debug and Chat: version 0.7.0\r\n>> Your address is 10.0.0.7.\r\n";
    const TWO_PORTS: &str = ">> Remote Debug: version 0.9.1.0\r\n>> Your address is 10.0.0.7.\r\n";
    const FIRST_TIME: &str = ">> Welcome! This is your first time. Use \"/register <name>\".\r\n";

    fn greeted(texts: &[&str]) -> Guest {
        let mut guest = Guest::new("alice");
        for text in texts {
            guest.handle_bytes(text.as_bytes());
        }
        guest
    }

    #[test]
    fn who_is_told_to_register_does_so_once() {
        let mut guest = greeted(&[ONE_PORT, ">> Welc", &FIRST_TIME[7..], FIRST_TIME]);
        assert_eq!(guest.poll_line().as_deref(), Some("/register alice"));
        assert_eq!(guest.poll_line(), None);
        guest.handle_bytes(FIRST_TIME.as_bytes());
        assert_eq!(guest.poll_line(), None);
        let mut known = greeted(&[ONE_PORT, ">> Your name is alice.\r\n"]);
        assert_eq!(known.poll_line(), None);
    }

    #[test]
    fn somebody_who_chats_about_it_makes_nobody_register() {
        let mut guest = greeted(&[ONE_PORT, "1 [I] (chat):  bob> use /register\r\n"]);
        assert_eq!(guest.poll_line(), None);
        let long = "x".repeat(GREETING_BYTES);
        let mut guest = greeted(&[ONE_PORT, &long, "\n", FIRST_TIME]);
        assert_eq!(guest.poll_line(), None);
    }

    #[test]
    fn chat_is_kept_from_a_port_that_ignores_it() {
        let two = greeted(&[TWO_PORTS, FIRST_TIME]);
        assert!(two.refusal("hello").is_some());
        assert_eq!(two.refusal("/help"), None);
        assert_eq!(greeted(&[ONE_PORT]).refusal("hello"), None);
    }
}
