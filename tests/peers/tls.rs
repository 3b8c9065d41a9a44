//! Servers as `openssl s_client` sees them: the protocol that they speak, and whom they say they are.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::rig::can_run;
use crate::support::headless::Headless;
use crate::support::home::Home;
use crate::support::ports::free_port;

/// How long a handshake may take, seconds.
const HANDSHAKE_S: &str = "30";

/// What `openssl s_client` says of that port, its standard input at its end.
fn s_client(port: u16, arguments: &[&str]) -> Output {
    Command::new("timeout")
        .args([HANDSHAKE_S, "openssl", "s_client", "-connect"])
        .arg(format!("127.0.0.1:{port}"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("timeout(1) is there")
}

/// The SHA-256 of the certificate in what it said, as kdeck writes it.
fn fingerprint(said: &Output) -> String {
    let mut openssl = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut input = openssl.stdin.take().expect("a pipe");
    input.write_all(&said.stdout).expect("it reads");
    drop(input);
    let output = openssl.wait_with_output().expect("a child");
    let line = String::from_utf8(output.stdout).expect("text");
    let digits = line.trim().split_once('=').expect("a fingerprint").1;
    format!("SHA256:{}", digits.replace(':', "").to_lowercase())
}

#[test]
fn servers_speak_tls_1_3_alone_and_show_the_certificate_that_they_announce() {
    if !can_run("s_client", &["openssl"]) {
        return;
    }
    let home = Home::new();
    home.configure("[server]\ndirectory = false\n");
    let mut host = Headless::start_in(home, &[]);
    let (ssl, tcp) = (free_port(), free_port());
    let text = host.done(&format!(".server ssl:port={ssl},password=Lab12"));
    let announced = text
        .split_whitespace()
        .find(|word| word.starts_with("SHA256:"));
    let announced = announced.expect(&text);
    host.done(&format!(".server tcp:port={tcp},password=Lab12"));
    for port in [ssl, tcp] {
        let said = s_client(port, &[]);
        let shown = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.status.success(), "{said:?}");
        assert!(shown.contains("New, TLSv1.3, Cipher is TLS_"), "{shown}");
        assert_eq!(fingerprint(&said), announced, "{port}");
        for version in ["-tls1_2", "-tls1_1"] {
            let said = s_client(port, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
            let errors = String::from_utf8_lossy(&said.stderr);
            assert!(!said.status.success(), "{version}: {said:?}");
            assert!(errors.contains("SSL alert number"), "{errors}");
            let shown = String::from_utf8_lossy(&said.stdout);
            assert!(!shown.contains("BEGIN CERTIFICATE"), "{shown}");
        }
    }
    // It was no person to anybody.
    assert_eq!(host.done(".names"), "tester");
}
