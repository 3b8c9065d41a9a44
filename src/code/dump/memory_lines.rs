//! The `d*` commands.
//!
//! Layout: KD's public documentation.

use super::formats::{character, general};
use super::{Fault, Machine, Memory, Names};

#[cfg(test)]
mod tests;

/// What a `d*` command shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `da`: characters up to a NUL, or as many as the count says.
    Ascii,
    /// `du`: the same, 16 bits each.
    Wide,
    /// `db`: bytes and characters.
    Bytes,
    /// `dw`: 16-bit words.
    Words,
    /// `dW`: 16-bit words and characters.
    WordsText,
    /// `dd`: 32-bit words.
    Dwords,
    /// `dc`: 32-bit words and characters.
    DwordsText,
    /// `dq`: 64-bit words.
    Qwords,
    /// `dp`: pointers.
    Pointers,
    /// `df`: 32-bit floating point.
    Floats,
    /// `dD`: 64-bit floating point.
    Doubles,
    /// `dyb`: bits of bytes.
    BitsOfBytes,
    /// `dyd`: bits of 32-bit words.
    BitsOfDwords,
    /// `dds`: 32-bit words with names.
    DwordSymbols,
    /// `dps`: pointers with names.
    PointerSymbols,
    /// `dqs`: 64-bit words with names.
    QwordSymbols,
}

impl Format {
    /// The format of a command (`db`, `dW`, `dps`): case matters as in KD.
    pub fn of(command: &str) -> Option<Self> {
        let kind = command.strip_prefix(['d', 'D'])?;
        match kind {
            "D" => return Some(Self::Doubles),
            "W" => return Some(Self::WordsText),
            _ => {}
        }
        Some(match kind.to_ascii_lowercase().as_str() {
            "a" => Self::Ascii,
            "u" => Self::Wide,
            "b" => Self::Bytes,
            "w" => Self::Words,
            "d" => Self::Dwords,
            "c" => Self::DwordsText,
            "q" => Self::Qwords,
            "p" => Self::Pointers,
            "f" => Self::Floats,
            "yb" => Self::BitsOfBytes,
            "yd" => Self::BitsOfDwords,
            "ds" => Self::DwordSymbols,
            "ps" => Self::PointerSymbols,
            "qs" => Self::QwordSymbols,
            _ => return None,
        })
    }

    /// Bytes of one item.
    pub fn item_bytes(self, machine: Machine) -> u64 {
        self.width(machine) as u64
    }

    /// How many items without a count.
    pub fn default_count(self, machine: Machine) -> u64 {
        match self {
            Self::Ascii | Self::Wide => TEXT_COUNT,
            Self::Floats => 16,
            Self::Doubles => 15,
            Self::BitsOfBytes | Self::BitsOfDwords => 32 / self.item_bytes(machine),
            _ => 128 / self.item_bytes(machine),
        }
    }

    const fn width(self, machine: Machine) -> usize {
        match self {
            Self::Ascii | Self::Bytes | Self::BitsOfBytes => 1,
            Self::Wide | Self::Words | Self::WordsText => 2,
            Self::Dwords
            | Self::DwordsText
            | Self::Floats
            | Self::BitsOfDwords
            | Self::DwordSymbols => 4,
            Self::Qwords | Self::Doubles | Self::QwordSymbols => 8,
            Self::Pointers | Self::PointerSymbols => machine.pointer_bytes(),
        }
    }

    /// How many items stand in one line.
    const fn per_line(self, machine: Machine) -> usize {
        match self {
            Self::Ascii | Self::Wide => 48,
            Self::DwordSymbols | Self::PointerSymbols | Self::QwordSymbols | Self::BitsOfDwords => {
                1
            }
            Self::Doubles => 3,
            Self::Floats | Self::BitsOfBytes => 4,
            _ => 16 / self.width(machine),
        }
    }

    /// Whether the characters stand behind the items.
    const fn has_text(self) -> bool {
        matches!(self, Self::Bytes | Self::WordsText | Self::DwordsText)
    }

    /// One item: its bytes as far as they can be read.
    fn item(self, machine: Machine, bytes: &[Option<u8>]) -> String {
        let digits = bytes.len() * 2;
        let Some(value) = number(bytes) else {
            return match self {
                Self::Floats => format!("{:>FLOAT_COLUMNS$}", "?".repeat(digits)),
                Self::Doubles => format!("{:>DOUBLE_COLUMNS$}", "?".repeat(digits)),
                Self::BitsOfBytes | Self::BitsOfDwords => vec!["????????"; bytes.len()].join(" "),
                _ if bytes.len() == 8 => "????????`????????".to_owned(),
                _ => "?".repeat(digits),
            };
        };
        let [low0, low1, low2, low3, ..] = value.to_le_bytes();
        match self {
            Self::Floats => {
                let float = f32::from_le_bytes([low0, low1, low2, low3]);
                format!("{:>FLOAT_COLUMNS$}", general(float.into(), 8))
            }
            Self::Doubles => format!("{:>DOUBLE_COLUMNS$}", general(f64::from_bits(value), 16)),
            Self::BitsOfBytes => format!("{value:08b}"),
            Self::BitsOfDwords => format!("{low3:08b} {low2:08b} {low1:08b} {low0:08b}"),
            // Qwords have their backtick even where addresses have none.
            _ if bytes.len() == 8 => Machine::Amd64.address(value).to_string(),
            _ if bytes.len() == machine.pointer_bytes() => machine.address(value).to_string(),
            _ => format!("{value:0digits$x}"),
        }
    }

    /// The lines above the first: which bit is which.
    fn heading(self, machine: Machine) -> Vec<String> {
        let rows: &[&str] = match self {
            Self::BitsOfBytes => &[
                "76543210 76543210 76543210 76543210",
                "-------- -------- -------- --------",
            ],
            Self::BitsOfDwords => &[
                " 3          2          1          0",
                "10987654 32109876 54321098 76543210",
                "-------- -------- -------- --------",
            ],
            _ => &[],
        };
        let columns = machine.address(0).to_string().len() + 2;
        rows.iter()
            .map(|row| format!("{:columns$}{row}", ""))
            .collect()
    }

    /// One line without its address.
    fn row(self, machine: Machine, names: Option<&Names<'_>>, bytes: &[Option<u8>]) -> String {
        let width = self.width(machine);
        let items: Vec<String> = bytes
            .chunks(width)
            .map(|item| self.item(machine, item))
            .collect();
        let mut row = if self == Self::Bytes && items.len() > 8 {
            let (left, right) = items.split_at(8);
            format!("{}-{}", left.join(" "), right.join(" "))
        } else {
            items.join(" ")
        };
        let per_line = self.per_line(machine);
        match self {
            _ if self.has_text() => {
                let columns = per_line * (width * 2 + 1) - 1;
                let show = |byte: &Option<u8>| byte.map_or('?', character);
                let text: String = bytes.iter().map(show).collect();
                row = format!("{row:columns$}  {text}");
            }
            Self::BitsOfBytes => {
                let hex =
                    |byte: &Option<u8>| byte.map_or("??".to_owned(), |byte| format!("{byte:02x}"));
                let hex: Vec<String> = bytes.iter().map(hex).collect();
                let columns = per_line * 9 - 1;
                row = format!("{row:columns$}  {}", hex.join(" "));
            }
            Self::BitsOfDwords => {
                row = format!("{row}  {}", Self::Dwords.item(machine, bytes));
            }
            Self::DwordSymbols | Self::PointerSymbols | Self::QwordSymbols => {
                let near = number(bytes).and_then(|value| names?.near(machine.canonical(value)));
                if let Some(near) = near {
                    row = format!("{row} {near}");
                }
            }
            _ => {}
        }
        row
    }
}

/// `count` items from `address` on as lines, and the address after what was shown. `given` tells whether somebody typed
/// the count: texts then go on after a NUL. Not more than `LINES_MAX` lines, then it says so.
///
/// # Errors
/// [`Fault::Missing`] only: unreadable memory shows as `?`.
pub fn lines(
    format: Format,
    machine: Machine,
    memory: &dyn Memory,
    names: &Names<'_>,
    address: u64,
    count: u64,
    given: bool,
) -> Result<(Vec<String>, u64), Fault> {
    let mut at = machine.canonical(address);
    let mut left = count;
    let mut shown = format.heading(machine);
    let per_line = format.per_line(machine);
    for _ in 0..LINES_MAX {
        if left == 0 {
            return Ok((shown, at));
        }
        let items = usize::try_from(left).map_or(per_line, |left| left.min(per_line));
        let bytes = memory.read_readable(at, items * format.width(machine))?;
        let shown_bytes = if matches!(format, Format::Ascii | Format::Wide) {
            let text = Text::of(&bytes, format.width(machine), given);
            // A text that ends where the line before it ended has no line of its own.
            if !(text.ended && text.shown.is_empty() && left < count) {
                shown.push(format!("{}  \"{}\"", machine.address(at), text.shown));
            }
            if text.ended {
                left = items as u64;
            }
            text.bytes
        } else {
            shown.push(format!(
                "{}  {}",
                machine.address(at),
                format.row(machine, Some(names), &bytes)
            ));
            bytes.len()
        };
        at = machine.canonical(at.wrapping_add(shown_bytes as u64));
        left -= items as u64;
    }
    if left > 0 {
        shown.push(format!(
            "({LINES_MAX} lines are the most one command shows)"
        ));
    }
    Ok((shown, at))
}

/// The one line `s` prints for a hit, in the format of its type.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn hit(
    format: Format,
    machine: Machine,
    memory: &dyn Memory,
    address: u64,
) -> Result<String, Fault> {
    let address = machine.canonical(address);
    let width = format.width(machine);
    let bytes = memory.read_readable(address, format.per_line(machine) * width)?;
    let row = if matches!(format, Format::Ascii | Format::Wide) {
        format!("\"{}\"", Text::of(&bytes, width, false).shown)
    } else {
        format.row(machine, None, &bytes)
    };
    Ok(format!("{}  {row}", machine.address(address)))
}

/// The lines `dl` prints: the list at `address`, `count` entries of `words` pointers each, ending where it closes.
///
/// # Errors
/// [`Fault::Missing`] only.
pub fn listed(
    machine: Machine,
    memory: &dyn Memory,
    address: u64,
    count: usize,
    words: usize,
) -> Result<Vec<String>, Fault> {
    let start = machine.canonical(address);
    let words = words.clamp(1, LIST_WORDS_MAX);
    let width = machine.pointer_bytes();
    let line_bytes = Format::Pointers.per_line(machine) * width;
    let mut shown = Vec::new();
    let mut at = start;
    for _ in 0..count.min(LINES_MAX) {
        let bytes = memory.read_readable(at, words * width)?;
        for (line, from) in bytes.chunks(line_bytes).zip((0_u64..).step_by(line_bytes)) {
            let row = Format::Pointers.row(machine, None, line);
            shown.push(format!("{}  {row}", machine.address(at.wrapping_add(from))));
        }
        let next = bytes
            .get(..width)
            .and_then(number)
            .map(|next| machine.canonical(next));
        match next {
            Some(next) if next != 0 && next != start && next != at => at = next,
            _ => break,
        }
    }
    Ok(shown)
}

/// One line of a text.
struct Text {
    shown: String,
    /// How many bytes of memory it took, with its NUL.
    bytes: usize,
    /// Whether it ended in this line.
    ended: bool,
}

impl Text {
    /// The characters of `width` bytes each. Unless it goes `on`, a NUL ends it, or the first that cannot be read.
    fn of(bytes: &[Option<u8>], width: usize, on: bool) -> Self {
        let mut text = Self {
            shown: String::new(),
            bytes: 0,
            ended: false,
        };
        for unit in bytes.chunks(width) {
            let value = number(unit);
            text.bytes += unit.len();
            text.ended = !on && matches!(value, None | Some(0));
            match value {
                Some(0) if text.ended => {}
                Some(value) => text.shown.push(letter(value)),
                None => text.shown.push('?'),
            }
            if text.ended {
                break;
            }
        }
        text
    }
}

/// A character of a text: letters of all scripts, but nothing that could disturb a line.
fn letter(value: u64) -> char {
    if let Ok(byte) = u8::try_from(value) {
        return character(byte);
    }
    let letter = u32::try_from(value).ok().and_then(char::from_u32);
    letter
        .filter(|letter| letter.is_alphanumeric())
        .unwrap_or('.')
}

/// A little-endian number; `None` if one of its bytes cannot be read.
fn number(bytes: &[Option<u8>]) -> Option<u64> {
    let mut number = [0; 8];
    for (to, from) in number.iter_mut().zip(bytes) {
        *to = (*from)?;
    }
    Some(u64::from_le_bytes(number))
}

/// The most lines one command shows: more than anybody reads, and what a screen still keeps.
pub const LINES_MAX: usize = 16_384;

/// The most pointers of one entry of a list.
const LIST_WORDS_MAX: usize = 256;

/// How many characters a text without a NUL shows.
const TEXT_COUNT: u64 = 384;

const FLOAT_COLUMNS: usize = 16;

const DOUBLE_COLUMNS: usize = 24;
