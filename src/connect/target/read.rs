//! Target strings on the way in.
//!
//! Facts about `net`, `com`, `1394` and `usb` from "Performing kernel-mode debugging using KD", "Attaching to a virtual
//! machine (kernel mode)" and "Setting up a USB 3.0 debug cable connection" of Microsoft's debugger documentation.

use std::path::PathBuf;
use std::str::FromStr;

use super::super::endpoint::ENDPOINT;
use super::super::error::{Error, Fault};
use super::super::family::{Family, not_a_target};
use super::super::grammar::{Kind, Source, Spanned, Spec, find_option, flag, value};
use super::super::host::{address, host, port};
use super::super::key::KeyFault;
use super::super::name::check_name;
use super::super::options::{Options, Value};
use super::super::serial::{LINE, LINE_NAMES, LineSettings, SerialLine, windows_device};
use super::{Endpoint, Eol, Exec, Kd, Net, Raw, RawLink, TargetLink, TargetString, Telnet};
use crate::proto::rawchat;

impl FromStr for TargetString {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let source = Source::new(text, Family::Target)?;
        let (kind, rest) = source.split()?;
        let (link, options) = match kind.text.to_ascii_lowercase().as_str() {
            "exec" => {
                let (exec, options) = Exec::read(&source, rest)?;
                (TargetLink::Exec(exec), options)
            }
            "kdsrv" => {
                let join = Family::Client.command_line(Family::Client.example());
                let error = source.error(kind.span(), Fault::Refused(KDSRV));
                return Err(error.with_note(format!("example: {join}")));
            }
            "tcp" | "npipe" | "spipe" | "ssl" | "ssh" => return Err(not_a_target(&source, kind)),
            "net" => read(&source, rest, &NET, net)?,
            "com" => match find_option(rest, SESSION_COM) {
                Some(option) => return Err(not_a_target(&source, option)),
                None => read(&source, rest, &COM, com)?,
            },
            "gdb" => read(&source, rest, &GDB, gdb)?,
            "raw" => read(&source, rest, &RAW, raw)?,
            "telnet" => read(&source, rest, &TELNET, telnet)?,
            "netconsole" => read(&source, rest, &NETCONSOLE, netconsole)?,
            "1394" => read(&source, rest, &IEEE_1394, ieee_1394)?,
            "usb" => read(&source, rest, &USB, usb)?,
            _ => return Err(source.unknown_kind(kind, TARGET_KINDS)),
        };
        let name = options
            .value("name")
            .map(|value| name(&options, value))
            .transpose()?;
        let group = options
            .value("group")
            .map(|value| groups(&options, value))
            .transpose()?;
        Ok(Self {
            link,
            name,
            group: group.unwrap_or_default(),
        })
    }
}

/// Every kind a target string can have, but for `kdsrv`, which is always refused.
pub(in super::super) const TARGET_KINDS: &[&str] = &[
    "net",
    "com",
    "gdb",
    "raw",
    "telnet",
    "netconsole",
    "exec",
    "1394",
    "usb",
];

/// The options every target string takes.
pub(in super::super) const NAMING: &[Spec] =
    &[value("name", "NAME"), value("group", "GROUP+GROUP")];

/// The option of targets that take lines of input.
pub(in super::super) const EOL: &[Spec] = &[value("eol", "cr")];

/// What ends a line of input. A carriage return unless said otherwise: all text targets have a terminal at their end.
pub(in super::super) fn eol(options: &Options<'_, '_>) -> Result<Eol, Error> {
    let choices = [("cr", Eol::Cr), ("lf", Eol::Lf), ("crlf", Eol::CrLf)];
    let given = options
        .value("eol")
        .map(|value| options.choice(value, &choices))
        .transpose()?;
    Ok(given.unwrap_or_default())
}

/// One kind's way from options to a link.
type Reader = fn(&Options<'_, '_>) -> Result<TargetLink, Error>;

fn read<'s, 'a>(
    source: &'s Source<'a>,
    rest: Spanned<'a>,
    kind: &'static Kind,
    reader: Reader,
) -> Result<(TargetLink, Options<'s, 'a>), Error> {
    let options = Options::read(source, rest, kind)?;
    let link = reader(&options)?;
    Ok((link, options))
}

const NET: Kind = Kind {
    name: "net",
    example: "net:port=50000,key=1.2.3.4",
    forms: &[],
    options: &[
        &[
            value("port", "N"),
            value("key", "A.B.C.D"),
            value("target", "HOST"),
        ],
        FILES,
        NAMING,
    ],
};

fn net(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    let port = port(
        options,
        options.need("port", "port=N, the UDP port the target calls")?,
    )?;
    let key = options.need("key", "key=A.B.C.D, the key set on the target")?;
    let key_fault = |fault: KeyFault| {
        let at = fault.part().map_or(key, |part| key.part('.', part - 1));
        options.bad(at, fault.to_string())
    };
    Ok(TargetLink::Net(Net {
        port,
        key: key.text.parse().map_err(key_fault)?,
        target: options
            .value("target")
            .map(|value| host(options, value))
            .transpose()?,
        files: files(options),
    }))
}

/// The option of targets that may read files of the host.
const FILES: &[Spec] = &[value("files", "DIRECTORY")];

fn files(options: &Options<'_, '_>) -> Option<PathBuf> {
    options.value("files").map(|value| value.text.into())
}

const COM: Kind = Kind {
    name: "com",
    example: "com:port=/dev/ttyUSB0,baud=115200",
    forms: &[
        ("pipe", "com:pipe,port=/run/vm1.sock,resets=0,reconnect"),
        ("ipport", "com:ipport=4445,port=10.0.0.7"),
    ],
    options: &[
        &[
            flag("pipe"),
            flag("modem"),
            value("ipport", "N"),
            value("port", "DEVICE"),
        ],
        LINE,
        &[value("resets", "0"), flag("reconnect")],
        FILES,
        NAMING,
    ],
};

fn com(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    if options.has("modem") {
        return Err(options.refused("modem", MODEM));
    }
    let endpoint = if options.has("pipe") {
        options.refuse(&["ipport"], "pipe")?;
        options.refuse(LINE_NAMES, "pipe")?;
        Endpoint::Unix {
            path: options
                .need(
                    "port",
                    "port=PATH, the Unix socket of the machine's serial port",
                )?
                .text
                .into(),
        }
    } else if let Some(ip_port) = options.value("ipport") {
        options.refuse(LINE_NAMES, "ipport")?;
        let address = options.need(
            "port",
            "port=HOST, which is the address beside ipport=N, the TCP port",
        )?;
        if ip_port.text.parse::<u16>().is_err() && address.text.parse::<u16>().is_ok() {
            return Err(options.bad(
                ip_port,
                "the TCP port is wanted here, and the address in port=HOST",
            ));
        }
        Endpoint::Tcp {
            host: host(options, address)?,
            port: port(options, ip_port)?,
        }
    } else {
        let device = options.need("port", "port=DEVICE")?;
        let looks_like_pipe =
            device.text.starts_with(r"\\") && windows_device(device.text).is_none();
        if looks_like_pipe {
            return Err(options.bad(device, "a pipe needs the word: com:pipe,port=PATH"));
        }
        Endpoint::Serial(SerialLine::read(options, device)?)
    };
    let resets = options.value("resets");
    Ok(TargetLink::Kd(Kd {
        endpoint,
        resets: resets
            .map(|value| options.number(value, 0..=u32::MAX, "a count"))
            .transpose()?,
        reconnect: options.has("reconnect"),
        files: files(options),
    }))
}

const GDB: Kind = Kind {
    name: "gdb",
    example: "gdb:server=localhost,port=1234",
    forms: &[
        ("pipe", "gdb:pipe=/run/gdb.sock"),
        ("com", "gdb:com=/dev/ttyUSB0,baud=115200"),
    ],
    options: &[ENDPOINT, LINE, NAMING],
};

fn gdb(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    Endpoint::read(options).map(TargetLink::Gdb)
}

const RAW: Kind = Kind {
    name: "raw",
    example: "raw:server=lab1,port=7001",
    forms: &[
        ("listen", "raw:listen,port=7001,bind=127.0.0.1"),
        ("bind", "raw:listen,port=7001,bind=127.0.0.1"),
        ("pipe", "raw:pipe=/run/vm1.sock"),
        ("com", "raw:com=/dev/ttyUSB0,baud=115200,parity=none"),
    ],
    options: &[
        ENDPOINT,
        LINE,
        &[flag("listen"), value("bind", "ADDRESS")],
        EOL,
        RECONNECT,
        &[value("register", "NAME")],
        NAMING,
    ],
};

fn raw(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    let link = if options.has("listen") {
        options.refuse(&["server", "pipe", "com"], "listen")?;
        options.refuse(LINE_NAMES, "listen")?;
        RawLink::Listen {
            port: port(
                options,
                options.need("port", "port=N, the TCP port to listen on")?,
            )?,
            bind: options
                .value("bind")
                .map(|value| address(options, value))
                .transpose()?,
        }
    } else {
        if options.has("bind") {
            return Err(options.missing("the word listen beside bind=ADDRESS"));
        }
        RawLink::Dial(Endpoint::read(options)?)
    };
    Ok(TargetLink::Raw(Raw {
        link,
        eol: eol(options)?,
        reconnect: reconnect(options)?,
        register: options
            .value("register")
            .map(|value| register(options, value))
            .transpose()?,
    }))
}

/// A name that a debug-and-chat port takes.
fn register(options: &Options<'_, '_>, value: Value<'_>) -> Result<String, Error> {
    match rawchat::name::check(value.text) {
        Ok(()) => Ok(value.text.to_owned()),
        Err(_) => Err(options.bad(value, "a name has at most 24 letters, digits and `._-`")),
    }
}

const TELNET: Kind = Kind {
    name: "telnet",
    example: "telnet:server=lab1,port=2001",
    forms: &[],
    options: &[
        &[value("server", "HOST"), value("port", "N")],
        LINE,
        EOL,
        RECONNECT,
        NAMING,
    ],
};

fn telnet(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    Ok(TargetLink::Telnet(Telnet {
        host: host(options, options.need("server", "server=HOST")?)?,
        port: port(options, options.need("port", "port=N")?)?,
        line: LineSettings::read(options)?,
        eol: eol(options)?,
        reconnect: reconnect(options)?,
    }))
}

const NETCONSOLE: Kind = Kind {
    name: "netconsole",
    example: "netconsole:port=6666",
    forms: &[],
    options: &[&[value("port", "N"), value("source", "ADDRESS")], NAMING],
};

fn netconsole(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    Ok(TargetLink::Netconsole {
        port: port(
            options,
            options.need("port", "port=N, the UDP port the kernel sends to")?,
        )?,
        source: options
            .value("source")
            .map(|value| address(options, value))
            .transpose()?,
    })
}

const IEEE_1394: Kind = Kind {
    name: "1394",
    example: "1394:channel=32",
    forms: &[],
    options: &[&[value("channel", "N"), value("symlink", "NAME")], NAMING],
};

fn ieee_1394(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    let channel = options.value("channel");
    let channel = channel
        .map(|value| options.number(value, 0..=62, "a channel"))
        .transpose()?
        .unwrap_or(0);
    Ok(TargetLink::Ieee1394 {
        channel: u8::try_from(channel).expect("the range ends below the largest u8"),
        symlink: options.value("symlink").map(|value| value.text.to_owned()),
    })
}

const USB: Kind = Kind {
    name: "usb",
    example: "usb:targetname=lab1",
    forms: &[],
    options: &[&[value("targetname", "NAME")], NAMING],
};

fn usb(options: &Options<'_, '_>) -> Result<TargetLink, Error> {
    let value = options.need("targetname", "targetname=NAME, the name set on the target")?;
    let name = value.text;
    let legal = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if name.len() > USB_NAME_BYTES_MAX || !legal {
        return Err(options.bad(value, "at most 24 letters, digits, `_` and `-`"));
    }
    if name.to_ascii_lowercase().contains("debug") {
        return Err(options.bad(value, "Windows does not allow `debug` in it"));
    }
    Ok(TargetLink::Usb {
        target_name: name.to_owned(),
    })
}

const RECONNECT: &[Spec] = &[value("reconnect", "yes")];

fn reconnect(options: &Options<'_, '_>) -> Result<bool, Error> {
    let given = options.value("reconnect");
    let given = given
        .map(|value| options.choice(value, &[("yes", true), ("no", false)]))
        .transpose()?;
    Ok(given.unwrap_or(true))
}

fn name(options: &Options<'_, '_>, value: Value<'_>) -> Result<String, Error> {
    check_name(value.text).map_err(|fault| options.bad(value, fault.to_string()))?;
    Ok(value.text.to_owned())
}

fn groups(options: &Options<'_, '_>, value: Value<'_>) -> Result<Vec<String>, Error> {
    let mut groups: Vec<String> = Vec::new();
    for (index, group) in value.text.split('+').enumerate() {
        check_name(group)
            .map_err(|fault| options.bad(value.part('+', index), fault.to_string()))?;
        if !groups.iter().any(|other| other == group) {
            groups.push(group.to_owned());
        }
    }
    Ok(groups)
}

/// What only the `com` string of a server or a client has.
const SESSION_COM: &[&str] = &["channel", "password", "hidden", "IcfEnable"];

const KDSRV: &str = "kdsrv strings go through a KD connection server, whose protocol is Microsoft's own; run kdeck on the machine the target is wired to, and join it with -remote";

const MODEM: &str = "modems are not dialled; give the serial line itself, with its carrier already up: com:port=/dev/ttyS0,baud=115200";

/// The limit Windows sets.
const USB_NAME_BYTES_MAX: usize = 24;
