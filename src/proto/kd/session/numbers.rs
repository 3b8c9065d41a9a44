//! Packet numbers, of which there are two ways: a bit that toggles on byte streams, a counter on KDNET.

/// First number on a byte stream, both ways.
const SERIAL_FIRST: u32 = 0x8080_0000;
/// The bit of a target's first packet after it began anew. Byte streams only.
const SYNC: u32 = 0x800;
/// A host's first number on KDNET.
const NETWORK_FIRST_HOST: u32 = 0x8000_0000;
/// A target's first number on KDNET; it goes on from session to session.
const NETWORK_FIRST_TARGET: u32 = 0;

/// How packets are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// On byte streams: two numbers in turn.
    Serial,
    /// On KDNET: up by two each time.
    Network,
}

/// Which end a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The debugger.
    Host,
    /// What is debugged.
    Target,
}

impl Numbering {
    pub(super) fn first(self, side: Side) -> u32 {
        match (self, side) {
            (Self::Serial, _) => SERIAL_FIRST,
            (Self::Network, Side::Host) => NETWORK_FIRST_HOST,
            (Self::Network, Side::Target) => NETWORK_FIRST_TARGET,
        }
    }

    pub(super) fn after(self, id: u32) -> u32 {
        match self {
            Self::Serial => id ^ 1,
            Self::Network => id.wrapping_add(2),
        }
    }

    /// The number as it is acknowledged and compared.
    pub(super) fn plain(self, id: u32) -> u32 {
        match self {
            Self::Serial => id & !SYNC,
            Self::Network => id,
        }
    }

    /// Whether a packet can have that number. Its checksum does not cover it, so damage may be in nothing else.
    pub(super) fn is_possible(self, id: u32) -> bool {
        match self {
            Self::Serial => matches!(id ^ SERIAL_FIRST, 0 | 1 | SYNC),
            Self::Network => true,
        }
    }

    /// Whether the packet's sender began anew with it.
    pub(super) fn is_sync(self, id: u32) -> bool {
        self == Self::Serial && id & SYNC != 0
    }

    /// The number of the first packet of a sender that begins anew.
    pub(super) fn with_sync(self, id: u32) -> u32 {
        match self {
            Self::Serial => id | SYNC,
            Self::Network => id,
        }
    }

    /// Whether a packet is one that did not come before.
    pub(super) fn is_new(self, id: u32, expected: Option<u32>) -> bool {
        let Some(expected) = expected else {
            return true;
        };
        match self {
            Self::Serial => id == expected,
            Self::Network => id.wrapping_sub(expected).cast_signed() >= 0,
        }
    }

    /// The number in a reset: nothing on a byte stream, that of the sender's next packet on KDNET.
    pub(super) fn in_reset(self, next: u32) -> u32 {
        match self {
            Self::Serial => 0,
            Self::Network => next,
        }
    }
}
