//! Windows kernels debugged by the real program without a screen: simulated machines behind KDNET and byte streams.

#[path = "../support/mod.rs"]
mod support;

mod breakpoints;
mod code;
mod crashes;
mod diagnosis;
mod files;
mod machine;
mod memory;
mod registers;
mod restarts;
mod running;
mod together;

use support::headless::{Event, Headless};
use support::windows::{Line, Windows};

/// kdeck, and the machines that it debugs.
struct Lab {
    deck: Headless,
    windows: Windows,
}

/// The first machine's name; the next are `w001` and on.
const W: &str = "w000";

impl Lab {
    fn new(windows: Windows) -> Self {
        let deck = Headless::watching(&windows.targets);
        for target in 0..windows.targets.len() {
            let name = windows.value(target, "name");
            deck.wait(&format!("{name} has a link"), |event| {
                let opens = event.detail().starts_with("opening ");
                event.kind() == "target"
                    && event.target() == name
                    && event.state() != "connecting"
                    && !opens
            });
        }
        Self { deck, windows }
    }

    /// One machine on KDNET, with these arguments, that runs.
    fn net(arguments: &[&str]) -> Self {
        let lab = Self::new(Windows::net(arguments));
        lab.deck.wait_notice(W, "connected to 127.0.0.1:");
        lab
    }

    /// One silent machine on KDNET, stopped.
    fn stopped() -> Self {
        Self::broken_into(Self::net(&[]))
    }

    /// One machine on a byte stream, stopped.
    fn line(line: Line, arguments: &[&str]) -> Self {
        Self::broken_into(Self::new(Windows::line(line, arguments)))
    }

    fn broken_into(mut lab: Self) -> Self {
        let banner = lab.deck.done(".break");
        assert!(banner.starts_with(BREAK_IN), "{banner}");
        lab
    }

    /// Types a command that has to succeed.
    fn done(&mut self, line: &str) -> String {
        self.deck.done(line)
    }

    /// Types a command that has to be refused; why it was.
    fn refused(&mut self, line: &str) -> String {
        self.deck.refused(line)
    }

    /// The value of an expression.
    fn value(&mut self, expression: &str) -> u64 {
        let text = self.done(&format!("? {expression}"));
        let (_, hex) = text.split_once(" = ").expect("an equation");
        u64::from_str_radix(&hex.replace('`', ""), 16).expect("a number")
    }

    /// Waits for a stop for this reason since the last command.
    fn broken(&self, reason: &str) -> Event {
        self.deck.wait(&format!("a stop: {reason}"), |event| {
            event.is_state(W, "broken") && event.detail().starts_with(reason)
        })
    }

    /// Lets it go on and waits for the next stop; its state's detail.
    fn go_until(&mut self, reason: &str) -> String {
        self.done("g");
        self.broken(reason).detail().to_owned()
    }
}

/// What a break-in shows first.
const BREAK_IN: &str = "Break instruction exception - code 80000003 (first chance)";

/// An address as debuggers write it.
fn address(value: u64) -> String {
    format!("{:08x}`{:08x}", value >> 32, value & 0xffff_ffff)
}
