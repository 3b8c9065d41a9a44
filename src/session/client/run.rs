//! The line to the server: what comes is applied, what is asked for is sent, and when it is lost it is made again.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::harmless::harmless;
use super::join::{JoinError, Joining};
use super::pull::Window;
use super::{Ask, Client, Interest, Line};
use crate::command::Reply;
use crate::proto::session::frame::{self, CLIENT_BYTES_MAX, Decoder, SERVER_BYTES_MAX};
use crate::proto::session::message::{From, TargetInfo, ToClient, ToServer, Welcome};
use crate::rack::TargetId;
use crate::session::transport::Duplex;
use crate::target::Answer;

/// How often the server is asked whether it is there, when there is nothing else to say.
const PING_EVERY: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(25);
/// The pauses between tries to come back.
const PAUSE_FIRST: Duration = Duration::from_millis(300);
const PAUSE_LONGEST: Duration = Duration::from_secs(15);
/// How long the server has to take it that we leave.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Pieces that were read and wait to be applied.
const PIECES: usize = 4;
/// Targets of a rack that comes in parts; a host has far fewer.
const RACK_MAX: usize = 100_000;

/// A line to the server, on which we were welcomed.
pub(in crate::session) struct Connection {
    pub(super) stream: Box<dyn Duplex>,
    pub(super) welcome: Welcome,
}

/// Drives a client.
pub(super) struct Runner {
    client: Arc<Client>,
    joining: Joining,
    asks: mpsc::Receiver<Ask>,
    replies: HashMap<u64, oneshot::Sender<Vec<Reply>>>,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
    /// The targets of a rack of which not all parts have come.
    part: Vec<TargetInfo>,
    last_call: u64,
}

/// Why a line ended.
pub(super) enum Ended {
    /// We left.
    Left,
    /// The session is over for us: [`Line::Over`] or [`Line::PutOut`].
    Over(Line),
    /// It was lost.
    Lost(String),
}

impl Runner {
    pub(super) fn new(client: Arc<Client>, joining: Joining, asks: mpsc::Receiver<Ask>) -> Self {
        Self {
            client,
            joining,
            asks,
            replies: HashMap::new(),
            answers: HashMap::new(),
            part: Vec::new(),
            last_call: 0,
        }
    }

    /// Serves until the session is left or over.
    pub(super) async fn run(mut self, mut connection: Connection) {
        loop {
            let token = connection.welcome.token;
            self.client.welcomed(&connection.welcome);
            let ended = self.serve(connection.stream).await;
            // What was on its way is not known to have been done.
            self.replies.clear();
            self.part.clear();
            self.answers.clear();
            let why = match ended {
                Ended::Left => break self.client.end_with(Line::Left),
                Ended::Over(how) => break self.client.end_with(how),
                Ended::Lost(why) => why,
            };
            connection = match self.come_back(token, why).await {
                Ok(connection) => connection,
                Err(how) => break self.client.end_with(how),
            };
        }
    }

    /// Makes the line again, for as long as it may help. What is asked for meanwhile is refused at once: carried out
    /// later, without whoever asked, it could do harm.
    async fn come_back(&mut self, token: [u8; 16], why: String) -> Result<Connection, Line> {
        let (client, joining) = (self.client.clone(), self.joining.clone());
        let coming = async {
            let (mut pause, mut why) = (PAUSE_FIRST, why);
            loop {
                client.line_is(Line::Down(why));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_LONGEST);
                why = match joining.connect(Some(token), &mut |_: &str| {}).await {
                    Ok(connection) => return Ok(connection),
                    Err(JoinError::Failed(reason)) => reason,
                    Err(error) => return Err(Line::PutOut(error.to_string())),
                };
            }
        };
        let mut coming = pin!(coming);
        let ending = client.ending();
        loop {
            tokio::select! {
                biased;
                () = ending.cancelled() => return Err(Line::Left),
                Some(ask) = self.asks.recv() => ask.refuse(),
                came = &mut coming => {
                    while let Ok(ask) = self.asks.try_recv() {
                        ask.refuse();
                    }
                    return came;
                }
            }
        }
    }

    async fn serve(&mut self, stream: Box<dyn Duplex>) -> Ended {
        let (reader, mut writer) = tokio::io::split(stream);
        let (pieces, mut inbox) = mpsc::channel(PIECES);
        let reading = tokio::spawn(read(reader, pieces));
        let _reading = AbortOnDrop(reading);
        let mut decoder = Decoder::new(SERVER_BYTES_MAX);
        let mut window = Window::new(Instant::now());
        let mut followed = HashSet::new();
        let ending = self.client.ending();
        let (mut heard, mut said) = (Instant::now(), Instant::now());
        let mut out = Vec::new();
        send(
            &mut out,
            &ToServer::Start {
                chat: self.client.chat().last(),
            },
        );
        send(&mut out, &ToServer::Credit(window.grant()));
        loop {
            self.follow(&mut followed, &mut out);
            if !out.is_empty() {
                let written = tokio::time::timeout(SILENCE, async {
                    writer.write_all(&out).await?;
                    writer.flush().await
                });
                match written.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Ended::Lost(error.to_string()),
                    Err(_) => return Ended::Lost("the server does not read".to_owned()),
                }
                out.clear();
                said = Instant::now();
            }
            tokio::select! {
                biased;
                () = ending.cancelled() => {
                    send(&mut out, &ToServer::Leave);
                    let farewell = async {
                        writer.write_all(&out).await?;
                        writer.shutdown().await?;
                        // The server closes once it has read that. An SSH client that is ended before takes it along.
                        while let Some(Ok(_)) = inbox.recv().await {}
                        std::io::Result::Ok(())
                    };
                    tokio::time::timeout(FAREWELL, farewell).await.ok();
                    return Ended::Left;
                }
                piece = inbox.recv() => {
                    let Some(piece) = piece else {
                        return Ended::Lost("the line was closed".to_owned());
                    };
                    let piece = match piece {
                        Ok(piece) => piece,
                        Err(error) => return Ended::Lost(error),
                    };
                    heard = Instant::now();
                    if let Err(ended) = self.take(&piece, &mut decoder, &mut window, &mut followed) {
                        return ended;
                    }
                    if let Some(grant) = window.due(heard) {
                        send(&mut out, &ToServer::Credit(grant));
                    }
                }
                Some(ask) = self.asks.recv() => self.ask(ask, &mut out),
                () = self.client.interest_changed() => {}
                () = tokio::time::sleep_until(said + PING_EVERY) => {
                    send(&mut out, &ToServer::Ping);
                }
                () = tokio::time::sleep_until(heard + SILENCE) => {
                    return Ended::Lost(format!("the server said nothing for {} s", SILENCE.as_secs()));
                }
            }
        }
    }

    /// Applies what came.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        decoder: &mut Decoder,
        window: &mut Window,
        followed: &mut HashSet<TargetId>,
    ) -> Result<(), Ended> {
        let broken =
            |reason: String| Ended::Lost(format!("the server broke the protocol: {reason}"));
        loop {
            let body = match decoder.next(&mut bytes) {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(()),
                Err(error) => return Err(broken(error.to_string())),
            };
            let message = match ToClient::decode(body) {
                Ok(Some(message)) => harmless(message),
                // Of a newer server.
                Ok(None) => continue,
                Err(error) => return Err(broken(error.to_string())),
            };
            match message {
                ToClient::Replies { call, replies } => {
                    if let Some(answer) = self.replies.remove(&call) {
                        // Nobody may be waiting any more.
                        answer.send(self.client.localised(replies)).ok();
                    }
                }
                ToClient::Answer { call, answer } => {
                    if let Some(waiting) = self.answers.remove(&call) {
                        waiting.send(answer).ok();
                    }
                }
                ToClient::Bye { reason, goes_on } => {
                    return Err(Ended::Over(match goes_on {
                        true => Line::PutOut(reason),
                        false => Line::Over(reason),
                    }));
                }
                ToClient::Lines(_) | ToClient::Glances(_) => {
                    window.took(frame::HEADER_BYTES + body.len());
                    self.client.apply(message);
                }
                ToClient::RackPart(infos) => {
                    if self.part.len() + infos.len() > RACK_MAX {
                        return Err(broken(format!("a rack of more than {RACK_MAX} targets")));
                    }
                    self.part.extend(infos);
                }
                ToClient::Rack(infos) => {
                    self.part.extend(infos);
                    let all = std::mem::take(&mut self.part);
                    self.client.apply(ToClient::Rack(all));
                    let rack = self.client.rack();
                    followed.retain(|id| rack.target(*id).is_some());
                }
                other => self.client.apply(other),
            }
        }
    }

    fn ask(&mut self, ask: Ask, out: &mut Vec<u8>) {
        self.last_call += 1;
        let call = self.last_call;
        match ask {
            Ask::Submit {
                focus,
                line,
                answer,
            } => {
                let focus = focus.map(|id| self.client.theirs(id));
                let sent = send(out, &ToServer::Submit { call, focus, line });
                if sent {
                    self.replies.insert(call, answer);
                }
            }
            Ask::Target {
                id,
                request,
                answer,
            } => {
                let target = self.client.theirs(id);
                let sent = send(
                    out,
                    &ToServer::Ask {
                        call,
                        target,
                        request,
                    },
                );
                if sent {
                    self.answers.insert(call, answer);
                }
            }
        }
    }

    /// Tells the server what is looked at here, as far as it changed.
    pub(super) fn follow(&self, followed: &mut HashSet<TargetId>, out: &mut Vec<u8>) {
        let rack = self.client.rack();
        let wanted: HashSet<TargetId> = match self.client.interest() {
            Interest::All => rack.targets().iter().map(|target| target.id).collect(),
            Interest::These(ids) => ids
                .into_iter()
                .filter(|id| rack.target(*id).is_some())
                .collect(),
        };
        for id in followed.difference(&wanted) {
            self.client.set_followed(*id, false);
            let target = self.client.theirs(*id);
            send(out, &ToServer::Unfollow { target });
        }
        for id in wanted.difference(followed) {
            let from = match (
                self.client.set_followed(*id, true),
                self.joining.visitor.history,
            ) {
                // It goes on where it was.
                (Some(next), _) => From::Seq(next),
                (None, Some(entries)) => From::Newest(entries),
                (None, None) => From::Seq(1),
            };
            let target = self.client.theirs(*id);
            send(out, &ToServer::Follow { target, from });
        }
        *followed = wanted;
    }
}

/// Appends a message as a frame. False if it is too long to be sent.
fn send(out: &mut Vec<u8>, message: &ToServer) -> bool {
    frame::encode_with(CLIENT_BYTES_MAX, out, |body| message.encode(body)).is_ok()
}

/// Reads until the line ends; the reason is the last that is sent.
async fn read(
    mut reader: ReadHalf<Box<dyn Duplex>>,
    pieces: mpsc::Sender<Result<Vec<u8>, String>>,
) {
    loop {
        let mut buffer = Vec::with_capacity(READ_BYTES);
        let read = match reader.read_buf(&mut buffer).await {
            Ok(0) => Err("the line was closed".to_owned()),
            Ok(_) => Ok(buffer),
            Err(error) => Err(error.to_string()),
        };
        let is_last = read.is_err();
        if pieces.send(read).await.is_err() || is_last {
            return;
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
