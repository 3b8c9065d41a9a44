use super::read;
use crate::connect::{Certificate, ComChannel, Listen, PortRange, ServerString, ServerTransport};

fn transport(text: &str) -> ServerTransport {
    read::<ServerString>(text).transport
}

#[test]
fn a_tcp_server_takes_a_port_or_searches_a_range() {
    let tcp = |first, last| ServerTransport::Tcp {
        listen: Listen::On(PortRange { first, last }),
        ipv6_only: false,
    };
    assert_eq!(transport("tcp:port=5005"), tcp(5005, 5005));
    assert_eq!(transport("TCP:Port=51:60"), tcp(51, 60));
    let v6 = ServerTransport::Tcp {
        listen: Listen::On(PortRange::one(5005)),
        ipv6_only: true,
    };
    assert_eq!(transport("tcp:port=5005,ipversion=6"), v6);
}

#[test]
fn a_server_can_call_a_client_that_waits() {
    let listen = Listen::Call {
        host: "BOXC".to_owned(),
        port: 5005,
    };
    let text = "tcp:port=5005,clicon=BOXC,password=Lab12";
    assert_eq!(
        transport(text),
        ServerTransport::Tcp {
            listen: listen.clone(),
            ipv6_only: false
        }
    );
    let ssl = ServerTransport::Ssl {
        certificate: Some(Certificate::User("lab".to_owned())),
        listen,
    };
    assert_eq!(
        transport("ssl:proto=tls1,certuser=lab,port=5005,clicon=BOXC"),
        ssl
    );
}

#[test]
fn the_other_transports_are_read() {
    assert_eq!(
        transport("npipe:pipe=lab_%d"),
        ServerTransport::Npipe {
            pipe: "lab_%d".to_owned()
        }
    );
    let certificate = Some(Certificate::Machine("ab 38 f7".to_owned()));
    assert_eq!(
        transport("spipe:proto=TLS1,machuser=ab 38 f7,pipe=lab"),
        ServerTransport::Spipe {
            certificate,
            pipe: "lab".to_owned()
        }
    );
    assert_eq!(
        transport("ssl:port=5443"),
        ServerTransport::Ssl {
            certificate: None,
            listen: Listen::On(PortRange::one(5443))
        }
    );
    for port in ["2", "com2", "/dev/ttyS1"] {
        assert_eq!(
            transport(&format!("com:port={port},baud=115200,channel=254")),
            ServerTransport::Com(ComChannel {
                device: "/dev/ttyS1".into(),
                baud: 115_200,
                channel: 254
            })
        );
    }
}

#[test]
fn observers_have_a_password_of_their_own() {
    let server = read::<ServerString>("tcp:port=5005,viewpassword=watch,password=Lab12");
    let view = server.viewpassword.as_ref().and_then(|view| view.reveal());
    assert_eq!(view, Some("watch"));
    assert_eq!(
        server.to_string(),
        "tcp:port=5005,password=Lab12,viewpassword=watch"
    );
    assert_eq!(server.masked(), "tcp:Port=5005,Password=*,ViewPassword=*");
    assert!(!format!("{server:?}").contains("watch"));
    for wrong in [
        "tcp:port=5005,viewpassword=none",
        "tcp:port=5005,password=none,viewpassword=watch",
        "tcp:port=5005,password=watch,viewpassword=watch",
    ] {
        let error = wrong.parse::<ServerString>().unwrap_err().to_string();
        assert!(
            error.contains("viewpassword") && !error.contains("=watch"),
            "{error}"
        );
    }
}

#[test]
fn clients_lines_have_the_machine_where_one_is_needed() {
    let line = |string: &str, reveal| read::<ServerString>(string).for_clients("LABHOST", reveal);
    let is = |string, masked: &str, pasted: &str| {
        assert_eq!(line(string, false).as_deref(), Some(masked));
        assert_eq!(line(string, true).as_deref(), Some(pasted));
    };
    is(
        "tcp:password=Lab12,port=5005,hidden,viewpassword=watch",
        "tcp:Port=5005,Password=*,Server=LABHOST",
        "tcp:Port=5005,Password=Lab12,Server=LABHOST",
    );
    is(
        "com:port=com2,baud=9600,channel=7,password=Lab12",
        "com:Port=/dev/ttyS1,Baud=9600,Channel=7,Password=*",
        "com:Port=/dev/ttyS1,Baud=9600,Channel=7,Password=Lab12",
    );
    assert_eq!(line("tcp:port=5005,clicon=BOX", true), None);
    let pipe = read::<ServerString>("npipe:pipe=lab");
    assert_eq!(
        pipe.for_clients_by_ssh("LABHOST", true).as_deref(),
        Some("ssh:Server=LABHOST,Pipe=lab")
    );
}

#[test]
fn a_password_is_written_but_never_listed_or_debugged() {
    let server = read::<ServerString>("tcp:port=5005,hidden,password=Lab12,IcfEnable");
    assert!(server.hidden && server.icf_enable);
    assert_eq!(
        server.to_string(),
        "tcp:port=5005,password=Lab12,hidden,IcfEnable"
    );
    assert_eq!(server.masked(), "tcp:Port=5005,Password=*,Hidden,IcfEnable");
    assert!(!format!("{server:?}").contains("Lab12"));
    let open = read::<ServerString>("tcp:port=5005,password=none");
    assert_eq!(
        open.password.as_ref().map(|password| password.reveal()),
        Some(None)
    );
    assert_eq!(open.masked(), "tcp:Port=5005,Password=none");
}

#[test]
fn a_clients_option_in_a_servers_string_is_ignored_with_a_note() {
    let server = read::<ServerString>(r"tcp:server=\\BOX17,port=1234");
    assert_eq!(
        server.warnings(),
        ["server=BOX17 belongs to the client's string and has no effect here"]
    );
    assert_eq!(server.masked(), "tcp:Port=1234");
    assert!(read::<ServerString>("tcp:port=1234").warnings().is_empty());
    assert_eq!(
        read::<ServerString>("npipe:pipe=x,icfenable")
            .warnings()
            .len(),
        1
    );
}
