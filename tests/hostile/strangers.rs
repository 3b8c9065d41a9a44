//! A thousand who connect and say nothing.

use std::io::Read;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::attacker::{Attacker, greeting};
use crate::support::deadline::{Deadline, PATIENCE};
use crate::{Lab, PASSWORD, pipe};

/// Those of each kind.
const HALF: usize = 500;
/// How long a friend may wait. Silent ones make room after a second, and a friend who was refused tries again.
const FRIEND_WAITS: Duration = Duration::from_secs(4);
/// How much the host may grow, bytes. It has room for 64 strangers.
const GROWTH_MAX: u64 = 48 << 20;

#[test]
fn a_thousand_silent_strangers_are_cut_and_keep_no_friend_out() {
    // Both ends of a thousand sockets need more than programs often get.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("up to the hard limit");

    let lab = Lab::open();
    let before = lab.host.memory();
    let sockets = std::fs::read_dir(lab.host.home.path().join("run")).expect("sockets");
    let mut sockets = sockets.flatten().map(|file| file.path());
    let socket = sockets.find(|path| path.to_string_lossy().ends_with("/lab.npipe"));
    let socket = socket.expect("the pipe is there");
    let mut strangers: Vec<OwnedFd> = Vec::new();
    for _ in 0..HALF {
        strangers.push(
            TcpStream::connect(("127.0.0.1", lab.port))
                .expect("a port")
                .into(),
        );
        strangers.push(UnixStream::connect(&socket).expect("a pipe").into());
    }
    // The friend comes in long before the strangers' time is up: those who were silent longest make room.
    for string in [lab.tcp(PASSWORD), pipe(PASSWORD)] {
        let deadline = Deadline::after(FRIEND_WAITS);
        loop {
            let home = lab.host.home.path();
            let friend = Attacker::try_join(home, &string, greeting("friend"));
            if let Ok(mut friend) = friend {
                assert!(friend.submit("@t hello").0);
                break;
            }
            assert!(
                deadline.left().is_some(),
                "the friend is kept out of {string}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    let deadline = Deadline::after(PATIENCE);
    for stranger in strangers {
        assert!(deadline.readable(&stranger), "a stranger is still there");
        let mut told = [0; 1];
        // A reset is an end, too.
        let read = std::fs::File::from(stranger).read(&mut told).unwrap_or(0);
        assert_eq!(read, 0, "they are told nothing");
    }
    let grown = lab.host.memory() - before;
    assert!(grown < GROWTH_MAX, "the host grew by {} MiB", grown >> 20);
    let audit = lab.audit("why=\"too-many\"");
    assert!(
        audit.lines().count() < 200,
        "the flood does not turn the log over"
    );
}
