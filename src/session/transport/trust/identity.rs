//! A certificate with its key: read from files, or made here once.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use zeroize::Zeroizing;

use super::super::Fingerprint;

/// What one end of a channel shows and proves to hold the key of.
#[derive(Debug)]
pub struct Identity {
    fingerprint: Fingerprint,
    key: Arc<SingleCertAndKey>,
}

impl Identity {
    /// The one in `file`, which is made if there is none: self-signed, for its owner's eyes alone, complete or not there.
    ///
    /// # Errors
    /// In words: the file, and what is wrong with it.
    pub fn own(file: &Path, provider: &CryptoProvider) -> Result<Self, String> {
        if !file.exists() {
            let text = made().map_err(|error| format!("cannot make a certificate: {error}"))?;
            match place(file, &text) {
                // another process was faster: its certificate is as good
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => {
                    written.map_err(|error| format!("cannot write {}: {error}", file.display()))?
                }
            }
        }
        Self::read(file, None, provider).map_err(|error| {
            format!(
                "{error}; remove it to have a new one made, which clients then have to trust anew"
            )
        })
    }

    /// The certificate in `file` and those after it that signed it, with the key in `key`, or in the same file.
    ///
    /// # Errors
    /// In words: the file, and what is wrong with it.
    pub fn read(
        file: &Path,
        key: Option<&Path>,
        provider: &CryptoProvider,
    ) -> Result<Self, String> {
        let chain = read_certificates(file)?;
        let fingerprint = Fingerprint::of(chain.first().ok_or_else(|| none_in(file))?);
        let key_file = key.unwrap_or(file);
        let key = PrivateKeyDer::from_pem_slice(&read(key_file)?).map_err(|error| match error {
            pem::Error::NoItemsFound => format!(
                "no private key is in {}: it starts with a line -----BEGIN PRIVATE KEY-----, without a password",
                key_file.display()
            ),
            error => broken(key_file, &error),
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            format!(
                "cannot use the certificate {} with the key {}: {error}",
                file.display(),
                key_file.display()
            )
        })?;
        Ok(Self {
            fingerprint,
            key: Arc::new(key.into()),
        })
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// For handshakes.
    pub fn key(&self) -> Arc<SingleCertAndKey> {
        self.key.clone()
    }
}

/// The fingerprint of the certificate in `file`, if it is one.
pub fn shows(file: &Path) -> Option<Fingerprint> {
    let chain = read_certificates(file).ok()?;
    chain.first().map(|leaf| Fingerprint::of(leaf))
}

/// The certificates in `file`, to vouch for others.
///
/// # Errors
/// In words: the file, and what is wrong with it.
pub fn read_roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate in {} is broken: {error}", file.display()))?;
    }
    if roots.is_empty() {
        return Err(none_in(file));
    }
    Ok(roots)
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<_, _>>()
        .map_err(|error| broken(file, &error))
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", file.display());
    let length = fs::metadata(file).map_err(failed)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!(
            "{} has {length} bytes: too much for a file of certificates",
            file.display()
        ));
    }
    fs::read(file).map(Zeroizing::new).map_err(failed)
}

fn none_in(file: &Path) -> String {
    format!(
        "no certificate is in {}: it starts with a line -----BEGIN CERTIFICATE-----",
        file.display()
    )
}

fn broken(file: &Path, error: &pem::Error) -> String {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a -----BEGIN line has no -----END line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a -----BEGIN line is malformed".to_owned(),
        pem::Error::Base64Decode(_) => "its text is damaged".to_owned(),
        error => error.to_string(),
    };
    format!("{} is no PEM file: {what}", file.display())
}

/// A new self-signed certificate and its key, PEM.
fn made() -> Result<Zeroizing<String>, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["kdeck".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "kdeck");
    let certificate = params.self_signed(&key)?;
    let mut text = Zeroizing::new(String::with_capacity(MADE_BYTES_MAX));
    armour(&mut text, "CERTIFICATE", certificate.der());
    armour(&mut text, "PRIVATE KEY", key.serialized_der());
    Ok(text)
}

/// Appends `der` as PEM (RFC 7468).
pub fn armour(text: &mut String, label: &str, der: &[u8]) {
    let line = |text: &mut String, edge: &str| {
        writeln!(text, "-----{edge} {label}-----").expect("a string takes all that is written");
    };
    line(text, "BEGIN");
    for row in der.chunks(LINE_BYTES) {
        for group in row.chunks(3) {
            let bits = (0..3).fold(0, |bits, at| {
                bits << 8 | u32::from(group.get(at).copied().unwrap_or(0))
            });
            for at in 0..4 {
                let digit = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or(0);
                text.push(match at > group.len() {
                    true => '=',
                    false => char::from(BASE64[digit]),
                });
            }
        }
        text.push('\n');
    }
    line(text, "END");
}

/// Writes `text` to `file` in one step, for its owner alone, if it does not exist.
fn place(file: &Path, text: &str) -> io::Result<()> {
    let beside = beside(file);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut new| new.write_all(text.as_bytes()))
        // unlike renaming, linking replaces nothing
        .and_then(|()| fs::hard_link(&beside, file));
    fs::remove_file(&beside).ok();
    written
}

/// A name in the same folder that nobody else uses.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(
        ".{}.{:08x}.new",
        std::process::id(),
        fastrand::u32(..)
    ));
    file.with_file_name(name)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes that make a line of 64 characters.
const LINE_BYTES: usize = 48;
/// Far above the longest chain. Bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Room for a certificate and its key, so that no copy of the key is left behind by growing. Bytes.
const MADE_BYTES_MAX: usize = 4096;
