//! The greeting: the first frame of each side, which tells kdeck from other programs and versions from each other.
//!
//! | bytes | what |
//! | --- | --- |
//! | 13 | `kdeck session` |
//! | 1 | the side: `c` client, `s` server |
//! | 2, 2 | major and minor version of the protocol, little endian |
//! | 1, n | length and text of the program's version |
//! | rest | postcard: [`ClientHello`] or [`ServerHello`] |
//!
//! All but the rest is the same in every version there will ever be. Within one major version fields of the rest are
//! only appended: the older side ignores what it does not know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What every greeting begins with.
pub const MAGIC: &[u8; 13] = b"kdeck session";

/// Longest name in a greeting, and longest version of a program. Bytes; what is longer is malformed.
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of the token that names an earlier session.
pub const RESUME_BYTES: usize = 16;

/// The version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    /// Sides of different major versions do not understand each other.
    pub major: u16,
    /// Sides of different minor versions do, but for what is new.
    pub minor: u16,
}

impl Protocol {
    /// The one spoken here.
    pub const OURS: Self = Self { major: 1, minor: 0 };
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The versions of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Of the protocol.
    pub protocol: Protocol,
    /// Of the program. Printable ASCII.
    pub program: String,
}

impl Versions {
    /// Those of this program.
    #[must_use]
    pub fn ours() -> Self {
        Self {
            protocol: Protocol::OURS,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// What both sides can show if they were joined although they are not of the same version: only the minor version
    /// of the protocol differs. `self` is the other side.
    #[must_use]
    pub fn warning(&self, whose: Side) -> Option<String> {
        (self.protocol != Protocol::OURS).then(|| {
            format!(
                "the {whose} speaks protocol {} (kdeck {}), this is {} (kdeck {}): what only one of them knows is missing",
                self.protocol,
                self.program,
                Protocol::OURS,
                env!("CARGO_PKG_VERSION")
            )
        })
    }
}

/// Who sent a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that joins.
    Client,
    /// The one that is joined.
    Server,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// What a client says of itself. Names have at most [`NAME_BYTES_MAX`] bytes, and are as they were sent: clean them
/// before showing them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientHello {
    /// How the person wants to be called.
    pub person: String,
    /// The client's machine.
    pub machine: String,
    /// The account there.
    pub account: String,
    /// Names the earlier session that is to go on. It proves nothing: who shows it was let in again, or was not.
    pub resume: Option<[u8; RESUME_BYTES]>,
    /// An observer at most, whatever the password gives.
    pub observe_only: bool,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerHello {
    /// Lets anybody in, by choice; otherwise it wants a password.
    pub open: bool,
}

/// What is wrong with a greeting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Another program.
    #[error("no kdeck session: {0}")]
    Foreign(String),
    /// Another kdeck.
    #[error(
        "the {whose} is kdeck {} and speaks protocol {}, this is kdeck {} and speaks {}: {}",
        theirs.program, theirs.protocol, env!("CARGO_PKG_VERSION"), Protocol::OURS,
        advice(theirs.protocol, *whose)
    )]
    Version {
        /// Who that is.
        whose: Side,
        /// Its versions.
        theirs: Versions,
    },
    /// The other end plays the same part.
    #[error("the other end is a {0} as well: one has to be the server, and one the client")]
    SameSide(Side),
    /// A kdeck of our version that cannot be understood.
    #[error("a malformed greeting of kdeck: {0}")]
    Malformed(&'static str),
}

impl HelloError {
    /// The other end is a kdeck that expects an answer of its kind.
    #[must_use]
    pub fn is_kdeck(&self) -> bool {
        !matches!(self, Self::Foreign(_))
    }
}

impl ClientHello {
    /// With names that fit into a greeting: what is above [`NAME_BYTES_MAX`] is cut off.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        for name in [&mut self.person, &mut self.machine, &mut self.account] {
            name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
        }
        self
    }

    /// The body of the frame.
    #[must_use]
    pub fn encode(&self, versions: &Versions) -> Vec<u8> {
        encode(Side::Client, versions, self)
    }

    /// A client's greeting.
    ///
    /// # Errors
    /// What is wrong with it; the first of [`HelloError`]'s kinds that applies.
    pub fn decode(body: &[u8]) -> Result<(Versions, Self), HelloError> {
        let (versions, hello): (_, Self) = decode(Side::Client, body)?;
        if [&hello.person, &hello.machine, &hello.account]
            .iter()
            .any(|name| name.len() > NAME_BYTES_MAX)
        {
            return Err(HelloError::Malformed("a name of more than 255 bytes"));
        }
        Ok((versions, hello))
    }
}

impl ServerHello {
    /// The body of the frame.
    #[must_use]
    pub fn encode(&self, versions: &Versions) -> Vec<u8> {
        encode(Side::Server, versions, self)
    }

    /// A server's greeting.
    ///
    /// # Errors
    /// What is wrong with it; the first of [`HelloError`]'s kinds that applies.
    pub fn decode(body: &[u8]) -> Result<(Versions, Self), HelloError> {
        decode(Side::Server, body)
    }
}

/// What a program is that began with `bytes`, which begin no greeting: as many as came, the four of a frame's length
/// are enough for most.
#[must_use]
pub fn foreign(bytes: &[u8]) -> HelloError {
    let known = FOREIGN
        .iter()
        .find(|(beginning, _)| bytes.starts_with(beginning))
        .map(|(_, what)| format!("{what} came"));
    HelloError::Foreign(known.unwrap_or_else(|| {
        let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
        match std::str::from_utf8(shown) {
            Ok(text) if !text.is_empty() && text.chars().all(legible) => {
                format!("text came, beginning {:?}", text.trim_end())
            }
            _ => format!("bytes of another program came, beginning {shown:02x?}"),
        }
    }))
}

/// How programs that are met on ports begin. No length of an allowed first frame begins like any of these.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"\x16\x03", "a TLS handshake"),
    (b"\x15\x03", "a TLS alert"),
    (b"SSH-", "SSH"),
    (b"HTTP", "an answer of HTTP"),
    (b"GET ", "a request of HTTP"),
    (b"POST", "a request of HTTP"),
    (b"PUT ", "a request of HTTP"),
    (b"HEAD", "a request of HTTP"),
    (b"OPTI", "a request of HTTP"),
    (b"CONN", "a request of HTTP"),
    (b"PRI ", "a request of HTTP/2"),
    (b"RFB ", "VNC"),
    (
        b"0000",
        "a packet of KD, a kernel's debugger; targets are connected with -k",
    ),
    (
        b"iiii",
        "a packet of KD, a kernel's debugger; targets are connected with -k",
    ),
    (b"\xff\xfb", "telnet"),
    (b"\xff\xfd", "telnet"),
    (
        b"$q",
        "GDB's remote protocol; targets are connected with -k",
    ),
    (
        b"+$",
        "GDB's remote protocol; targets are connected with -k",
    ),
];

/// Bytes of an unknown program shown.
const SHOWN_BYTES: usize = 16;

fn legible(character: char) -> bool {
    matches!(character, ' '..='~' | '\r' | '\n' | '\t')
}

fn encode(side: Side, versions: &Versions, rest: &impl Serialize) -> Vec<u8> {
    let program = versions.program.as_bytes();
    let program = program.get(..NAME_BYTES_MAX).unwrap_or(program);
    let mut body = MAGIC.to_vec();
    body.push(mark(side));
    body.extend(versions.protocol.major.to_le_bytes());
    body.extend(versions.protocol.minor.to_le_bytes());
    body.push(u8::try_from(program.len()).unwrap_or(u8::MAX));
    body.extend(program);
    postcard::to_extend(rest, body).expect("strings and numbers can always be written to memory")
}

fn decode<'a, T: Deserialize<'a>>(side: Side, body: &'a [u8]) -> Result<(Versions, T), HelloError> {
    let rest = body.strip_prefix(MAGIC).ok_or_else(|| foreign(body))?;
    let cut = HelloError::Malformed("it ends too early");
    let (&mark, rest) = rest.split_first().ok_or(cut.clone())?;
    let (&major, rest) = rest.split_first_chunk().ok_or(cut.clone())?;
    let (&minor, rest) = rest.split_first_chunk().ok_or(cut.clone())?;
    let (&length, rest) = rest.split_first().ok_or(cut.clone())?;
    let (program, rest) = rest.split_at_checked(usize::from(length)).ok_or(cut)?;
    let whose = match mark {
        CLIENT => Side::Client,
        SERVER => Side::Server,
        _ => {
            return Err(HelloError::Malformed(
                "it is neither a client's nor a server's",
            ));
        }
    };
    let theirs = Versions {
        protocol: Protocol {
            major: u16::from_le_bytes(major),
            minor: u16::from_le_bytes(minor),
        },
        program: printable(program),
    };
    if whose != side {
        return Err(HelloError::SameSide(whose));
    }
    if theirs.protocol.major != Protocol::OURS.major {
        return Err(HelloError::Version { whose, theirs });
    }
    let (hello, _) = postcard::take_from_bytes(rest)
        .map_err(|_| HelloError::Malformed("its fields cannot be read"))?;
    Ok((theirs, hello))
}

/// Versions are shown even by those who understand nothing else, and so are made harmless here.
fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().filter(|byte| byte.is_ascii_graphic());
    shown
        .take(PROGRAM_SHOWN_MAX)
        .copied()
        .map(char::from)
        .collect()
}

/// Longest version of a program that is shown. Columns.
const PROGRAM_SHOWN_MAX: usize = 32;

fn mark(side: Side) -> u8 {
    match side {
        Side::Client => CLIENT,
        Side::Server => SERVER,
    }
}

fn advice(theirs: Protocol, whose: Side) -> String {
    if theirs.major < Protocol::OURS.major {
        format!("the {whose} needs a newer kdeck")
    } else {
        "a newer kdeck is needed at this end".to_owned()
    }
}

const CLIENT: u8 = b'c';
const SERVER: u8 = b's';

#[cfg(test)]
mod tests;
