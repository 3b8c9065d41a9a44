//! How long a test waits before it fails, and how it waits for a file descriptor.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long anything may take that should happen at once. Generous, since a loaded machine is no fault of the program.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A point in time after which a test has failed.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// [`PATIENCE`] from now.
    pub fn soon() -> Self {
        Self::after(PATIENCE)
    }

    pub fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// The time that is left; `None` when there is none.
    pub fn left(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Waits until `fd` can be read, or was closed by the other side. False when the time is over.
    pub fn readable(self, fd: impl AsFd) -> bool {
        self.ready(fd, PollFlags::IN)
    }

    /// Waits until `fd` takes more. False when the time is over.
    pub fn writable(self, fd: impl AsFd) -> bool {
        self.ready(fd, PollFlags::OUT)
    }

    fn ready(self, fd: impl AsFd, wanted: PollFlags) -> bool {
        while let Some(left) = self.left() {
            let timeout = Timespec::try_from(left).expect("a short time");
            let mut fds = [PollFd::new(&fd, wanted)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return true,
                Err(error) => panic!("poll: {error}"),
            }
        }
        false
    }
}
