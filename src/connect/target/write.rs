//! Target strings on the way out.

use std::fmt;

use super::super::written::Written;
use super::{Endpoint, Eol, Kd, Net, Raw, RawLink, TargetLink, TargetString, Telnet};

impl TargetString {
    /// The form for lists: `key=*`.
    #[must_use]
    pub fn masked(&self) -> String {
        match &self.link {
            TargetLink::Exec(_) => self.to_string(),
            _ => self.write().masked(),
        }
    }

    fn write(&self) -> Written {
        let mut written = self.link.write();
        written.some("name", self.name.as_ref());
        written.some(
            "group",
            Some(self.group.join("+")).filter(|groups| !groups.is_empty()),
        );
        written
    }
}

/// Reads back as the same value, and so holds the key: for a file or a command line, never for a list or a log
/// ([`TargetString::masked`]).
impl fmt::Display for TargetString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = self.write();
        match &self.link {
            TargetLink::Exec(exec) => f.write_str(&exec.join(&written.options())),
            _ => f.write_str(&written.whole()),
        }
    }
}

impl TargetLink {
    /// The kind as it is written before the colon.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Net(_) => "net",
            Self::Kd(_) => "com",
            Self::Gdb(_) => "gdb",
            Self::Raw(_) => "raw",
            Self::Telnet(_) => "telnet",
            Self::Netconsole { .. } => "netconsole",
            Self::Exec(_) => "exec",
            Self::Ieee1394 { .. } => "1394",
            Self::Usb { .. } => "usb",
        }
    }

    fn write(&self) -> Written {
        let mut written = Written::new(self.kind());
        match self {
            Self::Net(net) => net.write(&mut written),
            Self::Kd(kd) => kd.write(&mut written),
            Self::Gdb(endpoint) => endpoint.write(&mut written),
            Self::Raw(raw) => raw.write(&mut written),
            Self::Telnet(telnet) => telnet.write(&mut written),
            Self::Netconsole { port, source } => {
                written.value("port", port).some("source", *source);
            }
            Self::Exec(exec) => exec.write(&mut written),
            Self::Ieee1394 { channel, symlink } => {
                written
                    .value("channel", channel)
                    .some("symlink", symlink.as_ref());
            }
            Self::Usb { target_name } => {
                written.value("targetname", target_name);
            }
        }
        written
    }
}

impl Net {
    fn write(&self, written: &mut Written) {
        written
            .value("port", self.port)
            .secret("key", self.key)
            .some("target", self.target.as_ref())
            .some("files", self.files.as_ref().map(|path| path.display()));
    }
}

impl Kd {
    fn write(&self, written: &mut Written) {
        match &self.endpoint {
            Endpoint::Tcp { host, port } => {
                written.value("ipport", port).value("port", host);
            }
            Endpoint::Unix { path } => {
                written.flag("pipe", true).value("port", path.display());
            }
            Endpoint::Serial(line) => line.write(written, "port"),
        }
        written
            .some("resets", self.resets)
            .flag("reconnect", self.reconnect)
            .some("files", self.files.as_ref().map(|path| path.display()));
    }
}

impl Raw {
    fn write(&self, written: &mut Written) {
        match &self.link {
            RawLink::Dial(endpoint) => endpoint.write(written),
            RawLink::Listen { port, bind } => {
                written
                    .flag("listen", true)
                    .value("port", port)
                    .some("bind", *bind);
            }
        }
        write_text(written, self.eol, self.reconnect);
        written.some("register", self.register.as_ref());
    }
}

impl Telnet {
    fn write(&self, written: &mut Written) {
        written.value("server", &self.host).value("port", self.port);
        self.line.write(written);
        write_text(written, self.eol, self.reconnect);
    }
}

impl fmt::Display for Eol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cr => "cr",
            Self::Lf => "lf",
            Self::CrLf => "crlf",
        })
    }
}

fn write_text(written: &mut Written, eol: Eol, reconnect: bool) {
    written.unless("eol", eol, Eol::default());
    written.unless("reconnect", if reconnect { "yes" } else { "no" }, "yes");
}
