//! Trust: the certificates this machine shows, and those it knows of others.
//!
//! Decides, given what was shown; the handshake that shows it is in [`super::tls`].

mod identity;
mod known;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;

pub(super) use self::identity::Identity;
#[cfg(test)]
pub(super) use self::identity::{armour, shows};
use self::known::KnownServers;
use super::line::Lines;
use super::{DialError, Fingerprint, FingerprintFault, Settings};
use crate::config::Places;
use crate::connect::Certificate;

/// What channels need to know of certificates, and the serial lines they share; one for a process.
#[derive(Debug)]
pub struct Trust {
    own: Arc<Identity>,
    /// What servers show: the own one, or the one the settings name.
    default: Arc<Identity>,
    client: Option<Arc<Identity>>,
    servers_by_ca: Option<Arc<WebPkiServerVerifier>>,
    clients_by_ca: Option<Arc<dyn ClientCertVerifier>>,
    known: KnownServers,
    certificates_dir: PathBuf,
    provider: Arc<CryptoProvider>,
    pub(super) settings: Settings,
    pub(super) lines: Lines,
}

impl Trust {
    /// Reads the certificates `settings` name and the own one, which is made if there is none.
    ///
    /// # Errors
    /// In words: the file, and what is wrong with it.
    pub fn open(places: &Places, settings: Settings) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        places.make_state_dir().map_err(|error| error.to_string())?;
        let own = Identity::own(&places.own_certificate_file(), &provider)?;
        let own = Arc::new(own);
        let tls = &settings.tls;
        let named =
            |certificate: &Option<PathBuf>, key: &Option<PathBuf>| match (certificate, key) {
                (Some(certificate), key) => Identity::read(certificate, key.as_deref(), &provider)
                    .map(|it| Some(Arc::new(it))),
                (None, Some(key)) => Err(format!(
                    "{} is a key, and the settings name no certificate for it",
                    key.display()
                )),
                (None, None) => Ok(None),
            };
        let default = named(&tls.certificate, &tls.key)?.unwrap_or_else(|| own.clone());
        let client = named(&tls.client_certificate, &tls.client_key)?;
        let servers_by_ca = tls.ca.as_ref().map(|file| {
            let roots = Arc::new(identity::read_roots(file)?);
            WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| format!("cannot use the CA file {}: {error}", file.display()))
        });
        let clients_by_ca = tls.client_ca.as_ref().map(|file| {
            let roots = Arc::new(identity::read_roots(file)?);
            WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| format!("cannot use the CA file {}: {error}", file.display()))
        });
        Ok(Self {
            own,
            default,
            client,
            servers_by_ca: servers_by_ca.transpose()?,
            clients_by_ca: clients_by_ca.transpose()?,
            known: KnownServers::at(places.known_servers_file()),
            certificates_dir: places.certificates_dir(),
            provider,
            settings,
            lines: Lines::default(),
        })
    }

    /// The fingerprint of the certificate servers show unless their string names another.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.default.fingerprint()
    }

    /// Remembers that `server` (the name of [`super::pin_name`] and of [`DialError`]) shows this certificate, in place of
    /// what it showed before.
    ///
    /// # Errors
    /// In words, if the file cannot be written.
    pub fn pin(&self, server: &str, fingerprint: &Fingerprint) -> Result<(), String> {
        self.known.pin(server, fingerprint)
    }

    /// Compares what a server showed with what it is known to show: for `tcp` and `com` servers that turn out to be
    /// open, where no password vouches for the certificate.
    ///
    /// # Errors
    /// [`DialError::UnknownCertificate`], [`DialError::ChangedCertificate`], or the file cannot be read.
    pub fn check(&self, server: &str, shown: &Fingerprint) -> Result<(), DialError> {
        match self.known.find(server).map_err(DialError::Failed)? {
            None => Err(DialError::UnknownCertificate {
                server: server.to_owned(),
                fingerprint: *shown,
            }),
            Some(known) => expect(server, known, *shown),
        }
    }

    /// Decides about a server of `ssl` or `spipe` that showed `chain`, its own certificate first: the fingerprint of the
    /// string decides alone; a CA vouches for `host`, if it is a name of a machine; else the pin.
    pub(super) fn judge(
        &self,
        server: &str,
        host: Option<&str>,
        expected: Option<&Certificate>,
        chain: &[CertificateDer<'_>],
    ) -> Result<(), DialError> {
        let Some((leaf, between)) = chain.split_first() else {
            return Err(DialError::Failed(format!("{server} showed no certificate")));
        };
        let shown = Fingerprint::of(leaf);
        match expected.map(|name| name_of(name).parse()) {
            Some(Ok(known)) => return expect(server, known, shown),
            Some(Err(fault @ FingerprintFault::Sha1)) => {
                return Err(DialError::Failed(fault.to_string()));
            }
            // a name of the server's own files says nothing here
            Some(Err(FingerprintFault::Shape)) | None => {}
        }
        let name = host.and_then(|host| ServerName::try_from(host).ok());
        if let (Some(ca), Some(name)) = (&self.servers_by_ca, name)
            && ca
                .verify_server_cert(leaf, between, &name, &[], UnixTime::now())
                .is_ok()
        {
            return Ok(());
        }
        self.check(server, &shown)
    }

    /// What a server is to show: the file `NAME.pem` of the folder of certificates (with its key in it, or in
    /// `NAME.key`), or the one of a fingerprint, which is looked for there and may be the own one.
    pub(super) fn select(
        &self,
        certificate: Option<&Certificate>,
    ) -> Result<Arc<Identity>, String> {
        let Some(certificate) = certificate else {
            return Ok(self.default.clone());
        };
        let name = name_of(certificate);
        match name.parse() {
            Ok(fingerprint) => self.select_by_fingerprint(fingerprint),
            Err(fault @ FingerprintFault::Sha1) => Err(fault.to_string()),
            Err(FingerprintFault::Shape) => {
                if name.starts_with('.') || name.contains(['/', '\0']) {
                    return Err(format!(
                        "`{name}` is no name of a certificate: NAME.pem is looked for in {}",
                        self.certificates_dir.display()
                    ));
                }
                self.read_named(&self.certificates_dir.join(format!("{name}.pem")))
                    .map(Arc::new)
            }
        }
    }

    fn select_by_fingerprint(&self, wanted: Fingerprint) -> Result<Arc<Identity>, String> {
        for known in [&self.default, &self.own] {
            if known.fingerprint() == wanted {
                return Ok(known.clone());
            }
        }
        let files = std::fs::read_dir(&self.certificates_dir)
            .into_iter()
            .flatten()
            .flatten();
        for file in files.map(|file| file.path()) {
            if file.extension().is_some_and(|kind| kind == "pem")
                && identity::shows(&file) == Some(wanted)
            {
                return self.read_named(&file).map(Arc::new);
            }
        }
        Err(format!(
            "no certificate here has the fingerprint {wanted}: neither the own one ({}) nor a file in {}",
            self.own.fingerprint(),
            self.certificates_dir.display()
        ))
    }

    fn read_named(&self, file: &Path) -> Result<Identity, String> {
        let key = file.with_extension("key");
        let key = key.exists().then_some(key.as_path());
        Identity::read(file, key, &self.provider)
    }

    /// What is shown to servers that ask for a client's certificate.
    pub(super) fn client_identity(&self) -> Option<&Arc<Identity>> {
        self.client.as_ref()
    }

    /// Who decides about clients' certificates; `None` if they show none.
    pub(super) fn client_verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.clients_by_ca.clone()
    }

    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        self.provider.clone()
    }
}

fn expect(server: &str, known: Fingerprint, shown: Fingerprint) -> Result<(), DialError> {
    if known == shown {
        return Ok(());
    }
    Err(DialError::ChangedCertificate {
        server: server.to_owned(),
        known,
        shown,
    })
}

fn name_of(certificate: &Certificate) -> &str {
    match certificate {
        Certificate::User(name) | Certificate::Machine(name) => name,
    }
}
