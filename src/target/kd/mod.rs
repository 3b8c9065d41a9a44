//! The actor of a Windows kernel: makes its link, debugs over it, and makes it again when it is lost.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `link.rs` | the wire and the protocol engine that speaks over it |
//! | `debugger.rs` | one connection: packets are sorted, questions wait their turn, requests are made one at a time |
//! | `asks.rs` | what people ask: what waits its turn, what does not, what ends a long command |
//! | `calls.rs`, `waiting.rs` | requests and their answers, waiting for a stop |
//! | `attach.rs`, `stop.rs`, `resume.rs` | the first look, why it stopped, going on |
//! | `switch.rs` | from one processor to another |
//! | `machine.rs`, `registers.rs` | memory and registers, fetched as the pure code of [`crate::code`] needs them |
//! | `knowledge.rs`, `breakpoints.rs` | what is known of the target, and what people want of it |
//! | `progress.rs` | what long commands tell meanwhile |
//! | `commands/` | what people type |

mod asks;
mod attach;
mod breakpoints;
mod bugcheck;
mod calls;
mod commands;
mod debugger;
mod diagnosis;
mod fault;
mod files;
mod knowledge;
mod link;
mod machine;
mod progress;
mod registers;
mod resume;
mod stop;
mod switch;
mod waiting;

use std::time::Instant;

use self::debugger::{Debugger, End};
use self::files::Files;
use self::knowledge::Knowledge;
use super::connector::{Connector, DISCONNECTED, Next};
use crate::connect::{Kd, Net};
use crate::rack::State;

/// Where a Windows kernel is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Over KDNET: it calls a UDP port of ours.
    Net(Net),
    /// Over a byte stream.
    Line(Kd),
}

/// The actor of one Windows kernel.
#[derive(Debug)]
pub struct KdActor {
    place: Place,
    connector: Connector,
    known: Knowledge,
}

impl KdActor {
    /// An actor that has not begun.
    pub fn new(place: Place, connector: Connector) -> Self {
        let files = match &place {
            Place::Net(net) => &net.files,
            Place::Line(line) => &line.files,
        };
        Self {
            known: Knowledge::new(Files::new(files.clone())),
            place,
            connector,
        }
    }

    /// Works until the target is removed.
    pub async fn run(mut self) {
        loop {
            let (state, detail) = self.attempt();
            let opened = self
                .connector
                .open(state, &detail, link::open(&self.place))
                .await;
            let next = match opened {
                Ok(link) => {
                    let begun = Instant::now();
                    let debugger = Debugger::new(&mut self.connector, &mut self.known, link);
                    let end = debugger.run().await;
                    self.connector.backoff.lived(begun.elapsed());
                    self.known.restarted();
                    match end {
                        End::Removed => Next::End,
                        End::Disconnected(asker) => {
                            Next::Close(DISCONNECTED.to_owned(), Some(asker))
                        }
                        End::Failed(reason) => Next::Retry(reason),
                    }
                }
                Err(next) => next,
            };
            if !self.connector.proceed(next).await {
                return;
            }
        }
    }

    /// What is being done while the link is made.
    fn attempt(&self) -> (State, String) {
        match &self.place {
            Place::Net(net) => (State::Waiting, format!("opening UDP port {}", net.port)),
            Place::Line(line) => (State::Connecting, format!("opening {}", line.endpoint)),
        }
    }
}
