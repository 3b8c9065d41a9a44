//! The terminal while the screen has it: modes, frames written in one piece, and the way back.
//!
//! Nothing is ever asked of the terminal and waited for: replies come late over slow links and look like keys. The way
//! back is one sequence that may be written any number of times: when the guard is dropped, when the thread that draws
//! panics, before suspending. Modes: xterm control sequences; synchronized output is private mode 2026.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::layout::{Rect, Size};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::tcgetattr;
use tokio::sync::mpsc;

/// Why the screen could not be had, or was lost.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to draw on. The exit status for this is 2.
    #[error("{0} is not a terminal; use --headless for scripts and pipes")]
    NotATerminal(&'static str),
    /// The terminal can only print. The exit status for this is 2.
    #[error(
        "TERM=dumb: this terminal cannot show a screen; use --headless, which people can read too"
    )]
    Dumb,
    /// The terminal failed.
    #[error("the terminal failed while {0}: {1}")]
    Failed(&'static str, #[source] io::Error),
}

/// Alternate screen, bracketed paste, no cursor until a frame asks for one.
const ENTER: &str = "\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[2J";
/// Everything that was changed, changed back; harmless where it was not.
const LEAVE: &str =
    "\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
/// Buttons, wheel and drags; not mere movements, which would send bytes for nothing.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";
const FRAME_BEGIN: &[u8] = b"\x1b[?2026h";
const FRAME_END: &[u8] = b"\x1b[?2026l";
/// The size taken where the terminal tells none, as serial lines do.
const SIZE_UNKNOWN: Size = Size {
    width: 80,
    height: 24,
};
/// Panics of other threads that wait to be shown; more are in the log alone.
const PANICS_WAITING: usize = 16;

/// Whether the terminal is changed and has to be changed back.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The thread whose panic ends the screen, and where panics of others are told.
static OWNER: Mutex<Option<(ThreadId, mpsc::Sender<String>)>> = Mutex::new(None);

/// The terminal as the screen uses it; gives it back when dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Frames>>,
    written: Rc<Cell<u64>>,
    mouse: bool,
    panics: mpsc::Receiver<String>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// [`Error::NotATerminal`] before anything was changed; [`Error::Failed`] with everything changed back.
    pub fn enter(mouse: bool) -> Result<Self, Error> {
        if !io::stdout().is_terminal() {
            return Err(Error::NotATerminal("standard output"));
        }
        if !io::stdin().is_terminal() {
            return Err(Error::NotATerminal("standard input"));
        }
        if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
            return Err(Error::Dumb);
        }
        // Whether there is colour was decided where the theme was fitted to the terminal; the library, which looks at
        // NO_COLOR too, would overrule a person who asked for colour.
        crossterm::style::force_color_output(true);
        let size = size();
        let out = io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|e| Error::Failed("being opened", e))?;
        let frames = Frames::new(File::from(out));
        let written = frames.written.clone();
        let backend = CrosstermBackend::new(frames);
        // Fixed: a screen that follows the size by itself asks for it before every frame.
        let options = TerminalOptions {
            viewport: Viewport::Fixed(Rect::from((ratatui::layout::Position::ORIGIN, size))),
        };
        let terminal = Terminal::with_options(backend, options)
            .map_err(|e| Error::Failed("being opened", e))?;
        let (sender, panics) = mpsc::channel(PANICS_WAITING);
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((std::thread::current().id(), sender));
        let mut screen = Self {
            terminal,
            written,
            mouse,
            panics,
        };
        screen.take()?;
        Ok(screen)
    }

    /// Draws one frame. What did not change is not written; returns the bytes that were.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> Result<u64, Error> {
        let before = self.written();
        self.terminal
            .draw(view)
            .map_err(|e| Error::Failed("being drawn on", e))?;
        Ok(self.written() - before)
    }

    /// The next frame is drawn in full, at the terminal's size of now, which is returned.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn repaint(&mut self) -> Result<Size, Error> {
        let size = size();
        let area = Rect::from((ratatui::layout::Position::ORIGIN, size));
        self.terminal
            .resize(area)
            .map_err(|e| Error::Failed("being resized", e))?;
        // The terminal may show something else than was drawn, in places that are blank now.
        self.terminal
            .backend_mut()
            .clear()
            .map_err(|e| Error::Failed("being cleared", e))?;
        Ok(size)
    }

    /// Uses the mouse, or leaves it to the terminal.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn set_mouse(&mut self, on: bool) -> Result<(), Error> {
        self.mouse = on;
        self.write(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Hands text to the terminal's clipboard (OSC 52), also from within tmux and screen.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn copy(&mut self, text: &str) -> Result<(), Error> {
        let env = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let screen =
            !env("TMUX") && std::env::var("TERM").is_ok_and(|term| term.starts_with("screen"));
        self.write(&super::clipboard::sequence(text, env("TMUX"), screen))
    }

    /// Gives the terminal back for a while, as before suspending.
    pub fn lend(&mut self) {
        restore();
    }

    /// Takes it again after [`Screen::lend`]; [`Screen::repaint`] has to follow.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn take(&mut self) -> Result<(), Error> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode().map_err(|e| Error::Failed("being set up", e))?;
        self.write(ENTER)?;
        self.write(if self.mouse { MOUSE_ON } else { "" })
    }

    /// The next panic of a thread that does not draw, in words, once there is one.
    pub async fn panicked(&mut self) -> String {
        match self.panics.recv().await {
            Some(text) => text,
            // Nobody can tell of one any more.
            None => std::future::pending().await,
        }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written.get()
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        let out = self.terminal.backend_mut();
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| io::Write::flush(out));
        written.map_err(|e| Error::Failed("being set up", e))
    }
}

/// Has what is still printed to a terminal that is gone go nowhere: Rust's printing panics where it fails, and whoever
/// lets go of the screen prints that it could not.
pub fn abandon() {
    let is_gone = |tried: Result<_, Errno>| tried.is_err_and(|error| error == Errno::IO);
    let out = is_gone(tcgetattr(io::stdout()).map(drop));
    let err = is_gone(tcgetattr(io::stderr()).map(drop));
    let nowhere = match File::options().write(true).open("/dev/null") {
        Ok(nowhere) => nowhere,
        Err(error) => return tracing::warn!(%error, "/dev/null"),
    };
    let done = [
        out.then(|| rustix::stdio::dup2_stdout(&nowhere)),
        err.then(|| rustix::stdio::dup2_stderr(&nowhere)),
    ];
    for error in done.into_iter().flatten().filter_map(Result::err) {
        tracing::warn!(%error, "standard output cannot be turned away");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Gives the terminal back if it was taken. Safe to call at any time, from any thread.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // Whoever hung up cannot be told that this failed.
        out.write_all(LEAVE.as_bytes())
            .and_then(|()| out.flush())
            .ok();
        disable_raw_mode().ok();
    }
}

/// Makes panics leave a readable terminal: that of the drawing thread gives the terminal back before it is printed,
/// those of others are told on the screen while there is one. Call once, after other hooks were installed.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if TAKEN.load(Ordering::SeqCst) {
            let owner = OWNER.try_lock().ok().and_then(|owner| owner.clone());
            if let Some((_, told)) =
                owner.filter(|(thread, _)| *thread != std::thread::current().id())
            {
                tracing::error!("{info}");
                told.try_send(info.to_string()).ok();
                return;
            }
            restore();
        }
        print(info);
    }));
}

fn size() -> Size {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size::new(size.ws_col, size.ws_row),
        _ => SIZE_UNKNOWN,
    }
}

/// Collects what is written up to a flush, and writes it as one frame.
struct Frames {
    out: File,
    frame: Vec<u8>,
    written: Rc<Cell<u64>>,
}

impl Frames {
    fn new(out: File) -> Self {
        Self {
            out,
            frame: FRAME_BEGIN.to_vec(),
            written: Rc::default(),
        }
    }

    /// Writes all, waiting where somebody else made the terminal non-blocking.
    fn write_out(&mut self) -> io::Result<()> {
        let mut rest = self.frame.as_slice();
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.out, PollFlags::OUT)], None)?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.len() > FRAME_BEGIN.len() {
            self.frame.extend_from_slice(FRAME_END);
            let written = self.write_out();
            self.written
                .set(self.written.get() + self.frame.len() as u64);
            self.frame.truncate(FRAME_BEGIN.len());
            written?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    #[test]
    fn a_frame_is_written_in_one_piece_between_its_marks_and_nothing_is_written_for_nothing() {
        let mut out = tempfile::tempfile().unwrap();
        let mut frames = Frames::new(out.try_clone().unwrap());
        frames.flush().unwrap();
        frames.write_all(b"ab").unwrap();
        frames.write_all(b"c").unwrap();
        assert_eq!(frames.written.get(), 0);
        frames.flush().unwrap();
        frames.flush().unwrap();
        let mut text = String::new();
        out.rewind().unwrap();
        out.read_to_string(&mut text).unwrap();
        assert_eq!(text, "\x1b[?2026habc\x1b[?2026l");
        assert_eq!(frames.written.get(), text.len() as u64);
    }

    #[test]
    fn everything_that_is_switched_on_is_switched_off() {
        for text in [ENTER, MOUSE_ON] {
            for mode in text
                .split("\x1b[?")
                .filter_map(|part| part.split_once('h'))
                .map(|(mode, _)| mode)
            {
                assert!(LEAVE.contains(&format!("\x1b[?{mode}l")), "{mode}");
            }
        }
    }
}
