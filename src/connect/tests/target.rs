use std::path::PathBuf;

use super::read;
use crate::connect::{
    DataBits, Endpoint, Eol, Exec, FlowControl, Kd, Key, LineSettings, LocalPort, Net, Parity, Raw,
    RawLink, Restart, SerialLine, StopBits, TargetLink, TargetString, Telnet,
};

fn link(text: &str) -> TargetLink {
    read::<TargetString>(text).link
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp {
        host: host.to_owned(),
        port,
    }
}

fn unix(path: &str) -> Endpoint {
    Endpoint::Unix { path: path.into() }
}

#[test]
fn a_kdnet_target_has_a_port_a_key_and_perhaps_an_address() {
    let net = |target: Option<&str>| {
        TargetLink::Net(Net {
            port: 50000,
            key: Key::new([1, 2, 3, 4]),
            target: target.map(str::to_owned),
            files: None,
        })
    };
    assert_eq!(link("net:port=50000,key=1.2.3.4"), net(None));
    assert_eq!(link("NET:Key=1.2.3.4,Port=50000"), net(None));
    assert_eq!(
        link("net:port=50000,key=1.2.3.4,target=web01"),
        net(Some("web01"))
    );
    assert_eq!(
        link("net:port=50000,key=1.2.3.4,target=0.0.0.0"),
        net(Some("0.0.0.0"))
    );
    assert_eq!(
        link("net:port=50000,key=1.2.3.4,target=::"),
        net(Some("::"))
    );
    assert_eq!(
        link("net:port=50000,key=1.2.3.4,target=[fe80::1%eth0]"),
        net(Some("fe80::1%eth0"))
    );
}

#[test]
fn kd_goes_over_a_serial_line_a_pipe_or_tcp() {
    let kd = |endpoint| {
        TargetLink::Kd(Kd {
            endpoint,
            resets: None,
            reconnect: false,
            files: None,
        })
    };
    let line = |device: &str, baud| {
        Endpoint::Serial(SerialLine {
            baud,
            ..SerialLine::new(device)
        })
    };
    assert_eq!(
        link("com:port=/dev/ttyUSB0,baud=57600"),
        kd(line("/dev/ttyUSB0", 57600))
    );
    assert_eq!(link("com:port=ttyUSB0"), kd(line("/dev/ttyUSB0", 115_200)));
    assert_eq!(
        link("com:port=COM2,baud=115200"),
        kd(line("/dev/ttyS1", 115_200))
    );
    assert_eq!(
        link(r"com:port=\\.\com12,baud=115200"),
        kd(line("/dev/ttyS11", 115_200))
    );
    assert_eq!(
        link("com:ipport=4445,port=10.0.0.7"),
        kd(tcp("10.0.0.7", 4445))
    );
    assert_eq!(link("com:port=::1,ipport=4445"), kd(tcp("::1", 4445)));
    assert_eq!(
        link("com:pipe,port=/run/vm1.sock"),
        kd(unix("/run/vm1.sock"))
    );
    assert_eq!(
        link("com:port=/run/vm1.sock,reconnect,resets=0,pipe"),
        TargetLink::Kd(Kd {
            endpoint: unix("/run/vm1.sock"),
            resets: Some(0),
            reconnect: true,
            files: None,
        })
    );
    assert_eq!(
        link("com:pipe,port=/run/vm1.sock,files=/srv/drivers"),
        TargetLink::Kd(Kd {
            endpoint: unix("/run/vm1.sock"),
            resets: None,
            reconnect: false,
            files: Some("/srv/drivers".into()),
        })
    );
}

#[test]
fn gdb_and_raw_share_their_endpoints() {
    for (options, endpoint) in [
        ("server=localhost,port=1234", tcp("localhost", 1234)),
        (r"server=\\BOX17,port=1234", tcp("BOX17", 1234)),
        ("pipe=/run/gdb.sock", unix("/run/gdb.sock")),
        (
            "com=/dev/ttyUSB1,baud=921600",
            Endpoint::Serial(SerialLine {
                baud: 921_600,
                ..SerialLine::new("/dev/ttyUSB1")
            }),
        ),
    ] {
        assert_eq!(
            link(&format!("gdb:{options}")),
            TargetLink::Gdb(endpoint.clone())
        );
        let raw = Raw {
            link: RawLink::Dial(endpoint),
            eol: Eol::Cr,
            reconnect: true,
            register: None,
        };
        assert_eq!(link(&format!("raw:{options}")), TargetLink::Raw(raw));
    }
}

#[test]
fn a_serial_line_has_a_shape_and_flow_control() {
    let TargetLink::Raw(Raw {
        link: RawLink::Dial(Endpoint::Serial(line)),
        ..
    }) = link("raw:com=/dev/ttyS4,baud=9600,bits=7,parity=even,stop=2,flow=rtscts")
    else {
        panic!("a serial line");
    };
    assert_eq!(
        line,
        SerialLine {
            device: "/dev/ttyS4".into(),
            baud: 9600,
            bits: DataBits::Seven,
            parity: Parity::Even,
            stop: StopBits::Two,
            flow: FlowControl::RtsCts,
        }
    );
    assert_eq!(
        link("raw:com=ttyS4,bits=8,parity=none,stop=1,flow=none,baud=115200"),
        link("raw:com=ttyS4"),
        "spelled-out defaults are defaults"
    );
}

#[test]
fn a_raw_target_can_be_told_under_which_name_to_register() {
    let TargetLink::Raw(raw) = link("raw:server=lab1,port=3014,register=alice") else {
        panic!("a raw target");
    };
    assert_eq!(raw.register.as_deref(), Some("alice"));
    for bad in ["a b", "host", "a>b"] {
        let string = format!("raw:server=lab1,port=3014,register={bad}");
        assert!(string.parse::<TargetString>().is_err(), "{bad}");
    }
}

#[test]
fn a_raw_target_can_dial_in() {
    let listen = |bind: Option<&str>, eol, reconnect| {
        let bind = bind.map(|address| address.parse().unwrap());
        TargetLink::Raw(Raw {
            link: RawLink::Listen { port: 7000, bind },
            eol,
            reconnect,
            register: None,
        })
    };
    assert_eq!(link("raw:listen,port=7000"), listen(None, Eol::Cr, true));
    assert_eq!(
        link("raw:listen,port=7000,bind=::1"),
        listen(Some("::1"), Eol::Cr, true)
    );
    assert_eq!(
        link("raw:eol=crlf,reconnect=no,bind=127.0.0.1,port=7000,listen"),
        listen(Some("127.0.0.1"), Eol::CrLf, false)
    );
}

#[test]
fn a_telnet_target_leaves_the_line_alone_unless_told() {
    let telnet = |line| {
        let host = "lab1".to_owned();
        TargetLink::Telnet(Telnet {
            host,
            port: 2001,
            line,
            eol: Eol::Cr,
            reconnect: true,
        })
    };
    assert_eq!(
        link("telnet:server=lab1,port=2001"),
        telnet(LineSettings::default())
    );
    assert_eq!(
        link("telnet:server=lab1,port=2001,baud=38400,parity=none"),
        telnet(LineSettings {
            baud: Some(38400),
            parity: Some(Parity::None),
            ..LineSettings::default()
        })
    );
}

#[test]
fn netconsole_listens_to_all_or_to_one() {
    assert_eq!(
        link("netconsole:port=6666"),
        TargetLink::Netconsole {
            port: 6666,
            source: None
        }
    );
    assert_eq!(
        link("netconsole:port=6666,source=192.0.2.7"),
        TargetLink::Netconsole {
            port: 6666,
            source: Some("192.0.2.7".parse().unwrap())
        }
    );
}

#[test]
fn retired_cables_are_read_and_refused_with_what_to_use() {
    assert_eq!(
        link("1394:channel=32"),
        TargetLink::Ieee1394 {
            channel: 32,
            symlink: None
        }
    );
    assert_eq!(
        link("1394:"),
        TargetLink::Ieee1394 {
            channel: 0,
            symlink: None
        }
    );
    assert_eq!(
        link("1394:channel=62,symlink=instance"),
        TargetLink::Ieee1394 {
            channel: 62,
            symlink: Some("instance".to_owned())
        }
    );
    assert_eq!(
        link("usb:targetname=lab_1"),
        TargetLink::Usb {
            target_name: "lab_1".to_owned()
        }
    );
    for text in ["1394:channel=32", "usb:targetname=lab1"] {
        let reason = text.parse::<TargetString>().unwrap().not_served().unwrap();
        assert!(reason.contains("net:port=50000,key=1.2.3.4"), "{reason}");
    }
}

#[test]
fn only_kinds_that_are_driven_are_served() {
    let served = |text: &str| text.parse::<TargetString>().unwrap().not_served().is_none();
    for text in [
        "raw:pipe=x",
        "raw:listen,port=1",
        "telnet:server=a,port=23",
        "netconsole:port=6666",
        "exec:sh",
        "net:port=50000,key=1.2.3.4",
        "com:port=ttyS0",
    ] {
        assert!(served(text), "{text}");
    }
    for text in ["gdb:pipe=x", "1394:", "usb:targetname=a"] {
        assert!(!served(text), "{text}");
    }
}

fn exec(text: &str) -> (String, Option<String>, Vec<String>) {
    let target = read::<TargetString>(text);
    let TargetLink::Exec(exec) = target.link else {
        panic!("a program")
    };
    (exec.command, target.name, target.group)
}

#[test]
fn a_command_line_keeps_its_commas_and_gives_up_its_trailing_options() {
    let named = |command: &str, name: &str| (command.to_owned(), Some(name.to_owned()), vec![]);
    let plain = |command: &str| (command.to_owned(), None, vec![]);
    assert_eq!(
        exec("exec:ssh lab1 tail -f /a,b,c"),
        plain("ssh lab1 tail -f /a,b,c")
    );
    assert_eq!(
        exec("exec: gdb -q vmlinux ,name=gdb1"),
        named("gdb -q vmlinux", "gdb1")
    );
    assert_eq!(
        exec("exec:vm -device e1000,id=n0,name=web"),
        named("vm -device e1000,id=n0", "web")
    );
    assert_eq!(
        exec("exec:sh -c 'a,name=b'"),
        plain("sh -c 'a,name=b'"),
        "a quote protects what looks like an option"
    );
    assert_eq!(
        exec("exec:vm -device e1000,name=n0,,"),
        plain("vm -device e1000,name=n0")
    );
    assert_eq!(
        exec("exec:vm -device e1000,name=n0,,name=web"),
        named("vm -device e1000,name=n0", "web")
    );
    assert_eq!(exec("exec:echo a,"), plain("echo a,"));
    assert_eq!(
        exec("exec:top,group=rack-a+web,name=t"),
        (
            "top".to_owned(),
            Some("t".to_owned()),
            vec!["rack-a".to_owned(), "web".to_owned()]
        )
    );
}

#[test]
fn a_program_is_started_again_when_it_failed_unless_told_otherwise() {
    let exec = |restart, eol| {
        TargetLink::Exec(Exec {
            command: "top".to_owned(),
            restart,
            eol,
        })
    };
    assert_eq!(link("exec:top"), exec(Restart::Failure, Eol::Cr));
    assert_eq!(
        link("exec:top,restart=always"),
        exec(Restart::Always, Eol::Cr)
    );
    assert_eq!(
        link("exec:top,eol=lf,restart=never"),
        exec(Restart::Never, Eol::Lf)
    );
}

#[test]
fn every_kind_takes_a_name_and_groups() {
    for text in [
        "net:port=50000,key=1.2.3.4",
        "com:port=ttyS0",
        "gdb:pipe=x",
        "raw:listen,port=7000",
        "telnet:server=lab1,port=2001",
        "netconsole:port=6666",
        "exec:top -b",
        "1394:channel=3",
        "usb:targetname=lab1",
    ] {
        let target = read::<TargetString>(&format!("{text},name=web01,group=rack-a+web+rack-a"));
        assert_eq!(target.name.as_deref(), Some("web01"), "{text}");
        assert_eq!(target.group, ["rack-a", "web"], "{text}");
    }
}

#[test]
fn debug_targets_are_told_from_consoles() {
    for (text, wanted) in [
        ("net:port=50000,key=1.2.3.4", true),
        ("com:pipe,port=/run/vm1", true),
        ("gdb:pipe=x", true),
        ("1394:channel=3", true),
        ("raw:com=ttyS0", false),
        ("telnet:server=lab1,port=2001", false),
        ("netconsole:port=6666", false),
        ("exec:gdb -q", false),
    ] {
        let target = read::<TargetString>(text);
        assert_eq!(target.link.is_debugger(), wanted, "{text}");
    }
}

#[test]
fn strings_are_written_in_one_form() {
    for (typed, written) in [
        (
            "  NET:KEY=00A.2.3.4,PORT=50000 ",
            "net:port=50000,key=a.2.3.4",
        ),
        (
            "com:reconnect,port=/x,resets=2,pipe",
            "com:pipe,port=/x,resets=2,reconnect",
        ),
        ("com:port=com1", "com:port=/dev/ttyS0,baud=115200"),
        (
            "raw:port=7001,server=[::1],eol=cr,reconnect=yes",
            "raw:server=::1,port=7001",
        ),
        (
            "raw:group=b+a,com=ttyS0,flow=xonxoff,name=x",
            "raw:com=/dev/ttyS0,baud=115200,flow=xonxoff,name=x,group=b+a",
        ),
        (
            "exec:a b,group=g,eol=lf,restart=failure,name=n",
            "exec:a b,eol=lf,name=n,group=g",
        ),
        ("1394:", "1394:channel=0"),
    ] {
        assert_eq!(read::<TargetString>(typed).to_string(), written);
    }
}

#[test]
fn a_key_is_written_but_never_listed_or_debugged() {
    let target: TargetString = "net:port=50000,key=hide.this.key.please,name=web01"
        .parse()
        .unwrap();
    assert_eq!(
        target.to_string(),
        "net:port=50000,key=hide.this.key.please,name=web01"
    );
    assert_eq!(target.masked(), "net:port=50000,key=*,name=web01");
    assert!(!format!("{target:?}").contains("hide"));
}

#[test]
fn a_target_without_a_name_gets_a_legal_one() {
    for (text, name) in [
        ("raw:server=lab1,port=7001", "lab1:7001"),
        ("telnet:server=::1,port=23", "::1:23"),
        ("raw:com=/dev/ttyUSB0", "ttyUSB0"),
        ("com:pipe,port=/run/vms/web 01.sock", "web-01.sock"),
        (r"com:pipe,port=\\.\pipe\vm1", "vm1"),
        ("gdb:pipe=/", "-"),
        ("net:port=50000,key=1.2.3.4", "net:50000"),
        ("raw:listen,port=7000", "listen:7000"),
        ("netconsole:port=6666", "netconsole:6666"),
        ("netconsole:port=6666,source=192.0.2.7", "192.0.2.7"),
        ("exec:/usr/bin/ssh root@lab1", "ssh"),
        ("exec:LANG=C  TERM=dumb gdb -q", "gdb"),
        ("exec:'/opt/my tools/run it' now", "run-it"),
        ("exec:'", "target"),
        ("1394:channel=3", "1394:3"),
        ("usb:targetname=lab_1", "usb:lab_1"),
        (
            "raw:server=a-very-long-host-name.example.com,port=65535",
            "a-very-long-host-name.exam:65535",
        ),
    ] {
        assert_eq!(
            text.parse::<TargetString>().unwrap().default_name(),
            name,
            "{text}"
        );
    }
}

#[test]
fn what_a_target_holds_of_this_machine_is_known() {
    let port = |text: &str| text.parse::<TargetString>().unwrap().local_port();
    let device = |path: &str| Some(LocalPort::Device(PathBuf::from(path)));
    assert_eq!(
        port("net:port=50000,key=1.2.3.4"),
        Some(LocalPort::Udp {
            port: 50000,
            source: None
        })
    );
    assert_eq!(
        port("netconsole:port=6666,source=10.0.0.1"),
        Some(LocalPort::Udp {
            port: 6666,
            source: Some("10.0.0.1".parse().unwrap())
        })
    );
    assert_eq!(
        port("raw:listen,port=7000"),
        Some(LocalPort::Tcp {
            port: 7000,
            bind: None
        })
    );
    assert_eq!(port("raw:pipe=/run/x.sock"), device("/run/x.sock"));
    assert_eq!(port("com:port=com1"), device("/dev/ttyS0"));
    assert_eq!(port("gdb:com=ttyUSB0"), device("/dev/ttyUSB0"));
    assert_eq!(port("raw:server=lab1,port=7001"), None);
    assert_eq!(port("exec:top"), None);
}

#[test]
fn odd_but_possible_targets_come_with_a_warning() {
    let warnings = |text: &str| read::<TargetString>(text).warnings();
    assert_eq!(
        warnings("net:port=5000,key=1.2.3.4"),
        ["port 5000 is below 49152-65535, the range documented for KDNET; networks may allow it"]
    );
    assert_eq!(
        warnings(r"com:pipe,port=\\.\pipe\vm1"),
        [
            r"\\.\pipe\vm1 is the name of a Windows pipe; on this machine it is taken for the path of a Unix socket"
        ]
    );
    for text in [
        "net:port=49152,key=1.2.3.4",
        "net:port=65535,key=1.2.3.4",
        "raw:server=lab1,port=7001",
    ] {
        assert!(warnings(text).is_empty(), "{text}");
    }
}

#[test]
fn line_ends_are_what_their_names_say() {
    assert_eq!(
        [Eol::Cr, Eol::Lf, Eol::CrLf].map(Eol::bytes),
        [b"\r" as &[u8], b"\n", b"\r\n"]
    );
}
