//! Secrets hidden in a connection string that may be wrong in any way.

use super::nearest::nearest;

/// Hides the values of keys and passwords, misspelt ones too, byte for byte, so that spans still hold. The dots of a
/// key stay: they show where a part is missing. What follows a password's comma is taken for the rest of the password.
pub(super) fn conceal(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len());
    let (kind, options) = raw.split_at(raw.find(':').map_or(0, |colon| colon + 1));
    shown.push_str(kind);
    let mut after_password = false;
    for (index, piece) in options.split(',').enumerate() {
        if index > 0 {
            shown.push(',');
        }
        let Some((secret, at)) = find_secret(piece) else {
            let rest = after_password
                && !piece.contains('=')
                && !FLAGS
                    .iter()
                    .any(|flag| flag.eq_ignore_ascii_case(piece.trim()));
            after_password = rest;
            if rest {
                shown.extend(piece.bytes().map(|_| '*'));
            } else {
                shown.push_str(piece);
            }
            continue;
        };
        after_password = secret != "key";
        let (open, hidden) = piece.split_at(at);
        shown.push_str(open);
        let keeps_dots = secret == "key";
        shown.extend(
            hidden
                .bytes()
                .map(|byte| if keeps_dots && byte == b'.' { '.' } else { '*' }),
        );
    }
    shown
}

/// The string with a word in the place of each secret, `key=KEY`: a line to paste and fill in. Nothing if there is no
/// secret in it.
pub(super) fn to_fill_in(raw: &str) -> Option<String> {
    let shown = conceal(raw);
    if shown == raw {
        return None;
    }
    let (kind, options) = raw.split_at(raw.find(':').map_or(0, |colon| colon + 1));
    let hidden = shown.get(kind.len()..).unwrap_or_default().split(',');
    let pieces = options.split(',').zip(hidden);
    let pieces = pieces.filter_map(|(piece, hidden)| match find_secret(piece) {
        Some((secret, at)) => {
            let open = piece.get(..at).unwrap_or_default();
            Some(format!("{open}{}", secret.to_ascii_uppercase()))
        }
        // the rest of a password with a comma in it
        None if piece != hidden => None,
        None => Some(piece.to_owned()),
    });
    Some(format!("{kind}{}", pieces.collect::<Vec<_>>().join(",")))
}

/// Which secret a piece of a string holds, and where its value starts: behind the first name that resembles one's.
/// Strings nest, so a name also starts behind a brace, a colon or an equals sign.
fn find_secret(piece: &str) -> Option<(&'static str, usize)> {
    let mut start = 0;
    for (at, c) in piece.char_indices() {
        match c {
            '=' => {
                let name = piece.get(start..at).unwrap_or_default();
                if let Some(secret) = nearest(name.trim(), &["key", "password", "viewpassword"]) {
                    return Some((secret, at + 1));
                }
                start = at + 1;
            }
            ':' | '{' => start = at + 1,
            _ => {}
        }
    }
    None
}

/// The flags that may follow a password.
const FLAGS: &[&str] = &["hidden", "IcfEnable"];
