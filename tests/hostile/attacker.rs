//! A client that does as it likes: it sends any message, or any bytes, and looks at all that comes.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use kdeck::config::Places;
use kdeck::proto::session::frame::{self, CLIENT_BYTES_MAX, HEADER_BYTES, SERVER_BYTES_MAX};
use kdeck::proto::session::hello::ClientHello;
use kdeck::proto::session::message::{TargetInfo, ToClient, ToServer, Welcome};
use kdeck::rack::TargetId;
use kdeck::session::door::{KnockError, knock};
use kdeck::session::transport::{Channel, DialError, Settings, Trust, dial};
use kdeck::target::{Answer, Request};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::deadline::PATIENCE;

/// A joined client.
pub struct Attacker {
    runtime: Arc<Runtime>,
    stream: Tapped,
    pub welcome: Welcome,
    pub rack: Vec<TargetInfo>,
    last_call: u64,
}

/// A stream, and a copy of all that was written to it.
pub struct Tapped {
    stream: Pin<Box<dyn kdeck::session::transport::Duplex>>,
    pub written: Arc<Mutex<Vec<u8>>>,
}

pub fn runtime() -> Arc<Runtime> {
    Arc::new(Runtime::new().expect("a runtime"))
}

/// The places of a home directory of the tests.
pub fn places(home: &Path) -> Places {
    let environment = |name: &str| {
        let below = match name {
            "KDECK_STATE_DIR" => "state",
            "KDECK_CONFIG_DIR" => "config",
            "KDECK_RUNTIME_DIR" => "run",
            _ => return None,
        };
        Some(OsString::from(home.join(below)))
    };
    Places::find_in(environment, None, home, None).expect("all places are given")
}

pub fn trust(home: &Path) -> Arc<Trust> {
    let trust = Trust::open(&places(home), Settings::default());
    Arc::new(trust.expect("a certificate can be made"))
}

/// A line to the server of that string, before anything is said.
pub async fn line(home: &Path, string: &str) -> (Tapped, Vec<u8>) {
    try_line(home, string).await.expect("the server is there")
}

async fn try_line(home: &Path, string: &str) -> Result<(Tapped, Vec<u8>), DialError> {
    let string = string.parse().expect("a client's string");
    let dialled = dial(&string, &trust(home), &places(home), &mut |_| {}).await;
    let Channel {
        stream, binding, ..
    } = dialled?;
    let tapped = Tapped {
        stream: Box::into_pin(stream),
        written: Arc::default(),
    };
    Ok((tapped, binding.bytes().to_vec()))
}

pub fn greeting(name: &str) -> ClientHello {
    ClientHello {
        person: name.to_owned(),
        machine: "BOX18".to_owned(),
        account: name.to_owned(),
        resume: None,
        observe_only: false,
    }
}

impl Attacker {
    /// Joins by that string, whose password is the one behind its last `password=`.
    pub fn join(home: &Path, string: &str, name: &str) -> Self {
        Self::try_join(home, string, greeting(name)).expect("the password is right")
    }

    pub fn try_join(home: &Path, string: &str, greeting: ClientHello) -> Result<Self, KnockError> {
        let runtime = runtime();
        let password = string.split_once("password=").map(|(_, password)| password);
        let mut stream = runtime.block_on(async {
            let line = try_line(home, string).await;
            let (stream, binding) = line.map_err(|error| KnockError::Lost(error.to_string()))?;
            let welcomed = knock(stream, &binding, greeting, password, || Ok(())).await?;
            Ok::<_, KnockError>(welcomed.stream)
        })?;
        let body = runtime.block_on(stream.frame()).expect("a welcome");
        let Ok(Some(ToClient::Welcome(welcome))) = ToClient::decode(&body) else {
            panic!("no welcome: {body:?}");
        };
        let mut attacker = Self {
            runtime,
            stream,
            welcome,
            rack: Vec::new(),
            last_call: 0,
        };
        attacker.rack = attacker.wait("the rack", |message| match message {
            ToClient::Rack(rack) => Some(rack.clone()),
            _ => None,
        });
        attacker.say(&ToServer::Start { chat: 0 });
        Ok(attacker)
    }

    /// The host's number of a target.
    pub fn target(&self, name: &str) -> TargetId {
        let target = self.rack.iter().find(|target| target.name == name);
        target.expect("it is in the rack").id
    }

    /// Sends a message.
    pub fn say(&mut self, message: &ToServer) {
        self.try_say(message).expect("the host reads");
    }

    pub fn try_say(&mut self, message: &ToServer) -> io::Result<()> {
        self.send(&framed(message))
    }

    /// Sends any bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let sent = self
            .runtime
            .block_on(async { timeout(PATIENCE, sent).await });
        sent.expect("the host reads")
    }

    /// Sends bytes for as long as the host takes them; how many it took.
    pub fn push(&mut self, bytes: &[u8], patience: Duration) -> usize {
        let mut taken = 0;
        self.runtime.block_on(async {
            while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
                match timeout(patience, self.stream.write(rest)).await {
                    Ok(Ok(count)) => taken += count,
                    Ok(Err(_)) | Err(_) => break,
                }
            }
            timeout(patience, self.stream.flush()).await.ok();
        });
        taken
    }

    /// Waits for a message from which something can be had.
    pub fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(&ToClient<'_>) -> Option<T>) -> T {
        let stream = &mut self.stream;
        let found = self.runtime.block_on(async {
            timeout(PATIENCE, async {
                loop {
                    let body = stream.frame().await.expect("the host goes on");
                    let message = ToClient::decode(&body).expect("a message");
                    if let Some(found) = message.as_ref().and_then(&mut pick) {
                        return found;
                    }
                }
            })
            .await
        });
        found.unwrap_or_else(|_| panic!("it took too long until {what}"))
    }

    /// Waits until the host ends the line; the last it said.
    pub fn wait_end(&mut self) -> Vec<u8> {
        let stream = &mut self.stream;
        let mut rest = Vec::new();
        let read = async { timeout(PATIENCE, stream.read_to_end(&mut rest)).await };
        // A reset is an end.
        self.runtime
            .block_on(read)
            .expect("the host keeps the line")
            .ok();
        rest
    }

    /// Has a line carried out; whether every answer is good, and what they say.
    pub fn submit(&mut self, line: &str) -> (bool, String) {
        let call = self.submit_only(line);
        self.replies(call)
    }

    /// Sends a line and does not wait; its number.
    pub fn submit_only(&mut self, line: &str) -> u64 {
        self.last_call += 1;
        let call = self.last_call;
        self.say(&ToServer::Submit {
            call,
            focus: None,
            line: line.to_owned(),
        });
        call
    }

    /// Waits for the answers to that line.
    pub fn replies(&mut self, wanted: u64) -> (bool, String) {
        self.wait("the reply", |message| match message {
            ToClient::Replies { call, replies } if *call == wanted => {
                let texts: Vec<_> = replies.iter().map(|reply| reply.text.as_str()).collect();
                Some((replies.iter().all(|reply| reply.ok), texts.join("\n")))
            }
            _ => None,
        })
    }

    /// Asks a target for something.
    pub fn ask(&mut self, target: TargetId, request: Request) -> Answer {
        self.last_call += 1;
        let asked = self.last_call;
        self.say(&ToServer::Ask {
            call: asked,
            target,
            request,
        });
        self.wait("the answer", |message| match message {
            ToClient::Answer { call, answer } if *call == asked => Some(answer.clone()),
            _ => None,
        })
    }
}

/// A message as it goes over the line.
pub fn framed(message: &ToServer) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode_with(CLIENT_BYTES_MAX, &mut bytes, |body| message.encode(body))
        .expect("a short message");
    bytes
}

/// Bytes as one frame.
pub fn frame_of(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(body, CLIENT_BYTES_MAX, &mut bytes).expect("a short frame");
    bytes
}

impl Tapped {
    /// The next frame.
    pub async fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; HEADER_BYTES];
        self.read_exact(&mut header).await?;
        let length = frame::length(header, SERVER_BYTES_MAX).expect("a frame of a server");
        let mut body = vec![0; length];
        self.read_exact(&mut body).await?;
        Ok(body)
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = self.stream.as_mut().poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            let mut written = self.written.lock().expect("nobody panics with it");
            written.extend_from_slice(&bytes[..*count]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}
