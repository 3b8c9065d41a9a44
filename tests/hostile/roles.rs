//! Never server and client at once: every door to a second role is shut, and says what would open it.

use std::process::Output;

use crate::support::headless::{Event, Headless};
use crate::support::home::Home;
use crate::support::peer::Peer;
use crate::support::ports::free_port;
use crate::{Lab, PASSWORD, VIEW_PASSWORD};

/// Runs kdeck with arguments that it refuses, and returns what it says.
fn misused(arguments: &[&str]) -> String {
    let output: Output = Home::new()
        .kdeck()
        .args(arguments)
        .output()
        .expect("it starts");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    told
}

fn is_role(event: &Event, role: &str) -> bool {
    event.kind() == "role" && event.0["role"] == role
}

#[test]
fn options_for_two_roles_are_refused_and_explained() {
    let remote = "tcp:Port=5005,Server=lab01";
    for arguments in [
        &["-server", "tcp:port=5005", "-remote", remote][..],
        &["-remote", remote, "-server", "npipe:pipe=x", "--headless"],
        &[
            "-remote",
            remote,
            "-server",
            "tcp:port=5005",
            "-k",
            "net:port=50000,key=1.2.3.4",
        ],
    ] {
        let told = misused(arguments);
        assert!(
            told.contains("either a server") && told.contains("or a client"),
            "{told}"
        );
    }
    let told = misused(&["-k", "raw:server=lab1,port=7001", "-remote", remote]);
    assert!(
        told.contains("a client has no targets of its own"),
        "{told}"
    );
    for arguments in [
        &["-remote", remote, "demo"][..],
        &["-QR", "lab01", "-remote", remote],
        &["-QR", "lab01", "-server", "tcp:port=5005"],
    ] {
        misused(arguments);
    }
}

#[test]
fn strings_of_the_wrong_family_are_shown_corrected() {
    let kernel = "net:port=50000,key=1.2.3.4";
    for option in ["-remote", "-server"] {
        let told = misused(&[option, kernel]);
        assert!(
            told.contains("corrected: kdeck -k net:port=50000,key=KEY"),
            "{told}"
        );
    }
    let told = misused(&["-k", "tcp:Port=5005,Server=lab01"]);
    assert!(
        told.contains("corrected: kdeck -remote tcp:Port=5005,Server=lab01"),
        "{told}"
    );
    let told = misused(&["-k", "tcp:port=5005"]);
    assert!(
        told.contains("corrected: kdeck -server tcp:port=5005"),
        "{told}"
    );

    let mut host = Headless::start(&[]);
    for line in [format!(".server {kernel}"), format!(".remote {kernel}")] {
        let told = host.refused(&line);
        assert!(
            told.contains("corrected: kdeck -k net:port=50000,key=KEY"),
            "{line}: {told}"
        );
    }
    let told = host.refused(".add tcp:Port=5005,Server=lab01");
    assert!(
        told.contains("kdeck -remote tcp:Port=5005,Server=lab01"),
        "{told}"
    );
}

#[test]
fn a_host_joins_only_when_its_targets_and_servers_have_ended() {
    let lab = Lab::open();
    let (peer, other) = (Peer::listen(), free_port());
    let server = format!("tcp:port={other},password=x1");
    let mut host = Headless::start(&["-server", &server, "-k", &peer.raw("mine")]);
    let join = format!(".remote {}", lab.tcp(PASSWORD));
    let told = host.refused(&join);
    assert!(told.contains("1 target and server 0"), "{told}");
    assert!(
        told.contains(".remove") && told.contains(".endsrv"),
        "{told}"
    );
    assert!(!told.contains(PASSWORD), "{told}");
    let told = host.refused(".role client");
    assert!(told.contains("end 1 target and server 0 first"), "{told}");
    assert!(host.done(".role").starts_with("server: "));

    host.done("@all .remove");
    let told = host.refused(&join);
    assert!(
        told.contains("server 0") && !told.contains("target and"),
        "{told}"
    );
    host.done(".endsrv 0 /disconnect");
    // The server's task has to notice.
    host.wait("the server is gone", |event| is_role(event, "host"));
    let told = host.refused(".role client");
    assert!(told.contains(".remote STRING"), "{told}");
    host.done(".noshell");
    host.done(&join);
    host.wait("it is a client", |event| is_role(event, "client"));
    assert!(host.done(".role").starts_with("client"));
    let told = host.refused(".role server");
    assert!(told.contains("client"), "{told}");
    host.refused(".role host");
    let told = host.refused(&join);
    assert!(told.contains(".remote_exit"), "{told}");
    host.done(".remote_exit");
    host.wait("it is a host again", |event| is_role(event, "host"));
    let told = host.refused(".shell id");
    assert!(
        told.contains(".noshell"),
        "whatever was joined between: {told}"
    );
    host.done(".add raw:server=127.0.0.1,port=1,name=x");
}

#[test]
fn a_server_that_a_client_asks_for_is_the_hosts_and_it_is_said_where() {
    let lab = Lab::open();
    let port = free_port();
    let mut client = Headless::start(&["-remote", &lab.tcp(PASSWORD)]);
    client.wait_state("t", "running");
    let told = client.done(&format!(".server tcp:port={port},password=another1"));
    let host = kdeck::session::machine_name();
    assert!(told.contains(&format!("Server={host}")), "{told}");
    client.wait("everybody learns", |event| {
        is_role(event, "client") && event.0["servers"].to_string().contains(&port.to_string())
    });
    assert!(client.done(".role").starts_with("client"));
    let others = format!("tcp:Port={port},Server=127.0.0.1,password=another1");
    let third = Headless::start(&["-remote", &others]);
    third.wait_state("t", "running");
    client.finish();
    let mut third = third;
    third.done("@t it is the host's: who opened it has left");
    let mut watching = Headless::start_in(Home::new(), &["-remote", &lab.tcp(VIEW_PASSWORD)]);
    watching.wait_state("t", "running");
    let told = watching.refused(&format!(".server tcp:port={}", free_port()));
    assert!(told.contains("observer"), "{told}");
}

#[test]
fn servers_and_targets_of_the_configuration_stay_out_of_a_client() {
    let lab = Lab::open();
    let home = Home::new();
    home.configure(
        "[server]\nopen = [\"npipe:pipe=mine\"]\n[[target]]\nname = \"mine\"\nconnect = \"raw:listen,port=7999\"\n",
    );
    let mut client = Headless::start_in(home, &["-remote", &lab.tcp(PASSWORD)]);
    client.wait_state("t", "running");
    assert_eq!(client.done(".targets").lines().count(), 1);
    let own = client.home.path().join("run/mine.npipe");
    assert!(!own.exists(), "no server was opened");
    let ended = client.finish();
    assert_eq!(ended.code(), 0);
    assert!(ended.complaints.contains("stay out"), "{ended:?}");
}
