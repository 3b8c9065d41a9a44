//! Requests to a stopped target and their answers, one at a time.

use std::time::{Duration, Instant};

use super::debugger::Debugger;
use super::fault::Fault;
use crate::proto::kd::{Answer, Call, FromHost, Reply, Request};

/// How long an answer to a request may take. The target answers at once; the link's own repeats take their part.
const ANSWER: Duration = Duration::from_secs(5);
/// A request that was not answered in time is made again so often, each time after a reset: a target that lost count
/// acknowledges requests and does not answer them.
const TRIES: u32 = 3;

impl Debugger<'_> {
    /// Asks the target for something and waits for its answer.
    ///
    /// # Errors
    /// [`Fault`]: refused by the target, not answered, interrupted, lost.
    pub(super) async fn call(&mut self, processor: u16, call: Call) -> Result<Reply, Fault> {
        if std::mem::take(&mut self.interrupted) {
            return Err(Fault::Interrupted);
        }
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.agree_anew().await?;
            }
            self.reply = None;
            let request = Request {
                processor,
                call: call.clone(),
            };
            self.link.send(&FromHost::Request(request));
            let deadline = Instant::now() + ANSWER;
            while Instant::now() < deadline {
                self.step(Some(deadline)).await;
                if self.end.is_some() || self.restarted {
                    return Err(Fault::Lost);
                }
                // A stale answer to an earlier question is none to this.
                if let Some(reply) = self.reply.take_if(|reply| answers(&call, processor, reply)) {
                    return if reply.status.is_failure() {
                        Err(Fault::Refused(reply.status))
                    } else {
                        Ok(reply)
                    };
                }
            }
        }
        Err(Fault::Silent(ANSWER * TRIES))
    }

    /// Agrees with the target on packet numbers anew. It tells its stop again then; what is asked before that is lost.
    async fn agree_anew(&mut self) -> Result<(), Fault> {
        self.link.reset();
        self.told_again = false;
        let deadline = Instant::now() + ANSWER;
        while !self.told_again && Instant::now() < deadline {
            self.step(Some(deadline)).await;
            if self.end.is_some() || self.restarted {
                return Err(Fault::Lost);
            }
        }
        Ok(())
    }

    /// Sends what the target does not answer.
    pub(super) fn tell(&mut self, processor: u16, call: Call) {
        let request = Request { processor, call };
        self.link.send(&FromHost::Request(request));
    }

    /// Whether somebody wants what is being done to be given up; once.
    ///
    /// # Errors
    /// [`Fault::Interrupted`] if so, [`Fault::Lost`] if there is nothing left to do it with.
    pub(super) fn check_interrupt(&mut self) -> Result<(), Fault> {
        if self.end.is_some() || self.restarted {
            Err(Fault::Lost)
        } else if std::mem::take(&mut self.interrupted) {
            Err(Fault::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Whether a reply is one to this call. What was asked for an earlier time may come late.
fn answers(call: &Call, processor: u16, reply: &Reply) -> bool {
    if reply.api != call.api() {
        return false;
    }
    match (call, &reply.answer) {
        (
            Call::ReadVirtual { address, .. }
            | Call::ReadPhysical { address, .. }
            | Call::ReadControl { address, .. },
            Answer::Memory { address: of, .. },
        )
        | (
            Call::WriteVirtual { address, .. }
            | Call::WritePhysical { address, .. }
            | Call::WriteControl { address, .. },
            Answer::Written { address: of, .. },
        )
        | (Call::WriteBreakpoint { address }, Answer::Breakpoint { address: of, .. }) => {
            address == of
        }
        (Call::GetContext | Call::GetContextEx { .. }, _) => reply.processor == processor,
        _ => true,
    }
}
