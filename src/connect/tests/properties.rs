use std::net::IpAddr;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::connect::{
    Certificate, ClientString, ClientTransport, ComChannel, DataBits, Endpoint, Eol, Error, Exec,
    FlowControl, Join, Kd, Key, LineSettings, Listen, Net, PASSWORD_BYTES_MAX, Parity, Password,
    PortRange, Raw, RawLink, Restart, SerialLine, ServerString, ServerTransport, StopBits,
    TargetLink, TargetString, Telnet, check_name,
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_as_the_same_target(target in target()) {
        prop_assert_eq!(target.to_string().parse(), Ok(target));
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_server(server in server()) {
        prop_assert_eq!(server.to_string().parse(), Ok(server));
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_client(client in client()) {
        prop_assert_eq!(client.to_string().parse(), Ok(client));
    }

    #[test]
    fn every_default_name_is_legal(target in target()) {
        let name = target.default_name();
        prop_assert_eq!(check_name(&name), Ok(()), "{}", name);
    }

    #[test]
    fn a_target_always_clashes_with_itself(target in target()) {
        if let Some(port) = target.local_port() {
            prop_assert!(port.clashes_with(&port));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read_or_refuse(&text)?;
    }

    #[test]
    fn any_text_that_looks_like_a_string_is_read_or_refused(text in nearly()) {
        read_or_refuse(&text)?;
    }

    #[test]
    fn a_valid_string_with_one_slip_is_read_or_refused(target in target(), at in any::<prop::sample::Index>(), slip in any::<char>()) {
        let mut characters: Vec<char> = target.to_string().chars().collect();
        let at = at.index(characters.len());
        characters[at] = slip;
        read_or_refuse(&characters.into_iter().collect::<String>())?;
    }
}

/// Neither panics, and an error is within its string and fit for a terminal; what is read, reads back.
fn read_or_refuse(text: &str) -> Result<(), TestCaseError> {
    fn one<T>(text: &str) -> Result<(), TestCaseError>
    where
        T: std::str::FromStr<Err = Error> + ToString + PartialEq + std::fmt::Debug,
    {
        match text.parse::<T>() {
            Ok(value) => prop_assert_eq!(value.to_string().parse(), Ok(value)),
            Err(error) => {
                prop_assert!(text.get(error.span()).is_some());
                prop_assert!(
                    !error
                        .render()
                        .contains(|c: char| c.is_control() && c != '\n')
                );
                prop_assert!(!error.message().contains('\n'));
            }
        }
        Ok(())
    }
    one::<TargetString>(text)?;
    one::<ServerString>(text)?;
    one::<ClientString>(text)
}

/// Words of the grammar in any order.
fn nearly() -> BoxedStrategy<String> {
    let kinds = "net|com|gdb|raw|telnet|netconsole|exec|1394|usb|kdsrv|tcp|npipe|spipe|ssl|ssh|remdbgeng://tcp|é";
    let options = "port|key|target|pipe|ipport|modem|resets|reconnect|server|com|baud|bits|parity|listen|bind|eol\
        |restart|source|channel|targetname|name|group|clicon|hidden|password|proto|certuser|machuser|ipversion|x";
    let values = "[a-z0-9._:@+%\\\\/ é-]{0,8}|1\\.2\\.3\\.4|7|50000|5005:5010|com2|\\PC{0,4}";
    let option = (options, option::of(values)).prop_map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    });
    (kinds, vec(option, 0..5))
        .prop_map(|(kind, options)| format!("{kind}:{}", options.join(",")))
        .boxed()
}

fn target() -> BoxedStrategy<TargetString> {
    let groups = vec(name(), 0..4).prop_map(|names| {
        let mut groups = Vec::new();
        for name in names {
            if !groups.contains(&name) {
                groups.push(name);
            }
        }
        groups
    });
    (link(), option::of(name()), groups)
        .prop_map(|(link, name, group)| TargetString { link, name, group })
        .boxed()
}

fn files() -> BoxedStrategy<Option<PathBuf>> {
    option::of("/[a-z]{1,8}/[a-z0-9]{1,8}".prop_map(PathBuf::from)).boxed()
}

fn link() -> BoxedStrategy<TargetLink> {
    let net = (port(), any::<[u64; 4]>(), option::of(host()), files()).prop_map(
        |(port, key, target, files)| {
            TargetLink::Net(Net {
                port,
                key: Key::new(key),
                target,
                files,
            })
        },
    );
    let kd = (endpoint(), any::<Option<u32>>(), any::<bool>(), files()).prop_map(
        |(endpoint, resets, reconnect, files)| {
            TargetLink::Kd(Kd {
                endpoint,
                resets,
                reconnect,
                files,
            })
        },
    );
    let raw_link = prop_oneof![
        endpoint().prop_map(RawLink::Dial),
        (port(), any::<Option<IpAddr>>()).prop_map(|(port, bind)| RawLink::Listen { port, bind }),
    ];
    let register = proptest::option::of("[a-z][a-zA-Z0-9._-]{0,20}x");
    let raw =
        (raw_link, eol(), any::<bool>(), register).prop_map(|(link, eol, reconnect, register)| {
            TargetLink::Raw(Raw {
                link,
                eol,
                reconnect,
                register,
            })
        });
    let telnet = (host(), port(), settings(), eol(), any::<bool>()).prop_map(
        |(host, port, line, eol, reconnect)| {
            TargetLink::Telnet(Telnet {
                host,
                port,
                line,
                eol,
                reconnect,
            })
        },
    );
    let netconsole = (port(), any::<Option<IpAddr>>())
        .prop_map(|(port, source)| TargetLink::Netconsole { port, source });
    let restart = prop_oneof![
        Just(Restart::Always),
        Just(Restart::Failure),
        Just(Restart::Never)
    ];
    let exec = (command(), restart, eol()).prop_map(|(command, restart, eol)| {
        TargetLink::Exec(Exec {
            command,
            restart,
            eol,
        })
    });
    let ieee_1394 = (0..=62_u8, option::of(word()))
        .prop_map(|(channel, symlink)| TargetLink::Ieee1394 { channel, symlink });
    let usb = "[A-Za-ce-z0-9_-]{1,24}".prop_map(|target_name| TargetLink::Usb { target_name });
    prop_oneof![
        net,
        kd,
        endpoint().prop_map(TargetLink::Gdb),
        raw,
        telnet,
        netconsole,
        exec,
        ieee_1394,
        usb
    ]
    .boxed()
}

/// Commands that end like options, with commas and with quotes among them.
fn command() -> BoxedStrategy<String> {
    "[a-z/]{1,8}( [a-z,='-]{1,6}){0,3}((,name=[a-z]{0,3})|(,eol=cr)|(,group=' ')|,){0,3}".boxed()
}

fn endpoint() -> BoxedStrategy<Endpoint> {
    prop_oneof![
        (host(), port()).prop_map(|(host, port)| Endpoint::Tcp { host, port }),
        word().prop_map(|path| Endpoint::Unix { path: path.into() }),
        ("/dev/[a-zA-Z0-9/_-]{1,12}", settings()).prop_map(|(device, settings)| {
            let line = SerialLine::new(device);
            Endpoint::Serial(SerialLine {
                baud: settings.baud.unwrap_or(line.baud),
                bits: settings.bits.unwrap_or(line.bits),
                parity: settings.parity.unwrap_or(line.parity),
                stop: settings.stop.unwrap_or(line.stop),
                flow: settings.flow.unwrap_or(line.flow),
                ..line
            })
        }),
    ]
    .boxed()
}

fn settings() -> BoxedStrategy<LineSettings> {
    (
        option::of(50..=12_000_000_u32),
        option::of(prop_oneof![Just(DataBits::Seven), Just(DataBits::Eight)]),
        option::of(prop_oneof![
            Just(Parity::None),
            Just(Parity::Odd),
            Just(Parity::Even)
        ]),
        option::of(prop_oneof![Just(StopBits::One), Just(StopBits::Two)]),
        option::of(prop_oneof![
            Just(FlowControl::None),
            Just(FlowControl::RtsCts),
            Just(FlowControl::XonXoff)
        ]),
    )
        .prop_map(|(baud, bits, parity, stop, flow)| LineSettings {
            baud,
            bits,
            parity,
            stop,
            flow,
        })
        .boxed()
}

fn server() -> BoxedStrategy<ServerString> {
    let listen = || {
        prop_oneof![
            ports().prop_map(Listen::On),
            (host(), port()).prop_map(|(host, port)| Listen::Call { host, port }),
        ]
    };
    let transport = prop_oneof![
        (listen(), any::<bool>())
            .prop_map(|(listen, ipv6_only)| ServerTransport::Tcp { listen, ipv6_only }),
        pipe().prop_map(|pipe| ServerTransport::Npipe { pipe }),
        (certificate(), pipe())
            .prop_map(|(certificate, pipe)| ServerTransport::Spipe { certificate, pipe }),
        (certificate(), listen()).prop_map(|(certificate, listen)| ServerTransport::Ssl {
            certificate,
            listen
        }),
        channel().prop_map(ServerTransport::Com),
    ];
    (
        transport,
        password(),
        any::<bool>(),
        any::<bool>(),
        option::of(host()),
        any::<bool>(),
    )
        .prop_map(
            |(transport, password, hidden, icf_enable, server, watched)| {
                let calls = matches!(
                    transport,
                    ServerTransport::Tcp {
                        listen: Listen::Call { .. },
                        ..
                    } | ServerTransport::Ssl {
                        listen: Listen::Call { .. },
                        ..
                    }
                );
                let windows_only = matches!(
                    transport,
                    ServerTransport::Tcp { .. } | ServerTransport::Npipe { .. }
                );
                let is_open = password
                    .as_ref()
                    .is_some_and(|password| password.reveal().is_none());
                // Longer than any of the operators'.
                let watchers = Password::new(&"w".repeat(PASSWORD_BYTES_MAX)).unwrap();
                ServerString {
                    transport,
                    viewpassword: Some(watchers).filter(|_| watched && !is_open),
                    password,
                    hidden: hidden && !calls,
                    icf_enable: icf_enable && windows_only && !calls,
                    server: server.filter(|_| !calls),
                }
            },
        )
        .boxed()
}

fn client() -> BoxedStrategy<ClientString> {
    let join = || {
        prop_oneof![
            (host(), port()).prop_map(|(server, port)| Join::Dial { server, port }),
            (host(), ports()).prop_map(|(server, ports)| Join::Await { server, ports }),
        ]
    };
    let machine = || {
        option::of(host().prop_filter("this machine", |host| {
            !host.eq_ignore_ascii_case("localhost")
        }))
    };
    let transport = prop_oneof![
        (join(), any::<bool>())
            .prop_map(|(join, ipv6_only)| ClientTransport::Tcp { join, ipv6_only }),
        (machine(), pipe()).prop_map(|(server, pipe)| ClientTransport::Npipe { server, pipe }),
        (certificate(), machine(), pipe()).prop_map(|(certificate, server, pipe)| {
            ClientTransport::Spipe {
                certificate,
                server,
                pipe,
            }
        }),
        (certificate(), join())
            .prop_map(|(certificate, join)| ClientTransport::Ssl { certificate, join }),
        channel().prop_map(ClientTransport::Com),
        (
            option::of("[a-z_][a-z0-9._-]{0,8}"),
            host(),
            option::of(port()),
            option::of(pipe())
        )
            .prop_map(|(user, server, port, pipe)| ClientTransport::Ssh {
                user,
                server,
                port,
                pipe
            }),
    ];
    (transport, password())
        .prop_map(|(transport, password)| ClientString {
            transport,
            password,
        })
        .boxed()
}

fn port() -> impl Strategy<Value = u16> {
    1..=u16::MAX
}

fn ports() -> impl Strategy<Value = PortRange> {
    (port(), port()).prop_map(|(one, other)| PortRange {
        first: one.min(other),
        last: one.max(other),
    })
}

fn host() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z0-9][a-zA-Z0-9._-]{0,60}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
        Just("fe80::1%eth0".to_owned()),
    ]
    .boxed()
}

fn pipe() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_%][a-zA-Z0-9._%-]{0,63}"
}

fn channel() -> BoxedStrategy<ComChannel> {
    ("/dev/[a-zA-Z0-9]{1,12}", 50..=12_000_000_u32, 0..=254_u8)
        .prop_map(|(device, baud, channel)| ComChannel {
            device: device.into(),
            baud,
            channel,
        })
        .boxed()
}

fn certificate() -> BoxedStrategy<Option<Certificate>> {
    option::of(prop_oneof![
        word().prop_map(Certificate::User),
        word().prop_map(Certificate::Machine)
    ])
    .boxed()
}

fn password() -> BoxedStrategy<Option<Password>> {
    option::of(
        prop_oneof![Just("none".to_owned()), "[a-zA-Z0-9=:é.+*]{1,24}",]
            .prop_map(|text| Password::new(&text).expect("legible, without blanks and commas")),
    )
    .boxed()
}

fn eol() -> impl Strategy<Value = Eol> {
    prop_oneof![Just(Eol::Cr), Just(Eol::Lf), Just(Eol::CrLf)]
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Zäß0-9_:-][a-zA-Zäß0-9._:-]{0,31}"
        .prop_filter("reserved", |name| !name.eq_ignore_ascii_case("all"))
}

/// Free text of a value: anything legible without a comma and without blanks at its ends.
fn word() -> BoxedStrategy<String> {
    "[a-zA-Z0-9/._=:\\\\é標-]([a-zA-Z0-9/._=:\\\\é標 -]{0,40}[a-zA-Z0-9/._=:\\\\é標-])?".boxed()
}
