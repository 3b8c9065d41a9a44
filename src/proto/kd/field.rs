//! Little-endian fields at fixed offsets of a message.
//!
//! Neither direction can fail or panic: a field beyond the end reads as zero and is not written. Decoders check the
//! size of a message's fixed part first, so that this only happens to bytes nobody sent.

/// The two bytes at `offset`.
pub(super) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    chunk(bytes, offset).map_or(0, u16::from_le_bytes)
}

/// The four bytes at `offset`.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    chunk(bytes, offset).map_or(0, u32::from_le_bytes)
}

/// The eight bytes at `offset`.
pub(super) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    chunk(bytes, offset).map_or(0, u64::from_le_bytes)
}

/// The byte at `offset`.
pub(super) fn u8_at(bytes: &[u8], offset: usize) -> u8 {
    bytes.get(offset).copied().unwrap_or(0)
}

/// Everything from `offset` on, at most `count` bytes of it.
pub(super) fn rest(bytes: &[u8], offset: usize, count: u32) -> &[u8] {
    let rest = bytes.get(offset..).unwrap_or_default();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    rest.get(..count).unwrap_or(rest)
}

/// Writes `value` at `offset`.
pub(super) fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    let end = offset.saturating_add(value.len());
    if let Some(slot) = bytes.get_mut(offset..end) {
        slot.copy_from_slice(value);
    }
}

/// Writes a 16-bit value at `offset`.
pub(super) fn put_u16(bytes: &mut [u8], offset: usize, value: u16) {
    put(bytes, offset, &value.to_le_bytes());
}

/// Writes a 32-bit value at `offset`.
pub(super) fn put_u32(bytes: &mut [u8], offset: usize, value: u32) {
    put(bytes, offset, &value.to_le_bytes());
}

/// Writes a 64-bit value at `offset`.
pub(super) fn put_u64(bytes: &mut [u8], offset: usize, value: u64) {
    put(bytes, offset, &value.to_le_bytes());
}

/// The number of bytes, as messages carry it.
pub(super) fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The low half of a value that a narrower field takes.
pub(super) fn low_u32(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The first `count` bytes of `base`, filled up with zeroes: what a fixed part is written over.
pub(super) fn fixed(base: &[u8], count: usize) -> Vec<u8> {
    let mut bytes = base.get(..count).unwrap_or(base).to_vec();
    bytes.resize(count, 0);
    bytes
}

fn chunk<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}
