//! What is said on the control channel of KDNET: the target's offers and the host's responses.
//!
//! Bodies only, without the envelope, and without the decision what to do about them ([`super::net`]). Layout from the
//! packets of real targets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::keys::KEY_BYTES;

/// A target makes itself known, or says that it is still there. Sent about every three seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Rises by one from offer to offer.
    pub counter: u64,
    /// The same until the target starts anew.
    pub boot: Boot,
    /// The target's own address and port.
    pub target: SocketAddr,
    /// Where the target was told its host is.
    pub host: SocketAddr,
    /// Where the data channel leads; port 0 while there is none.
    pub bound: SocketAddr,
}

/// What tells one run of a target from its next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot(pub [u8; 24]);

/// A host answers an offer, and with that begins a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The [`client_key`](Offer::client_key) of the offer.
    pub client_key: [u8; KEY_BYTES],
    /// Random, and new each time.
    pub host_key: [u8; KEY_BYTES],
}

/// What a control datagram says to a host, or to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nothing: a host asks for an offer.
    Poke,
    /// A target is there.
    Offer(Offer),
    /// A host wants it.
    Response(Response),
}

/// What is wrong with the body of a control datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Neither an offer nor a response.
    #[error("control message {0:#04x} {1:#04x}: an offer is 01 01, a response 01 02")]
    Kind(u8, u8),
    /// Ends before its fields do.
    #[error("{bytes} bytes of a control message: {expected} are expected")]
    Length {
        /// How long it is.
        bytes: usize,
        /// How long it ought to be.
        expected: usize,
    },
}

impl Offer {
    /// What a response repeats: counter and boot, as they are sent.
    #[must_use]
    pub fn client_key(&self) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        let (counter, boot) = key.split_at_mut(8);
        counter.copy_from_slice(&self.counter.to_le_bytes());
        boot.copy_from_slice(&self.boot.0);
        key
    }

    /// Whether the target has a data channel, to whatever host.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.bound.port() != 0
    }

    /// The body of the datagram.
    #[must_use]
    pub fn encode(&self) -> [u8; OFFER_BYTES] {
        let mut body = [0; OFFER_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            let end = at + bytes.len();
            body.get_mut(at..end)
                .expect("the fields are shorter than the body")
                .copy_from_slice(bytes);
            at = end;
        };
        put(&[FIRST, OFFER]);
        put(&self.client_key());
        for address in [self.target, self.host, self.bound] {
            put(&sixteen(address.ip()));
            put(&address.port().to_be_bytes());
        }
        body
    }
}

impl Response {
    /// The body of the datagram, of which the key of the session is made.
    #[must_use]
    pub fn encode(&self) -> [u8; RESPONSE_BYTES] {
        let mut body = [0; RESPONSE_BYTES];
        let fields = [FIRST, RESPONSE]
            .into_iter()
            .chain(self.client_key)
            .chain(self.host_key);
        for (byte, value) in body.iter_mut().zip(fields) {
            *byte = value;
        }
        body
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Response(*)")
    }
}

impl Control {
    /// Reads the body of a control datagram. What follows the fields of an offer is read over.
    ///
    /// # Errors
    /// It is none that is known, or too short; a response must have the length that its key is made of.
    pub fn decode(body: &[u8]) -> Result<Self, ControlError> {
        let bytes = body.len();
        let (kind, fields) = match *body {
            [] => return Ok(Self::Poke),
            [first, kind, ref fields @ ..] if first == FIRST => (kind, fields),
            [first, ref rest @ ..] => {
                return Err(ControlError::Kind(
                    first,
                    rest.first().copied().unwrap_or(0),
                ));
            }
        };
        match kind {
            OFFER => offer(fields).map(Self::Offer).ok_or(ControlError::Length {
                bytes,
                expected: OFFER_BYTES,
            }),
            RESPONSE if bytes == RESPONSE_BYTES => {
                response(fields)
                    .map(Self::Response)
                    .ok_or(ControlError::Length {
                        bytes,
                        expected: RESPONSE_BYTES,
                    })
            }
            RESPONSE => Err(ControlError::Length {
                bytes,
                expected: RESPONSE_BYTES,
            }),
            other => Err(ControlError::Kind(FIRST, other)),
        }
    }
}

fn offer(fields: &[u8]) -> Option<Offer> {
    let (counter, fields) = fields.split_first_chunk()?;
    let (boot, fields) = fields.split_first_chunk()?;
    let (target, fields) = address(fields)?;
    let (host, fields) = address(fields)?;
    let (bound, _) = address(fields)?;
    Some(Offer {
        counter: u64::from_le_bytes(*counter),
        boot: Boot(*boot),
        target,
        host,
        bound,
    })
}

fn response(fields: &[u8]) -> Option<Response> {
    let (client_key, fields) = fields.split_first_chunk()?;
    let (host_key, _) = fields.split_first_chunk()?;
    Some(Response {
        client_key: *client_key,
        host_key: *host_key,
    })
}

fn address(fields: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (ip, fields) = fields.split_first_chunk::<16>()?;
    let (port, fields) = fields.split_first_chunk()?;
    let ip = Ipv6Addr::from(*ip);
    // Only these are IPv4 addresses written as IPv6; others stay what they are.
    let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
    Some((SocketAddr::new(ip, u16::from_be_bytes(*port)), fields))
}

fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// An offer.
pub const OFFER_BYTES: usize = 344;
/// A response.
pub const RESPONSE_BYTES: usize = 322;
/// Stands for "no data channel" in an offer.
pub const UNBOUND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// First byte of every control message.
const FIRST: u8 = 1;
/// Second byte of an offer.
const OFFER: u8 = 1;
/// Second byte of a response.
const RESPONSE: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_address() -> impl Strategy<Value = SocketAddr> {
        let ip = prop_oneof![
            any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
            any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
        ];
        (ip, any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
    }

    #[test]
    fn a_message_cut_short_says_so() {
        let whole = Offer {
            counter: 1,
            boot: Boot([2; 24]),
            target: UNBOUND,
            host: UNBOUND,
            bound: UNBOUND,
        };
        for bytes in 2..88 {
            let expected = OFFER_BYTES;
            assert_eq!(
                Control::decode(&whole.encode()[..bytes]),
                Err(ControlError::Length { bytes, expected })
            );
        }
        let response = Response {
            client_key: whole.client_key(),
            host_key: [3; KEY_BYTES],
        };
        for bytes in 2..RESPONSE_BYTES {
            let expected = RESPONSE_BYTES;
            assert_eq!(
                Control::decode(&response.encode()[..bytes]),
                Err(ControlError::Length { bytes, expected })
            );
        }
    }

    #[test]
    fn unknown_messages_are_refused_and_an_empty_one_is_a_poke() {
        assert_eq!(Control::decode(&[]), Ok(Control::Poke));
        assert_eq!(Control::decode(&[1, 3]), Err(ControlError::Kind(1, 3)));
        assert_eq!(Control::decode(&[2, 1]), Err(ControlError::Kind(2, 1)));
        assert_eq!(Control::decode(&[9]), Err(ControlError::Kind(9, 0)));
        assert_eq!(Control::decode(&[1]), Err(ControlError::Kind(1, 0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn offers_and_responses_come_back_as_they_were(
            counter: u64,
            boot: [u8; 24],
            target in some_address(),
            host in some_address(),
            bound in some_address(),
            host_key: [u8; 32],
        ) {
            let offer = Offer { counter, boot: Boot(boot), target, host, bound };
            // An IPv4 address written as IPv6 is the IPv4 address.
            let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
            let same = Offer { target: plain(target), host: plain(host), bound: plain(bound), ..offer };
            prop_assert_eq!(Control::decode(&offer.encode()), Ok(Control::Offer(same)));
            let response = Response { client_key: offer.client_key(), host_key };
            prop_assert_eq!(Control::decode(&response.encode()), Ok(Control::Response(response)));
        }

        #[test]
        fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
            Control::decode(&body).ok();
        }
    }
}
