//! The envelope of KDNET: one datagram, sealed and opened.
//!
//! A datagram is a clear header of six bytes, a ciphertext and a tag. The tag authenticates header and plaintext and is
//! the initial vector of the cipher too. What the body says is not known here: the control channel's is in
//! [`super::handshake`], the data channel carries KD packets. Layout from the packets of real targets, versions 2, 4
//! and 5, which do not differ here; other versions are taken for the same if their tag is right.

use aes::Aes256;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, InnerIvInit, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::keys::KEY_BYTES;

/// What a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// KD packets; encrypted with the key of the session.
    Data,
    /// Offers and responses; encrypted with the shared key.
    Control,
}

impl Channel {
    fn byte(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Control => 1,
        }
    }
}

/// Who sent a datagram. It is authenticated, so that nothing can be sent back to where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The machine that is debugged.
    Target,
    /// The debugger.
    Host,
}

/// What a datagram says besides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of the protocol: the target's, which the host repeats.
    pub version: u8,
    /// What the datagram is for.
    pub channel: Channel,
    /// Who sent it.
    pub sender: Sender,
    /// Rises with each datagram of a sender on a channel. At most [`SEQUENCE_MAX`]; more is cut off.
    pub sequence: u64,
}

/// A datagram that is what its sender sealed.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// What it says besides its body.
    pub header: Header,
    /// The body without its padding.
    pub body: &'a [u8],
}

/// Which check a datagram failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It does not begin as KDNET does.
    #[error("does not begin with MDBG")]
    Magic,
    /// No KDNET datagram has this length.
    #[error("{0} bytes: a KDNET datagram has 38 and any number of 16 more")]
    Length(usize),
    /// There are two channels.
    #[error("channel {0}: there are 0 and 1")]
    Channel(u8),
    /// Made with another key, or changed on its way.
    #[error("does not authenticate: it was made with another key, or changed on its way")]
    Authentication,
    /// Authentic, but more padding than there are bytes.
    #[error("says that {padding} of {bytes} bytes are padding")]
    Padding {
        /// What it says.
        padding: usize,
        /// Bytes there are.
        bytes: usize,
    },
}

/// Seals and opens the datagrams of one channel: both directions use the same keys.
#[derive(Clone)]
pub struct Cipher {
    aes: Aes256,
    tag: Hmac<Sha256>,
}

impl Cipher {
    /// Encrypts with `key` and authenticates with `tag_key`.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES], tag_key: &[u8; KEY_BYTES]) -> Self {
        let tag = <Hmac<Sha256> as Mac>::new_from_slice(tag_key);
        Self {
            aes: Aes256::new(key.into()),
            tag: tag.expect("a keyed hash takes keys of any length"),
        }
    }

    /// The datagram that carries `body`. Allocates once.
    #[must_use]
    pub fn seal(&self, header: Header, body: &[u8]) -> Vec<u8> {
        let padding = (BLOCK_BYTES - (PREFIX_BYTES + body.len()) % BLOCK_BYTES) % BLOCK_BYTES;
        let plain_bytes = PREFIX_BYTES + body.len() + padding;
        let mut datagram = Vec::with_capacity(HEADER_BYTES + plain_bytes + TAG_BYTES);
        datagram.extend_from_slice(MAGIC);
        datagram.extend_from_slice(&[header.version, header.channel.byte()]);
        let direction = match header.sender {
            Sender::Target => 0,
            Sender::Host => FROM_HOST,
        };
        let prefix = (header.sequence & SEQUENCE_MAX) << 8 | direction | padding as u64;
        datagram.extend_from_slice(&prefix.to_be_bytes());
        datagram.extend_from_slice(body);
        datagram.resize(HEADER_BYTES + plain_bytes, 0);
        let digest = self.tag.clone().chain_update(&datagram).finalize();
        let digest = digest.into_bytes();
        let tag: [u8; TAG_BYTES] = *digest
            .first_chunk()
            .expect("the hash is longer than the tag");
        let (_, plain) = datagram.split_at_mut(HEADER_BYTES);
        cbc::Encryptor::<&Aes256>::inner_iv_init(&self.aes, &tag.into())
            .encrypt_padded_mut::<NoPadding>(plain, plain_bytes)
            .expect("it was filled up to whole blocks");
        datagram.extend_from_slice(&tag);
        datagram
    }

    /// Decrypts `datagram` in place and checks that it is authentic. Where that fails its bytes are of no more use.
    ///
    /// Whether its sender and its sequence number are those expected is the caller's to check.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn open<'a>(&self, datagram: &'a mut [u8]) -> Result<Opened<'a>, EnvelopeError> {
        let (version, channel) = look(datagram)?;
        let length = EnvelopeError::Length(datagram.len());
        let (head, rest) = datagram.split_at_mut_checked(HEADER_BYTES).ok_or(length)?;
        let (plain, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or(length)?;
        cbc::Decryptor::<&Aes256>::inner_iv_init(&self.aes, &(*tag).into())
            .decrypt_padded_mut::<NoPadding>(plain)
            .map_err(|_| length)?;
        let authentic = self.tag.clone().chain_update(head).chain_update(&*plain);
        authentic
            .verify_truncated_left(tag)
            .map_err(|_| EnvelopeError::Authentication)?;
        let (prefix, padded) = plain.split_first_chunk::<PREFIX_BYTES>().ok_or(length)?;
        let prefix = u64::from_be_bytes(*prefix);
        let padding = (prefix & PADDING) as usize;
        let bytes = padded.len();
        let body = bytes
            .checked_sub(padding)
            .and_then(|end| padded.get(..end))
            .ok_or(EnvelopeError::Padding { padding, bytes })?;
        let sender = if prefix & FROM_HOST == 0 {
            Sender::Target
        } else {
            Sender::Host
        };
        let header = Header {
            version,
            channel,
            sender,
            sequence: prefix >> 8,
        };
        Ok(Opened { header, body })
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher(*)")
    }
}

/// The version and the channel of what may be a KDNET datagram, told without a key and so not to be trusted.
///
/// # Errors
/// The first check of its shape that failed.
pub fn look(datagram: &[u8]) -> Result<(u8, Channel), EnvelopeError> {
    let rest = datagram.strip_prefix(MAGIC).ok_or(EnvelopeError::Magic)?;
    let length = EnvelopeError::Length(datagram.len());
    let &[version, channel, ref rest @ ..] = rest else {
        return Err(length);
    };
    if rest.len() < BLOCK_BYTES + TAG_BYTES || rest.len() % BLOCK_BYTES != 0 {
        return Err(length);
    }
    let channel = match channel {
        0 => Channel::Data,
        1 => Channel::Control,
        other => return Err(EnvelopeError::Channel(other)),
    };
    Ok((version, channel))
}

/// Largest sequence number: 56 bits.
pub const SEQUENCE_MAX: u64 = (1 << 56) - 1;

/// What every datagram begins with.
const MAGIC: &[u8; 4] = b"MDBG";
/// The header in clear: magic, version, channel.
const HEADER_BYTES: usize = 6;
/// Sequence number, direction and padding, encrypted in front of the body.
const PREFIX_BYTES: usize = 8;
/// The authentication tag, half of what the hash yields.
const TAG_BYTES: usize = 16;
/// What the cipher works on.
const BLOCK_BYTES: usize = 16;
/// Bit of the prefix: the host sent it.
const FROM_HOST: u64 = 0x80;
/// Bits of the prefix: how many bytes of padding there are. Those between these and the direction mean nothing known.
const PADDING: u64 = 0x0f;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cipher() -> Cipher {
        Cipher::new(&[7; KEY_BYTES], &[0xf8; KEY_BYTES])
    }

    fn header(channel: Channel, sender: Sender, sequence: u64) -> Header {
        Header {
            version: 4,
            channel,
            sender,
            sequence,
        }
    }

    #[test]
    fn each_kind_of_bad_datagram_is_told_apart() {
        let good = cipher().seal(header(Channel::Data, Sender::Host, 1), b"b");
        assert_eq!(good.len(), 38);
        let fails = |datagram: &[u8]| cipher().open(&mut datagram.to_vec()).map(|_| ());
        assert_eq!(fails(&good), Ok(()));
        assert_eq!(fails(b""), Err(EnvelopeError::Magic));
        assert_eq!(fails(b"GET / HTTP/1.1\r\n\r\n"), Err(EnvelopeError::Magic));
        for cut in 4..good.len() {
            assert_eq!(fails(&good[..cut]), Err(EnvelopeError::Length(cut)));
        }
        let changed = |at: usize| {
            let mut bad = good.clone();
            bad[at] ^= 2;
            fails(&bad)
        };
        assert_eq!(changed(5), Err(EnvelopeError::Channel(2)));
        for at in (4..good.len()).filter(|&at| at != 5) {
            assert_eq!(changed(at), Err(EnvelopeError::Authentication), "byte {at}");
        }
        let other = Cipher::new(&[8; KEY_BYTES], &[0xf7; KEY_BYTES]);
        assert_eq!(
            other.open(&mut good.clone()),
            Err(EnvelopeError::Authentication)
        );
    }

    #[test]
    fn more_padding_than_bytes_is_refused_though_it_is_authentic() {
        let cipher = cipher();
        let mut datagram = MAGIC.to_vec();
        datagram.extend_from_slice(&[2, 0]);
        datagram.extend_from_slice(&0x0109_u64.to_be_bytes());
        datagram.extend_from_slice(&[0; 8]);
        let tag = cipher.tag.clone().chain_update(&datagram).finalize();
        let tag: [u8; TAG_BYTES] = tag.into_bytes()[..TAG_BYTES].try_into().unwrap();
        cbc::Encryptor::<&Aes256>::inner_iv_init(&cipher.aes, &tag.into())
            .encrypt_padded_mut::<NoPadding>(&mut datagram[HEADER_BYTES..], BLOCK_BYTES)
            .unwrap();
        datagram.extend_from_slice(&tag);
        assert_eq!(
            cipher.open(&mut datagram),
            Err(EnvelopeError::Padding {
                padding: 9,
                bytes: 8
            })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_sealed_opens(
            body in prop::collection::vec(any::<u8>(), 0..200),
            version: u8,
            control: bool,
            host: bool,
            sequence in 0..=SEQUENCE_MAX,
        ) {
            let channel = if control { Channel::Control } else { Channel::Data };
            let sender = if host { Sender::Host } else { Sender::Target };
            let header = Header { version, channel, sender, sequence };
            let mut datagram = cipher().seal(header, &body);
            prop_assert_eq!(look(&datagram), Ok((version, channel)));
            let opened = cipher().open(&mut datagram);
            prop_assert_eq!(opened, Ok(Opened { header, body: &body }));
        }

        #[test]
        fn noise_never_opens(mut noise in prop::collection::vec(any::<u8>(), 0..200), dressed: bool) {
            if dressed {
                noise.splice(0..0, [b'M', b'D', b'B', b'G', 2, 0]);
            }
            prop_assert!(cipher().open(&mut noise).is_err());
        }
    }
}
