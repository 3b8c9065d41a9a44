//! KDNET datagrams opened by `openssl`: nothing of the project's own decrypts or authenticates here.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What the two keys of a channel are: for the cipher, and for the authentication tag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keys {
    pub cipher: [u8; 32],
    pub tag: [u8; 32],
}

/// What was in a datagram whose tag was right.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    pub version: u8,
    pub channel: u8,
    pub sequence: u64,
    /// The host sent it.
    pub from_host: bool,
    pub padding: usize,
    pub body: Vec<u8>,
}

/// Bytes before the ciphertext: magic, version, channel.
const HEADER_BYTES: usize = 6;
/// Bytes after it: the tag, which is the initialization vector too.
const TAG_BYTES: usize = 16;
/// Bytes of a plaintext before its body.
const SEQUENCE_BYTES: usize = 8;

/// The program that this needs.
pub const PROGRAM: &str = "openssl";

impl Keys {
    /// The keys of the control channel.
    pub fn control(key: [u8; 32]) -> Self {
        let tag = key.map(|byte| !byte);
        Self { cipher: key, tag }
    }

    /// The keys of the data channel after the host's response with this body.
    pub fn data(self, response: &[u8]) -> Self {
        let seed = [&self.cipher, response].concat();
        let cipher = run(&["dgst", "-sha256", "-binary"], &seed);
        Self {
            cipher: cipher.try_into().expect("256 bits"),
            tag: self.tag,
        }
    }

    /// What is in a datagram; `None` if it was not made with these keys.
    pub fn open(&self, datagram: &[u8]) -> Option<Opened> {
        assert_eq!(datagram[..4], *b"MDBG");
        let length = datagram.len();
        assert!(length >= HEADER_BYTES + 16 + TAG_BYTES, "{length} bytes");
        let (header, rest) = datagram.split_at(HEADER_BYTES);
        let (ciphertext, tag) = rest.split_at(rest.len() - TAG_BYTES);
        assert_eq!(ciphertext.len() % 16, 0, "{length} bytes");
        let (key, vector) = (hex(&self.cipher), hex(tag));
        let decrypt = ["enc", "-d", "-aes-256-cbc", "-nopad", "-K"];
        let plain = run(
            &[&decrypt[..], &[&key, "-iv", &vector]].concat(),
            ciphertext,
        );
        assert_eq!(plain.len(), ciphertext.len());
        let key = format!("hexkey:{}", hex(&self.tag));
        let authenticate = [
            "dgst", "-sha256", "-mac", "HMAC", "-binary", "-macopt", &key,
        ];
        let whole = run(&authenticate, &[header, &plain].concat());
        if whole[..TAG_BYTES] != *tag {
            return None;
        }

        let (first, body) = plain.split_at(SEQUENCE_BYTES);
        let first = u64::from_be_bytes(first.try_into().expect("eight bytes"));
        assert_eq!(first & 0x70, 0, "bits that are always zero");
        let padding = usize::try_from(first & 0xF).expect("four bits");
        let (body, zeros) = body.split_at(body.len() - padding);
        assert!(zeros.iter().all(|byte| *byte == 0), "{zeros:02x?}");
        Some(Opened {
            version: header[4],
            channel: header[5],
            sequence: first >> 8,
            from_host: first & 0x80 != 0,
            padding,
            body: body.to_vec(),
        })
    }
}

/// What `openssl` makes of `input`.
fn run(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A datagram fits into the pipe. It may have ended without reading, which its status tells.
    stdin.write_all(input).ok();
    drop(stdin);
    let output = child.wait_with_output().expect("openssl ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {errors}");
    output.stdout
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
