//! Serial lines that sessions share: two pseudo-terminals whose other ends are joined.

use std::os::fd::AsFd;
use std::path::PathBuf;

use pty_process::{Pts, Pty};
use tokio::task::JoinHandle;

use super::*;

/// A cable between two devices. Dropped, it is pulled out.
struct Cable {
    devices: [PathBuf; 2],
    _terminals: [Pts; 2],
    carrying: JoinHandle<()>,
}

impl Cable {
    /// One in `lossy` reads is damaged; 0 for none.
    fn new(lossy: u32) -> Self {
        let (one, one_terminal, one_device) = device();
        let (two, two_terminal, two_device) = device();
        let carrying = tokio::spawn(async move {
            let (from_one, to_one) = tokio::io::split(one);
            let (from_two, to_two) = tokio::io::split(two);
            tokio::join!(
                carry(from_one, to_two, lossy, 1),
                carry(from_two, to_one, lossy, 2)
            );
        });
        Self {
            devices: [one_device, two_device],
            _terminals: [one_terminal, two_terminal],
            carrying,
        }
    }

    fn string(&self, end: usize, channel: u8) -> String {
        format!(
            "com:port={},baud=3000000,channel={channel}",
            self.devices[end].display()
        )
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

fn device() -> (Pty, Pts, PathBuf) {
    let (far, terminal) = pty_process::open().unwrap();
    let name = rustix::termios::ttyname(terminal.as_fd(), Vec::new()).unwrap();
    (far, terminal, PathBuf::from(name.into_string().unwrap()))
}

async fn carry(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    lossy: u32,
    seed: u64,
) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut buffer = [0; 512];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = &mut buffer[..length];
        if lossy > 0 && random.u32(..lossy) == 0 {
            bytes[length / 2] ^= 0x40;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_serial_line_carries_a_session_of_its_own_on_each_channel() {
    let cable = Cable::new(0);
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut one = rack.listen(&cable.string(0, 1)).await;
    let mut two = rack.listen(&cable.string(0, 254)).await;
    let (mut server, mut client) = meet(&mut one, &desk, &cable.string(1, 1)).await;
    let (mut server_two, mut client_two) = meet(&mut two, &desk, &cable.string(1, 254)).await;
    assert_eq!(server.binding, client.binding);
    assert_eq!(server_two.binding, client_two.binding);
    assert_ne!(server.binding, server_two.binding);
    assert_eq!(client.peer.certificate, Some(rack.trust.fingerprint()));
    assert_eq!(
        client.peer.address,
        format!("{} channel 1", cable.devices[1].display())
    );
    tokio::join!(
        talk(&mut server, &mut client, 40_000),
        talk(&mut client_two, &mut server_two, 40_000)
    );
}

#[tokio::test]
async fn a_bad_cable_slows_a_session_and_does_not_harm_it() {
    let cable = Cable::new(20);
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen(&cable.string(0, 7)).await;
    let (mut server, mut client) = meet(&mut listener, &desk, &cable.string(1, 7)).await;
    talk(&mut server, &mut client, 5_000).await;
}

#[tokio::test]
async fn a_client_comes_again_on_its_channel() {
    let cable = Cable::new(0);
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen(&cable.string(0, 7)).await;
    let (mut server, mut client) = meet(&mut listener, &desk, &cable.string(1, 7)).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(soon(server.stream.read(&mut [0; 8])).await.unwrap(), 0);
    drop((server, client));
    let (mut server, mut client) = meet(&mut listener, &desk, &cable.string(1, 7)).await;
    talk(&mut server, &mut client, 1000).await;
}

#[tokio::test]
async fn a_channel_without_a_server_is_refused() {
    let cable = Cable::new(0);
    let (rack, desk) = (Machine::new(), Machine::new());
    let _listener = rack.listen(&cable.string(0, 1)).await;
    let refused = failure(desk.dial(&cable.string(1, 2)).await);
    assert!(
        refused.starts_with("asking for /dev/")
            && refused.contains("has no server on this channel"),
        "{refused}"
    );
}

#[tokio::test]
async fn all_channels_of_a_line_share_its_rate_and_each_has_one_server() {
    let cable = Cable::new(0);
    let rack = Machine::new();
    let listener = rack.listen(&cable.string(0, 1)).await;
    let refused = rack.try_listen(&cable.string(0, 1)).await.unwrap_err();
    assert!(refused.contains("already has a server"), "{refused}");
    let slower = cable.string(0, 2).replace("3000000", "9600");
    let refused = rack.try_listen(&slower).await.unwrap_err();
    assert!(refused.contains("is open with 3000000 baud"), "{refused}");
    let other_process = Machine::new();
    let refused = other_process
        .try_listen(&cable.string(0, 2))
        .await
        .unwrap_err();
    assert!(refused.contains("the device is in use"), "{refused}");
    drop(listener);
    soon(async {
        while other_process.try_listen(&cable.string(0, 2)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_device_that_is_gone_ends_its_sessions() {
    let cable = Cable::new(0);
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen(&cable.string(0, 1)).await;
    let (_server, mut client) = meet(&mut listener, &desk, &cable.string(1, 1)).await;
    drop(cable);
    let ended = soon(client.stream.read(&mut [0; 8])).await.unwrap_err();
    assert!(ended.to_string().contains("the line was lost"), "{ended}");
}

#[tokio::test]
async fn a_server_goes_on_when_its_device_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("adapter");
    let (rack, desk) = (Machine::new(), Machine::new());
    let first = Cable::new(0);
    std::os::unix::fs::symlink(&first.devices[0], &link).unwrap();
    let string = format!("com:port={},baud=3000000,channel=1", link.display());
    let mut listener = rack.listen(&string).await;
    drop(first);
    let second = Cable::new(0);
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&second.devices[0], &link).unwrap();
    let (mut server, mut client) = meet(&mut listener, &desk, &second.string(1, 1)).await;
    talk(&mut server, &mut client, 1000).await;
}
