//! Netconsole targets: their port, and who sends to it.

use std::net::UdpSocket;

use super::*;

fn udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn a_netconsole_port_is_given_back_and_taken_again() {
    let port = udp_port();
    let mut rig = start(&format!("netconsole:port={port}"), LONG);
    rig.state(State::Waiting).await;
    for _ in 0..20 {
        assert!(rig.ask(Request::Disconnect).await.is_ok());
        assert_eq!(rig.next_state().await.0, State::Closed);
        assert!(rig.ask(Request::Connect).await.is_ok());
        assert_eq!(rig.next_state().await.0, State::Waiting);
    }
    assert!(rig.ask(Request::Disconnect).await.is_ok());
    rig.state(State::Closed).await;
    let reason = rig.ask(line("x")).await.unwrap_err();
    assert!(reason.contains("one way"), "{reason}");
    soon(async {
        while UdpSocket::bind(("127.0.0.1", port)).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    rig.end().await;
}

#[tokio::test]
async fn a_netconsole_port_of_another_is_waited_for_until_told_not_to() {
    let holder = UdpSocket::bind("[::]:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let mut rig = start(&format!("netconsole:port={port}"), LONG);
    rig.state(State::Lost).await;
    assert_eq!(rig.ask(Request::Disconnect).await, Ok(String::new()));
    assert_eq!(rig.next_state().await.0, State::Closed);
    drop(holder);
    assert!(rig.ask(Request::Connect).await.is_ok());
    rig.state(State::Waiting).await;
    rig.end().await;
}

#[tokio::test]
async fn a_new_source_is_heard_after_any_number_of_others() {
    let port = udp_port();
    let mut rig = start(&format!("netconsole:port={port}"), QUICK);
    rig.state(State::Waiting).await;
    for number in 0..300 {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let text = format!("line {number}.\n");
        socket
            .send_to(text.as_bytes(), ("127.0.0.1", port))
            .unwrap();
        rig.entry(Kind::Output, text.trim_end()).await;
    }
    rig.end().await;
}
