//! The known word somebody meant when they wrote an unknown one.

/// The candidate closest to `word`, if it is close enough to be what was meant: one slip for every three letters, at
/// least one. Words people use for an option of ours (`host` for `server`) count as exact.
///
/// ```
/// # use kdeck::connect::nearest;
/// assert_eq!(nearest("prot", &["key", "port"]), Some("port"));
/// assert_eq!(nearest("host", &["server", "port"]), Some("server"));
/// assert_eq!(nearest("colour", &["server", "port"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let slips_max = (word.chars().count() / 3).max(1);
    let meant = SYNONYMS
        .iter()
        .filter(|(other, _)| *other == word)
        .map(|(_, ours)| *ours);
    for ours in meant {
        if let Some(found) = candidates.iter().find(|candidate| **candidate == ours) {
            return Some(found);
        }
    }
    candidates
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()),
                *candidate,
            )
        })
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// No known word is half as long; comparing costs the product of both lengths. Bytes.
const WORD_BYTES_MAX: usize = 64;

/// What other programs call our options.
const SYNONYMS: &[(&str, &str)] = &[
    ("host", "server"),
    ("hostname", "server"),
    ("address", "server"),
    ("addr", "server"),
    ("ip", "server"),
    ("ip", "source"),
    ("from", "source"),
    ("socket", "pipe"),
    ("sock", "pipe"),
    ("path", "pipe"),
    ("unix", "pipe"),
    ("serial", "raw"),
    ("tty", "raw"),
    ("unix", "raw"),
    ("pty", "exec"),
    ("udp", "netconsole"),
    ("kdnet", "net"),
    ("kd", "com"),
    ("tls", "ssl"),
    ("device", "com"),
    ("dev", "com"),
    ("tty", "com"),
    ("serial", "com"),
    ("device", "port"),
    ("speed", "baud"),
    ("rate", "baud"),
    ("databits", "bits"),
    ("stopbits", "stop"),
    ("pass", "password"),
    ("pw", "password"),
    ("pwd", "password"),
    ("passwd", "password"),
    ("secret", "password"),
    ("newline", "eol"),
    ("tag", "group"),
    ("tags", "group"),
];
