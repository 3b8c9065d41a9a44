//! The server on real sockets of the loopback interface.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::super::plan::uniform;
use super::super::text::{Behaviour, Habit};
use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

fn behaviour(habit: Habit, rate: f64, booted: bool) -> Behaviour {
    Behaviour {
        habit,
        rate,
        booted,
    }
}

fn rack(count: u16, behaviour: Behaviour, wire: Wire) -> Rack {
    serve(&uniform(count, behaviour, 1), Ports::Any, wire).unwrap()
}

async fn dial(rack: &Rack, index: usize) -> TcpStream {
    TcpStream::connect(rack.addresses()[index]).await.unwrap()
}

/// Reads until `wanted` has come, and returns all that came.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = Vec::new();
    let reading = async {
        while memchr::memmem::find(&text, wanted.as_bytes()).is_none() {
            assert_ne!(
                stream.read_buf(&mut text).await.unwrap(),
                0,
                "closed before {wanted}"
            );
        }
    };
    let done = timeout(DEADLINE, reading).await;
    assert!(
        done.is_ok(),
        "no {wanted:?} in {:?}",
        String::from_utf8_lossy(&text)
    );
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn the_first_client_sees_the_boot_from_its_first_line() {
    let rack = rack(1, behaviour(Habit::Calm, 1.0, false), Wire::Raw);
    let boot = read_until(&mut dial(&rack, 0).await, "Linux version").await;
    assert!(boot.starts_with("\r\nSlab firmware"), "{boot}");
    rack.stop().await;
}

#[tokio::test]
async fn a_second_client_finds_the_machine_as_the_first_left_it() {
    let rack = rack(1, behaviour(Habit::Calm, 0.0, true), Wire::Raw);
    let mut first = dial(&rack, 0).await;
    first.write_all(b"whoami\recho half a li").await.unwrap();
    read_until(&mut first, "echo half a li").await;
    drop(first);
    let mut second = dial(&rack, 0).await;
    second.write_all(b"ne\r").await.unwrap();
    let text = read_until(&mut second, "half a line").await;
    assert_eq!(text, "ne\r\nhalf a line\r\nroot@t000:~# ");
    rack.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_costs_bounded_memory_and_stalls_nobody() {
    let rack = rack(2, behaviour(Habit::Flood, 0.0, true), Wire::Raw);
    let asleep = dial(&rack, 0).await;
    let mut reader = dial(&rack, 1).await;
    let mut buffer = vec![0; 64 * 1024];
    let (mut read, mut most_pending) = (0, 0);
    let reading = async {
        while rack.dropped_bytes() == 0 || read < 1_000_000 {
            read += reader.read(&mut buffer).await.unwrap();
            most_pending = most_pending.max(rack.pending_bytes());
        }
    };
    assert!(timeout(DEADLINE, reading).await.is_ok(), "{read} read");
    assert!(most_pending <= 2 * PENDING_BYTES_MAX, "{most_pending}");
    assert_eq!(rack.consoles[1].lock().dropped_bytes, 0);
    drop(asleep);
    rack.stop().await;
}

#[tokio::test]
async fn a_hang_up_ends_the_connection_and_the_port_goes_on() {
    let rack = rack(1, behaviour(Habit::Calm, 0.0, true), Wire::Raw);
    let mut client = dial(&rack, 0).await;
    client.write_all(b"hangup\r").await.unwrap();
    let mut rest = Vec::new();
    timeout(DEADLINE, client.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.starts_with(b"hangup\r\n"), "{rest:?}");
    let mut client = dial(&rack, 0).await;
    client.write_all(b"whoami\r").await.unwrap();
    read_until(&mut client, "root\r\n").await;
    rack.stop().await;
}

#[tokio::test]
async fn telnet_is_negotiated_and_a_break_reaches_the_kernel() {
    let rack = rack(1, behaviour(Habit::Calm, 0.0, true), Wire::Telnet);
    let mut client = dial(&rack, 0).await;
    let mut greeting = vec![0; telnet::Server::GREETING.len()];
    timeout(DEADLINE, client.read_exact(&mut greeting))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(greeting, telnet::Server::GREETING);
    client.write_all(b"whoami\r\0\xff\xf3h").await.unwrap();
    let text = read_until(&mut client, "sysrq: HELP").await;
    assert!(text.starts_with("whoami\r\nroot\r\n"), "{text}");
    rack.stop().await;
}

#[tokio::test]
async fn a_stopped_rack_leaves_its_ports_free() {
    let rack = serve(
        &uniform(3, Behaviour::default(), 1),
        Ports::FirstFree(LOWEST_PORT),
        Wire::Raw,
    );
    let rack = rack.unwrap();
    let ports: Vec<u16> = rack.addresses().iter().map(SocketAddr::port).collect();
    assert!(
        ports.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{ports:?}"
    );
    let mut client = dial(&rack, 0).await;
    rack.stop().await;
    let mut rest = Vec::new();
    let closed = timeout(DEADLINE, client.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
    block(ports[0], 3).unwrap();
}

#[tokio::test]
async fn a_block_with_a_taken_port_is_refused_or_passed_over() {
    let taken = listen(0).unwrap();
    let port = taken.local_addr().unwrap().port();
    let plans = uniform(1, Behaviour::default(), 1);
    let refused = serve(&plans, Ports::From(port), Wire::Raw).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with(&format!("port {port} cannot be listened on"))
    );
    let rack = serve(&plans, Ports::FirstFree(port), Wire::Raw).unwrap();
    assert_ne!(rack.addresses()[0].port(), port);
    let too_high = serve(
        &uniform(3, Behaviour::default(), 1),
        Ports::From(65_534),
        Wire::Raw,
    );
    assert!(matches!(
        too_high,
        Err(Error::TooHigh {
            first: 65_534,
            count: 3
        })
    ));
}
