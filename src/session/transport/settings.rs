//! What the configuration says of transports.

use std::path::PathBuf;

/// How channels are made, beside what a string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Certificates.
    pub tls: TlsSettings,
    /// The SSH client and its first arguments; its program is the first word.
    pub ssh: Vec<String>,
    /// How kdeck is called on the other machine: a shell there reads it.
    pub ssh_remote: String,
}

/// Files of certificates, all PEM. What is not named is not used, but the own certificate, which makes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// What servers show, with those that signed it.
    pub certificate: Option<PathBuf>,
    /// Its key; in the file of the certificate if it is not named.
    pub key: Option<PathBuf>,
    /// Who may vouch for servers that are joined: then they need no pin.
    pub ca: Option<PathBuf>,
    /// Who has to have signed what clients of `ssl` and `spipe` servers show; they show nothing otherwise.
    pub client_ca: Option<PathBuf>,
    /// What is shown to servers that ask.
    pub client_certificate: Option<PathBuf>,
    /// Its key; in the file of the certificate if it is not named.
    pub client_key: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tls: TlsSettings::default(),
            ssh: vec!["ssh".to_owned()],
            ssh_remote: "kdeck".to_owned(),
        }
    }
}
