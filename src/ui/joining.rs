//! Joining a session from the screen: what the attempt asks goes to the dialog, what is answered there comes back.

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::message::{FoundServer, JoinAnswer, JoinQuestion, Message};
use crate::connect::ClientString;
use crate::deck::Seat;
use crate::session::client::{Interest, JoinError};
use crate::session::directory::{self, Found};
use crate::session::door::KnockError;
use crate::session::transport::{DialError, Fingerprint};

/// Answers that wait to be taken. One is asked for at a time.
const ANSWERS: usize = 4;
/// Said when the person gave it up.
const GIVEN_UP: &str = "given up";

/// An attempt to join; dropped, it ends.
#[derive(Debug)]
pub struct Attempt {
    answers: mpsc::Sender<JoinAnswer>,
    task: tokio::task::JoinHandle<()>,
}

impl Attempt {
    /// Begins one. What goes on is sent to the screen.
    pub fn begin(
        seat: Seat,
        string: ClientString,
        screen: mpsc::Sender<Message>,
        engine: &Handle,
    ) -> Self {
        let (answers, inbox) = mpsc::channel(ANSWERS);
        let attempt = async move {
            let joined = join(&seat, string, &screen, inbox).await;
            // The screen may have ended meanwhile.
            screen.send(Message::Joined(joined)).await.ok();
        };
        Self {
            answers,
            task: engine.spawn(attempt),
        }
    }

    /// Hands on what was answered.
    pub fn answer(&self, answer: JoinAnswer) {
        // An attempt that has ended needs no answer.
        self.answers.try_send(answer).ok();
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn join(
    seat: &Seat,
    mut string: ClientString,
    screen: &mpsc::Sender<Message>,
    mut answers: mpsc::Receiver<JoinAnswer>,
) -> Result<(), String> {
    loop {
        let mut stage = |stage: &str| {
            // A stage that is not shown is no loss.
            screen.try_send(Message::JoinStage(stage.to_owned())).ok();
        };
        let nothing_yet = Interest::These(Vec::new());
        let tried = tokio::select! {
            tried = seat.join(string.clone(), nothing_yet, &mut stage) => tried,
            Some(JoinAnswer::Cancel) = answers.recv() => return Err(GIVEN_UP.to_owned()),
        };
        let (question, shown) = match tried {
            Ok(()) => return Ok(()),
            Err(JoinError::Password(error)) => {
                let wrong = matches!(error, KnockError::WrongPassword);
                (JoinQuestion::Password { wrong }, None)
            }
            Err(JoinError::UnknownCertificate {
                server,
                fingerprint,
            }) => (
                JoinQuestion::UnknownCertificate {
                    server: server.clone(),
                    fingerprint: fingerprint.to_string(),
                },
                Some((server, fingerprint)),
            ),
            Err(JoinError::ChangedCertificate(DialError::ChangedCertificate {
                server,
                known,
                shown,
            })) => (
                JoinQuestion::ChangedCertificate {
                    server: server.clone(),
                    known: known.to_string(),
                    shown: shown.to_string(),
                },
                Some((server, shown)),
            ),
            Err(error) => return Err(error.to_string()),
        };
        screen.send(Message::JoinAsks(question)).await.ok();
        match (answers.recv().await, shown) {
            (Some(JoinAnswer::Password(password)), None) => string.password = Some(password),
            (Some(JoinAnswer::Trust), Some((server, fingerprint))) => {
                pin(seat, &server, &fingerprint)?;
            }
            _ => return Err(GIVEN_UP.to_owned()),
        }
    }
}

fn pin(seat: &Seat, server: &str, fingerprint: &Fingerprint) -> Result<(), String> {
    let visitor = seat.visitor().ok_or(GIVEN_UP)?;
    visitor.trust()?.pin(server, fingerprint)
}

/// Looks for the servers of a machine; of this one if it has no name.
pub async fn browse(seat: Seat, machine: String) -> Message {
    let Some(visitor) = seat.visitor() else {
        return Message::Found(Err("no session can be joined from here".to_owned()));
    };
    let machine = if machine.is_empty() { "." } else { &machine };
    let found = directory::find(machine, &visitor.places, visitor.directory).await;
    let shown = |found: Found| FoundServer {
        note: if found.responds {
            String::new()
        } else {
            "<not responding>".to_owned()
        },
        string: found.join.unwrap_or(found.string),
    };
    Message::Found(found.map(|list| list.into_iter().map(shown).collect()))
}
