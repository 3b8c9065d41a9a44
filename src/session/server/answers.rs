//! The answers to what one client asked for, from the question until they are on its line.
//!
//! Nobody reads for a client that does not: what is there and cannot be sent is bounded for each client, by turns. An
//! answer that comes quickly is not even looked for until there is room for it; one that takes its time has to make do
//! with what is left then.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::command::{Replies, Reply};
use crate::target::Answer;

/// Requests that are being carried out; more wait on the line.
pub(super) const PENDING: usize = 256;
/// Bytes of text in the answers to one line, so that a frame holds them; the rest is cut.
const REPLIES_BYTES: usize = 256 << 10;
/// Answers of that length that wait for a client: a megabyte.
const TURNS: usize = 4;
/// How long an answer has its turn before others come first.
const TURN: Duration = Duration::from_millis(250);
/// Answers of that length that came later and wait for a client: three megabytes.
const LATE_TURNS: usize = 12;
/// Bytes of an answer that comes later and finds no turn: with as many as there can be, another megabyte.
const LATE_BYTES: usize = 4 << 10;
/// Stands where an answer was cut.
const CUT: &str = "... cut";

/// What is being carried out for a client. It ends with it, but for what targets and programs were told to do already.
#[derive(Debug)]
pub(super) struct Answers {
    ready: mpsc::Sender<Ready>,
    inbox: mpsc::Receiver<Ready>,
    turns: Turns,
    pending: usize,
}

/// How many long answers may be there.
#[derive(Debug, Clone)]
struct Turns {
    quick: Arc<Semaphore>,
    late: Arc<Semaphore>,
}

/// An answer that is ready.
#[derive(Debug)]
pub(super) struct Ready {
    /// The client's number of its question.
    pub(super) call: u64,
    /// What it is.
    pub(super) what: What,
    /// Given back when it is on the line.
    _turn: Option<OwnedSemaphorePermit>,
}

/// What was answered.
#[derive(Debug)]
pub(super) enum What {
    /// Of a line.
    Replies(Vec<Reply>),
    /// Of a target.
    Answer(Answer),
}

impl Answers {
    pub(super) fn new() -> Self {
        let (ready, inbox) = mpsc::channel(PENDING);
        Self {
            ready,
            inbox,
            turns: Turns {
                quick: Arc::new(Semaphore::new(TURNS)),
                late: Arc::new(Semaphore::new(LATE_TURNS)),
            },
            pending: 0,
        }
    }

    /// Whether one more request can be carried out.
    pub(super) fn has_room(&self) -> bool {
        self.pending < PENDING
    }

    /// Whether something is still to be answered.
    pub(super) fn is_waited_for(&self) -> bool {
        self.pending > 0
    }

    /// Waits for what comes of a line.
    pub(super) fn of_line(&mut self, call: u64, replies: Replies) {
        self.answer(call, in_turn(self.turns.clone(), replies));
    }

    /// Waits for a target's answer.
    pub(super) fn of_target(&mut self, call: u64, answer: oneshot::Receiver<Answer>) {
        let turns = self.turns.clone();
        self.answer(call, async move {
            let gone = || Err("the target was removed".to_owned());
            let mut answer = answer.await.unwrap_or_else(|_| gone());
            let (turn, mut left) = turns.late();
            let (Ok(text) | Err(text)) = &mut answer;
            fit(text, &mut left);
            (What::Answer(answer), turn)
        });
    }

    fn answer(
        &mut self,
        call: u64,
        answer: impl Future<Output = (What, Option<OwnedSemaphorePermit>)> + Send + 'static,
    ) {
        self.pending += 1;
        let ready = self.ready.clone();
        tokio::spawn(async move {
            let (what, turn) = tokio::select! {
                biased;
                () = ready.closed() => return,
                answered = answer => answered,
            };
            let answered = Ready {
                call,
                what,
                _turn: turn,
            };
            // The client may be gone.
            ready.send(answered).await.ok();
        });
    }

    /// The next that is there.
    pub(super) fn next_ready(&mut self) -> Option<Ready> {
        let ready = self.inbox.try_recv().ok()?;
        self.pending = self.pending.saturating_sub(1);
        Some(ready)
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) -> Ready {
        let ready = self.inbox.recv().await;
        self.pending = self.pending.saturating_sub(1);
        ready.expect("we hold a sender ourselves")
    }
}

/// Carries out a line when there is room for what it answers, or while others wait if it takes its time.
async fn in_turn(turns: Turns, mut replies: Replies) -> (What, Option<OwnedSemaphorePermit>) {
    let turn = turns.quick.clone().acquire_owned().await.ok();
    let (turn, left, replies) = match tokio::time::timeout(TURN, &mut replies).await {
        Ok(replies) => (turn, REPLIES_BYTES, replies),
        Err(_) => {
            drop(turn);
            let replies = replies.await;
            let (turn, left) = turns.late();
            (turn, left, replies)
        }
    };
    (What::Replies(fitting(replies, left)), turn)
}

impl Turns {
    /// The turn of an answer that is there already, if there is one, and how long it may be.
    fn late(self) -> (Option<OwnedSemaphorePermit>, usize) {
        let turn = self.quick.try_acquire_owned();
        match turn.or_else(|_| self.late.try_acquire_owned()) {
            Ok(turn) => (Some(turn), REPLIES_BYTES),
            Err(_) => (None, LATE_BYTES),
        }
    }
}

/// The answers, as far as they fit.
fn fitting(mut replies: Vec<Reply>, mut left: usize) -> Vec<Reply> {
    for reply in &mut replies {
        fit(&mut reply.text, &mut left);
    }
    replies
}

fn fit(text: &mut String, left: &mut usize) {
    if text.len() > *left {
        text.truncate(text.floor_char_boundary(*left));
        text.push_str(CUT);
        text.shrink_to_fit();
    }
    *left = left.saturating_sub(text.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(bytes: usize) -> Replies {
        let reply = Reply::new(Ok("x".repeat(bytes)));
        Box::pin(async move { vec![reply] })
    }

    fn bytes(ready: &Ready) -> usize {
        match &ready.what {
            What::Replies(replies) => replies.iter().map(|reply| reply.text.len()).sum(),
            What::Answer(Ok(text) | Err(text)) => text.len(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_wait_for_a_client_that_does_not_read_and_none_is_lost() {
        let mut answers = Answers::new();
        for call in 0..200 {
            answers.of_line(call, replies(2 * REPLIES_BYTES));
        }
        // However long it takes them to read.
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(answers.inbox.len(), TURNS);
        for _ in 0..200 {
            let ready = answers.next().await;
            assert_eq!(bytes(&ready), REPLIES_BYTES + CUT.len());
            assert!(answers.inbox.len() <= TURNS);
        }
        assert!(!answers.is_waited_for());
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_its_time_holds_up_no_other_and_is_cut_where_nobody_reads() {
        let mut answers = Answers::new();
        let asked: Vec<_> = (0..100)
            .map(|call| {
                let (sender, answer) = oneshot::channel();
                answers.of_target(call, answer);
                sender
            })
            .collect();
        for call in 100..200 {
            let slow = async {
                tokio::time::sleep(Duration::from_secs(20)).await;
                vec![Reply::new(Ok("x".repeat(REPLIES_BYTES)))]
            };
            answers.of_line(call, Box::pin(slow));
        }
        answers.of_line(200, replies(1));
        assert_eq!(answers.next().await.call, 200);
        for sender in asked {
            sender.send(Ok("x".repeat(REPLIES_BYTES))).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
        let (mut count, mut held) = (0, 0);
        let mut kept = Vec::new();
        while let Some(ready) = answers.next_ready() {
            (count, held) = (count + 1, held + bytes(&ready));
            kept.push(ready);
        }
        assert_eq!(count, 200);
        assert!(
            held <= (TURNS + LATE_TURNS) * REPLIES_BYTES + PENDING * (LATE_BYTES + CUT.len()),
            "{held}"
        );
    }

    #[tokio::test]
    async fn what_waits_ends_with_the_client() {
        let (alive, mut ended) = mpsc::channel::<()>(1);
        let mut answers = Answers::new();
        for call in 0..10 {
            let alive = alive.clone();
            let never = async move {
                alive.closed().await;
                Vec::new()
            };
            answers.of_line(call, Box::pin(never));
        }
        drop((alive, answers));
        let all = tokio::time::timeout(Duration::from_secs(20), ended.recv());
        assert_eq!(all.await, Ok(None));
    }
}
