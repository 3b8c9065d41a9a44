//! Pipes: Unix sockets in the runtime directory, which only their owner may enter.
//!
//! A server named `lab` listens on `lab.npipe`, or on `lab.spipe` if it speaks TLS: two servers. The sockets have mode
//! 0600 besides, and whoever comes in from another account nevertheless is turned away.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream, unix::UCred};

use super::LocalUser;
use crate::config::Places;

/// The kinds of pipe; each is the ending of its sockets' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In clear.
    Npipe,
    /// TLS.
    Spipe,
    /// The way back to a host whose terminal was lost: no server, and in no list of servers.
    Console,
}

/// A socket that is listened on. Dropped, its name is free again.
#[derive(Debug)]
pub struct PipeListener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: the name may be somebody else's by the time it is removed.
    file: (u64, u64),
}

impl PipeListener {
    /// Listens on the pipe `name`.
    ///
    /// # Errors
    /// In words: another server has it, or the system refuses.
    pub fn open(places: &Places, kind: Kind, name: &str) -> Result<Self, String> {
        places
            .make_runtime_dir()
            .map_err(|error| error.to_string())?;
        let path = path(places, kind, name)?;
        let failed = |error: io::Error| format!("cannot listen on {}: {error}", path.display());
        // one at a time looks whether a name is free and takes it
        let folder = File::open(&places.runtime_dir).map_err(failed)?;
        flock(&folder, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        if path.symlink_metadata().is_ok() {
            if is_served(&path) {
                return Err(format!(
                    "a server on pipe {name} is open already ({}): choose another name, or end that one",
                    path.display()
                ));
            }
            // left behind by a process that was killed
            fs::remove_file(&path).map_err(failed)?;
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let file = identity(&path).map_err(failed)?;
        Ok(Self {
            listener,
            path,
            file,
        })
    }

    /// The next who connects, and who that is.
    ///
    /// # Errors
    /// The system is out of something.
    pub async fn accept(&self) -> io::Result<(UnixStream, LocalUser)> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // fails only for one that is gone already
            if let Ok(user) = stream.peer_cred() {
                return Ok((stream, local_user(&user)));
            }
        }
    }
}

impl Drop for PipeListener {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Connects to the pipe `name`.
///
/// # Errors
/// In words.
pub async fn dial(
    places: &Places,
    kind: Kind,
    name: &str,
) -> Result<(UnixStream, LocalUser), String> {
    let path = path(places, kind, name)?;
    let stream = UnixStream::connect(&path).await.map_err(|error| {
        let known = served(places, kind);
        let known = match known.is_empty() {
            true => "no server of yours is open on a pipe here".to_owned(),
            false => format!("open here: {}", known.join(", ")),
        };
        match error.kind() {
            ErrorKind::NotFound => format!("there is no pipe {name}: {known}"),
            ErrorKind::ConnectionRefused => {
                format!("the server of pipe {name} has ended: {known}")
            }
            _ => format!("connecting to {}: {error}", path.display()),
        }
    })?;
    let user = stream
        .peer_cred()
        .map_err(|error| format!("cannot tell whose pipe {name} is: {error}"))?;
    let user = local_user(&user);
    if user.uid != our_uid() {
        return Err(format!(
            "the server of pipe {name} runs under another account than yours, {}: it may be anybody's",
            user.name
        ));
    }
    Ok((stream, user))
}

/// The pipes of that kind on which somebody answers, by name, in order.
pub fn served(places: &Places, kind: Kind) -> Vec<String> {
    let mut names = sockets(places, kind);
    names.retain(|name| path(places, kind, name).is_ok_and(|path| is_served(&path)));
    names
}

/// The names of all sockets of that kind, also of those that have ended; in order.
pub fn sockets(places: &Places, kind: Kind) -> Vec<String> {
    let files = fs::read_dir(&places.runtime_dir)
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == kind.ending()))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Says whether somebody may come in.
///
/// # Errors
/// In words, for everybody but the account the server runs under.
pub fn admit(user: &LocalUser, ours: u32) -> Result<(), String> {
    if user.uid == ours {
        return Ok(());
    }
    Err(format!(
        "{} is another account than the server's own: pipes are for that one alone",
        user.name
    ))
}

/// The account this process runs under.
pub fn our_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// `name` with its numbers in place: the process's for the first `%d` or `%x`, the thread's for the second.
pub fn expand(name: &str) -> String {
    let mut numbers = [std::process::id(), thread_id()].into_iter();
    let mut expanded = String::with_capacity(name.len() + 16);
    let mut rest = name;
    while let Some((before, code)) = rest.split_once('%') {
        expanded.push_str(before);
        let (number, after) = match (code.strip_prefix('d'), code.strip_prefix('x')) {
            (Some(after), _) => (numbers.next().map(|number| number.to_string()), after),
            (_, Some(after)) => (numbers.next().map(|number| format!("{number:x}")), after),
            (None, None) => (None, code),
        };
        match number {
            Some(number) => {
                expanded.push_str(&number);
                rest = after;
            }
            None => {
                expanded.push('%');
                rest = code;
            }
        }
    }
    expanded + rest
}

fn path(places: &Places, kind: Kind, name: &str) -> Result<PathBuf, String> {
    let path = places.runtime_dir.join(format!("{name}.{}", kind.ending()));
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(format!(
            "{} is too long for a socket: {PATH_BYTES_MAX} bytes at most; choose a shorter name, or set KDECK_RUNTIME_DIR",
            path.display()
        ));
    }
    Ok(path)
}

/// Whether somebody listens there; does not wait. A queue that is full is a server too.
fn is_served(path: &Path) -> bool {
    let connected = Socket::new(Domain::UNIX, Type::STREAM, None).and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    });
    connected.map_or_else(
        |error| {
            !matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::NotFound
            )
        },
        |()| true,
    )
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|file| (file.dev(), file.ino()))
}

fn local_user(user: &UCred) -> LocalUser {
    LocalUser {
        uid: user.uid(),
        name: account(user.uid()),
        pid: user.pid(),
    }
}

/// The name of an account of this machine.
fn account(uid: u32) -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    account_in(&accounts, uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// Of `name:password:uid:…`.
fn account_in(accounts: &str, uid: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

/// The number of this thread.
fn thread_id() -> u32 {
    let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
    let number = thread
        .file_name()
        .and_then(|name| name.to_str()?.parse().ok());
    number.unwrap_or_else(std::process::id)
}

impl Kind {
    fn ending(self) -> &'static str {
        match self {
            Self::Npipe => "npipe",
            Self::Spipe => "spipe",
            Self::Console => "console",
        }
    }
}

/// Longest path of a Unix socket on Linux. Bytes, without its last zero.
const PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_process_the_second_the_thread() {
        let (process, thread) = (std::process::id(), thread_id());
        assert_eq!(expand("lab"), "lab");
        assert_eq!(expand("lab_%d"), format!("lab_{process}"));
        assert_eq!(expand("%x-%d"), format!("{process:x}-{thread}"));
        assert_eq!(
            expand("%q%d%x%d%"),
            format!("%q{process}{thread:x}%d%"),
            "what is no code stays"
        );
    }

    #[test]
    fn accounts_have_names() {
        let accounts = "root:x:0:0::/root:/bin/sh\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(account_in(accounts, 1000).as_deref(), Some("ann"));
        assert_eq!(account_in(accounts, 7), None);
    }

    #[test]
    fn another_account_is_turned_away_and_named() {
        let user = LocalUser {
            uid: 1001,
            name: "bob".to_owned(),
            pid: Some(7),
        };
        assert_eq!(admit(&user, 1001), Ok(()));
        assert_eq!(
            admit(&user, 1000).unwrap_err(),
            "bob is another account than the server's own: pipes are for that one alone"
        );
    }
}
