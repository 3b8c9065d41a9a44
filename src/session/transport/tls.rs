//! TLS 1.3 over any stream of bytes: handshakes of both ends, and in words why one failed.
//!
//! The client accepts every certificate whose key the server holds: whether it is the right one is decided afterwards,
//! by [`Trust`] or by the password, which is bound to the [`Binding`]. Nothing of TLS below 1.3 is spoken.

mod refusal;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use self::refusal::explain;
use self::witness::Witness;
use super::trust::Identity;
use super::{Binding, Duplex, Trust};

/// A stream after its handshake.
pub struct Secured {
    pub stream: Box<dyn Duplex>,
    pub binding: Binding,
    /// What the other end showed, its own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Which end of a handshake one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Server,
    Client,
}

/// What a server answers handshakes with; without `clients` it asks for no certificates.
pub fn server(
    trust: &Trust,
    identity: &Identity,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, String> {
    let builder = ServerConfig::builder_with_provider(trust.provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| format!("cannot speak TLS 1.3: {error}"))?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(identity.key());
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // every channel has a handshake of its own
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The server's end of a handshake, as long as it takes.
///
/// # Errors
/// In words.
pub async fn accept(stream: Box<dyn Duplex>, config: Arc<ServerConfig>) -> Result<Secured, String> {
    let handshake = TlsAcceptor::from(config).accept(Witness::new(stream));
    let mut stream = handshake
        .into_fallible()
        .await
        .map_err(|(error, witness)| explain(&error, witness.first(), End::Server))?;
    // tells the client that what it showed is accepted too, which TLS leaves open
    let told = async {
        stream.write_all(&[ACCEPTED]).await?;
        stream.flush().await
    };
    told.await
        .map_err(|error| explain(&error, stream.get_ref().0.first(), End::Server))?;
    let (_, session) = stream.get_ref();
    let binding = session.export_keying_material([0; BINDING_BYTES], LABEL, None);
    let chain = owned(session.peer_certificates());
    Ok(Secured {
        binding: bind(binding)?,
        chain,
        stream: Box::new(stream),
    })
}

/// The client's end; whatever the server shows is accepted. At most [`HANDSHAKE_WAIT`].
///
/// # Errors
/// In words.
pub async fn join(stream: Box<dyn Duplex>, trust: &Trust) -> Result<Secured, String> {
    let handshake = tokio::time::timeout(HANDSHAKE_WAIT, join_unbounded(stream, trust));
    handshake.await.unwrap_or_else(|_| {
        Err(format!(
            "no answer within {} s: what listens there is probably no kdeck",
            HANDSHAKE_WAIT.as_secs()
        ))
    })
}

async fn join_unbounded(stream: Box<dyn Duplex>, trust: &Trust) -> Result<Secured, String> {
    let config = client(trust)?;
    let name = ServerName::try_from("kdeck").map_err(|error| error.to_string())?;
    let handshake = TlsConnector::from(config).connect(name, Witness::new(stream));
    let mut stream = handshake
        .into_fallible()
        .await
        .map_err(|(error, witness)| explain(&error, witness.first(), End::Client))?;
    if stream.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
        return Err(refusal::NOT_KDECK.to_owned());
    }
    let accepted = stream.read_u8().await;
    let accepted =
        accepted.map_err(|error| explain(&error, stream.get_ref().0.first(), End::Client))?;
    if accepted != ACCEPTED {
        return Err(refusal::NOT_KDECK.to_owned());
    }
    let (_, session) = stream.get_ref();
    let binding = session.export_keying_material([0; BINDING_BYTES], LABEL, None);
    let chain = owned(session.peer_certificates());
    Ok(Secured {
        binding: bind(binding)?,
        chain,
        stream: Box::new(stream),
    })
}

fn client(trust: &Trust) -> Result<Arc<ClientConfig>, String> {
    let provider = trust.provider();
    let any = Arc::new(AnyCertificate(provider.clone()));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| format!("cannot speak TLS 1.3: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(any);
    let mut config = match trust.client_identity() {
        Some(identity) => builder.with_client_cert_resolver(identity.key()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn owned(chain: Option<&[CertificateDer<'_>]>) -> Vec<CertificateDer<'static>> {
    let chain = chain.unwrap_or_default().iter().cloned();
    chain.map(CertificateDer::into_owned).collect()
}

fn bind(exported: Result<[u8; BINDING_BYTES], rustls::Error>) -> Result<Binding, String> {
    exported
        .map(|bytes| Binding(bytes.to_vec()))
        .map_err(|error| format!("the handshake left no binding: {error}"))
}

/// Takes every certificate, and insists that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Longest handshake of a client, which nobody else may be watching: also a line of 9600 baud that is busy has time.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(30);
/// What both ends say they speak inside (ALPN), so that other servers over TLS are noticed.
const PROTOCOL: &[u8] = b"kdeck-session";
/// The exporter's label.
const LABEL: &[u8] = b"EXPORTER-kdeck-session";
const BINDING_BYTES: usize = 32;
/// The first byte of a server, after the handshake.
const ACCEPTED: u8 = 0x06;
