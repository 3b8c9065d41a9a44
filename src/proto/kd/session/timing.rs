//! How long a session waits, and how often it tries.

use std::time::Duration;

use crate::proto::kd::frame::{HEADER_BYTES, PAYLOAD_BYTES_MAX};

/// Shortest wait for an acknowledgement on a byte stream. Milliseconds; a target may be busy sending a packet of
/// its own, and an acknowledgement that comes after we have sent again is taken for that of a later packet.
pub const SERIAL_ACKNOWLEDGE_MS: u64 = 1000;
/// First wait for an acknowledgement on KDNET. Milliseconds; a datagram is there within a few of them or lost, and
/// numbers never repeat, so sending again early does no harm.
pub const NETWORK_ACKNOWLEDGE_MS: u64 = 60;
/// Longest wait for an acknowledgement on KDNET. Milliseconds; a real host waits about as long.
pub const NETWORK_ACKNOWLEDGE_MS_MAX: u64 = 1000;
/// Each wait for an acknowledgement is longer than the last by this factor: a bad wire loses several tries in a row, and
/// is not helped by waiting, while a target that is busy for seconds gets no more than some ten a second.
const GROWTH: f64 = 1.25;
/// From this try on waits grow no more. It only bounds the arithmetic: the longest wait is reached before.
const GROWTH_TRIES: u32 = 32;
/// How often a packet is sent over a byte stream before nobody is there.
pub const SERIAL_ATTEMPTS: u32 = 10;
/// How often a packet is sent over KDNET before nobody is there. With three datagrams in ten lost, one packet in ten
/// million needs more.
pub const NETWORK_ATTEMPTS: u32 = 24;
/// How often a target sends what need not be waited for: prints, module notices, file requests.
pub const TARGET_ATTEMPTS: u32 = 20;
/// How often a reset is sent. A running target does not hear it.
pub const RESET_ATTEMPTS: u32 = 4;
/// Speed of a line nobody told the speed of, in baud.
pub const BAUD_DEFAULT: u32 = 115_200;
/// Bits on the line for each byte: start, eight, stop.
const BITS_PER_BYTE: u64 = 10;

/// How long a session waits, and how often it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// First wait for an acknowledgement; grows from try to try.
    pub acknowledge: Duration,
    /// Longest wait for an acknowledgement.
    pub acknowledge_max: Duration,
    /// How often a packet is sent before its receiver counts as gone.
    pub attempts: u32,
    /// How often a reset is sent.
    pub reset_attempts: u32,
    /// How long a packet may take from its first byte to its last. Byte streams only.
    pub packet: Duration,
}

impl Timing {
    /// For a byte stream; `baud` is the speed of the line, if it has one.
    pub fn serial(baud: Option<u32>) -> Self {
        let baud = u64::from(baud.unwrap_or(BAUD_DEFAULT).max(1));
        let bits = (HEADER_BYTES + PAYLOAD_BYTES_MAX + 1) as u64 * BITS_PER_BYTE;
        let longest = Duration::from_millis(bits * 1000 / baud);
        let shortest = Duration::from_millis(SERIAL_ACKNOWLEDGE_MS);
        // One packet of ours, one of theirs that was under way, and half the shortest wait for thinking.
        let acknowledge = shortest.max(shortest / 2 + longest * 2);
        Self {
            acknowledge,
            acknowledge_max: acknowledge,
            attempts: SERIAL_ATTEMPTS,
            reset_attempts: RESET_ATTEMPTS,
            packet: shortest + longest * 2,
        }
    }

    /// For KDNET.
    pub fn network() -> Self {
        Self {
            acknowledge: Duration::from_millis(NETWORK_ACKNOWLEDGE_MS),
            acknowledge_max: Duration::from_millis(NETWORK_ACKNOWLEDGE_MS_MAX),
            attempts: NETWORK_ATTEMPTS,
            reset_attempts: RESET_ATTEMPTS,
            packet: Duration::from_millis(SERIAL_ACKNOWLEDGE_MS),
        }
    }

    /// The same with a target's patience.
    pub fn for_target(self) -> Self {
        Self {
            attempts: TARGET_ATTEMPTS,
            ..self
        }
    }

    /// The wait after `attempts` tries.
    pub(super) fn wait(&self, attempts: u32) -> Duration {
        let tries = attempts.saturating_sub(1).min(GROWTH_TRIES);
        self.acknowledge
            .mul_f64(GROWTH.powf(tries.into()))
            .min(self.acknowledge_max)
    }
}
