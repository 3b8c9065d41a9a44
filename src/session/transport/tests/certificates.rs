//! Certificates: made, pinned, verified, asked of clients.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::super::tls;
use super::super::trust::armour;
use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn reopened(machine: &Machine) -> Result<Trust, String> {
    Trust::open(&machine.places, Settings::default())
}

fn with_tls(tls: TlsSettings) -> Settings {
    Settings {
        tls,
        ..Settings::default()
    }
}

/// A CA, and files of what it signed.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = folder.path().display().to_string();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.path().join("ca.pem");
        let mut text = String::from("the lab's own\n");
        armour(&mut text, "CERTIFICATE", certificate.der());
        fs::write(&file, text).unwrap();
        Self {
            folder,
            issuer: Issuer::new(params, key),
            file,
        }
    }

    /// A certificate and its key, each in a file.
    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = ["pem", "key"].map(|kind| self.folder.path().join(format!("{name}.{kind}")));
        let [file, key_file] = files;
        for (file, label, der) in [
            (&file, "CERTIFICATE", certificate.der().as_ref()),
            (&key_file, "PRIVATE KEY", key.serialized_der()),
        ] {
            let mut text = String::new();
            armour(&mut text, label, der);
            fs::write(file, text).unwrap();
        }
        (file, key_file)
    }
}

#[test]
fn the_own_certificate_is_made_once_and_kept_to_oneself() {
    let machine = Machine::new();
    let file = machine.places.state_dir.join("certificate.pem");
    assert_eq!(mode(&file), 0o600);
    let again = reopened(&machine).unwrap();
    assert_eq!(again.fingerprint(), machine.trust.fingerprint());
    assert_eq!(fs::read_dir(&machine.places.state_dir).unwrap().count(), 1);
    assert_ne!(Machine::new().trust.fingerprint(), again.fingerprint());
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let machine = Machine::new();
    let file = machine.places.state_dir.join("certificate.pem");
    let whole = fs::read_to_string(&file).unwrap();
    let key_at = whole.find("-----BEGIN PRIVATE").unwrap();
    for (text, wrong) in [
        ("", "no certificate is in"),
        (&whole[..key_at], "no private key is in"),
        (&whole[..100], "a -----BEGIN line has no -----END line"),
        (&whole[key_at..], "no certificate is in"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "its text is damaged",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let error = reopened(&machine).unwrap_err();
        assert!(
            error.contains(wrong) && error.contains(file.to_str().unwrap()),
            "{error}"
        );
    }
    let missing = PathBuf::from("/nonexistent/ca.pem");
    for settings in [
        TlsSettings {
            ca: Some(missing.clone()),
            ..TlsSettings::default()
        },
        TlsSettings {
            client_ca: Some(missing.clone()),
            ..TlsSettings::default()
        },
        TlsSettings {
            certificate: Some(missing.clone()),
            ..TlsSettings::default()
        },
        TlsSettings {
            client_certificate: Some(missing.clone()),
            ..TlsSettings::default()
        },
        TlsSettings {
            client_key: Some(missing.clone()),
            ..TlsSettings::default()
        },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = Trust::open(&places(&folder), with_tls(settings)).unwrap_err();
        assert!(error.contains("/nonexistent/ca.pem"), "{error}");
    }
}

#[test]
fn a_key_of_another_certificate_is_noticed() {
    let authority = Authority::new();
    let (certificate, _) = authority.sign("one");
    let (_, key) = authority.sign("two");
    let folder = tempfile::tempdir().unwrap();
    let settings = with_tls(TlsSettings {
        certificate: Some(certificate),
        key: Some(key),
        ..TlsSettings::default()
    });
    let error = Trust::open(&places(&folder), settings).unwrap_err();
    assert!(
        error.contains("one.pem with the key") && error.contains("two.key"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_is_asked_about_once_and_its_change_is_loud() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen("ssl:port=9").await;
    let string = format!("ssl:server=127.0.0.1,port={}", port(&listener));
    let server = format!("127.0.0.1:{}", port(&listener));
    assert_eq!(pin_name(&string.parse().unwrap()), server);

    let (_, first_sight) = tokio::join!(accept(&mut listener), desk.dial(&string));
    let unknown = DialError::UnknownCertificate {
        server: server.clone(),
        fingerprint: rack.trust.fingerprint(),
    };
    assert_eq!(first_sight.unwrap_err(), unknown);

    desk.trust.pin(&server, &rack.trust.fingerprint()).unwrap();
    assert_eq!(mode(&desk.places.state_dir.join("known_servers")), 0o600);
    let (mut one, mut other) = meet(&mut listener, &desk, &string).await;
    talk(&mut one, &mut other, 1000).await;

    let known = Fingerprint::of(b"another");
    desk.trust.pin(&server, &known).unwrap();
    let (_, changed) = tokio::join!(accept(&mut listener), desk.dial(&string));
    let changed = changed.unwrap_err();
    let wanted = DialError::ChangedCertificate {
        server,
        known,
        shown: rack.trust.fingerprint(),
    };
    assert_eq!(changed, wanted);
    let words = changed.to_string();
    assert!(
        words.contains("HAS CHANGED") && words.contains(&known.to_string()),
        "{words}"
    );
}

#[test]
fn an_open_server_is_checked_against_the_same_pins() {
    let machine = Machine::new();
    let (one, two) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
    let check = |shown| machine.trust.check("lab01:5005", shown);
    assert!(matches!(
        check(&one),
        Err(DialError::UnknownCertificate { .. })
    ));
    machine.trust.pin("lab01:5005", &one).unwrap();
    assert_eq!(check(&one), Ok(()));
    assert!(matches!(
        check(&two),
        Err(DialError::ChangedCertificate { .. })
    ));
}

#[tokio::test]
async fn a_fingerprint_in_the_string_decides_alone() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let mut listener = rack.listen("ssl:port=9").await;
    let own = rack.trust.fingerprint().to_string();
    let string = |certificate: &str| {
        format!(
            "ssl:certuser={certificate},server=127.0.0.1,port={}",
            port(&listener)
        )
    };
    let digits = own.trim_start_matches("SHA256:");
    let pairs: Vec<_> = (0..64).step_by(2).map(|at| &digits[at..at + 2]).collect();
    let (right, blanks) = (string(digits), string(&pairs.join(" ")));
    let wrong = string(&"ab".repeat(32));
    let sha1 = string(&"ab".repeat(20));
    meet(&mut listener, &desk, &right).await;
    meet(&mut listener, &desk, &blanks).await;
    let (_, refused) = tokio::join!(accept(&mut listener), desk.dial(&wrong));
    assert!(matches!(
        refused.unwrap_err(),
        DialError::ChangedCertificate { .. }
    ));
    let (_, refused) = tokio::join!(accept(&mut listener), desk.dial(&sha1));
    let refused = failure(refused);
    assert!(refused.contains("SHA-1"), "{refused}");
}

#[tokio::test]
async fn a_server_shows_the_certificate_its_string_names() {
    let (rack, desk) = (Machine::new(), Machine::new());
    let authority = Authority::new();
    let folder = rack.places.config_dir.join("certificates");
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = authority.sign("lab");
    fs::copy(&certificate, folder.join("lab.pem")).unwrap();
    fs::copy(&key, folder.join("lab.key")).unwrap();
    let together = [fs::read(&certificate).unwrap(), fs::read(&key).unwrap()].concat();
    fs::write(folder.join("both.pem"), together).unwrap();

    let mut shown = Vec::new();
    for name in ["lab", "both"] {
        let mut listener = rack.listen(&format!("ssl:machuser={name},port=9")).await;
        let string = format!(
            "ssl:machuser={name},server=127.0.0.1,port={}",
            port(&listener)
        );
        let (_, dialled) = tokio::join!(accept(&mut listener), desk.dial(&string));
        match dialled.unwrap_err() {
            DialError::UnknownCertificate { fingerprint, .. } => shown.push(fingerprint),
            other => panic!("{other}"),
        }
    }
    assert_eq!(shown[0], shown[1]);
    assert_ne!(shown[0], rack.trust.fingerprint());

    let digits = shown[0].to_string().replace("SHA256:", "");
    let mut listener = rack.listen(&format!("ssl:certuser={digits},port=9")).await;
    let string = format!(
        "ssl:certuser={digits},server=127.0.0.1,port={}",
        port(&listener)
    );
    meet(&mut listener, &desk, &string).await;

    for (name, wrong) in [
        ("none", "none.pem"),
        ("../lab", "no name of a certificate"),
        (&"cd".repeat(32), "no certificate here has"),
    ] {
        let refused = rack
            .try_listen(&format!("ssl:certuser={name},port=9"))
            .await;
        let refused = refused.unwrap_err();
        assert!(refused.contains(wrong), "{refused}");
    }
}

#[tokio::test]
async fn a_server_signed_by_the_ca_needs_no_pin_under_its_name() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("127.0.0.1");
    let rack = Machine::with(|_| {
        with_tls(TlsSettings {
            certificate: Some(certificate),
            key: Some(key),
            ..TlsSettings::default()
        })
    });
    let desk = Machine::with(|_| {
        with_tls(TlsSettings {
            ca: Some(authority.file.clone()),
            ..TlsSettings::default()
        })
    });
    let mut listener = rack.listen("ssl:port=9").await;
    let string = |host: &str| format!("ssl:server={host},port={}", port(&listener));
    let (right, wrong) = (string("127.0.0.1"), string("localhost"));
    let (_, client) = meet(&mut listener, &desk, &right).await;
    assert_eq!(client.peer.certificate, Some(rack.trust.fingerprint()));
    let (_, refused) = tokio::join!(accept(&mut listener), desk.dial(&wrong));
    assert!(
        matches!(refused.unwrap_err(), DialError::UnknownCertificate { .. }),
        "it is signed for another name"
    );
}

#[tokio::test]
async fn clients_show_what_the_servers_ca_signed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let rack = Machine::with(|_| {
        with_tls(TlsSettings {
            client_ca: Some(authority.file.clone()),
            ..TlsSettings::default()
        })
    });
    let shows = |files: Option<(PathBuf, PathBuf)>| {
        let machine = Machine::with(|_| {
            let (client_certificate, client_key) = files.unzip();
            with_tls(TlsSettings {
                client_certificate,
                client_key,
                ..TlsSettings::default()
            })
        });
        machine
            .trust
            .pin("pipe lab", &rack.trust.fingerprint())
            .unwrap();
        machine
    };
    let mut listener = rack.listen("ssl:port=9").await;
    let string = format!(
        "ssl:certuser={},server=127.0.0.1,port={}",
        rack.trust.fingerprint().to_string().replace("SHA256:", ""),
        port(&listener)
    );

    let ann = authority.sign("ann");
    let fingerprint = super::super::trust::shows(&ann.0).unwrap();
    let (server, _client) = meet(&mut listener, &shows(Some(ann)), &string).await;
    assert_eq!(server.peer.certificate, Some(fingerprint));

    let desk = shows(None);
    let (server, client) = tokio::join!(accept(&mut listener), desk.dial(&string));
    let server = server.unwrap_err();
    assert!(server.contains("showed no certificate"), "{server}");
    let client = failure(client);
    assert!(
        client.contains("wants a certificate of its clients"),
        "{client}"
    );

    let desk = shows(Some(other.sign("eve")));
    let (server, client) = tokio::join!(accept(&mut listener), desk.dial(&string));
    let server = server.unwrap_err();
    assert!(server.contains("not signed by the client CA"), "{server}");
    let client = failure(client);
    assert!(client.contains("does not know who signed"), "{client}");

    let mut open = rack.listen("tcp:port=9").await;
    let string = format!("tcp:server=127.0.0.1,port={}", port(&open));
    meet(&mut open, &shows(None), &string).await;
}

/// The client's words about a server that answers handshakes in a way of its own.
async fn words_about(change: impl FnOnce(&mut ServerConfig)) -> String {
    let (rack, desk) = (Machine::new(), Machine::new());
    let identity = rack.trust.select(None).unwrap();
    let mut config = (*tls::server(&rack.trust, &identity, None).unwrap()).clone();
    change(&mut config);
    let (far, near) = tokio::io::duplex(4096);
    let accepting = tls::accept(Box::new(far), Arc::new(config));
    let joining = tls::join(Box::new(near), &desk.trust);
    let (_, joined) = soon(async { tokio::join!(accepting, joining) }).await;
    joined.err().expect("it is noticed")
}

#[tokio::test]
async fn a_copied_certificate_without_its_key_is_noticed() {
    let (owner, thief) = (Machine::new(), Machine::new());
    let file = |machine: &Machine| machine.places.state_dir.join("certificate.pem");
    let certificate = CertificateDer::from_pem_file(file(&owner)).unwrap();
    let key = PrivateKeyDer::from_pem_file(file(&thief)).unwrap();
    let key = any_supported_type(&key).unwrap();
    let stolen = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let words = words_about(|config| config.cert_resolver = Arc::new(stolen)).await;
    assert!(words.contains("does not hold the key"), "{words}");
}

#[tokio::test]
async fn another_server_over_tls_is_noticed() {
    for protocols in [vec![], vec![b"h2".to_vec()]] {
        let words = words_about(|config| config.alpn_protocols = protocols).await;
        assert!(words.contains("it is no kdeck"), "{words}");
    }
}
