//! Bytes of a device into lines of harmless text.
//!
//! CR LF, LF, CR and CR NUL each end a line. Telnet commands are taken out; an offer or a wish is declined and nothing is
//! ever offered, so that a client that speaks telnet and one that does not both work (RFC 854). Backspaces edit, for
//! clients that send each key.

use std::mem;

use crate::transcript::safe;

/// Longest line. Characters; what is longer is cut. As long as a line of chat can be.
pub const LINE_CHARS_MAX: usize = 2_000;
/// Bytes kept of a line, so that bytes that are no characters do not make it longer.
const LINE_BYTES_MAX: usize = 4 * LINE_CHARS_MAX;
/// Telnet offers that are declined; a client that makes more is left without an answer.
const ANSWERS_MAX: u32 = 256;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;

/// A line as somebody meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text, without control characters.
    pub text: String,
    /// Whether its end was cut off.
    pub cut: bool,
}

/// Makes lines of the bytes of one connection.
#[derive(Debug, Default)]
pub struct Assembler {
    line: Vec<u8>,
    chars: usize,
    cut: bool,
    /// The last byte was a carriage return: a line feed or NUL behind it belongs to it.
    after_return: bool,
    telnet: Telnet,
    answers: Vec<u8>,
    answered: u32,
}

/// Where in a telnet command the next byte is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Telnet {
    #[default]
    Outside,
    /// Behind IAC.
    Command,
    /// Behind IAC and WILL, WONT, DO or DONT.
    Option(u8),
    /// In a subnegotiation.
    Inside,
    /// In a subnegotiation behind IAC.
    InsideCommand,
}

impl Assembler {
    /// Takes what came; the lines that it ends are added to `lines`.
    pub fn push(&mut self, bytes: &[u8], lines: &mut Vec<Line>) {
        for &byte in bytes {
            self.telnet = match (self.telnet, byte) {
                (Telnet::Outside, IAC) => Telnet::Command,
                (Telnet::Outside, byte) => {
                    self.text(byte, lines);
                    Telnet::Outside
                }
                (Telnet::Command, WILL | WONT | DO | DONT) => Telnet::Option(byte),
                (Telnet::Command, SUBNEGOTIATION) => Telnet::Inside,
                (Telnet::Command, _) => Telnet::Outside,
                (Telnet::Option(verb), option) => {
                    self.decline(verb, option);
                    Telnet::Outside
                }
                (Telnet::Inside, IAC) => Telnet::InsideCommand,
                (Telnet::InsideCommand, SUBNEGOTIATION_END) => Telnet::Outside,
                (Telnet::Inside | Telnet::InsideCommand, _) => Telnet::Inside,
            };
        }
    }

    /// The connection ended: what was typed without an end of line is a line too.
    pub fn finish(&mut self) -> Option<Line> {
        (!self.line.is_empty()).then(|| self.end_line())
    }

    /// What to send back: refusals of telnet options.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.answers.is_empty()).then(|| mem::take(&mut self.answers))
    }

    fn text(&mut self, byte: u8, lines: &mut Vec<Line>) {
        let after_return = mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' | 0 if after_return => {}
            b'\r' | b'\n' => lines.push(self.end_line()),
            0 => {}
            0x08 | 0x7f => self.erase(),
            b'\t' => self.add(b' '),
            _ => self.add(byte),
        }
    }

    fn add(&mut self, byte: u8) {
        let begins = !is_continuation(byte);
        let full = self.chars >= LINE_CHARS_MAX && (begins || self.cut);
        if full || self.line.len() >= LINE_BYTES_MAX {
            self.cut = true;
            return;
        }
        self.chars += usize::from(begins);
        self.line.push(byte);
    }

    /// Takes back the last character.
    fn erase(&mut self) {
        while let Some(byte) = self.line.pop() {
            if !is_continuation(byte) {
                self.chars -= 1;
                return;
            }
        }
    }

    fn end_line(&mut self) -> Line {
        self.chars = 0;
        let cut = mem::take(&mut self.cut);
        let bytes = mem::take(&mut self.line);
        let text = safe::plain(&bytes);
        let kept: String = text.chars().take(LINE_CHARS_MAX).collect();
        Line {
            cut: cut || kept.len() < text.len(),
            text: kept,
        }
    }

    fn decline(&mut self, verb: u8, option: u8) {
        let answer = match verb {
            WILL => DONT,
            DO => WONT,
            // What is not to be is not.
            _ => return,
        };
        if self.answered < ANSWERS_MAX {
            self.answered += 1;
            self.answers.extend([IAC, answer, option]);
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut assembler, mut lines) = (Assembler::default(), Vec::new());
        for piece in pieces {
            assembler.push(piece, &mut lines);
        }
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn every_end_of_line_ends_one_line() {
        assert_eq!(lines(&[b"a\nb\n"]), ["a", "b"]);
        for ended in [&b"a\r\n"[..], b"a\r", b"a\r\0", b"a\n"] {
            assert_eq!(lines(&[ended]), ["a"], "{ended:?}");
            assert_eq!(lines(&[ended, b"b\n"]), ["a", "b"], "{ended:?}");
        }
        assert_eq!(lines(&[b"a\r", b"\nb\r", b"\0c\n"]), ["a", "b", "c"]);
        assert_eq!(lines(&[b"\n\n"]), ["", ""]);
    }

    #[test]
    fn a_character_split_over_two_segments_arrives_whole() {
        assert_eq!(lines(&[b"5 \xe2", b"\x82\xac\n"]), ["5 \u{20ac}"]);
        assert_eq!(lines(&[b"5 \xe2\x82\n"]), ["5 \u{fffd}"]);
    }

    #[test]
    fn control_sequences_do_not_arrive() {
        assert_eq!(lines(&[b"\x1b]52;c;aGk=\x07hi\x1b[2J\n"]), ["hi"]);
        assert_eq!(lines(&[b"a\x9b2Jb\tc\x07\n"]).concat().find('\u{9b}'), None);
        assert_eq!(lines(&[b"a\tb\n"]), ["a b"]);
    }

    #[test]
    fn backspaces_edit() {
        assert_eq!(
            lines(&[b"hat\x08\x7fello\x08\x08\x08\x08\x08\x08\x08i\n"]),
            ["i"]
        );
        assert_eq!(
            lines(&["a\u{20ac}\u{20ac}\x08b\n".as_bytes()]),
            ["a\u{20ac}b"]
        );
    }

    #[test]
    fn telnet_is_taken_out_and_declined() {
        let (mut assembler, mut lines) = (Assembler::default(), Vec::new());
        assembler.push(b"he\xff\xfb\x1f\xff\xfa\x18\x00xterm\xff\xf0l", &mut lines);
        assembler.push(b"\xff\xfd\x03\xff", &mut lines);
        assembler.push(b"\xf4\xff\xfe\x01lo\r\n", &mut lines);
        assert_eq!(lines[0].text, "hello");
        assert_eq!(
            assembler.poll_transmit().as_deref(),
            Some(&b"\xff\xfe\x1f\xff\xfc\x03"[..])
        );
        assert_eq!(assembler.poll_transmit(), None);
    }

    #[test]
    fn an_endless_line_is_cut_and_says_so() {
        let (mut assembler, mut lines) = (Assembler::default(), Vec::new());
        for _ in 0..1000 {
            assembler.push("\u{20ac}\u{20ac}\u{20ac}\u{20ac}".as_bytes(), &mut lines);
            assert!(assembler.line.len() <= LINE_BYTES_MAX);
        }
        assembler.push(b"\nnext\n", &mut lines);
        let [long, next] = &lines[..] else {
            panic!("{lines:?}")
        };
        assert_eq!(
            (long.text.chars().count(), long.cut),
            (LINE_CHARS_MAX, true)
        );
        assert!(long.text.chars().all(|c| c == '\u{20ac}'));
        assert_eq!((next.text.as_str(), next.cut), ("next", false));
    }

    #[test]
    fn what_was_typed_before_the_end_counts() {
        let (mut assembler, mut lines) = (Assembler::default(), Vec::new());
        assembler.push(b"bye", &mut lines);
        assert_eq!(assembler.finish().map(|line| line.text), Some("bye".into()));
        assert_eq!(assembler.finish(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_make_bounded_harmless_lines(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
            let (mut assembler, mut lines) = (Assembler::default(), Vec::new());
            assembler.push(&bytes, &mut lines);
            lines.extend(assembler.finish());
            for line in &lines {
                prop_assert!(line.text.chars().count() <= LINE_CHARS_MAX);
                prop_assert!(!line.text.chars().any(char::is_control));
            }
            prop_assert!(assembler.poll_transmit().unwrap_or_default().len() <= bytes.len());
        }

        #[test]
        fn it_does_not_matter_how_bytes_are_cut_into_segments(
            bytes in proptest::collection::vec(prop_oneof![
                any::<u8>(), Just(b'\r'), Just(b'\n'), Just(IAC), Just(WILL), Just(8), Just(0),
            ], 0..400),
            cuts in proptest::collection::vec(1_usize..9, 1..20),
        ) {
            let (mut whole, mut at_once) = (Assembler::default(), Vec::new());
            whole.push(&bytes, &mut at_once);
            let (mut pieces, mut piecemeal) = (Assembler::default(), Vec::new());
            let (mut rest, mut cuts) = (&bytes[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                pieces.push(piece, &mut piecemeal);
                rest = after;
            }
            prop_assert_eq!(at_once, piecemeal);
            prop_assert_eq!(whole.finish(), pieces.finish());
            prop_assert_eq!(whole.poll_transmit(), pieces.poll_transmit());
        }
    }
}
