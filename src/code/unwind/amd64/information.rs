//! Unwind information of a function: what its prologue did.

use super::super::{Stop, broken};
use crate::code::memory::Memory;
use crate::code::pe::{Function, Image};

/// Unwind information.
#[derive(Debug)]
pub(super) struct Information {
    /// How long the prologue is.
    pub(super) prologue_bytes: u32,
    /// The frame register, and how far above the end of the fixed part of the stack it points.
    pub(super) frame: Option<(u8, u64)>,
    /// What the prologue did, last first, each with the offset in the prologue from which on it is done.
    pub(super) codes: Vec<(u32, Code)>,
    /// The function this one is a part of.
    pub(super) parent: Option<Function>,
}

/// A thing a prologue did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// Pushed a register.
    Push(u8),
    /// Made room of so many bytes.
    Allocate(u32),
    /// Set the frame register.
    SetFrame,
    /// Saved a register, so many bytes above the end of the fixed part of the stack.
    Save(u8, u32),
    /// Saved a vector register.
    Vector,
    /// The processor pushed where it was interrupted.
    MachineFrame {
        /// And an error code below that.
        error_code: bool,
    },
}

impl Information {
    /// Reads the unwind information at an offset.
    pub(super) fn read(memory: &dyn Memory, image: &Image, offset: u32) -> Result<Self, Stop> {
        let [kind, prologue_bytes, count, frame] = bytes(memory, image, offset)?;
        let (version, flags) = (kind & 7, kind >> 3);
        if !matches!(version, 1 | 2) {
            return Err(broken("unwind information of an unknown version"));
        }
        let mut slots = vec![0; usize::from(count) * SLOT_BYTES];
        inside(image, offset, HEADER_BYTES + u32::from(count) * 2)?;
        memory.read(address(image, offset + HEADER_BYTES), &mut slots)?;
        let parent = if flags & CHAINED == 0 {
            None
        } else {
            let after = offset + HEADER_BYTES + u32::from(count).next_multiple_of(2) * 2;
            Some(Function::of(bytes(memory, image, after)?))
        };
        let frame = (frame & 0xf != 0).then_some((frame & 0xf, u64::from(frame >> 4) * 16));
        let codes = codes(&slots, version).ok_or(broken("damaged unwind codes"))?;
        if frame.is_none() && codes.iter().any(|(_, code)| *code == Code::SetFrame) {
            return Err(broken(
                "unwind codes that set a frame register there is none of",
            ));
        }
        Ok(Self {
            prologue_bytes: prologue_bytes.into(),
            frame,
            codes,
            parent,
        })
    }
}

/// The entry of the function table that an entry stands for: some name another one in place of unwind information.
pub(super) fn direct(
    memory: &dyn Memory,
    image: &Image,
    function: Function,
) -> Result<Function, Stop> {
    if function.unwind & INDIRECT == 0 {
        return Ok(function);
    }
    let other = Function::of(bytes(memory, image, function.unwind & !INDIRECT)?);
    if other.unwind & INDIRECT != 0 {
        return Err(broken("a function table entry that leads nowhere"));
    }
    Ok(other)
}

/// Where the function begins that a function is a part of.
pub(super) fn primary(memory: &dyn Memory, image: &Image, function: Function) -> Result<u32, Stop> {
    let mut function = direct(memory, image, function)?;
    for _ in 0..CHAIN_MAX {
        let Some(parent) = Information::read(memory, image, function.unwind)?.parent else {
            return Ok(function.start);
        };
        function = direct(memory, image, parent)?;
    }
    Err(CHAINED_TOO_LONG)
}

/// The codes in an array of slots; `None` if there is one that nobody knows, or the array ends in the middle of one.
fn codes(slots: &[u8], version: u8) -> Option<Vec<(u32, Code)>> {
    let (slots, _) = slots.as_chunks::<SLOT_BYTES>();
    let mut slots = slots.iter().copied();
    let mut codes = Vec::new();
    let mut epilogues = false;
    while let Some([at, operation]) = slots.next() {
        let (operation, detail) = (operation & 0xf, operation >> 4);
        let mut narrow = || Some(u32::from(u16::from_le_bytes(slots.next()?)));
        let code = match (operation, detail) {
            (6, _) if version == 2 => {
                epilogues = true;
                continue;
            }
            // An odd number of epilogue codes is filled up with an empty slot.
            (0, 0) if epilogues && at == 0 => continue,
            (0, register) => Code::Push(register),
            (1, 0) => Code::Allocate(narrow()? * 8),
            (1, 1) => Code::Allocate(narrow()? | narrow()? << 16),
            (2, eights) => Code::Allocate(u32::from(eights) * 8 + 8),
            (3, _) => Code::SetFrame,
            (4, register) => Code::Save(register, narrow()? * 8),
            (5, register) => Code::Save(register, narrow()? | narrow()? << 16),
            (8, _) => {
                narrow()?;
                Code::Vector
            }
            (9, _) => {
                narrow()?;
                narrow()?;
                Code::Vector
            }
            (10, 0 | 1) => Code::MachineFrame {
                error_code: detail == 1,
            },
            _ => return None,
        };
        codes.push((at.into(), code));
    }
    Some(codes)
}

/// Bytes of an image.
fn bytes<const N: usize>(memory: &dyn Memory, image: &Image, offset: u32) -> Result<[u8; N], Stop> {
    inside(image, offset, N as u32)?;
    let mut bytes = [0; N];
    memory.read(address(image, offset), &mut bytes)?;
    Ok(bytes)
}

fn inside(image: &Image, offset: u32, bytes: u32) -> Result<(), Stop> {
    let inside = offset
        .checked_add(bytes)
        .is_some_and(|end| end <= image.bytes);
    if inside {
        Ok(())
    } else {
        Err(broken("unwind information outside of its image"))
    }
}

fn address(image: &Image, offset: u32) -> u64 {
    image.base.wrapping_add(offset.into())
}

/// The most parts a function is believed to consist of one after another: what Windows follows.
pub(super) const CHAIN_MAX: usize = 32;

pub(super) const CHAINED_TOO_LONG: Stop = broken("a chain of unwind information that is too long");

/// The flag of information that continues that of another function.
const CHAINED: u8 = 4;

/// The bit of an entry that names another entry.
const INDIRECT: u32 = 1;

const HEADER_BYTES: u32 = 4;
const SLOT_BYTES: usize = 2;
