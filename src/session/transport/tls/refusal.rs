//! Why a handshake failed, in words; and what the other end is, if it speaks no TLS.

use std::io::{self, ErrorKind};

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::End;
use crate::transcript::safe::plain;

/// Said of a TLS server that agrees to no session.
pub const NOT_KDECK: &str =
    "a TLS server answers there, but it is no kdeck: check the address and the port";

/// What to say of `error`; `first` is how the other end began.
pub fn explain(error: &io::Error, first: &[u8], end: End) -> String {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::AlertReceived(alert)) => of_alert(*alert, end),
        Some(Error::InvalidMessage(_)) => of_stranger(first, end),
        Some(Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon)) => {
            "the keys of the two certificates are of kinds that do not fit".to_owned()
        }
        Some(Error::PeerIncompatible(_)) => {
            "the other end speaks no TLS 1.3, which every kdeck does".to_owned()
        }
        Some(Error::NoApplicationProtocol) => {
            "a TLS client that is no kdeck: it asks for another protocol".to_owned()
        }
        Some(Error::NoCertificatesPresented) => {
            "the client showed no certificate, and this server wants one of its client CA".to_owned()
        }
        Some(Error::InvalidCertificate(error)) => of_certificate(error),
        Some(other) => other.to_string(),
        None => match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                match (first.is_empty(), end) {
                    (true, End::Client) => {
                        "the other end closed the connection without a word: what listens there is probably no kdeck"
                            .to_owned()
                    }
                    (true, End::Server) => {
                        "the other end closed the connection without a word".to_owned()
                    }
                    (false, _) => "the other end closed the connection".to_owned(),
                }
            }
            _ => error.to_string(),
        },
    }
}

fn of_alert(alert: AlertDescription, end: End) -> String {
    use AlertDescription as Alert;
    match (alert, end) {
        (Alert::NoApplicationProtocol, _) => NOT_KDECK.to_owned(),
        (Alert::CertificateRequired, _) => {
            "the server wants a certificate of its clients: name one as `client_certificate`"
                .to_owned()
        }
        (Alert::UnknownCA, End::Client) => {
            "the server does not know who signed our client certificate".to_owned()
        }
        (Alert::CertificateExpired, End::Client) => {
            "the server says that our client certificate has expired".to_owned()
        }
        (
            Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::AccessDenied
            | Alert::DecryptError,
            End::Client,
        ) => "the server does not accept our client certificate".to_owned(),
        (Alert::ProtocolVersion | Alert::HandshakeFailure, _) => {
            "the other end speaks no TLS 1.3, which every kdeck does".to_owned()
        }
        (alert, _) => format!("the other end gave up the TLS handshake: {alert:?}"),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "the certificate shown is not signed by the client CA of this server".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate shown has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate shown is not valid yet".to_owned()
        }
        CertificateError::BadSignature => {
            "the other end does not hold the key of the certificate it showed, or that is signed by another CA of the same name"
                .to_owned()
        }
        other => format!("the certificate shown is not good: {other}"),
    }
}

/// What speaks no TLS.
fn of_stranger(first: &[u8], end: End) -> String {
    let starts = |with: &[u8]| first.starts_with(with);
    let what = if starts(b"SSH-") {
        "it is an SSH server; to join a kdeck behind it use ssh:server=HOST"
    } else if starts(b"HTTP/") {
        "it is a web server"
    } else if [&b"GET "[..], b"POST ", b"HEAD ", b"OPTIONS ", b"CONNECT "]
        .iter()
        .any(|method| starts(method))
    {
        "it is a web browser or the like"
    } else if matches!(first, [5, 0 | 1, 0..=19, ..]) {
        "it speaks RPC, as debuggers of Windows do among each other; kdeck joins and serves kdecks alone"
    } else if matches!(first, [0xff, 0xfb..=0xfe, ..]) {
        "it speaks telnet"
    } else if matches!(first, [0x15, 3, ..]) {
        "it refuses TLS 1.3"
    } else if matches!(first, [0xb5, 0x4c, ..]) {
        "it is the other end of a shared serial line: use com:"
    } else {
        return match (quoted(first), end) {
            (Some(words), _) => format!("the other end is no kdeck: it says `{words}`"),
            (None, End::Client) => "the server is no kdeck: it speaks no TLS".to_owned(),
            (None, End::Server) => "the client is no kdeck: it speaks no TLS".to_owned(),
        };
    };
    match end {
        End::Client => format!("the server is no kdeck: {what}"),
        End::Server => format!("the client is no kdeck: {what}"),
    }
}

/// The first line, if it is one.
fn quoted(first: &[u8]) -> Option<String> {
    let line = first.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let text = line
        .iter()
        .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
        .count();
    (text == line.len() && text >= 3).then(|| plain(line).into_owned())
}
