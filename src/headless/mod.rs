//! The scripting contract: commands from standard input, events to standard output, no screen.
//!
//! The printer is one more reader of the transcripts: a slow one loses lines, with a count, and slows no target down.
//! What is not asked for is not read. The words of the events are in [`mod@print`].

mod input;
pub mod print;
mod printer;

use std::io::{self, BufRead, BufReader, Write};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::input::Typed;
use self::print::Out;
use self::printer::{Answer, Printer};
use crate::command::{self, Line, Reply, Verb};
use crate::connect::{self, ClientString};
use crate::deck::Seat;
use crate::session::Author;
use crate::session::client::{Interest, Way};

/// Answers that wait to be printed; more let standard input wait.
const ANSWERS: usize = 1024;
/// How long the last events may take to be read when the run is told to end.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// After the last command nothing is waited for that does not come in this time, such as a target that takes no input.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// How a headless run is wanted.
#[derive(Debug, Clone)]
pub struct Options {
    /// One JSON object a line, instead of lines for people.
    pub json: bool,
    /// The only types of events to print; all if empty.
    pub only: Vec<String>,
    /// Go on when standard input has ended.
    pub linger: bool,
    /// Leave standard input alone.
    pub no_input: bool,
    /// Whoever types.
    pub author: Author,
}

/// Runs until standard input ends (unless it is to linger), `.quit`, or `stop`. Every command is answered, also then.
///
/// # Errors
/// When standard output cannot be written to; a reader that went away is no error.
pub async fn run(
    seat: Seat,
    options: Options,
    engine: Handle,
    stop: CancellationToken,
) -> io::Result<()> {
    let output = Box::new(io::stdout());
    if options.no_input {
        return run_on(seat, options, engine, stop, io::empty(), output).await;
    }
    let input = BufReader::new(io::stdin());
    run_on(seat, options, engine, stop, input, output).await
}

/// The same with any input and output.
///
/// The printer has a thread of its own, since whoever reads the output may stop doing so: that must not keep us from
/// ending.
async fn run_on(
    seat: Seat,
    options: Options,
    engine: Handle,
    stop: CancellationToken,
    input: impl BufRead + Send + 'static,
    output: Box<dyn Write + Send>,
) -> io::Result<()> {
    let out = Out::new(options.json, &options.only, output);
    let (answers, inbox) = mpsc::channel(ANSWERS);
    let printer = Printer::new(seat.clone(), out);
    let script = Script {
        seat,
        author: options.author,
        linger: options.linger,
        stop: stop.clone(),
        answers,
        tasks: TaskTracker::new(),
        last_id: 0,
    };
    engine.spawn(script.run(input::lines(input)?));
    let (done, printed) = oneshot::channel();
    std::thread::Builder::new()
        .name("print".into())
        .spawn(move || {
            // Nobody waits any more if it took too long.
            done.send(engine.block_on(printer.run(inbox))).ok();
        })?;
    let too_late = async {
        stop.cancelled().await;
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

/// Carries out what is typed.
struct Script {
    seat: Seat,
    author: Author,
    linger: bool,
    stop: CancellationToken,
    answers: mpsc::Sender<Answer>,
    /// Commands that are not answered yet.
    tasks: TaskTracker,
    last_id: u64,
}

impl Script {
    /// Carries out the lines in their order, and sees to it that all are answered.
    async fn run(mut self, lines: mpsc::Receiver<Typed>) {
        let told = {
            let (seat, stop) = (self.seat.clone(), self.stop.clone());
            // A command that waits notices the end, too.
            tokio::spawn(async move {
                stop.cancelled().await;
                seat.deck().end();
            })
        };
        let quit = self.carry_out_all(lines).await;
        if quit.is_none() && self.linger {
            // As long as somebody could read what happens.
            let deck = self.seat.deck();
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.answers.closed() => {}
                _ = deck.over() => {}
            }
        }
        self.wait_for_answers().await;
        told.abort();
        if let Some(id) = quit {
            self.reply(id, Reply::new(Ok(String::new()))).await;
        }
        self.answers.send(Answer::End).await.ok();
    }

    /// Carries out lines to their end; the number of the command that ended them, if one did.
    async fn carry_out_all(&mut self, mut lines: mpsc::Receiver<Typed>) -> Option<u64> {
        loop {
            let deck = self.seat.deck();
            let line = tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                _ = deck.over() => return None,
                line = lines.recv() => line?,
            };
            match line {
                Ok(line) if line.is_empty() && !self.debugs_one() => {}
                Ok(line) => {
                    if let Some(quit) = self.carry_out(&line).await {
                        return Some(quit);
                    }
                }
                Err(problem) => {
                    self.answers.send(Answer::Error(problem)).await.ok();
                }
            }
        }
    }

    /// Whether there is one target, which is debugged: an empty line does its last command again. Elsewhere empty lines
    /// are there for who reads the script.
    fn debugs_one(&self) -> bool {
        matches!(self.seat.deck().rack().targets(), [target] if target.debugger)
    }

    /// Carries out one line; its number if it ends the run.
    async fn carry_out(&mut self, line: &str) -> Option<u64> {
        self.last_id += 1;
        let id = self.last_id;
        let command = match Line::parse(line) {
            Ok(Line {
                verb: Verb::Command(command, _),
                ..
            }) => Some(command),
            _ => None,
        };
        match command.map_or("", |command| command.name) {
            ".quit" => return Some(id),
            ".remote" => {
                let joined = self.join(line).await;
                self.reply(id, Reply::new(joined)).await;
                return None;
            }
            ".remote_exit" => {
                self.last_commands(line).await;
                let left = self.seat.leave().await;
                return match left {
                    Ok(true) => {
                        self.reply(id, Reply::new(Ok(String::new()))).await;
                        None
                    }
                    Ok(false) => Some(id),
                    Err(reason) => {
                        self.reply(id, Reply::new(Err(reason))).await;
                        Some(id)
                    }
                };
            }
            _ => {}
        }
        // A rack of one target needs no address.
        let deck = self.seat.deck();
        let rack = deck.rack();
        let focus = match rack.targets() {
            [target] => Some(target.id),
            _ => None,
        };
        let replies = command::submit(&deck, &self.author(), focus, line);
        if command.is_some_and(|command| command.waits) {
            for reply in replies.await {
                self.reply(id, reply).await;
            }
        } else {
            let answers = self.answers.clone();
            self.tasks.spawn(async move {
                for reply in replies.await {
                    answers.send(Answer::Reply { id, reply }).await.ok();
                }
            });
        }
        None
    }

    /// Whoever types, by the name everybody sees.
    fn author(&self) -> Author {
        let me = self.seat.deck().me();
        me.map_or_else(|| self.author.clone(), |me| me.author())
    }

    /// The commands that stand behind `.remote_exit`, before the session is left.
    async fn last_commands(&self, line: &str) {
        let (_, commands) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let commands = commands.split(';').map(str::trim);
        for command in commands.filter(|command| !command.is_empty()) {
            let replies = command::submit(&self.seat.deck(), &self.author(), None, command).await;
            for reply in replies {
                self.reply(self.last_id, reply).await;
            }
        }
    }

    /// `.remote STRING`: becomes a client.
    async fn join(&self, line: &str) -> Result<String, String> {
        let (_, string) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let string = string.trim().trim_start_matches("-remote").trim();
        if string.is_empty() {
            return Err("whom? a connection string belongs behind .remote".to_owned());
        }
        if let Some(obstacle) = self.seat.deck().obstacle_to_joining() {
            return Err(obstacle);
        }
        let string = string.parse();
        let string: ClientString = string.map_err(|error: connect::Error| error.to_string())?;
        let mut stage = |_: &str| {};
        let joined = self.seat.join(string.clone(), Interest::All, &mut stage);
        match joined.await {
            Ok(()) => Ok(format!("joined {}", string.masked())),
            Err(error) => Err(error.told(&Way::Server(string))),
        }
    }

    /// Waits until all commands are answered. Where nothing goes on for a while, the targets are told to end: then all
    /// is answered.
    async fn wait_for_answers(&self) {
        self.tasks.close();
        while !self.tasks.is_empty() {
            let before = self.tasks.len();
            let waited = tokio::time::timeout(LAST_ANSWERS, self.tasks.wait()).await;
            if waited.is_err() && self.tasks.len() == before {
                self.seat.deck().end();
                tokio::time::timeout(LAST_WORDS, self.tasks.wait())
                    .await
                    .ok();
                return;
            }
        }
    }

    async fn reply(&self, id: u64, reply: Reply) {
        // The printer is gone if its output is.
        self.answers.send(Answer::Reply { id, reply }).await.ok();
    }
}

#[cfg(test)]
mod tests;
