//! The scripting contract: commands from standard input, events to standard output, no screen.
//!
//! The printer is one more reader of the transcripts: a slow one loses lines, with a count, and slows no target down.
//! What is not asked for is not read. The words of the events are in [`mod@print`].

pub mod print;

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::print::{Out, Type};
use crate::command::{self, Line, Place, Reply, Verb};
use crate::deck::{Deck, Event};
use crate::rack::{Rack, State, TargetId};
use crate::transcript::{Ending, Kind, Reader, Step, Time};

/// Longest line of standard input, bytes.
const INPUT_LINE_BYTES: usize = 64 << 10;
/// Lines of standard input that wait to be carried out.
const INPUT_LINES: usize = 64;
/// Answers that wait to be printed; more let standard input wait.
const ANSWERS: usize = 1024;
/// Printed at once, bytes. Between two such pieces answers and states get their turn.
const PIECE_BYTES: usize = 256 << 10;
/// How long the last events may take to be read when the run is told to end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a headless run is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// One JSON object a line, instead of lines for people.
    pub json: bool,
    /// The only types of events to print; all if empty.
    pub only: Vec<String>,
    /// Go on when standard input has ended.
    pub linger: bool,
    /// The name of whoever types.
    pub who: String,
}

/// What the reader of standard input tells the printer.
enum Answer {
    Reply {
        id: u64,
        reply: Reply,
    },
    Error(String),
    /// There is nothing more to carry out.
    End,
}

/// Runs until standard input ends (unless it is to linger), `.quit`, or `stop`.
///
/// The printer has a thread of its own, since whoever reads standard output may stop doing so: that must not keep us
/// from ending.
///
/// # Errors
/// When standard output cannot be written to; a reader that went away is no error.
pub async fn run(
    deck: Deck,
    options: Options,
    engine: Handle,
    stop: CancellationToken,
) -> io::Result<()> {
    let out = Out::new(options.json, &options.only);
    let (answers, inbox) = mpsc::channel(ANSWERS);
    // Subscribed before the states are printed, so that no change falls between.
    let events = deck.events();
    let mut printer = Printer {
        rack: deck.rack(),
        deck: deck.clone(),
        out,
        places: Vec::new(),
    };
    let (who, linger) = (options.who, options.linger);
    engine.spawn(carry_out(deck, who, linger, answers));
    let (done, printed) = oneshot::channel();
    let stopped = stop.clone();
    std::thread::Builder::new()
        .name("print".into())
        .spawn(move || {
            let result = match printer.begin() {
                Ok(()) => engine.block_on(printer.run(events, inbox, &stop)),
                Err(error) => Err(error),
            };
            // Nobody waits any more if it took too long.
            done.send(result).ok();
        })?;
    let too_late = async {
        stopped.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        biased;
        printed = printed => match printed {
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Ok(result) => result,
            Err(_) => Err(io::Error::other("the printer failed inside; the program's log tells more")),
        },
        () = too_late => Ok(()),
    }
}

/// Carries out the lines of standard input, in their order.
async fn carry_out(deck: Deck, who: String, linger: bool, answers: mpsc::Sender<Answer>) {
    let mut lines = standard_input();
    let (mut id, tasks) = (0, TaskTracker::new());
    while let Some(line) = lines.recv().await {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                answers.send(Answer::Error(error)).await.ok();
                continue;
            }
        };
        if line.is_empty() {
            continue;
        }
        id += 1;
        let parsed = Line::parse(&line);
        if let Ok(Line {
            verb: Verb::Command(command, _),
            ..
        }) = &parsed
            && matches!(command.place, Place::Screen)
            && command.name == ".quit"
        {
            tasks.close();
            tasks.wait().await;
            answers
                .send(Answer::Reply {
                    id,
                    reply: Reply::new(Ok(String::new())),
                })
                .await
                .ok();
            answers.send(Answer::End).await.ok();
            return;
        }
        let waits =
            matches!(&parsed, Ok(Line { verb: Verb::Command(command, _), .. }) if command.waits);
        // A rack of one target needs no address.
        let rack = deck.rack();
        let only = match rack.targets() {
            [target] => Some(target.id),
            _ => None,
        };
        let replies = command::submit(&deck, &who, only, &line);
        let answers = answers.clone();
        let answer = async move {
            for reply in replies.await {
                answers.send(Answer::Reply { id, reply }).await.ok();
            }
        };
        if waits {
            answer.await;
        } else {
            tasks.spawn(answer);
        }
    }
    tasks.close();
    tasks.wait().await;
    if !linger {
        answers.send(Answer::End).await.ok();
    } else {
        // The printer goes on for as long as somebody could answer.
        answers.closed().await;
    }
}

/// The lines of standard input, read by a thread of their own: it may block for ever.
fn standard_input() -> mpsc::Receiver<Result<String, String>> {
    let (sender, receiver) = mpsc::channel(INPUT_LINES);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let line = next_line(&mut input);
            let Some(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line; `None` at the end, an error for one that is too long or no UTF-8.
fn next_line(input: &mut impl BufRead) -> Option<Result<String, String>> {
    let mut bytes = Vec::new();
    let read = input
        .by_ref()
        .take(INPUT_LINE_BYTES as u64)
        .read_until(b'\n', &mut bytes);
    match read {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Err(format!("cannot read standard input: {error}"))),
    }
    if bytes.pop_if(|last| *last == b'\n').is_none() && bytes.len() >= INPUT_LINE_BYTES {
        let rest = input.skip_until(b'\n');
        let size = INPUT_LINE_BYTES + rest.unwrap_or(0);
        return Some(Err(format!(
            "a line of {size} bytes was not carried out: {INPUT_LINE_BYTES} are the most"
        )));
    }
    bytes.pop_if(|last| *last == b'\r');
    Some(
        String::from_utf8(bytes)
            .map_err(|_| "a line that is no UTF-8 was not carried out".to_owned()),
    )
}

/// Prints what happens.
struct Printer {
    deck: Deck,
    rack: Arc<Rack>,
    out: Out,
    places: Vec<Position>,
}

/// Where the printer is in one transcript.
struct Position {
    id: TargetId,
    reader: Reader,
    version: Option<u64>,
    /// The state that was printed last.
    told: Option<(State, String)>,
}

impl Printer {
    fn begin(&mut self) -> io::Result<()> {
        self.out.role(self.deck.role());
        self.take_rack();
        self.states();
        self.out.flush()
    }

    async fn run(
        &mut self,
        mut events: broadcast::Receiver<Event>,
        mut answers: mpsc::Receiver<Answer>,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let watch = self.deck.pulse().watch();
        let reads = self
            .out
            .wants_any(&[Type::Output, Type::Command, Type::Notice, Type::Missed]);
        let mut ended = false;
        loop {
            if reads {
                watch.arm();
            }
            let more = reads && self.read_transcripts()?;
            self.out.flush()?;
            if ended && !more {
                return Ok(());
            }
            let rung = async {
                match more {
                    true => {}
                    false => watch.rung().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled(), if !ended => {
                    self.read_transcripts()?;
                    return self.out.flush();
                }
                event = events.recv() => match event {
                    Ok(event) => self.event(event),
                    // What was missed shows in the states as they are now.
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.take_rack();
                        self.states();
                    }
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
                answer = answers.recv(), if !ended => match answer {
                    Some(Answer::Reply { id, reply }) => self.reply(id, &reply),
                    Some(Answer::Error(text)) => self.out.error(Time::now(), &text),
                    Some(Answer::End) | None => ended = true,
                },
                () = rung, if reads => {}
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Rack => self.take_rack(),
            Event::Target {
                time,
                id,
                state,
                detail,
            } => {
                if self.rack.target(id).is_none() {
                    // It speaks before it was announced.
                    self.take_rack();
                }
                self.state(time, id, state, &detail);
            }
            Event::Notice { time, text, .. } => self.out.error(time, &text),
            Event::Chat { time, from, text } => self.out.chat(time, &from, &text),
        }
    }

    fn reply(&mut self, id: u64, reply: &Reply) {
        let target = reply
            .target
            .and_then(|id| self.rack.target(id))
            .map(|target| target.name.clone());
        self.out.reply(Time::now(), id, target.as_deref(), reply);
    }

    fn states(&mut self) {
        let rack = self.rack.clone();
        for target in rack.targets() {
            let status = target.status.read();
            self.state(status.since, target.id, status.state, &status.detail);
        }
    }

    /// Prints a state, unless it was the last that was printed: it is both read and told.
    fn state(&mut self, time: Time, id: TargetId, state: State, detail: &str) {
        let places = self.rack.targets().iter().zip(&mut self.places);
        for (target, place) in places.filter(|(target, _)| target.id == id) {
            let now = (state, detail.to_owned());
            if place.told.as_ref() != Some(&now) {
                self.out.state(time, &target.name, state, detail);
                place.told = Some(now);
            }
        }
    }

    /// Notices which targets came and went.
    fn take_rack(&mut self) {
        self.rack = self.deck.rack();
        let mut old: Vec<Position> = std::mem::take(&mut self.places);
        self.places = self
            .rack
            .targets()
            .iter()
            .map(
                |target| match old.iter().position(|place| place.id == target.id) {
                    Some(at) => old.swap_remove(at),
                    None => Position {
                        id: target.id,
                        reader: Reader::default(),
                        version: None,
                        told: None,
                    },
                },
            )
            .collect();
    }

    /// Prints what is new. True if there may be more: so much was printed that others should have a turn.
    fn read_transcripts(&mut self) -> io::Result<bool> {
        let mut more = false;
        for (target, place) in self.rack.targets().iter().zip(&mut self.places) {
            let version = target.transcript.version();
            if place.version == Some(version) {
                continue;
            }
            let mut full = false;
            target.transcript.with(|ring| {
                place.reader.read(ring, true, |step| {
                    match step {
                        Step::Missed(count) => self.out.missed(Time::now(), &target.name, count),
                        Step::Entry(entry, _) => match entry.kind {
                            Kind::Output => {
                                let partial = entry.ending == Ending::Open;
                                self.out.output(
                                    entry.time,
                                    &target.name,
                                    entry.seq,
                                    entry.bytes,
                                    partial,
                                );
                            }
                            Kind::Command => self.out.command(
                                entry.time,
                                &target.name,
                                entry.seq,
                                entry.who,
                                entry.bytes,
                            ),
                            Kind::Notice => {
                                self.out
                                    .notice(entry.time, &target.name, entry.seq, entry.bytes)
                            }
                            // The reply itself is printed when its command ends.
                            Kind::Reply => {}
                        },
                    }
                    full = self.out.len() >= PIECE_BYTES;
                    !full
                });
            });
            if full {
                more = true;
                self.out.flush()?;
            } else {
                place.version = Some(version);
            }
        }
        Ok(more)
    }
}
