//! Showing and writing memory: `d*`, `e*`, and the same of physical memory.

use super::super::debugger::Debugger;
use super::super::fault::Fault;
use super::{arguments, unknown};
use crate::code::dump::{self, Format};
use crate::code::expression::Range;
use crate::code::memory;
use crate::code::names::Names;
use crate::code::values::Kind;

/// The most memory one command shows, bytes: more belongs into a file.
const SHOWN_BYTES_MAX: u64 = 1 << 20;
/// Items shown between two looks at the clock: whole lines of every format.
const PIECE_ITEMS: u64 = 12_288;
/// Entries of a list that `dl` shows without a count, and at most.
const LIST_COUNT: u64 = 0x20;
const LIST_COUNT_MAX: u64 = 4096;
/// Pointers of each entry that `dl` shows without a size, and at most.
const LIST_WORDS: u64 = 4;
const LIST_WORDS_MAX: u64 = 16;

/// Which memory a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Virtual,
    Physical,
}

/// `db` and its relatives.
pub async fn show(debugger: &mut Debugger<'_>, name: &str, rest: &str) -> Result<String, Fault> {
    match name {
        "dl" => list(debugger, rest).await,
        "dt" => Err("dt needs the types of a symbol file, which is not read here; dps, dq and poi() show the memory".into()),
        _ => {
            // `d` alone is the plainest of them.
            let format = if name == "d" { Some(Format::Bytes) } else { Format::of(name) };
            let format = format.ok_or_else(|| unknown(name))?;
            match rest.strip_prefix("/p") {
                Some(rest) => show_in(debugger, Space::Physical, format, rest.trim_start()).await,
                None => show_in(debugger, Space::Virtual, format, rest).await,
            }
        }
    }
}

/// `!db` and its relatives.
pub async fn show_physical(
    debugger: &mut Debugger<'_>,
    name: &str,
    rest: &str,
) -> Result<String, Fault> {
    let format = Format::of(name.trim_start_matches('!')).ok_or_else(|| unknown(name))?;
    show_in(debugger, Space::Physical, format, rest).await
}

async fn show_in(
    debugger: &mut Debugger<'_>,
    space: Space,
    format: Format,
    rest: &str,
) -> Result<String, Fault> {
    let machine = debugger.known.machine();
    let (item, default) = (format.item_bytes(machine), format.default_count(machine));
    let start = match space {
        Space::Virtual => debugger.known.next_display,
        Space::Physical => debugger.known.next_physical,
    };
    let range = if rest.is_empty() {
        Range {
            start,
            count: default,
            item_bytes: item,
            given: false,
        }
    } else {
        let rest = arguments::beginning_at(start, rest);
        let (range, rest) = arguments::range(debugger, &rest, item, default).await?;
        arguments::end(rest)?;
        range
    };
    if range.bytes() > SHOWN_BYTES_MAX {
        return Err(Fault::Words(format!(
            "{:#x} bytes are too many to be shown, {SHOWN_BYTES_MAX:#x} the most; .writemem puts them into a file",
            range.bytes()
        )));
    }
    if let Format::PointerSymbols | Format::DwordSymbols | Format::QwordSymbols = format {
        debugger.read_modules().await?;
    }
    let mut progress = debugger.progress("showing memory", range.bytes());
    let mut lines = Vec::new();
    let (mut at, mut left) = (range.start, range.count);
    while left > 0 {
        let count = left.min(PIECE_ITEMS);
        let (piece, next) = match space {
            Space::Virtual => {
                debugger
                    .look(|view| {
                        let memory = &view.known.memory;
                        dump::lines(format, machine, memory, view.names, at, count, range.given)
                    })
                    .await?
            }
            Space::Physical => {
                debugger
                    .look_at_physical(|known| {
                        let names = Names::new(&known.modules);
                        let memory = &known.physical;
                        dump::lines(format, machine, memory, &names, at, count, range.given)
                    })
                    .await?
            }
        };
        lines.extend(piece);
        left -= count;
        at = next;
        match space {
            Space::Virtual => debugger.known.next_display = next,
            Space::Physical => debugger.known.next_physical = next,
        }
        progress.advance(next.wrapping_sub(range.start));
    }
    if space == Space::Physical {
        // As KD marks them.
        for line in &mut lines {
            line.insert(0, '#');
        }
    }
    Ok(lines.join("\n"))
}

/// `dl`: a list of structures, from one to the next.
async fn list(debugger: &mut Debugger<'_>, rest: &str) -> Result<String, Fault> {
    let (address, mut rest) = arguments::address(debugger, rest).await?;
    let mut numbers = [LIST_COUNT, LIST_WORDS];
    for number in &mut numbers {
        if !rest.is_empty() {
            (*number, rest) = arguments::value(debugger, rest).await?;
        }
    }
    arguments::end(rest)?;
    let [count, words] = numbers;
    let count = usize::try_from(count.min(LIST_COUNT_MAX)).unwrap_or_default();
    let words = usize::try_from(words.clamp(1, LIST_WORDS_MAX)).unwrap_or(1);
    let machine = debugger.known.machine();
    let lines = debugger
        .look(|view| dump::listed(machine, &view.known.memory, address, count, words))
        .await?;
    Ok(lines.join("\n"))
}

/// `eb` and its relatives.
pub async fn write(debugger: &mut Debugger<'_>, name: &str, rest: &str) -> Result<String, Fault> {
    match rest.strip_prefix("/p") {
        Some(rest) => write_in(debugger, Space::Physical, name, rest.trim_start()).await,
        None => write_in(debugger, Space::Virtual, name, rest).await,
    }
}

/// `!eb` and its relatives.
pub async fn write_physical(
    debugger: &mut Debugger<'_>,
    name: &str,
    rest: &str,
) -> Result<String, Fault> {
    write_in(debugger, Space::Physical, name, rest).await
}

async fn write_in(
    debugger: &mut Debugger<'_>,
    space: Space,
    name: &str,
    rest: &str,
) -> Result<String, Fault> {
    let letters = name.trim_start_matches('!').strip_prefix('e');
    let kind = match letters {
        Some("") => Some(Kind::Bytes),
        letters => letters.and_then(Kind::of),
    };
    let kind = kind.ok_or_else(|| unknown(name))?;
    let (address, values) = arguments::address(debugger, rest).await?;
    if values.is_empty() {
        return Err(Fault::Words(format!(
            "{name} wants values behind the address: {name} ADDRESS VALUE...; they are not asked for one by one"
        )));
    }
    let bytes = arguments::bytes(debugger, kind, values).await?;
    let written = match space {
        Space::Virtual => debugger.write_virtual(address, &bytes).await,
        Space::Physical => debugger.write_physical(address, &bytes).await,
    };
    written.map_err(|fault| unwritable(debugger, fault))?;
    Ok(String::new())
}

/// A failure to write, in KD's words.
pub fn unwritable(debugger: &Debugger<'_>, fault: Fault) -> Fault {
    match fault {
        Fault::Memory(memory::Fault::Unreadable { address }) => {
            let address = debugger.known.machine().address(address);
            Fault::Words(format!(
                "Memory access error at '{address}': it cannot be written"
            ))
        }
        fault => fault,
    }
}

/// A failure to read what a command cannot do without, in KD's words.
pub fn unreadable(debugger: &Debugger<'_>, fault: Fault) -> Fault {
    match fault {
        Fault::Memory(memory::Fault::Unreadable { address }) => {
            let address = debugger.known.machine().address(address);
            Fault::Words(format!(
                "Memory access error at '{address}': it cannot be read"
            ))
        }
        fault => fault,
    }
}
