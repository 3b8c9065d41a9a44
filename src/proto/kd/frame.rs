//! KD packets: a header of sixteen bytes, its checksum, and the trailing byte of byte streams.
//!
//! Pure: values in, bytes out, and one whole packet back. Packets are found in a byte stream by
//! [`super::assembler`]; acknowledgement and resending are in [`super::session`].
//! Layout from the packets of real targets.

use super::field::{fixed, put_u16, put_u32, u16_at, u32_at};

/// Size of the header.
pub const HEADER_BYTES: usize = 16;
/// Longest payload of a packet. Bytes; targets neither send nor take more.
pub const PAYLOAD_BYTES_MAX: usize = 4000;
/// The byte behind each data packet of a byte stream. Not counted and not summed.
pub const TRAILER: u8 = 0xAA;
/// The byte that asks a running target to stop.
pub const BREAK_IN: u8 = 0x62;
/// Each of the four bytes in front of a data packet.
pub const DATA_LEADER: u8 = 0x30;
/// Each of the four bytes in front of a control packet.
pub const CONTROL_LEADER: u8 = 0x69;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// A state change in the obsolete 32-bit layout.
    StateChange32 = 1,
    /// A request, or the reply to one.
    Manipulate = 2,
    /// A print, a prompt, or the answer to one.
    DebugIo = 3,
    /// "Your packet came."
    Acknowledge = 4,
    /// "Send your packet again."
    Resend = 5,
    /// "Let us begin anew."
    Reset = 6,
    /// The target stopped, or loaded or unloaded a module.
    StateChange = 7,
    /// Trace data.
    TraceIo = 9,
    /// The target asks for a debug register, or gives one back.
    ControlRequest = 10,
    /// The target wants a file of the host, or the host's answer.
    FileIo = 11,
}

impl PacketType {
    /// The type with that number; 0 and 8 never travel.
    pub fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::StateChange32,
            2 => Self::Manipulate,
            3 => Self::DebugIo,
            4 => Self::Acknowledge,
            5 => Self::Resend,
            6 => Self::Reset,
            7 => Self::StateChange,
            9 => Self::TraceIo,
            10 => Self::ControlRequest,
            11 => Self::FileIo,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether it is one of the three that have no payload and are not acknowledged.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Acknowledge | Self::Resend | Self::Reset)
    }

    fn leader(self) -> u8 {
        if self.is_control() {
            CONTROL_LEADER
        } else {
            DATA_LEADER
        }
    }
}

/// Why bytes are no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than a header, or than its byte count says.
    #[error("packet of {got} bytes, expected {want}")]
    Short {
        /// Bytes there should be.
        want: usize,
        /// Bytes there are.
        got: usize,
    },
    /// Neither of the two leaders.
    #[error("leader {0:#010x} is neither of a data packet nor of a control packet")]
    Leader(u32),
    /// A type that does not exist, or not under this leader.
    #[error("packet type {0} does not exist under its leader")]
    Type(u16),
    /// More payload than a packet can carry.
    #[error("byte count {0} is above the limit of {PAYLOAD_BYTES_MAX}")]
    Count(u16),
    /// The payload is not what was sent.
    #[error("checksum {got:#010x}, expected {want:#010x}")]
    Checksum {
        /// The header's.
        want: u32,
        /// The payload's.
        got: u32,
    },
    /// The byte behind a data packet is another one.
    #[error("trailing byte {0:#04x}, expected {TRAILER:#04x}")]
    Trailer(u8),
    /// The rest of a packet did not come in time.
    #[error("packet of {want} bytes cut short after {got}")]
    Cut {
        /// Bytes the packet has.
        want: usize,
        /// Bytes that came.
        got: usize,
    },
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// What it is.
    pub kind: PacketType,
    /// Its number, or the number it acknowledges.
    pub id: u32,
    /// What it carries; empty for control packets.
    pub payload: Vec<u8>,
}

/// A header, checked as far as it can be without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: PacketType,
    pub count: usize,
    pub id: u32,
    pub checksum: u32,
}

impl Header {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PacketError> {
        if bytes.len() < HEADER_BYTES {
            return Err(PacketError::Short {
                want: HEADER_BYTES,
                got: bytes.len(),
            });
        }
        let leader = u32_at(bytes, 0);
        let control = match leader {
            0x3030_3030 => false,
            0x6969_6969 => true,
            _ => return Err(PacketError::Leader(leader)),
        };
        let number = u16_at(bytes, 4);
        let kind = PacketType::from_number(number)
            .filter(|kind| kind.is_control() == control)
            .ok_or(PacketError::Type(number))?;
        let count = u16_at(bytes, 6);
        if !control && usize::from(count) > PAYLOAD_BYTES_MAX {
            return Err(PacketError::Count(count));
        }
        Ok(Self {
            kind,
            // Targets do not look at it either: a control packet ends with its header.
            count: if control { 0 } else { usize::from(count) },
            id: u32_at(bytes, 8),
            checksum: u32_at(bytes, 12),
        })
    }

    pub(super) fn check(&self, payload: &[u8]) -> Result<(), PacketError> {
        let got = checksum(payload);
        if self.kind.is_control() || got == self.checksum {
            Ok(())
        } else {
            Err(PacketError::Checksum {
                want: self.checksum,
                got,
            })
        }
    }
}

impl Packet {
    /// A control packet.
    pub fn control(kind: PacketType, id: u32) -> Self {
        Self {
            kind,
            id,
            payload: Vec::new(),
        }
    }

    /// The bytes as a datagram carries them: header and payload. A payload above [`PAYLOAD_BYTES_MAX`] is cut;
    /// sessions refuse it before.
    pub fn encode(&self) -> Vec<u8> {
        let payload = self
            .payload
            .get(..PAYLOAD_BYTES_MAX)
            .unwrap_or(&self.payload);
        let leader = self.kind.leader();
        let mut bytes = fixed(&[leader; 4], HEADER_BYTES);
        put_u16(&mut bytes, 4, self.kind.number());
        put_u16(
            &mut bytes,
            6,
            u16::try_from(payload.len()).unwrap_or(u16::MAX),
        );
        put_u32(&mut bytes, 8, self.id);
        put_u32(&mut bytes, 12, checksum(payload));
        bytes.extend_from_slice(payload);
        bytes
    }

    /// The bytes as a byte stream carries them: with [`TRAILER`] behind data packets.
    pub fn encode_stream(&self) -> Vec<u8> {
        let mut bytes = self.encode();
        if !self.kind.is_control() {
            bytes.push(TRAILER);
        }
        bytes
    }

    /// The packet that a datagram carries.
    ///
    /// # Errors
    /// All of [`PacketError`] but [`PacketError::Trailer`] and [`PacketError::Cut`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PacketError> {
        let header = Header::decode(bytes)?;
        let payload = bytes.get(HEADER_BYTES..).unwrap_or_default();
        if payload.len() != header.count {
            let want = HEADER_BYTES + header.count;
            return Err(PacketError::Short {
                want,
                got: bytes.len(),
            });
        }
        header.check(payload)?;
        Ok(Self {
            kind: header.kind,
            id: header.id,
            payload: payload.to_vec(),
        })
    }
}

/// The sum of all bytes.
pub fn checksum(payload: &[u8]) -> u32 {
    payload
        .iter()
        .fold(0, |sum: u32, &byte| sum.wrapping_add(u32::from(byte)))
}
