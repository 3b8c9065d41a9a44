//! Recorded traffic for tests: where it is and what to do without it.
//!
//! The recordings are not part of the program: a test that needs one is skipped, and says so, where they are
//! missing. In continuous integration, where they must be there, it fails.

use std::path::PathBuf;

use serde::Deserialize;

/// One recorded datagram.
pub struct Datagram {
    /// When it came, in milliseconds since the recording began.
    pub ms: u64,
    /// What came.
    pub bytes: Vec<u8>,
}

/// The file `name` (relative to the folder of recordings), or `None` if this test has to be skipped.
pub fn read(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(path(name)?).unwrap())
}

/// The same for a file that is no text.
pub fn read_bytes(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(path(name)?).unwrap())
}

fn path(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("KDECK_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if !path.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing; KDECK_FIXTURES names the folder",
            path.display()
        );
        eprintln!(
            "skipped: {} is missing; KDECK_FIXTURES names the folder",
            path.display()
        );
        return None;
    }
    Some(path)
}

/// A recording of datagrams, in the order they came.
pub fn datagrams(name: &str) -> Option<Vec<Datagram>> {
    #[derive(Deserialize)]
    struct Entry {
        ms: u64,
        bytes: String,
    }
    let entries: Vec<Entry> = serde_json::from_str(&read(name)?).unwrap();
    let datagrams = entries.into_iter().map(|entry| Datagram {
        ms: entry.ms,
        bytes: unhex(&entry.bytes),
    });
    Some(datagrams.collect())
}

/// The bytes that pairs of hexadecimal `digits` stand for.
pub fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
