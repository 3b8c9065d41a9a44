//! Whole ranges of memory: `f`, `s`, `c`, `m`.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::arguments;
use super::memory::{unreadable, unwritable};
use crate::code::dump::{self, Format};
use crate::code::expression::Range;
use crate::code::memory::Memory as _;
use crate::code::search;
use crate::code::values::Kind;
use crate::proto::kd::{Answer, Call};

/// How much is copied or filled at once, bytes: between two pieces it can be interrupted.
const PIECE_BYTES: u64 = 64 << 10;
/// How much the target fills in one request, bytes: it does nothing else meanwhile.
const FILL_BYTES: u64 = 1 << 20;
/// The flag of a fill that means virtual memory.
const FILL_VIRTUAL: u16 = 1;
/// Lines that a search or a comparison shows: more is a pattern that says too little.
const LINES_MAX: usize = 10_000;
/// How long a text is that `s -sa` finds, characters, unless `l` says otherwise.
const TEXT_LENGTH: usize = 3;

/// `f`: a pattern over and over.
pub async fn fill(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (range, rest) = arguments::whole_range(debugger, rest, 1).await?;
    let pattern = arguments::bytes(debugger, Kind::Bytes, rest).await?;
    let mut progress = debugger.progress("filling memory", range.bytes());
    let mut done = fill_there(debugger, range, &pattern, &mut progress).await?;
    while done < range.bytes() {
        let count = (range.bytes() - done).min(PIECE_BYTES);
        // A piece may begin in the middle of the pattern.
        let phase = usize::try_from(done % pattern.len() as u64).unwrap_or_default();
        let piece: Vec<u8> = pattern
            .iter()
            .cycle()
            .skip(phase)
            .take(usize::try_from(count).unwrap_or_default())
            .copied()
            .collect();
        let at = range.start.wrapping_add(done);
        let written = debugger.write_virtual(at, &piece).await;
        written.map_err(|fault| unwritable(debugger, fault))?;
        done += count;
        progress.advance(done);
    }
    Ok(format!("Filled {done:#x} bytes"))
}

/// Lets the target fill a range by itself, which is quicker if it is long; how far it came. Old targets cannot.
async fn fill_there(
    debugger: &mut Debugger<'_>,
    range: Range,
    pattern: &[u8],
    progress: &mut super::super::progress::Progress,
) -> Result<u64, Fault> {
    let most = u64::from(debugger.link.data_bytes());
    let pattern_bytes = pattern.len() as u64;
    if range.bytes() <= most || pattern_bytes > most {
        return Ok(0);
    }
    let whole = FILL_BYTES - FILL_BYTES % pattern_bytes;
    let mut done = 0;
    while done < range.bytes() {
        let address = range.start.wrapping_add(done);
        let count = (range.bytes() - done).min(whole);
        let fill = Call::FillMemory {
            address,
            length: u32::try_from(count).unwrap_or_default(),
            flags: FILL_VIRTUAL,
            pattern: pattern.to_vec(),
        };
        // The target would put back what was under a breakpoint.
        let end = address.saturating_add(count);
        debugger.take_out_between(address, end).await?;
        let filled = match debugger.call(debugger.known.processor, fill).await {
            Ok(reply) => match reply.answer {
                Answer::Filled { done } => u64::from(done).min(count),
                _ => 0,
            },
            Err(Fault::Refused(_)) => 0,
            Err(fault) => return Err(fault),
        };
        let known = &mut *debugger.known;
        known.memory.forget(address..address.saturating_add(count));
        known.physical.clear();
        done += filled;
        if filled < count {
            break;
        }
        progress.advance(done);
    }
    Ok(done)
}

/// `m`: copies a range.
pub async fn copy(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (range, rest) = arguments::whole_range(debugger, rest, 1).await?;
    let (to, rest) = arguments::address(debugger, rest).await?;
    arguments::end(rest)?;
    let bytes = range.bytes();
    // Copied from its end if its beginning would be overwritten first.
    let is_backwards = to > range.start && to - range.start < bytes;
    let mut progress = debugger.progress("copying memory", bytes);
    let mut done = 0;
    while done < bytes {
        let count = (bytes - done).min(PIECE_BYTES);
        let offset = if is_backwards {
            bytes - done - count
        } else {
            done
        };
        let from = range.start.wrapping_add(offset);
        let read = debugger
            .look(|view| {
                let mut piece = vec![0; usize::try_from(count).unwrap_or_default()];
                view.known.memory.read(from, &mut piece).map(|()| piece)
            })
            .await;
        let piece = read.map_err(|fault| unreadable(debugger, fault))?;
        let written = debugger
            .write_virtual(to.wrapping_add(offset), &piece)
            .await;
        written.map_err(|fault| unwritable(debugger, fault))?;
        done += count;
        progress.advance(done);
    }
    Ok(String::new())
}

/// `c`: the bytes that differ.
pub async fn compare(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (range, rest) = arguments::whole_range(debugger, rest, 1).await?;
    let (to, rest) = arguments::address(debugger, rest).await?;
    arguments::end(rest)?;
    let machine = debugger.known.machine();
    let bytes = range.bytes();
    let mut progress = debugger.progress("comparing memory", bytes);
    let mut lines = Vec::new();
    let mut next = Some(0);
    while let Some(offset) = next {
        let sides = (range.start, to);
        let (more, then) = debugger
            .look(|view| search::differences(&view.known.memory, machine, sides, offset, bytes))
            .await?;
        lines.extend(more);
        next = then;
        if cut(&mut lines) {
            break;
        }
        progress.advance(offset);
        debugger.check_interrupt()?;
    }
    Ok(lines.join("\n"))
}

/// `s`: where a pattern lies, or texts.
pub async fn search(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (how, rest) = How::parse(rest)?;
    let machine = debugger.known.machine();
    let item = how.item_bytes();
    let (range, rest) = arguments::whole_range(debugger, rest, item).await?;
    let pattern = match how.text {
        Some(_) => {
            arguments::end(rest)?;
            Vec::new()
        }
        None => arguments::bytes(debugger, how.kind, rest).await?,
    };
    // Words are looked for where words lie, texts anywhere.
    let step = if how.kind == Kind::Wide { 1 } else { item };
    let end = range.start.saturating_add(range.bytes());
    let mut progress = debugger.progress("searching memory", range.bytes());
    let mut lines = Vec::new();
    let mut next = Some(range.start);
    while let Some(at) = next {
        let found = debugger
            .look(|view| {
                let memory = &view.known.memory;
                match how.text {
                    Some(length) => search::texts(memory, at, end, length, how.kind == Kind::Wide),
                    None => search::pattern(memory, at, end, &pattern, step),
                }
            })
            .await?;
        for hit in found.found {
            lines.push(if how.addresses_only {
                machine.address(hit).to_string()
            } else {
                debugger
                    .look(|view| dump::hit(how.format(), machine, &view.known.memory, hit))
                    .await?
            });
        }
        next = found.next;
        if cut(&mut lines) {
            break;
        }
        progress.advance(at.wrapping_sub(range.start));
        debugger.check_interrupt()?;
    }
    Ok(lines.join("\n"))
}

/// Whether there are more lines than anybody reads; says so in the last.
fn cut(lines: &mut Vec<String>) -> bool {
    let is_cut = lines.len() > LINES_MAX;
    if is_cut {
        lines.truncate(LINES_MAX);
        lines.push(format!("more than {LINES_MAX} lines; the rest is left out"));
    }
    is_cut
}

/// How a search is made: what is in front of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct How {
    kind: Kind,
    /// Any text of at least this length is looked for, and no pattern.
    text: Option<usize>,
    addresses_only: bool,
}

impl How {
    /// Takes `-d`, `-sa`, `-[l 8]su`, `-[1]b` off the front; bytes without any.
    fn parse(text: &str) -> Result<(Self, &str), Fault> {
        let mut how = Self {
            kind: Kind::Bytes,
            text: None,
            addresses_only: false,
        };
        let Some(option) = text.strip_prefix('-') else {
            return Ok((how, text));
        };
        let mut length = TEXT_LENGTH;
        let mut option = option.trim_start();
        if let Some(flags) = option.strip_prefix('[') {
            let (flags, behind) = flags
                .split_once(']')
                .ok_or_else(|| arguments::syntax(text))?;
            option = behind.trim_start();
            let mut flags = flags.trim();
            while let Some(flag) = flags.chars().next() {
                flags = flags.get(flag.len_utf8()..).unwrap_or_default();
                match flag {
                    '1' => how.addresses_only = true,
                    'l' => {
                        flags = flags.trim_start();
                        let end = flags.find(|c: char| !c.is_ascii_digit());
                        let (digits, behind) = flags.split_at(end.unwrap_or(flags.len()));
                        length = digits.parse().map_err(|_| arguments::syntax(text))?;
                        flags = behind;
                    }
                    ' ' => {}
                    _ => return Err(arguments::syntax(text)),
                }
            }
        }
        let (letters, rest) = option.split_once(' ').unwrap_or((option, ""));
        match letters {
            "sa" => (how.kind, how.text) = (Kind::Ascii, Some(length)),
            "su" => (how.kind, how.text) = (Kind::Wide, Some(length)),
            "b" | "w" | "d" | "q" | "a" | "u" => {
                how.kind = Kind::of(letters).ok_or_else(|| arguments::syntax(text))?;
            }
            _ => return Err(arguments::syntax(text)),
        }
        Ok((how, rest.trim_start()))
    }

    /// Bytes of what is counted in the range.
    fn item_bytes(self) -> u64 {
        match self.kind {
            Kind::Words | Kind::Wide => 2,
            Kind::Dwords => 4,
            Kind::Qwords => 8,
            _ => 1,
        }
    }

    /// In which format what was found is shown.
    fn format(self) -> Format {
        match (self.kind, self.text) {
            (Kind::Words | Kind::Wide, None) => Format::Words,
            (Kind::Dwords, _) => Format::Dwords,
            (Kind::Qwords, _) => Format::Qwords,
            (Kind::Ascii, Some(_)) => Format::Ascii,
            (Kind::Wide, Some(_)) => Format::Wide,
            _ => Format::Bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_says_first_what_it_looks_for() {
        let parsed = |text| {
            let (how, rest) = How::parse(text).unwrap();
            (how.kind, how.text, how.addresses_only, rest)
        };
        assert_eq!(
            parsed("0 L10 41 42"),
            (Kind::Bytes, None, false, "0 L10 41 42")
        );
        assert_eq!(
            parsed("-d nt L100 5"),
            (Kind::Dwords, None, false, "nt L100 5")
        );
        assert_eq!(parsed("-[1]q 0 L1 5"), (Kind::Qwords, None, true, "0 L1 5"));
        assert_eq!(
            parsed("-sa nt L10"),
            (Kind::Ascii, Some(3), false, "nt L10")
        );
        assert_eq!(
            parsed("-[l 12]su nt L10"),
            (Kind::Wide, Some(12), false, "nt L10")
        );
        for wrong in ["-x 0 L1", "-[l]sa 0 L1", "-[z]b 0 L1", "-[1 0", "-"] {
            assert!(How::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn too_many_lines_are_cut_with_a_word() {
        let mut lines = vec![String::new(); LINES_MAX];
        assert!(!cut(&mut lines));
        lines.push(String::new());
        assert!(cut(&mut lines));
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert!(lines.last().unwrap().contains("left out"));
    }
}
