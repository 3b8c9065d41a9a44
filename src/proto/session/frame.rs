//! Frames: the length of a body in four bytes, little endian, and the body.
//!
//! Pure: bytes in, bodies out. What a body means is decided by who asks for it; who may send how much is a parameter.

/// Bytes in front of each body.
pub const HEADER_BYTES: usize = 4;

/// Longest body from somebody who has not been let in. Bytes; a greeting with every name at its longest is a tenth.
pub const STRANGER_BYTES_MAX: usize = 8 * 1024;

/// Longest body from a client. Bytes; a pasted command line with room to spare.
pub const CLIENT_BYTES_MAX: usize = 128 * 1024;

/// Longest body from a server. Bytes; history travels in pieces well below it.
pub const SERVER_BYTES_MAX: usize = 1024 * 1024;

/// Memory a decoder keeps between frames. Bytes; one long frame does not cost its memory for ever.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Why there is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The other end announced more than it may send. What follows cannot be told apart: the stream has to end.
    #[error("a frame of {length} bytes was announced where at most {limit} are allowed")]
    Received {
        /// Bytes announced.
        length: u32,
        /// Bytes allowed.
        limit: usize,
    },
    /// We were about to send more than the other end accepts.
    #[error("a frame of {length} bytes does not fit into the {limit} the other end accepts")]
    Sent {
        /// Bytes of the body.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The length of the body that follows `header`. Bytes.
///
/// # Errors
/// [`FrameError::Received`] if it is above `limit`.
pub fn length(header: [u8; HEADER_BYTES], limit: usize) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(header);
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= limit)
        .ok_or(FrameError::Received { length, limit })
}

/// Appends one frame with `body` to `out`.
///
/// # Errors
/// [`FrameError::Sent`] if the body is longer than `limit`; `out` is as it was.
pub fn encode(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let header = header(body.len(), limit)?;
    out.reserve(HEADER_BYTES + body.len());
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
    Ok(())
}

/// Appends one frame whose body `write` appends to `out`, so that it is written where it is sent from.
///
/// # Errors
/// [`FrameError::Sent`] if the body is longer than `limit`; `out` is as it was.
pub fn encode_with(
    limit: usize,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write(out);
    let body = out.len().saturating_sub(start + HEADER_BYTES);
    match header(body, limit) {
        Ok(header) => {
            if let Some(place) = out.get_mut(start..start + HEADER_BYTES) {
                place.copy_from_slice(&header);
            }
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Finds the frames in a stream that comes in pieces of any size.
///
/// It holds at most the frame that is not complete yet; the others are lent from the bytes given.
#[derive(Debug)]
pub struct Decoder {
    /// The frame in the making, its header included.
    partial: Vec<u8>,
    limit: usize,
    /// The frame in `partial` was lent and is to be forgotten.
    lent: bool,
    failed: Option<FrameError>,
}

impl Decoder {
    /// Accepts bodies of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            partial: Vec::new(),
            limit,
            lent: false,
            failed: None,
        }
    }

    /// The body of the next frame, if `bytes` complete one. What was used is taken off the front of `bytes`; `None`
    /// means that all of it was.
    ///
    /// # Errors
    /// [`FrameError::Received`] if a longer frame is announced than allowed, from then on every time. Nothing of its
    /// body is kept.
    pub fn next<'a, 'bytes: 'a>(
        &'a mut self,
        bytes: &mut &'bytes [u8],
    ) -> Result<Option<&'a [u8]>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.lent {
            self.lent = false;
            self.partial.clear();
            self.partial.shrink_to(KEPT_BYTES_MAX);
        }
        if self.partial.is_empty()
            && let Some((header, rest)) = bytes.split_first_chunk()
        {
            let length = self.length(*header)?;
            if let Some((body, rest)) = rest.split_at_checked(length) {
                *bytes = rest;
                return Ok(Some(body));
            }
        }
        self.gather(bytes)
    }

    /// True between two frames: the stream may end here.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.lent || self.partial.is_empty()
    }

    fn gather(&mut self, bytes: &mut &[u8]) -> Result<Option<&[u8]>, FrameError> {
        if !self.take_up_to(HEADER_BYTES, bytes) {
            return Ok(None);
        }
        let header = *self
            .partial
            .first_chunk()
            .expect("a whole header was gathered");
        let whole = HEADER_BYTES + self.length(header)?;
        if !self.take_up_to(whole, bytes) {
            return Ok(None);
        }
        self.lent = true;
        Ok(self.partial.get(BODY))
    }

    /// Moves bytes until `wanted` are there; false if there were not enough.
    fn take_up_to(&mut self, wanted: usize, bytes: &mut &[u8]) -> bool {
        let missing = wanted.saturating_sub(self.partial.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        self.partial.extend_from_slice(taken);
        *bytes = rest;
        taken.len() == missing
    }

    fn length(&mut self, header: [u8; HEADER_BYTES]) -> Result<usize, FrameError> {
        length(header, self.limit).inspect_err(|error| self.failed = Some(*error))
    }
}

const BODY: std::ops::RangeFrom<usize> = HEADER_BYTES..;

fn header(length: usize, limit: usize) -> Result<[u8; HEADER_BYTES], FrameError> {
    u32::try_from(length)
        .ok()
        .filter(|_| length <= limit)
        .map(u32::to_le_bytes)
        .ok_or(FrameError::Sent { length, limit })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for body in bodies {
            encode(body, 1024, &mut bytes).unwrap();
        }
        bytes
    }

    fn decoded(decoder: &mut Decoder, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut bodies = Vec::new();
        while let Some(body) = decoder.next(&mut bytes)? {
            bodies.push(body.to_vec());
        }
        assert!(bytes.is_empty());
        Ok(bodies)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_split_gives_the_same_frames(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            pieces in prop::collection::vec(1usize..20, 1..8),
        ) {
            let bytes = stream(&bodies);
            let mut decoder = Decoder::new(1024);
            let mut rest = bytes.as_slice();
            let mut found = Vec::new();
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at((*piece).min(rest.len()));
                found.extend(decoded(&mut decoder, now).unwrap());
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, bodies);
            prop_assert!(decoder.is_between_frames());
        }

        #[test]
        fn whatever_comes_is_held_within_the_limit(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        ) {
            let mut decoder = Decoder::new(100);
            for piece in &pieces {
                let mut bytes = piece.as_slice();
                while let Ok(Some(body)) = decoder.next(&mut bytes) {
                    prop_assert!(body.len() <= 100);
                }
                prop_assert!(decoder.partial.len() <= HEADER_BYTES + 100);
            }
        }
    }

    #[test]
    fn the_bytes_of_a_frame_do_not_change() {
        let mut bytes = Vec::new();
        encode(b"abc", STRANGER_BYTES_MAX, &mut bytes).unwrap();
        assert_eq!(bytes, b"\x03\0\0\0abc");
    }

    #[test]
    fn an_oversized_frame_is_refused_by_its_header_and_for_good() {
        let mut decoder = Decoder::new(STRANGER_BYTES_MAX);
        let error = FrameError::Received {
            length: u32::MAX,
            limit: STRANGER_BYTES_MAX,
        };
        assert_eq!(decoded(&mut decoder, &[0xff; 3]), Ok(vec![]));
        assert_eq!(decoded(&mut decoder, &[0xff; 1]), Err(error));
        assert_eq!(decoded(&mut decoder, &[0; 8]), Err(error));
        assert!(decoder.partial.capacity() <= 64);
        assert_eq!(
            error.to_string(),
            "a frame of 4294967295 bytes was announced where at most 8192 are allowed"
        );
    }

    #[test]
    fn a_frame_that_is_whole_is_lent_and_not_copied() {
        let bytes = stream(&[b"whole".to_vec()]);
        let mut decoder = Decoder::new(1024);
        let mut rest = bytes.as_slice();
        let body = decoder.next(&mut rest).unwrap().unwrap();
        assert_eq!(body.as_ptr(), bytes.get(HEADER_BYTES..).unwrap().as_ptr());
    }

    #[test]
    fn the_memory_of_one_long_frame_is_given_back() {
        let mut bytes = Vec::new();
        encode(&vec![7; SERVER_BYTES_MAX], SERVER_BYTES_MAX, &mut bytes).unwrap();
        let mut decoder = Decoder::new(SERVER_BYTES_MAX);
        for piece in bytes.chunks(1000) {
            decoded(&mut decoder, piece).unwrap();
        }
        decoded(&mut decoder, &[1]).unwrap();
        assert!(decoder.partial.capacity() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn what_the_other_end_would_refuse_is_not_sent() {
        let error = Err(FrameError::Sent {
            length: 11,
            limit: 10,
        });
        let mut out = b"before".to_vec();
        assert_eq!(encode(&[0; 11], 10, &mut out), error);
        assert_eq!(encode_with(10, &mut out, |out| out.extend([0; 11])), error);
        assert_eq!(out, b"before");
        encode_with(10, &mut out, |out| out.extend(b"body")).unwrap();
        assert_eq!(out, b"before\x04\0\0\0body");
    }

    #[test]
    fn the_end_inside_a_frame_is_told_from_a_clean_one() {
        let mut decoder = Decoder::new(10);
        assert!(decoder.is_between_frames());
        decoded(&mut decoder, &[1, 0, 0, 0]).unwrap();
        assert!(!decoder.is_between_frames());
        assert_eq!(decoded(&mut decoder, &[9]), Ok(vec![vec![9]]));
        assert!(decoder.is_between_frames());
    }
}
