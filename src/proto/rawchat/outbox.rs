//! What waits to be written to one device: log lines, of which the oldest go when it does not keep up, and what is meant
//! for somebody, which stays.

use std::collections::VecDeque;
use std::sync::Arc;

/// Log lines that wait at most.
pub const LINES_MAX: usize = 4096;
/// Bytes of log lines that wait at most, beside one line of any length.
pub const BYTES_MAX: usize = 1 << 20;

/// The queue of one device.
#[derive(Debug, Default)]
pub struct Outbox {
    logs: Queue,
    said: Queue,
    /// Bytes that are no line: answers to a telnet client, which the assembler bounds.
    answers: Vec<u8>,
    /// Numbers both queues in one order.
    next: u64,
    /// Log lines that were dropped and not told about yet.
    skipped: u64,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<(u64, Arc<str>)>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, number: u64, line: Arc<str>) {
        self.bytes += line.len();
        self.lines.push_back((number, line));
    }

    fn pop(&mut self) -> Option<Arc<str>> {
        let (_, line) = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }

    fn is_over(&self) -> bool {
        self.lines.len() > LINES_MAX || (self.bytes > BYTES_MAX && self.lines.len() > 1)
    }

    fn first(&self) -> Option<u64> {
        self.lines.front().map(|(number, _)| *number)
    }
}

impl Outbox {
    /// Adds a log line; the oldest ones make room.
    pub fn log(&mut self, line: Arc<str>) {
        self.next += 1;
        self.logs.push(self.next, line);
        while self.logs.is_over() {
            self.logs.pop();
            self.skipped += 1;
        }
    }

    /// Adds something that is not dropped: chat, an answer, a notice. False if too much of it waits: whoever does not
    /// read that is not there.
    #[must_use]
    pub fn say(&mut self, line: impl Into<Arc<str>>) -> bool {
        self.next += 1;
        self.said.push(self.next, line.into());
        !self.said.is_over()
    }

    /// Adds bytes that are no line. They go out first, between lines.
    pub fn answer(&mut self, mut bytes: Vec<u8>) {
        self.answers.append(&mut bytes);
    }

    /// Lines that wait and are not dropped.
    #[must_use]
    pub fn said(&self) -> usize {
        self.said.lines.len()
    }

    /// Moves whole lines with their ends to `out`, at least one if there is one, until it holds about `bytes`.
    pub fn take(&mut self, bytes: usize, out: &mut Vec<u8>) {
        out.append(&mut self.answers);
        while out.len() < bytes {
            let (said, logged) = (self.said.first(), self.logs.first());
            let is_log = match (said, logged) {
                (None, None) => return,
                (Some(said), Some(logged)) => logged < said,
                (said, _) => said.is_none(),
            };
            if is_log && self.skipped > 0 {
                let lines = if self.skipped == 1 { "line" } else { "lines" };
                let notice = format!(
                    ">> {} log {lines} skipped (slow connection).\r\n",
                    std::mem::take(&mut self.skipped)
                );
                out.extend_from_slice(notice.as_bytes());
            }
            let queue = if is_log {
                &mut self.logs
            } else {
                &mut self.said
            };
            if let Some(line) = queue.pop() {
                out.extend_from_slice(line.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(outbox: &mut Outbox) -> Vec<String> {
        let mut out = Vec::new();
        outbox.take(usize::MAX, &mut out);
        let text = String::from_utf8(out).unwrap();
        let lines = text.split_terminator("\r\n");
        lines.map(String::from).collect()
    }

    #[test]
    fn lines_come_out_whole_and_in_their_order() {
        let mut outbox = Outbox::default();
        outbox.log("1".into());
        assert!(outbox.say("2"));
        outbox.log("3".into());
        let mut out = Vec::new();
        outbox.take(1, &mut out);
        assert_eq!(out, b"1\r\n");
        assert_eq!(taken(&mut outbox), ["2", "3"]);
    }

    #[test]
    fn old_log_lines_make_room_and_what_was_said_stays() {
        let mut outbox = Outbox::default();
        assert!(outbox.say("first"));
        for number in 0..LINES_MAX + 812 {
            outbox.log(number.to_string().into());
            if number == 5 {
                assert!(outbox.say("chat"));
            }
        }
        let lines = taken(&mut outbox);
        assert_eq!(
            lines[..4],
            [
                "first",
                "chat",
                ">> 812 log lines skipped (slow connection).",
                "812"
            ]
        );
        assert_eq!(lines.len(), LINES_MAX + 3);
        outbox.log("next".into());
        assert_eq!(taken(&mut outbox), ["next"], "it is told once");
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut outbox = Outbox::default();
        let line: Arc<str> = "x".repeat(BYTES_MAX / 4).into();
        for _ in 0..10 {
            outbox.log(line.clone());
        }
        assert!(outbox.logs.bytes <= BYTES_MAX);
        assert_eq!(outbox.skipped, 6);
        outbox.log("x".repeat(2 * BYTES_MAX).into());
        assert_eq!(outbox.logs.lines.len(), 1, "the newest line stays");
    }

    #[test]
    fn somebody_who_never_reads_is_noticed() {
        let mut outbox = Outbox::default();
        let said = (0..=LINES_MAX)
            .map(|_| outbox.say("hello"))
            .collect::<Vec<_>>();
        assert_eq!(said.iter().position(|fits| !fits), Some(LINES_MAX));
    }
}
