//! kdeck on a terminal: a pty with a terminal emulator behind it.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use pty_process::Size;
use pty_process::blocking::Command;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::deadline::Deadline;
use super::home::{FOREIGN, Home, KDECK};

/// A running kdeck and the terminal it draws on; ended when dropped.
#[derive(Debug)]
pub struct Terminal {
    pub home: Home,
    child: Child,
    keyboard: File,
    shared: Arc<Shared>,
    /// The modes of the terminal before kdeck came.
    modes: Termios,
    /// The side that kdeck has, held so that its modes can be read after its end.
    line: OwnedFd,
}

#[derive(Default)]
struct Shared {
    display: Mutex<Display>,
    changed: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Display {
    emulator: vt100::Parser,
    /// Everything that kdeck wrote.
    bytes: Vec<u8>,
    closed: bool,
}

/// How a run on a terminal ended.
#[derive(Debug)]
pub struct Left {
    pub home: Home,
    pub status: ExitStatus,
    /// Everything that was written to the terminal.
    pub bytes: Vec<u8>,
    /// What the screen shows afterwards.
    pub screen: String,
    /// Whether the terminal has the modes back that it had.
    pub modes_restored: bool,
    /// What was switched on in the emulator and not off again.
    pub left_on: Vec<&'static str>,
}

impl Terminal {
    /// Starts kdeck with these arguments on a terminal of this size, in a home of its own.
    pub fn start(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::start_in(Home::new(), columns, rows, arguments)
    }

    /// Starts kdeck with these arguments on a terminal of this size, in `home`.
    pub fn start_in(home: Home, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::start_with(
            home,
            columns,
            rows,
            arguments,
            &[("TERM", "xterm-256color")],
        )
    }

    /// The same, with these variables set.
    pub fn start_with(
        home: Home,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_program(Path::new(KDECK), home, columns, rows, arguments, variables)
    }

    /// The same with another program in kdeck's place.
    pub fn start_program(
        program: &Path,
        home: Home,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let (pty, terminal) = pty_process::blocking::open().expect("a pty");
        pty.resize(Size::new(rows, columns)).expect("a pty");
        let line = terminal.as_fd().try_clone_to_owned().expect("a descriptor");
        let modes = tcgetattr(&line).expect("a terminal");
        let mut command = Command::new(program)
            .current_dir(home.path())
            .args(arguments)
            .envs(home.variables());
        for variable in FOREIGN {
            command = command.env_remove(variable);
        }
        let child = command
            .envs(variables.iter().copied())
            .spawn(terminal)
            .expect("kdeck starts");
        let keyboard = File::from(OwnedFd::from(pty));
        let shared: Arc<Shared> = Arc::default();
        shared.lock().emulator = vt100::Parser::new(cells(rows), cells(columns), 0);
        std::thread::spawn({
            let (shared, screen) = (shared.clone(), keyboard.try_clone().expect("a descriptor"));
            move || shared.fill(screen)
        });
        Self {
            home,
            child,
            keyboard,
            shared,
            modes,
            line,
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Presses keys: what a terminal sends for them.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        self.shared
            .lock()
            .emulator
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        tcsetwinsize(&self.keyboard, size).expect("a pty");
    }

    /// The screen as text: one line a row, without blanks at the ends.
    pub fn screen(&self) -> String {
        text(&self.shared.lock().emulator)
    }

    /// What `look` says of the screen as it is.
    pub fn see<T>(&self, look: impl Fn(&vt100::Screen) -> T) -> T {
        look(self.shared.lock().emulator.screen())
    }

    /// Whether the terminal has the modes that it had before kdeck came.
    pub fn has_its_modes(&self) -> bool {
        same_modes(&tcgetattr(&self.line).expect("a terminal"), &self.modes)
    }

    /// Everything that was written to the terminal so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.lock().bytes.clone()
    }

    /// Waits until what `look` says of the screen is true.
    pub fn wait(&self, what: &str, look: impl Fn(&vt100::Screen) -> bool) {
        self.wait_for(what, |display| {
            look(display.emulator.screen()).then_some(())
        });
    }

    /// Waits until the screen contains `text`.
    pub fn wait_text(&self, text: &str) {
        self.wait(&format!("{text:?} is on the screen"), |screen| {
            screen.contents().contains(text)
        });
    }

    /// Waits until the screen does not contain `text`.
    pub fn wait_no_text(&self, text: &str) {
        self.wait(&format!("{text:?} is gone from the screen"), |screen| {
            !screen.contents().contains(text)
        });
    }

    /// Waits until it has stopped, as a shell's job does.
    pub fn wait_stopped(&self) {
        let deadline = Deadline::soon();
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
        loop {
            match waitpid(pid, options).expect("a child") {
                Some((_, status)) => return assert!(status.stopped(), "kdeck ended"),
                None => assert!(deadline.left().is_some(), "kdeck does not stop"),
            }
            std::thread::yield_now();
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("kdeck runs");
    }

    /// Waits for its end.
    pub fn wait_end(mut self) -> Left {
        // The line is held here too, so its end does not show: the process is asked.
        let deadline = Deadline::soon();
        let status = loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => break status,
                None => {
                    let left = deadline.left();
                    assert!(left.is_some(), "kdeck does not end:\n{}", self.screen());
                    let shared = self.shared.clone();
                    let display = shared.lock();
                    let pause = left.unwrap_or_default().min(LOOK_AGAIN);
                    drop(shared.changed.wait_timeout(display, pause));
                }
            }
        };
        // A mark behind all that kdeck wrote shows when the reader has taken everything.
        let mut line = File::from(self.line.try_clone().expect("a descriptor"));
        let modes_now = tcgetattr(&self.line).expect("a terminal");
        let modes_restored = same_modes(&modes_now, &self.modes);
        tcsetattr(&self.line, OptionalActions::Now, &self.modes).expect("a terminal");
        line.write_all(END_MARK).expect("the terminal takes text");
        let (bytes, screen, left_on) = self.wait_for("the last of the output", |display| {
            let end = memchr::memmem::rfind(&display.bytes, END_MARK)?;
            let emulator = &display.emulator;
            Some((
                display.bytes[..end].to_vec(),
                text(emulator).replace(std::str::from_utf8(END_MARK).unwrap_or(""), ""),
                left_on(emulator.screen()),
            ))
        });
        Left {
            home: std::mem::replace(&mut self.home, Home::new()),
            status,
            bytes,
            screen,
            modes_restored,
            left_on,
        }
    }

    fn wait_for<T>(&self, what: &str, look: impl Fn(&Display) -> Option<T>) -> T {
        let deadline = Deadline::soon();
        let mut display = self.shared.lock();
        loop {
            if let Some(seen) = look(&display) {
                return seen;
            }
            let left = deadline.left().filter(|_| !display.closed);
            let Some(left) = left else {
                let screen = text(&display.emulator);
                drop(display);
                panic!("it took too long until {what}; the screen:\n{screen}");
            };
            display = self
                .shared
                .changed
                .wait_timeout(display, left)
                .expect("no reader panics")
                .0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails when it has ended, as it should have.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Display> {
        self.display.lock().expect("no reader panics")
    }

    fn fill(&self, mut screen: File) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match screen.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A pty whose other side is closed fails.
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let mut display = self.lock();
                    display.emulator.process(&buffer[..count]);
                    display.bytes.extend_from_slice(&buffer[..count]);
                }
            }
            self.changed.notify_all();
        }
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has rows and columns")
}

fn text(emulator: &vt100::Parser) -> String {
    let screen = emulator.screen();
    let (_, columns) = screen.size();
    let rows: Vec<String> = screen
        .rows(0, columns.get())
        .map(|row| row.trim_end().to_owned())
        .collect();
    rows.join("\n").trim_end().to_owned()
}

fn left_on(screen: &vt100::Screen) -> Vec<&'static str> {
    let modes = [
        ("alternate screen", screen.alternate_screen()),
        ("hidden cursor", screen.hide_cursor()),
        ("bracketed paste", screen.bracketed_paste()),
        ("application cursor", screen.application_cursor()),
        ("application keypad", screen.application_keypad()),
        (
            "mouse",
            screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        ),
        (
            "colour",
            (screen.fgcolor(), screen.bgcolor()) != Default::default(),
        ),
        (
            "attributes",
            screen.bold()
                || screen.dim()
                || screen.italic()
                || screen.underline()
                || screen.inverse(),
        ),
    ];
    modes
        .iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| *name)
        .collect()
}

fn same_modes(a: &Termios, b: &Termios) -> bool {
    (
        a.input_modes,
        a.output_modes,
        a.control_modes,
        a.local_modes,
    ) == (
        b.input_modes,
        b.output_modes,
        b.control_modes,
        b.local_modes,
    )
}

/// How often the process is asked whether it has ended, beside each time that it writes.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

/// Written behind everything else.
const END_MARK: &[u8] = b"<<end>>";
