//! A Windows kernel in the console: breaking in, stepping, breakpoints, bug checks, and what is offered meanwhile.

use super::press;
use super::support::terminal::Terminal;
use super::support::windows::Windows;

/// What xterm sends for the keys of a debugger.
const F5: &str = "\x1b[15~";
const F10: &str = "\x1b[21~";
const F11: &str = "\x1b[23~";

/// A console on a simulated machine, with its pane in front.
struct Desk {
    screen: Terminal,
    _windows: Windows,
}

impl Desk {
    fn new(arguments: &[&str]) -> Self {
        let windows = Windows::net(arguments);
        let screen = Terminal::start(100, 30, &["-k", &windows.targets[0]]);
        screen.wait_text("w000");
        let mut desk = Self {
            screen,
            _windows: windows,
        };
        desk.screen.keys(".open w000\r");
        desk.screen.wait_text("connected to 127.0.0.1:");
        desk
    }

    /// The same, stopped by Ctrl+C.
    fn stopped() -> Self {
        let mut desk = Self::new(&["--rate", "0"]);
        desk.screen.keys(press::CTRL_C);
        desk.screen
            .wait_text("Break instruction exception - code 80000003 (first chance)");
        desk.screen.wait_text("0: kd>");
        desk
    }

    /// The row where a line is typed.
    fn line(screen: &vt100::Screen) -> String {
        let (rows, _) = screen.size();
        super::row(screen, rows.get() - 2)
    }
}

#[test]
fn a_target_is_broken_into_stepped_and_resumed_by_keys() {
    let mut desk = Desk::stopped();
    desk.screen.wait_text("nt!DbgBreakPointWithStatus:");
    desk.screen.wait("the prompt is where one types", |screen| {
        Desk::line(screen).contains("0: kd>")
    });
    desk.screen.wait_text("F10 over");
    desk.screen.keys(F11);
    desk.screen.wait_text("nt!DbgBreakPointWithStatus+0x1:");
    desk.screen.keys(F10);
    desk.screen.wait_text("nt!KeClockInterruptNotify+0x");
    desk.screen.keys("r rip\r");
    desk.screen.wait_text("rip=fffff8");
    desk.screen.keys(F5);
    desk.screen.wait_text("^C break");
    desk.screen.wait("the prompt is gone", |screen| {
        !Desk::line(screen).contains("kd>")
    });
    desk.screen.keys(press::CTRL_C);
    desk.screen.wait("it is stopped again", |screen| {
        Desk::line(screen).contains("kd>")
    });
}

#[test]
fn a_breakpoint_that_is_hit_is_seen() {
    let mut desk = Desk::stopped();
    desk.screen.keys("bp nt!KeWaitForSingleObject\rg\r");
    desk.screen.wait_text("Breakpoint 0 hit");
    desk.screen.wait_text("nt!KeWaitForSingleObject:");
    desk.screen.wait("the prompt is back", |screen| {
        Desk::line(screen).contains("kd>")
    });
}

#[test]
fn a_bug_check_is_announced_in_header_and_rack() {
    let mut desk = Desk::new(&["--rate", "0", "--bugcheck-after", "0.3"]);
    desk.screen
        .wait_text("Bugcheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL");
    desk.screen.wait("the header tells of an alert", |screen| {
        super::row(screen, 0).contains("! 1")
    });
    desk.screen.wait("so does the pane's title", |screen| {
        super::row(screen, 1)
            .contains("w000 ∙ ! BUGCHECK D1 DRIVER_IRQL_NOT_LESS_OR_EQUAL (18,2,0,")
    });
    desk.screen.keys(press::CTRL_O);
    desk.screen.wait("its tile shows it", |screen| {
        super::row(screen, 1).starts_with("►! w000")
            && super::row(screen, 1).contains("BUGCHECK D1")
    });
    desk.screen.wait_text("1 needs you: ! w000");
}

#[test]
fn help_and_completion_know_the_debuggers_commands() {
    let mut desk = Desk::stopped();
    desk.screen.keys("\x1bOP");
    desk.screen.wait_text("Help: ");
    desk.screen.keys("rdmsr");
    desk.screen.wait_text("read a model-specific register");
    desk.screen.keys(press::ESC);
    desk.screen.wait_no_text("Help: ");
    desk.screen.keys(&format!("verta{}", press::TAB));
    desk.screen.wait_text("vertarget");
    desk.screen.keys(press::ENTER);
    desk.screen
        .wait_text("Windows 10 Kernel Version 19041 MP (4 procs) Free x64");
}

#[test]
fn leaving_warns_of_a_target_that_stays_stopped() {
    let mut desk = Desk::stopped();
    desk.screen.keys(press::CTRL_X);
    desk.screen.wait_text("Quit kdeck?");
    desk.screen
        .wait_text("One is stopped, and stays so until a debugger lets it go on.");
    desk.screen.keys("y");
    assert_eq!(desk.screen.wait_end().status.code(), Some(0));
}
