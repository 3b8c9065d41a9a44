//! Strings as servers are listed, to be named after them or told again: their secrets are masked, so that they need not
//! read back.

/// The kind in front of the colon; nothing if there is none.
#[must_use]
pub fn listed_kind(string: &str) -> &str {
    string.split(':').next().unwrap_or_default()
}

/// The value of an option.
#[must_use]
pub fn listed_value<'a>(string: &'a str, name: &str) -> Option<&'a str> {
    let (_, options) = string.split_once(':')?;
    let mut pieces = options.split(',');
    pieces.find_map(|piece| value_of(piece, name))
}

/// The string without an option, and whether it had it.
#[must_use]
pub fn listed_without(string: &str, name: &str) -> (String, bool) {
    let Some((kind, options)) = string.split_once(':') else {
        return (string.to_owned(), false);
    };
    let is_other = |piece: &&str| value_of(piece, name).is_none();
    let rest: Vec<&str> = options.split(',').filter(is_other).collect();
    let had = rest.len() < options.split(',').count();
    (format!("{kind}:{}", rest.join(",")), had)
}

fn value_of<'a>(piece: &'a str, name: &str) -> Option<&'a str> {
    let (known, value) = piece.split_once('=')?;
    let is_it = known.trim().eq_ignore_ascii_case(name);
    is_it.then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_what_is_listed_are_found_and_left_out() {
        let string = "tcp:Port=5005,Password=*,ViewPassword=*,Server=lab01";
        assert_eq!(listed_kind(string), "tcp");
        assert_eq!(listed_value(string, "server"), Some("lab01"));
        assert_eq!(listed_value(string, "pipe"), None);
        let (rest, had) = listed_without(string, "password");
        assert_eq!(rest, "tcp:Port=5005,ViewPassword=*,Server=lab01");
        assert!(had && !listed_without(&rest, "password").1);
        assert_eq!(listed_without("", "password"), (String::new(), false));
    }
}
