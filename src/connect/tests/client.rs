use super::read;
use crate::connect::{Certificate, ClientString, ClientTransport, ComChannel, Join, PortRange};

fn transport(text: &str) -> ClientTransport {
    read::<ClientString>(text).transport
}

fn dial(server: &str, port: u16) -> Join {
    Join::Dial {
        server: server.to_owned(),
        port,
    }
}

#[test]
fn a_client_dials_the_port_a_server_listed() {
    let tcp = |join| ClientTransport::Tcp {
        join,
        ipv6_only: false,
    };
    assert_eq!(
        transport("tcp:server=BOX17,port=1025"),
        tcp(dial("BOX17", 1025))
    );
    assert_eq!(
        transport(r"tcp:Port=5005,Server=\\labhost"),
        tcp(dial("labhost", 5005))
    );
    assert_eq!(
        transport("tcp:Port=53:60,Server=LABHOST"),
        tcp(dial("LABHOST", 53)),
        "as the list of servers has it"
    );
    assert_eq!(
        transport("remdbgeng://tcp:port=5005,server=lab"),
        tcp(dial("lab", 5005))
    );
    let v6 = ClientTransport::Tcp {
        join: dial("fe80::1", 5005),
        ipv6_only: true,
    };
    assert_eq!(transport("tcp:server=[fe80::1],port=5005,ipversion=6"), v6);
}

#[test]
fn a_client_can_wait_for_its_server() {
    let join = Join::Await {
        server: "lab".to_owned(),
        ports: PortRange {
            first: 9000,
            last: 9010,
        },
    };
    assert_eq!(
        transport("tcp:clicon=lab,port=9000:9010"),
        ClientTransport::Tcp {
            join: join.clone(),
            ipv6_only: false
        }
    );
    assert_eq!(
        transport("ssl:clicon=lab,port=9000:9010"),
        ClientTransport::Ssl {
            certificate: None,
            join
        }
    );
}

#[test]
fn a_pipe_of_this_machine_needs_no_server() {
    let npipe = |server: Option<&str>| ClientTransport::Npipe {
        server: server.map(str::to_owned),
        pipe: "lab".to_owned(),
    };
    for text in [
        "npipe:pipe=lab",
        "npipe:server=.,pipe=lab",
        r"npipe:server=\\.,pipe=lab",
        "npipe:pipe=lab,server=LocalHost",
    ] {
        assert_eq!(transport(text), npipe(None), "{text}");
    }
    let named = read::<ClientString>(r"npipe:server=\\BOXC,pipe=lab");
    assert_eq!(named.transport, npipe(Some("BOXC")));
    assert_eq!(
        named.warnings(),
        [
            "a pipe is reached on its own machine only; if BOXC is another one, use ssh:server=BOXC,pipe=lab"
        ]
    );
}

#[test]
fn the_other_transports_are_read() {
    let certificate = Some(Certificate::User("lab".to_owned()));
    assert_eq!(
        transport("spipe:proto=tls1,certuser=lab,server=.,pipe=x"),
        ClientTransport::Spipe {
            certificate: certificate.clone(),
            server: None,
            pipe: "x".to_owned()
        }
    );
    assert_eq!(
        transport("ssl:proto=tls1,certuser=lab,server=lab,port=1234"),
        ClientTransport::Ssl {
            certificate,
            join: dial("lab", 1234)
        }
    );
    assert_eq!(
        transport("com:port=com1,baud=57600,channel=0"),
        ClientTransport::Com(ComChannel {
            device: "/dev/ttyS0".into(),
            baud: 57600,
            channel: 0
        })
    );
}

#[test]
fn ssh_reaches_a_pipe_of_another_machine() {
    let ssh = |user: Option<&str>, port, pipe: Option<&str>| ClientTransport::Ssh {
        user: user.map(str::to_owned),
        server: "lab01".to_owned(),
        port,
        pipe: pipe.map(str::to_owned),
    };
    assert_eq!(transport("ssh:server=lab01"), ssh(None, None, None));
    assert_eq!(
        transport("ssh:server=alice@lab01,port=2222,pipe=lab"),
        ssh(Some("alice"), Some(2222), Some("lab"))
    );
}

#[test]
fn lists_show_the_order_debuggers_print() {
    let listed = |text: &str| read::<ClientString>(text).masked();
    assert_eq!(
        listed("tcp:server=LABHOST,password=x,port=5005"),
        "tcp:Port=5005,Password=*,Server=LABHOST"
    );
    assert_eq!(
        listed("npipe:server=LABHOST,pipe=MainPipe"),
        "npipe:Pipe=MainPipe,Server=LABHOST"
    );
    assert_eq!(
        listed("ssl:machuser=ab 38,server=LABHOST,port=9"),
        "ssl:MachUser=ab 38,Port=9,Server=LABHOST"
    );
    assert_eq!(
        listed("com:channel=7,port=com2,baud=115200"),
        "com:Port=/dev/ttyS1,Baud=115200,Channel=7"
    );
}

#[test]
fn a_password_does_not_show_in_debug_output() {
    assert!(
        !format!(
            "{:?}",
            read::<ClientString>("tcp:server=a,port=1,password=Lab12")
        )
        .contains("Lab12")
    );
}
