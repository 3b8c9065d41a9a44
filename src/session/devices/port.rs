//! The sockets of the port: who is let in, and the task of each who is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::device::Device;
use super::speech::Speaker;
use super::{Devices, State};
use crate::link::{self, Listener, Stream};
use crate::proto::rawchat::{Assembler, Bucket};
use crate::transcript::Time;

/// Devices at once.
pub const DEVICES_MAX: usize = 64;
/// Devices at once from one address: a few windows of a person, or some people behind one gateway.
pub const DEVICES_PER_ADDRESS_MAX: usize = 8;

/// How long a write may take. A device that takes nothing for so long is gone.
const WRITE_WAIT: Duration = Duration::from_secs(60);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long somebody who said good bye is still written to.
const LINGER: Duration = Duration::from_millis(250);
/// Written at once, bytes, in whole lines.
const WRITE_BYTES: usize = 16 << 10;
/// Read at once, bytes.
const READ_BYTES: usize = 4 << 10;
/// Reads and lines that may follow each other at once: a pasted page.
const INPUT_BURST: u32 = 100;
/// After them, one in this time: whoever sends faster waits.
const INPUT_PAUSE: Duration = Duration::from_millis(50);
/// How long the first who is refused waits to be told so. Twice as long with each further one, up to
/// [`REFUSAL_PAUSE_MAX`], until somebody is let in: whatever comes again and again comes seldom.
const REFUSAL_PAUSE: Duration = Duration::from_millis(10);
/// As of [`REFUSAL_PAUSE`].
const REFUSAL_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Those who wait to be told, each with a socket and a task. More are cut without a word.
const REFUSED_MAX: usize = 64;
/// Pause after the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Lets devices in until the port is closed.
pub(super) async fn listen(
    devices: Arc<Devices>,
    listener: Listener,
    chat_only: bool,
    stop: CancellationToken,
) {
    let (mut pause, waiting) = (REFUSAL_PAUSE, Arc::new(Semaphore::new(REFUSED_MAX)));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((Stream::Tcp(stream), peer)) => {
                match devices.admit(peer, chat_only, Instant::now(), stop.child_token()) {
                    Ok(device) => {
                        pause = REFUSAL_PAUSE;
                        devices.spawn(serve(devices.clone(), device, stream));
                    }
                    Err(reason) => {
                        let from = peer.ip().to_canonical().to_string();
                        devices.audit("device-refused", &[("from", &from), ("because", &reason)]);
                        if let Ok(place) = waiting.clone().try_acquire_owned() {
                            let told = stop.clone().run_until_cancelled_owned(async move {
                                sleep(pause).await;
                                refuse(&stream, &reason);
                                drop(place);
                            });
                            devices.spawn(async { told.await.unwrap_or(()) });
                        }
                        pause = REFUSAL_PAUSE_MAX.min(2 * pause);
                    }
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("the chat port: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Says why and closes. A new socket takes a line at once.
fn refuse(stream: &TcpStream, reason: &str) {
    // Whoever is gone needs no reason.
    stream.try_write(format!(">> {reason}\r\n").as_bytes()).ok();
}

impl Devices {
    /// Somebody connects.
    ///
    /// # Errors
    /// Why they are not let in: a sentence for them.
    fn admit(
        &self,
        peer: SocketAddr,
        chat_only: bool,
        now: Instant,
        stop: CancellationToken,
    ) -> Result<Arc<Device>, String> {
        let ip = peer.ip().to_canonical();
        let network = link::network(ip);
        let mut guard = self.state();
        let state = &mut *guard;
        if !state.arrivals.arrive(now, network) {
            return Err("Too many connections in a minute. Try again later.".to_owned());
        }
        if state.live.len() >= DEVICES_MAX {
            return Err(format!("{DEVICES_MAX} devices are connected already."));
        }
        if state.file.is_blocked(network) {
            return Err("This device is blocked.".to_owned());
        }
        let there = |device: &&Arc<Device>| device.stays() && link::network(device.ip) == network;
        if state.live.iter().filter(there).count() >= DEVICES_PER_ADDRESS_MAX {
            return Err(format!(
                "{DEVICES_PER_ADDRESS_MAX} devices are connected from your address already."
            ));
        }
        let key = ip.to_string();
        let live = &state.live;
        let record = state.file.enter(&key, |key| State::is_live(live, key));
        record.seen(Time::now());
        let mute_logs = record.mute_logs;
        state.change_file(self);
        state.last_id += 1;
        let place = (ip, peer.port());
        let device = Arc::new(Device::new(state.last_id, place, chat_only, stop));
        device.inside().mute_logs = mute_logs;
        state.live.push(device.clone());
        drop(guard);
        self.changed.notify_one();
        Ok(device)
    }

    /// Somebody is gone.
    fn dismiss(&self, device: &Device) {
        let presence = {
            let mut state = self.state();
            state.live.retain(|other| other.id != device.id);
            state
                .present
                .retain(|_, presence| presence.strong_count() > 0);
            device.inside().presence.take()
        };
        // With the last connection of a person they leave, which others are told.
        drop(presence);
        self.changed.notify_one();
    }
}

/// Takes its device off the list, also if its task fails.
struct Leaving(Arc<Devices>, Arc<Device>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.dismiss(&self.1);
    }
}

/// Serves one device until it goes, or has to.
async fn serve(devices: Arc<Devices>, device: Arc<Device>, stream: TcpStream) {
    let _leaving = Leaving(devices.clone(), device.clone());
    let (mut reader, mut writer) = stream.into_split();
    let mut pending = Pending::default();
    // Who was greeted misses nothing of what follows.
    tokio::select! {
        biased;
        () = device.stop.cancelled() => {}
        () = device.noticed() => devices.greet(&device),
    }
    tokio::select! {
        biased;
        () = device.stop.cancelled() => {}
        reason = device.put_out() => device.say(format!(">> Good bye: {reason}.")),
        () = read(&devices, &device, &mut reader) => {
            // What they said last comes back to them, too.
            timeout(LINGER, pending.write(&device, &mut writer)).await.ok();
        }
        () = pending.write(&device, &mut writer) => return,
    }
    // Whoever comes back meanwhile is not taken for the one who goes.
    devices.dismiss(&device);
    let last_words = async {
        device.take(usize::MAX, &mut pending.bytes);
        let rest = pending.bytes.get(pending.written..).unwrap_or_default();
        // Closing with input unread would take away what was just written.
        if writer.write_all(rest).await.is_ok() && writer.shutdown().await.is_ok() {
            let mut scratch = [0; READ_BYTES];
            while matches!(reader.read(&mut scratch).await, Ok(1..)) {}
        }
    };
    timeout(FAREWELL, last_words).await.ok();
}

/// Takes lines until the connection ends or whoever sends them is to go.
async fn read(devices: &Arc<Devices>, device: &Arc<Device>, reader: &mut OwnedReadHalf) {
    let mut assembler = Assembler::default();
    let mut speaker = Speaker::new(devices.clone(), device.clone());
    let mut budget = Bucket::new(INPUT_BURST, INPUT_PAUSE);
    let mut buffer = [0; READ_BYTES];
    let mut lines = Vec::new();
    loop {
        let count = reader.read(&mut buffer).await.unwrap_or(0);
        assembler.push(buffer.get(..count).unwrap_or_default(), &mut lines);
        if count == 0 {
            device.leaves();
            lines.extend(assembler.finish());
        }
        if let Some(answer) = assembler.poll_transmit() {
            device.answer(answer);
        }
        for line in lines.drain(..) {
            take_one(&mut budget).await;
            device.room().await;
            if !speaker.take(Instant::now(), &line) {
                return;
            }
        }
        if count == 0 {
            return;
        }
        take_one(&mut budget).await;
    }
}

/// Waits until there is a token.
async fn take_one(budget: &mut Bucket) {
    while !budget.take(Instant::now()) {
        sleep(INPUT_PAUSE).await;
    }
}

/// Lines that are being written; what is not written yet stays when writing is interrupted.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    written: usize,
}

impl Pending {
    /// Writes what there is until the device takes no more.
    async fn write(&mut self, device: &Device, writer: &mut OwnedWriteHalf) {
        loop {
            if self.written >= self.bytes.len() {
                self.bytes.clear();
                self.written = 0;
                device.next(WRITE_BYTES, &mut self.bytes).await;
            }
            let rest = self.bytes.get(self.written..).unwrap_or_default();
            match timeout(WRITE_WAIT, writer.write(rest)).await {
                Ok(Ok(count @ 1..)) => self.written += count,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::deck::News;
    use crate::session::devices::Parts;

    fn devices(home: &tempfile::TempDir) -> Arc<Devices> {
        Devices::new(Parts {
            runtime: tokio::runtime::Handle::current(),
            news: News::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            file: home.path().join("devices.toml"),
        })
    }

    fn come(devices: &Devices, ip: &str) -> Result<Arc<Device>, String> {
        let peer = SocketAddr::new(ip.parse().unwrap(), 1);
        devices.admit(peer, false, Instant::now(), CancellationToken::new())
    }

    #[tokio::test]
    async fn whoever_has_nothing_more_to_say_leaves_their_place_to_others() {
        let home = tempfile::tempdir().unwrap();
        let devices = devices(&home);
        let come = || come(&devices, "10.0.0.7");
        let here: Vec<_> = (0..DEVICES_PER_ADDRESS_MAX)
            .map(|_| come().unwrap())
            .collect();
        assert!(come().unwrap_err().starts_with("8 devices"));
        here[3].leaves();
        come().unwrap();
    }

    #[tokio::test]
    async fn who_is_blocked_is_kept_out_with_every_address_that_they_can_choose() {
        let home = tempfile::tempdir().unwrap();
        let devices = devices(&home);
        let come = |ip| come(&devices, ip);
        let eve = come("2001:db8::1").unwrap();
        let other = come("2001:db8:0:1::1").unwrap();
        let told = devices.block("2001:db8::1", true).unwrap();
        assert!(told.ends_with("whoever comes from 2001:db8::/64"), "{told}");
        assert!(eve.stop.is_cancelled() && !other.stop.is_cancelled());
        devices.dismiss(&eve);
        let blocked = "This device is blocked.";
        assert_eq!(come("2001:db8::2").unwrap_err(), blocked);
        assert_eq!(come("2001:db8::1").unwrap_err(), blocked);
        let known = devices.list().unwrap().len();
        assert_eq!(
            known, 2,
            "those who are kept out push nobody out of the file"
        );
        devices.block("2001:db8::3", false).unwrap();
        come("2001:db8::2").unwrap();
        devices.block("10.0.0.7", true).unwrap();
        assert_eq!(come("::ffff:10.0.0.7").unwrap_err(), blocked);
        come("10.0.0.8").unwrap();
    }
}
