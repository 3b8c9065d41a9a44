//! Frames of a shared serial line: sixteen bytes of header, up to 240 of payload, check sums over both.
//!
//! ```text
//!  0  mark B5 4C        8  number u16     14  check u16: of the bytes before
//!  2  channel u8       10  ack u16        16  payload
//!  3  kind u8          12  credit u8       +  check u32: of the payload; not there if it is empty
//!  4  connection u32   13  length u8
//! ```
//!
//! Numbers are big-endian; a check is CRC-32 (IEEE 802.3), the first its low half.

use super::Id;

/// What travels at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whom it is for.
    pub id: Id,
    /// What it says.
    pub kind: Kind,
    /// Place among the frames that are acknowledged; for [`Kind::Open`] the version, for [`Kind::Ack`] 1 if one is missing.
    pub number: u16,
    /// The number expected next from the receiver of this frame.
    pub ack: u16,
    /// Frames that may be sent from `ack` on.
    pub credit: u8,
    /// At most [`PAYLOAD_BYTES_MAX`].
    pub payload: Vec<u8>,
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks for a connection.
    Open = 1,
    /// The connection is there.
    Accept = 2,
    /// Bytes; acknowledged.
    Data = 3,
    /// No more bytes come; acknowledged.
    Finish = 4,
    /// Nothing but what every frame says: what was received, and what may be sent.
    Ack = 5,
    /// Asks for an [`Kind::Ack`].
    Probe = 6,
    /// There is no such connection, or no longer.
    Reset = 7,
    /// Nobody listens on the channel.
    Refuse = 8,
}

/// Longest payload. Bytes: at 9600 baud a quarter of a second, so that no channel waits long for its turn.
pub const PAYLOAD_BYTES_MAX: usize = 240;
/// The longest frame. Bytes.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX + CHECK_BYTES;

impl Frame {
    /// As it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let payload = self
            .payload
            .get(..PAYLOAD_BYTES_MAX)
            .unwrap_or(&self.payload);
        let length = u8::try_from(payload.len()).expect("a payload is below the largest u8");
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len() + CHECK_BYTES);
        bytes.extend_from_slice(&MARK);
        bytes.extend_from_slice(&[self.id.channel, self.kind as u8]);
        bytes.extend_from_slice(&self.id.connection.to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.ack.to_be_bytes());
        bytes.extend_from_slice(&[self.credit, length]);
        bytes.extend_from_slice(&header_check(&bytes));
        if !payload.is_empty() {
            bytes.extend_from_slice(payload);
            bytes.extend_from_slice(&crc32(payload).to_be_bytes());
        }
        bytes
    }
}

/// Finds frames in what a line brings; skips what is none.
#[derive(Debug, Default)]
pub struct Assembler {
    /// What is not yet a frame: always less than one after [`Assembler::take`] returned `None`.
    bytes: Vec<u8>,
    damaged: u64,
}

impl Assembler {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole and undamaged frame.
    pub fn take(&mut self) -> Option<Frame> {
        let mut at = 0;
        let found = loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let Some(skipped) = find_mark(rest) else {
                at = self.bytes.len();
                break None;
            };
            at += skipped;
            match decode(rest.get(skipped..).unwrap_or_default()) {
                Decoded::Frame(frame, length) => {
                    at += length;
                    break Some(frame);
                }
                Decoded::Incomplete => break None,
                Decoded::Damaged => {
                    self.damaged += 1;
                    at += 1;
                }
            }
        };
        self.bytes.drain(..at);
        found
    }

    /// Marks that began no frame.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }
}

enum Decoded {
    Frame(Frame, usize),
    Incomplete,
    Damaged,
}

/// Where a mark starts, or may start in the last byte.
fn find_mark(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(MARK[0], bytes)
        .find(|at| bytes.get(at + 1).is_none_or(|second| *second == MARK[1]))
}

fn decode(bytes: &[u8]) -> Decoded {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Decoded::Incomplete;
    };
    let &[
        _,
        _,
        channel,
        kind,
        c0,
        c1,
        c2,
        c3,
        n0,
        n1,
        a0,
        a1,
        credit,
        length,
        s0,
        s1,
    ] = header;
    let Some(kind) = Kind::read(kind) else {
        return Decoded::Damaged;
    };
    let length = usize::from(length);
    if header_check(&header[..HEADER_BYTES - 2]) != [s0, s1] || length > PAYLOAD_BYTES_MAX {
        return Decoded::Damaged;
    }
    let mut whole = HEADER_BYTES;
    let mut payload = Vec::new();
    if length > 0 {
        let Some((bytes, check)) = rest
            .split_at_checked(length)
            .and_then(|(bytes, rest)| Some((bytes, rest.first_chunk::<CHECK_BYTES>()?)))
        else {
            return Decoded::Incomplete;
        };
        if crc32(bytes).to_be_bytes() != *check {
            return Decoded::Damaged;
        }
        payload = bytes.to_vec();
        whole += length + CHECK_BYTES;
    }
    let frame = Frame {
        id: Id {
            channel,
            connection: u32::from_be_bytes([c0, c1, c2, c3]),
        },
        kind,
        number: u16::from_be_bytes([n0, n1]),
        ack: u16::from_be_bytes([a0, a1]),
        credit,
        payload,
    };
    Decoded::Frame(frame, whole)
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        [
            Self::Open,
            Self::Accept,
            Self::Data,
            Self::Finish,
            Self::Ack,
            Self::Probe,
            Self::Reset,
            Self::Refuse,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

fn header_check(bytes: &[u8]) -> [u8; 2] {
    let [_, _, high, low] = crc32(bytes).to_be_bytes();
    [high, low]
}

/// CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ CRC_TABLE[usize::from(low ^ byte)]
    })
}

static CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut start = 0;
    while index < table.len() {
        let mut crc: u32 = start;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
        start += 1;
    }
    table
}

/// What a frame starts with: neither text nor part of what TLS starts with.
const MARK: [u8; 2] = [0xb5, 0x4c];
const HEADER_BYTES: usize = 16;
const CHECK_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(payload: &[u8]) -> Frame {
        Frame {
            id: Id {
                channel: 7,
                connection: 0x0102_0304,
            },
            kind: Kind::Data,
            number: 5,
            ack: 6,
            credit: 8,
            payload: payload.to_vec(),
        }
    }

    #[test]
    fn a_frame_has_these_bytes() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let bytes = data(b"hi").encode();
        assert_eq!(
            bytes[..14],
            [0xb5, 0x4c, 7, 3, 1, 2, 3, 4, 0, 5, 0, 6, 8, 2]
        );
        assert_eq!(bytes.len(), 16 + 2 + 4);
        assert_eq!(&bytes[16..18], b"hi");
    }

    #[test]
    fn a_frame_is_found_between_noise_and_in_pieces() {
        let mut wire = b"login: \xb5\xb5\x4c".to_vec();
        wire.extend(data(b"one").encode());
        wire.extend(b"\xb5");
        wire.extend(data(b"").encode());
        let mut assembler = Assembler::default();
        let mut found = Vec::new();
        for byte in wire {
            assembler.push(&[byte]);
            found.extend(assembler.take());
        }
        assert_eq!(found, [data(b"one"), data(b"")]);
    }

    #[test]
    fn a_frame_that_lost_bytes_does_not_take_the_next_with_it() {
        let mut wire = data(&[1; 100]).encode();
        wire.drain(50..60);
        wire.extend(data(b"next").encode());
        wire.extend(data(&[2; 240]).encode());
        let mut assembler = Assembler::default();
        assembler.push(&wire);
        assert_eq!(assembler.take(), Some(data(b"next")));
        assert_eq!(assembler.take(), Some(data(&[2; 240])));
        assert_eq!(assembler.take(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn noise_never_panics_and_is_not_kept(noise in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut assembler = Assembler::default();
            for piece in noise.chunks(64) {
                assembler.push(piece);
                while assembler.take().is_some() {}
                prop_assert!(assembler.bytes.len() < FRAME_BYTES_MAX);
            }
        }

        #[test]
        fn a_flipped_bit_is_noticed(payload in proptest::collection::vec(any::<u8>(), 1..240), bit: prop::sample::Index) {
            let frame = data(&payload);
            let mut wire = frame.encode();
            let bit = bit.index(wire.len() * 8);
            wire[bit / 8] ^= 1 << (bit % 8);
            let mut assembler = Assembler::default();
            assembler.push(&wire);
            prop_assert_eq!(assembler.take(), None);
        }
    }
}
