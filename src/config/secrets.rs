//! Secrets in a line of the file: the values of keys and passwords, which are never shown.
//!
//! It looks at text, not at TOML: lines are shown because something is wrong with them.

use std::ops::Range;

use crate::connect::nearest;

/// The bytes of `line` that are the value of a key or password, misspelt ones included; rather too many than too few.
pub(crate) fn secrets(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut done = 0;
    for (equals, _) in line.match_indices('=') {
        let name = line[..equals].trim_end();
        let name_start = name
            .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .map_or(0, |at| at + 1);
        let name = name.get(name_start..).unwrap_or_default();
        // `keys` is a table of ours, and no misspelling.
        let is_secret =
            name != "keys" && nearest(name, &["key", "password", "viewpassword"]).is_some();
        if equals < done || !is_secret {
            continue;
        }
        let value = line[equals + 1..].trim_start_matches([' ', '\t', '"', '\'']);
        let start = line.len() - value.len();
        let end = value.find(['"', '\'']).unwrap_or(value.len());
        // A comma ends the value if an option follows it; after any other it is a password with a comma in it.
        let commas = value[..end].match_indices(',').map(|(at, _)| at);
        let is_option = |comma: &usize| {
            let next = value[comma + 1..end].split(',').next().unwrap_or_default();
            next.contains('=')
                || ["hidden", "icfenable"].contains(&next.trim().to_ascii_lowercase().as_str())
        };
        let end = commas.into_iter().find(is_option).unwrap_or(end);
        done = start + end;
        found.push(start..done);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hidden(line: &str) -> Vec<&str> {
        secrets(line).into_iter().map(|span| &line[span]).collect()
    }

    #[test]
    fn keys_and_passwords_are_found_wherever_they_stand() {
        for (line, secret) in [
            (r#"connect = "net:port=50000,key=1.2.3.4""#, "1.2.3.4"),
            (r#"connect = "net:key=1.2.3.4,port=50000""#, "1.2.3.4"),
            (
                r#"{ name = "lab:1", connect = "net:KEY=1.2.3.4", log = true }"#,
                "1.2.3.4",
            ),
            (
                r#"connect = "net:port=50000,kye=1.2.3.4" # KDNET"#,
                "1.2.3.4",
            ),
            (r#"key = "1.2.3.4""#, "1.2.3.4"),
            (
                r#"open = ["tcp:port=5005,password=Lab,12", "npipe:pipe=lab"]"#,
                "Lab,12",
            ),
            (r#"open = ["tcp:password=Lab 12,hidden"]"#, "Lab 12"),
            (r#"open = ["tcp:pasword=Lab12,port=5"#, "Lab12"),
        ] {
            assert_eq!(hidden(line), [secret], "{line}");
        }
    }

    #[test]
    fn other_values_are_left_alone() {
        for line in [
            "theme = \"dark\"",
            "keys = \"none\"",
            r#"connect = "raw:server=lab1,port=7001""#,
            "",
            "=",
        ] {
            assert!(hidden(line).is_empty(), "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_line_has_its_secrets_on_boundaries(line in "(key|password|=|,|\"|é| |a){0,24}") {
            for span in secrets(&line) {
                prop_assert!(line.get(span).is_some());
            }
        }
    }
}
