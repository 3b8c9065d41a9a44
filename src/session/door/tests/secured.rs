//! The door behind real TLS: a client and a server that have never met, with and without somebody in between.

use tokio::time::timeout;

use super::*;
use crate::config::Places;
use crate::connect::{ClientString, Listen, ServerTransport};
use crate::session::transport::{Channel, Listener, Settings, Trust, dial};

/// A machine of its own: its certificate, and what it knows of others'.
struct Machine {
    places: Places,
    trust: Arc<Trust>,
    _home: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = Some(home.path().to_owned());
        let places = Places::find_in(|_| None, at, home.path(), None).unwrap();
        let trust = Arc::new(Trust::open(&places, Settings::default()).unwrap());
        Self {
            places,
            trust,
            _home: home,
        }
    }

    /// Listens on any port.
    async fn listen(&self) -> (Listener, u16) {
        let first = fastrand::u16(20_000..30_000);
        let server = format!("tcp:port={first}:{}", first + 500).parse().unwrap();
        let listener = Listener::open(&server, &self.trust, &self.places)
            .await
            .unwrap();
        let ServerTransport::Tcp {
            listen: Listen::On(ports),
            ..
        } = &listener.shown().transport
        else {
            panic!("{:?}", listener.shown());
        };
        let port = ports.first;
        (listener, port)
    }

    async fn dial(&self, port: u16) -> Channel {
        let client: ClientString = format!("tcp:server=127.0.0.1,port={port}").parse().unwrap();
        dial(&client, &self.trust, &self.places, &mut |_| {})
            .await
            .unwrap()
    }
}

/// A server that admits one client; its port.
async fn serve_one(machine: &Machine) -> (u16, JoinHandle<Result<Permission, Refusal>>) {
    let (mut listener, port) = machine.listen().await;
    let door = door();
    let admission = tokio::spawn(async move {
        let incoming = listener.accept().await.unwrap();
        let stranger = door.enter(Caller::from(incoming.peer()))?;
        let (stranger, channel) = stranger.within(incoming.shake()).await?;
        let admitted = stranger
            .admit(channel.stream, channel.binding.bytes())
            .await?;
        Ok(admitted.permission)
    });
    (port, admission)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future)
        .await
        .expect("in time")
}

#[tokio::test]
async fn a_server_never_seen_before_is_vouched_for_by_the_password() {
    let (server, client) = (Machine::new(), Machine::new());
    let (port, admission) = serve_one(&server).await;
    let channel = soon(client.dial(port)).await;
    let knocking = knock(
        channel.stream,
        channel.binding.bytes(),
        alice(),
        Some("steer"),
        || Ok(()),
    );
    assert_eq!(
        soon(knocking).await.unwrap().permission,
        Permission::Operator
    );
    assert_eq!(soon(admission).await.unwrap(), Ok(Permission::Operator));
}

#[tokio::test]
async fn somebody_who_ends_tls_on_both_sides_fails_although_the_password_is_right() {
    let (server, middle, client) = (Machine::new(), Machine::new(), Machine::new());
    let (server_port, admission) = serve_one(&server).await;
    let (mut listener, port) = middle.listen().await;
    let relay = tokio::spawn(async move {
        let mut here = listener
            .accept()
            .await
            .unwrap()
            .shake()
            .await
            .unwrap()
            .stream;
        let mut there = middle.dial(server_port).await.stream;
        tokio::io::copy_bidirectional(&mut here, &mut there).await
    });
    let channel = soon(client.dial(port)).await;
    let knocking = knock(
        channel.stream,
        channel.binding.bytes(),
        alice(),
        Some("steer"),
        || Ok(()),
    );
    let welcomed = soon(knocking).await.map(|welcomed| welcomed.permission);
    assert_eq!(welcomed, Err(KnockError::WrongPassword));
    let refusal = soon(admission).await.unwrap().unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::WrongPassword);
    assert!(
        refusal.to_string().starts_with("tcp 127.0.0.1:"),
        "{refusal}"
    );
    relay.abort();
}
