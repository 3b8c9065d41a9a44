//! The wire and the engine that speaks over it, as one: packets come out, packets go in.
//!
//! The engines know no sockets; this is where their bytes and datagrams meet the system, and where they are told the
//! time. [`Link::next`] may be dropped at any moment and loses nothing.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Place;
use crate::connect::{Endpoint, Net};
use crate::link::{self, Stream, Udp};
use crate::proto::kd::session::{Counters, Event, Side, Timing};
use crate::proto::kd::{FromHost, PacketType, Serial};
use crate::proto::kdnet::{self, After};

/// Largest datagram that is looked at, bytes. Real ones are below 1,500.
const DATAGRAM_BYTES: usize = 8 << 10;
/// Bytes read from a stream at once.
const READ_BYTES: usize = 16 << 10;
/// Datagrams taken in one turn, so that others get theirs.
const DATAGRAMS_PER_TURN: usize = 64;
/// Memory that one request asks for over KDNET, bytes: an answer has to fit a datagram that is not cut into pieces.
const NET_DATA_BYTES: u32 = 1024;
/// Memory that one request asks for over a byte stream, bytes.
const LINE_DATA_BYTES: u32 = 2048;

/// A link that brings less memory a second, bytes, is slow: a kernel exports some hundred thousand.
const SLOW_BYTES_PER_S: f64 = 65_536.0;
/// The least memory by which a link's speed is measured, bytes.
const MEASURED_BYTES: usize = 256;

/// What comes over a link.
#[derive(Debug)]
pub enum News {
    /// A data packet, once and in order.
    Packet(PacketType, Vec<u8>),
    /// A session with the target at this address began; there was none before.
    Met(String),
    /// The target began anew; why, in words.
    Restarted(&'static str),
    /// The target calls from another address now.
    Moved(String),
    /// Nothing was heard of it for so long.
    Silent(Duration),
    /// It is heard again.
    Heard,
    /// Something was not acknowledged, in words.
    Unanswered(String),
    /// The link is gone.
    Failed(String),
}

/// An open link.
pub struct Link {
    place: Place,
    wire: Wire,
    news: VecDeque<News>,
    opened: Instant,
    /// How fast memory comes over it, as far as it was measured.
    bytes_per_s: Option<f64>,
    /// A break-in was sent and no stop came: the next one is sent in another way.
    break_ins: u32,
}

/// The engine of a link, to look at.
#[derive(Clone, Copy)]
pub enum Engine<'a> {
    /// KDNET.
    Net(&'a kdnet::Net),
    /// KD over a byte stream.
    Line(&'a Serial),
}

enum Wire {
    Net {
        udp: Udp,
        engine: Box<kdnet::Net>,
        buffer: Vec<u8>,
    },
    Line {
        stream: Stream,
        engine: Box<Serial>,
        /// What is being written, and how far it is.
        out: Vec<u8>,
        written: usize,
        /// Where bytes are read to.
        buffer: Vec<u8>,
    },
}

/// Makes the link to a target.
///
/// # Errors
/// Those of the system: a port that is taken, a host that is not found, a line that is not there.
pub async fn open(place: &Place) -> Result<Link, link::Error> {
    let wire = match place {
        Place::Net(net) => open_net(net).await?,
        Place::Line(line) => {
            let (stream, baud) = match &line.endpoint {
                Endpoint::Tcp { host, port } => (link::dial_tcp(host, *port).await?, None),
                Endpoint::Unix { path } => (link::dial_unix(path).await?, None),
                Endpoint::Serial(serial) => (
                    Stream::Serial(link::open_serial(serial)?),
                    Some(serial.baud),
                ),
            };
            Wire::Line {
                stream,
                engine: Box::new(Serial::new(Side::Host, Timing::serial(baud))),
                out: Vec::new(),
                written: 0,
                buffer: vec![0; READ_BYTES],
            }
        }
    };
    Ok(Link {
        place: place.clone(),
        wire,
        news: VecDeque::new(),
        opened: Instant::now(),
        bytes_per_s: None,
        break_ins: 0,
    })
}

async fn open_net(net: &Net) -> Result<Wire, link::Error> {
    let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let bind = match net.target.as_deref() {
        Some("0.0.0.0") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => any,
    };
    let udp = link::bind_udp(bind, net.port)?;
    let target = match net.target.as_deref() {
        None | Some("0.0.0.0" | "::") => None,
        Some(host) => Some(link::resolve_udp(host, net.port, udp.address()).await?),
    };
    let random = Box::new(|bytes: &mut [u8]| {
        // Without random numbers there is no secure session: better none.
        getrandom::fill(bytes).expect("the system gives random numbers");
    });
    let now = Instant::now();
    let mut engine = kdnet::Net::new(&net.key, Timing::network(), random, now);
    engine.call(now, target);
    Ok(Wire::Net {
        udp,
        engine: Box::new(engine),
        buffer: vec![0; DATAGRAM_BYTES],
    })
}

impl Link {
    /// Where it leads.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The most memory one request may ask for, bytes.
    pub fn data_bytes(&self) -> u32 {
        match self.wire {
            Wire::Net { .. } => NET_DATA_BYTES,
            Wire::Line { .. } => LINE_DATA_BYTES,
        }
    }

    /// Whether it takes seconds to read what a kernel exports: nothing is read then that nobody asked for.
    pub fn is_slow(&self) -> bool {
        self.bytes_per_s
            .is_none_or(|speed| speed < SLOW_BYTES_PER_S)
    }

    /// So much memory came in so long.
    pub fn measured(&mut self, bytes: usize, took: Duration) {
        if bytes >= MEASURED_BYTES {
            let speed = bytes as f64 / took.as_secs_f64().max(1e-6);
            let before = self.bytes_per_s.unwrap_or(speed);
            self.bytes_per_s = Some(before * 0.75 + speed * 0.25);
        }
    }

    /// Since when it is open.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// The engine, for a diagnosis.
    pub fn engine(&self) -> Engine<'_> {
        match &self.wire {
            Wire::Net { engine, .. } => Engine::Net(engine),
            Wire::Line { engine, .. } => Engine::Line(engine),
        }
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        match &self.wire {
            Wire::Net { engine, .. } => engine.kd_counters(),
            Wire::Line { engine, .. } => engine.counters().session,
        }
    }

    /// Sends a message when its turn comes.
    pub fn send(&mut self, message: &FromHost) {
        let (kind, payload) = message.encode();
        let now = Instant::now();
        let sent = match &mut self.wire {
            Wire::Net { engine, .. } => engine
                .send(now, kind, payload)
                .map_err(|error| error.to_string()),
            Wire::Line { engine, .. } => engine
                .send(now, kind, payload)
                .map_err(|error| error.to_string()),
        };
        if let Err(error) = sent {
            self.news
                .push_back(News::Unanswered(format!("not sent: {error}")));
        }
    }

    /// Asks a running target to stop.
    pub fn break_in(&mut self) {
        self.break_ins = 0;
        self.send_break_in();
    }

    /// Asks again. A target that lost its debugger may be stopped and wait for packets instead: then a reset helps.
    pub fn repeat_break_in(&mut self) {
        self.break_ins += 1;
        if self.break_ins % 2 == 1 {
            self.reset();
        } else {
            self.send_break_in();
        }
    }

    fn send_break_in(&mut self) {
        match &mut self.wire {
            Wire::Net { engine, .. } => engine.break_in(),
            Wire::Line { engine, .. } => engine.break_in(),
        }
    }

    /// Asks the target to agree on packet numbers anew.
    pub fn reset(&mut self) {
        let now = Instant::now();
        match &mut self.wire {
            Wire::Net { engine, .. } => engine.reset(now),
            Wire::Line { engine, .. } => engine.reset(now),
        }
    }

    /// What happens next. Safe to drop.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(news) = self.news.pop_front() {
                return news;
            }
            let worked = match &mut self.wire {
                Wire::Net {
                    udp,
                    engine,
                    buffer,
                } => work_net(udp, engine, buffer, &mut self.news).await,
                Wire::Line {
                    stream,
                    engine,
                    out,
                    written,
                    buffer,
                } => work_line(stream, engine, (out, written), buffer, &mut self.news).await,
            };
            if let Err(error) = worked {
                self.news.push_back(News::Failed(error.to_string()));
            }
        }
    }
}

/// Sends what is to be sent, then waits for a datagram or a timer.
async fn work_net(
    udp: &Udp,
    engine: &mut kdnet::Net,
    buffer: &mut [u8],
    news: &mut VecDeque<News>,
) -> io::Result<()> {
    while let Some((to, datagram)) = engine.poll_transmit() {
        // Whatever keeps a datagram from leaving, a repeat of it may leave.
        udp.send(&datagram, to).await.ok();
    }
    while let Some(event) = engine.poll_event() {
        news.extend(match event {
            kdnet::Event::Kd(event) => told(event),
            kdnet::Event::Connected { peer, after, .. } => Some(match after {
                After::Nothing => News::Met(spoken(peer)),
                After::SameBoot => News::Restarted("the target agreed on a new key"),
                After::OtherBoot => News::Restarted("the target restarted"),
            }),
            kdnet::Event::Moved { to, .. } => Some(News::Moved(spoken(to))),
            kdnet::Event::Silent => Some(News::Silent(Duration::from_millis(kdnet::SILENT_MS))),
            kdnet::Event::Heard => Some(News::Heard),
        });
    }
    if !news.is_empty() {
        return Ok(());
    }
    tokio::select! {
        biased;
        received = udp.receive(buffer) => {
            let mut received = received;
            for _ in 0..DATAGRAMS_PER_TURN {
                // An error is one of a datagram that was sent, such as a closed port over there.
                if let Ok((bytes, from)) = received {
                    engine.handle_datagram(Instant::now(), from, buffer.get(..bytes).unwrap_or_default());
                }
                received = udp.try_receive(buffer);
                if received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                    break;
                }
            }
        }
        () = sleep_until(engine.poll_timeout()) => engine.handle_timeout(Instant::now()),
    }
    Ok(())
}

async fn work_line(
    stream: &mut Stream,
    engine: &mut Serial,
    (out, written): (&mut Vec<u8>, &mut usize),
    buffer: &mut [u8],
    news: &mut VecDeque<News>,
) -> io::Result<()> {
    if *written == out.len() {
        out.clear();
        *written = 0;
        while let Some(bytes) = engine.poll_transmit() {
            out.extend_from_slice(&bytes);
        }
    }
    while let Some(event) = engine.poll_event() {
        news.extend(told(event));
    }
    if !news.is_empty() {
        return Ok(());
    }
    let rest = out.get(*written..).unwrap_or_default();
    let (mut reader, mut writer) = tokio::io::split(stream);
    tokio::select! {
        biased;
        wrote = writer.write(rest), if !rest.is_empty() => {
            match wrote? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                bytes => *written += bytes,
            }
        }
        read = reader.read(buffer) => match read? {
            0 => return Err(io::Error::other("the connection was closed by the other side")),
            bytes => engine.handle_bytes(Instant::now(), buffer.get(..bytes).unwrap_or_default()),
        },
        () = sleep_until(engine.poll_timeout()) => engine.handle_timeout(Instant::now()),
    }
    Ok(())
}

/// What people and the debugger are told of an engine's event.
fn told(event: Event) -> Option<News> {
    match event {
        Event::Packet(kind, payload) => Some(News::Packet(kind, payload)),
        Event::Restarted => Some(News::Restarted(
            "the target began anew: it restarted, or had given up waiting for a debugger",
        )),
        Event::Unanswered {
            kind: PacketType::Reset,
            ..
        } => None,
        Event::Unanswered { attempts, .. } => Some(News::Unanswered(format!(
            "the target did not acknowledge a packet that was sent {attempts} times"
        ))),
        Event::Damaged { times } => Some(News::Unanswered(format!(
            "{times} damaged packets in a row: the line is bad, or its speed is not the target's"
        ))),
        Event::Acknowledged | Event::ResetAnswered | Event::BreakIn => None,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// An address as people write it: an IPv4 address that came through an IPv6 socket is one of IPv4.
pub fn spoken(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}
