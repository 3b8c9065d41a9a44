//! What waits to go out over a link, in the order in which it was asked for: lines, keys, the engine's own messages,
//! and orders to the line itself such as a break.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;
use tokio::sync::oneshot;

use super::{Answer, Ask, Request};
use crate::link::Stream;

/// Pause between two lines, so that each arrives as a message of its own where the target takes a read for a message,
/// and a serial line's buffer is not overrun by a paste.
const LINE_GAP: Duration = Duration::from_millis(10);
/// Messages that may wait; a paste of more is more than a person meant.
const MESSAGES: usize = 4096;
/// Bytes that may wait, beside one message of any size.
const BYTES: usize = 1 << 20;
/// Bytes of the engine's own that may wait. The rest stays in the engine, which bounds it.
const OWN_BYTES: usize = 32 << 10;

/// The queue of one connection.
#[derive(Debug, Default)]
pub struct Outgoing {
    queue: VecDeque<Message>,
    /// Bytes in the queue that people sent, and those that the engine sends by itself.
    people_bytes: usize,
    own_bytes: usize,
    /// Bytes of the first message that are written.
    written: usize,
    /// No line is written before this.
    next_line: Option<Instant>,
}

#[derive(Debug)]
struct Message {
    what: What,
    asked: Option<oneshot::Sender<Answer>>,
}

#[derive(Debug)]
enum What {
    Line(Vec<u8>),
    Keys(Vec<u8>),
    /// The engine's.
    Own(Vec<u8>),
    /// Something to do with the link when its turn comes.
    Order(Request),
}

impl Message {
    fn bytes(&self) -> &[u8] {
        match &self.what {
            What::Line(bytes) | What::Keys(bytes) | What::Own(bytes) => bytes,
            What::Order(_) => &[],
        }
    }

    fn is_own(&self) -> bool {
        matches!(self.what, What::Own(_))
    }
}

impl Outgoing {
    /// Messages that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Why nobody may send more now, if so.
    pub fn refusal(&self) -> Option<String> {
        (self.queue.len() >= MESSAGES || self.people_bytes >= BYTES).then(|| {
            format!(
                "{} messages wait already: the target does not take them",
                self.queue.len()
            )
        })
    }

    /// Whether the engine may add to its own messages.
    pub fn takes_own(&self) -> bool {
        self.own_bytes < OWN_BYTES
    }

    /// Adds a message of the engine.
    pub fn push_own(&mut self, bytes: Vec<u8>) {
        self.own_bytes += bytes.len();
        self.push(What::Own(bytes), None);
    }

    /// Adds a line, its end included, and who asked for it if somebody did.
    pub fn push_line(&mut self, bytes: Vec<u8>, asked: Option<oneshot::Sender<Answer>>) {
        self.people_bytes += bytes.len();
        self.push(What::Line(bytes), asked);
    }

    /// Adds keys.
    pub fn push_keys(&mut self, bytes: Vec<u8>, asked: oneshot::Sender<Answer>) {
        self.people_bytes += bytes.len();
        self.push(What::Keys(bytes), Some(asked));
    }

    /// Adds something that is to be done with the link behind what was sent before.
    pub fn push_order(&mut self, ask: Ask) {
        self.push(What::Order(ask.request), Some(ask.answer));
    }

    /// The order whose turn it is.
    pub fn take_order(&mut self) -> Option<Ask> {
        if !matches!(self.queue.front()?.what, What::Order(_)) {
            return None;
        }
        match self.queue.pop_front()? {
            Message {
                what: What::Order(request),
                asked: Some(answer),
            } => Some(Ask { request, answer }),
            _ => None,
        }
    }

    /// When the first message may be written, if it has to wait for that.
    pub fn due(&self, now: Instant, suspended: bool) -> Option<Instant> {
        let first = self.queue.front()?;
        let waits = matches!(first.what, What::Line(_)) && !suspended;
        self.next_line.filter(|at| waits && now < *at)
    }

    /// Writes the first message, and answers who asked for it. While the server wants nothing more (`suspended`), only
    /// the engine's own messages go.
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        now: Instant,
        suspended: bool,
        stream: &mut Stream,
    ) -> Poll<io::Result<()>> {
        if suspended && self.written == 0 && !self.bring_own_forward() {
            return Poll::Pending;
        }
        let Some(message) = self.queue.front() else {
            return Poll::Pending;
        };
        let is_line = matches!(message.what, What::Line(_));
        if matches!(message.what, What::Order(_))
            || (is_line && self.next_line.is_some_and(|at| now < at))
        {
            return Poll::Pending;
        }
        while let Some(rest) = message
            .bytes()
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(Pin::new(&mut *stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.written = 0;
        if is_line {
            self.next_line = Some(now + LINE_GAP);
        }
        if let Some(message) = self.queue.pop_front() {
            if message.is_own() {
                self.own_bytes -= message.bytes().len();
            } else {
                self.people_bytes -= message.bytes().len();
            }
            if let Some(asked) = message.asked {
                // Whoever asked may be gone.
                asked.send(Ok(String::new())).ok();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing more goes out: tells those who wait why, and `refused` of each thing that a person sent.
    pub fn refuse_all(&mut self, reason: &str, mut refused: impl FnMut()) {
        for message in std::mem::take(self).queue {
            if let Some(asked) = message.asked {
                refused();
                asked.send(Err(reason.to_owned())).ok();
            }
        }
    }

    fn push(&mut self, what: What, asked: Option<oneshot::Sender<Answer>>) {
        self.queue.push_back(Message { what, asked });
    }

    /// Puts the engine's first message before those of people; false if there is none.
    fn bring_own_forward(&mut self) -> bool {
        let own = self.queue.iter().position(Message::is_own);
        match own.and_then(|at| self.queue.remove(at)) {
            Some(message) => {
                self.queue.push_front(message);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;

    async fn write(outgoing: &mut Outgoing, suspended: bool, stream: &mut Stream) -> bool {
        let now = Instant::now() + LINE_GAP * u32::try_from(outgoing.len()).unwrap();
        poll_fn(|context| {
            Poll::Ready(
                outgoing
                    .poll_write(context, now, suspended, stream)
                    .is_ready(),
            )
        })
        .await
    }

    #[tokio::test]
    async fn a_server_that_wants_nothing_more_still_gets_the_engines_answers() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (mut outgoing, mut stream) = (Outgoing::default(), Stream::Unix(near));
        let (asked, mut answer) = oneshot::channel();
        outgoing.push_line(b"line".to_vec(), Some(asked));
        outgoing.push_own(b"own".to_vec());
        assert!(write(&mut outgoing, true, &mut stream).await);
        assert!(!write(&mut outgoing, true, &mut stream).await);
        assert!(answer.try_recv().is_err());
        assert!(write(&mut outgoing, false, &mut stream).await);
        assert_eq!(answer.try_recv(), Ok(Ok(String::new())));
        assert!(outgoing.is_empty() && outgoing.takes_own());
        drop(stream);
        let mut sent = String::new();
        far.read_to_string(&mut sent).await.unwrap();
        assert_eq!(sent, "ownline");
    }

    #[test]
    fn an_engine_whose_messages_are_not_taken_keeps_the_rest() {
        let mut outgoing = Outgoing::default();
        while outgoing.takes_own() {
            assert!(outgoing.own_bytes < OWN_BYTES);
            outgoing.push_own(vec![0; 16 << 10]);
        }
        assert_eq!(outgoing.refusal(), None, "people may still send");
    }

    #[test]
    fn more_than_the_bounds_is_refused() {
        let mut outgoing = Outgoing::default();
        outgoing.push_keys(vec![0; BYTES], oneshot::channel().0);
        assert!(outgoing.refusal().is_some());
        let mut outgoing = Outgoing::default();
        for _ in 0..MESSAGES {
            assert_eq!(outgoing.refusal(), None);
            outgoing.push_line(Vec::new(), Some(oneshot::channel().0));
        }
        assert!(outgoing.refusal().is_some());
        let mut refused = 0;
        outgoing.refuse_all("gone", || refused += 1);
        assert_eq!((refused, outgoing.len()), (MESSAGES, 0));
    }
}
