//! Proving a password to a server that does not have it: OPAQUE (RFC 9807) with ristretto255, triple Diffie-Hellman and
//! Argon2.
//!
//! A server can have two passwords, the operators' and the observers', and a client does not know which of them it was
//! given. It sends one request; the server answers with one response for each, made up for a password that is not
//! set; the client sends the proof for the one that its password opens. Nobody learns which passwords are set, and no
//! guess can be tested without asking the server.
//!
//! Both ends mix in what only the two ends of their channel know, so whoever sits between two channels fails even with
//! the right bytes. No clock, no I/O, and randomness is a parameter. Making [`Passwords`] and
//! [`ClientLogin::finish`] stretch passwords, which is meant to be costly: each takes [`STRETCH_MIB`] and tens of
//! milliseconds, twice, and belongs on a thread that may block. [`ServerLogin`] stretches nothing.

use std::fmt;

use opaque_ke::argon2::Argon2;
use opaque_ke::{
    CipherSuite, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialFinalization, CredentialRequest,
    CredentialResponse, Ristretto255, ServerLoginParameters, ServerRegistration, ServerSetup,
    TripleDh,
};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::Granted;

/// Bytes of a client's request.
pub const REQUEST_BYTES: usize = 96;

/// Bytes of a server's response: one half for each password.
pub const RESPONSE_BYTES: usize = 2 * RESPONSE_HALF_BYTES;

/// Bytes of a client's proof.
pub const PROOF_BYTES: usize = 64;

/// Memory that stretching a password takes. MiB; Argon2's defaults.
pub const STRETCH_MIB: usize = 19;

/// Why nobody is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The password is neither of the server's, or somebody sits between the two ends.
    #[error("the password is wrong")]
    WrongPassword,
    /// What came has another size than this.
    #[error("{what} of {got} bytes came where {want} are right")]
    Size {
        /// Which message.
        what: &'static str,
        /// Its bytes.
        want: usize,
        /// Bytes that came.
        got: usize,
    },
    /// What came has the right size and cannot be a message, whatever the password is.
    #[error("a malformed {0} came")]
    Malformed(&'static str),
    /// The password given cannot be one: empty, or longer than 65,535 bytes.
    #[error("this cannot be a password")]
    Unusable,
}

/// The passwords of one server, as it keeps them: nothing that could be used in a password's place.
pub struct Passwords {
    setup: ServerSetup<Suite>,
    operator: Option<ServerRegistration<Suite>>,
    observer: Option<ServerRegistration<Suite>>,
}

impl Passwords {
    /// Passwords for operators and observers; with neither, the server is open. Costly: stretches each.
    ///
    /// # Errors
    /// [`LoginError::Unusable`] for an empty or endless password.
    pub fn new(
        operator: Option<&str>,
        observer: Option<&str>,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, LoginError> {
        let setup = ServerSetup::new(rng);
        let operator = operator
            .map(|password| register(&setup, password, OPERATOR, rng))
            .transpose()?;
        let observer = observer
            .map(|password| register(&setup, password, OBSERVER, rng))
            .transpose()?;
        Ok(Self {
            setup,
            operator,
            observer,
        })
    }

    /// Nobody needs a password.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.operator.is_none() && self.observer.is_none()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_open() {
            "Passwords(none)"
        } else {
            "Passwords(*)"
        })
    }
}

/// A server that has answered a request and waits for the proof.
pub struct ServerLogin {
    operator: opaque_ke::ServerLogin<Suite>,
    observer: opaque_ke::ServerLogin<Suite>,
    context: Vec<u8>,
}

impl ServerLogin {
    /// Answers `request`; `binding` is what only the two ends of this channel know. The second value is the response.
    ///
    /// # Errors
    /// [`LoginError::Size`] and [`LoginError::Malformed`]; nothing tells whether a password was right.
    pub fn start(
        passwords: &Passwords,
        request: &[u8],
        binding: &[u8],
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(Self, Vec<u8>), LoginError> {
        sized(REQUEST, REQUEST_BYTES, request)?;
        let request = CredentialRequest::<Suite>::deserialize(request)
            .map_err(|_| LoginError::Malformed(REQUEST))?;
        let context = context(binding);
        let mut response = Vec::with_capacity(RESPONSE_BYTES);
        let mut half = |record: &Option<ServerRegistration<Suite>>, whose: &[u8]| {
            let started = opaque_ke::ServerLogin::start(
                rng,
                &passwords.setup,
                record.clone(),
                request.clone(),
                whose,
                server_parameters(&context),
            )
            .map_err(|_| LoginError::Malformed(REQUEST))?;
            response.extend_from_slice(&started.message.serialize());
            Ok(started.state)
        };
        let operator = half(&passwords.operator, OPERATOR)?;
        let observer = half(&passwords.observer, OBSERVER)?;
        Ok((
            Self {
                operator,
                observer,
                context,
            },
            response,
        ))
    }

    /// What `proof` proves. Takes the same time for each outcome.
    ///
    /// # Errors
    /// [`LoginError::WrongPassword`] if it proves nothing, [`LoginError::Size`] and [`LoginError::Malformed`].
    pub fn finish(self, proof: &[u8]) -> Result<Granted, LoginError> {
        sized(PROOF, PROOF_BYTES, proof)?;
        let proof = CredentialFinalization::<Suite>::deserialize(proof)
            .map_err(|_| LoginError::Malformed(PROOF))?;
        let parameters = server_parameters(&self.context);
        let operator = self.operator.finish(proof.clone(), parameters.clone());
        let observer = self.observer.finish(proof, parameters);
        match (operator, observer) {
            (Ok(_), _) => Ok(Granted::Operator),
            (_, Ok(_)) => Ok(Granted::Observer),
            _ => Err(LoginError::WrongPassword),
        }
    }
}

impl fmt::Debug for ServerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerLogin(*)")
    }
}

/// A client that has sent its request and waits for the response.
pub struct ClientLogin {
    state: opaque_ke::ClientLogin<Suite>,
    password: Zeroizing<Vec<u8>>,
}

impl ClientLogin {
    /// Begins to log in with `password`. The second value is the request.
    ///
    /// # Errors
    /// [`LoginError::Unusable`] for an empty or endless password.
    pub fn start(
        password: &str,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(Self, Vec<u8>), LoginError> {
        let password = Zeroizing::new(usable(password)?.to_vec());
        let started =
            opaque_ke::ClientLogin::start(rng, &password).map_err(|_| LoginError::Unusable)?;
        let request = started.message.serialize().to_vec();
        let state = started.state;
        Ok((Self { state, password }, request))
    }

    /// The proof that the password is one of the server's. It shows that the server knows it, too. Costly: stretches
    /// the password for each half of the response.
    ///
    /// # Errors
    /// [`LoginError::WrongPassword`] if it fits neither half, which is also what somebody in the middle causes; the
    /// server is then owed [`NO_PROOF`]. [`LoginError::Size`] and [`LoginError::Malformed`].
    pub fn finish(
        self,
        response: &[u8],
        binding: &[u8],
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Vec<u8>, LoginError> {
        sized(RESPONSE, RESPONSE_BYTES, response)?;
        let context = context(binding);
        let mut proof = None;
        for half in response.chunks_exact(RESPONSE_HALF_BYTES) {
            let half = CredentialResponse::<Suite>::deserialize(half)
                .map_err(|_| LoginError::Malformed(RESPONSE))?;
            let parameters = ClientLoginFinishParameters {
                context: Some(&context),
                ..ClientLoginFinishParameters::default()
            };
            let opened = self
                .state
                .clone()
                .finish(rng, &self.password, half, parameters);
            proof = proof.or(opened.ok());
        }
        proof
            .map(|opened| opened.message.serialize().to_vec())
            .ok_or(LoginError::WrongPassword)
    }
}

impl fmt::Debug for ClientLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLogin(*)")
    }
}

/// What a client sends that has no proof, so that a wrong password looks the same on the wire as a right one.
pub const NO_PROOF: [u8; PROOF_BYTES] = [0; PROOF_BYTES];

/// The cryptography of both ends.
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Argon2<'static>;
}

/// Both ends of a registration at once: the password is known here, and only the record is kept.
fn register(
    setup: &ServerSetup<Suite>,
    password: &str,
    whose: &[u8],
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<ServerRegistration<Suite>, LoginError> {
    let password = usable(password)?;
    let unusable = |_| LoginError::Unusable;
    let client = ClientRegistration::<Suite>::start(rng, password).map_err(unusable)?;
    let server = ServerRegistration::start(setup, client.message, whose).map_err(unusable)?;
    let parameters = ClientRegistrationFinishParameters::default();
    let client = client
        .state
        .finish(rng, password, server.message, parameters)
        .map_err(unusable)?;
    Ok(ServerRegistration::finish(client.message))
}

/// The longest is limited by OPAQUE itself.
fn usable(password: &str) -> Result<&[u8], LoginError> {
    if password.is_empty() {
        return Err(LoginError::Unusable);
    }
    Ok(password.as_bytes())
}

/// What both ends have to agree on beside the password.
fn context(binding: &[u8]) -> Vec<u8> {
    let mut hash = <sha2::Sha512 as sha2::Digest>::new_with_prefix(b"kdeck session login 1\0");
    sha2::Digest::update(&mut hash, binding);
    sha2::Digest::finalize(hash).to_vec()
}

fn server_parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters {
        context: Some(context),
        ..ServerLoginParameters::default()
    }
}

fn sized(what: &'static str, want: usize, bytes: &[u8]) -> Result<(), LoginError> {
    let got = bytes.len();
    if got == want {
        Ok(())
    } else {
        Err(LoginError::Size { what, want, got })
    }
}

const RESPONSE_HALF_BYTES: usize = 320;

const REQUEST: &str = "request to log in";
const RESPONSE: &str = "response to a login";
const PROOF: &str = "proof of a password";

/// Names of the two records; part of what keys are derived from.
const OPERATOR: &[u8] = b"operator";
const OBSERVER: &[u8] = b"observer";

#[cfg(test)]
mod tests;
