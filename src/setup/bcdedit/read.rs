//! Reads what `bcdedit /dbgsettings` prints: a name and a value in each line.
//!
//! Any subset of the names, in any order, between any other text; the values are judged elsewhere
//! ([`super::compare()`]).

/// The settings found, each as it was written. Where one is there twice, the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `debugtype`: NET, SERIAL, USB, 1394, LOCAL.
    pub kind: Option<String>,
    /// `hostip`: where the target calls, over IPv4.
    pub host_ip: Option<String>,
    /// `hostipv6`: the same over IPv6.
    pub host_ipv6: Option<String>,
    /// `port` of the host.
    pub port: Option<String>,
    /// `key`. Not to be shown.
    pub key: Option<Secret>,
    /// `dhcp`: whether the target asks for an address.
    pub dhcp: Option<String>,
    /// `busparams`: which network adapter.
    pub busparams: Option<String>,
    /// `debug` of a boot entry, which is not among the settings but may be in the same text.
    pub debug: Option<String>,
    /// Names that were there more than once: output of more than one machine.
    pub repeated: Vec<&'static str>,
}

/// A value that its `Debug` hides.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(*)")
    }
}

impl Settings {
    /// Reads `text`. Names are taken in either case; lines that are no setting are read over.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut settings = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.trim().split_once(char::is_whitespace) else {
                continue;
            };
            settings.take(&name.to_ascii_lowercase(), value.trim());
        }
        settings
    }

    /// Whether nothing at all was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn take(&mut self, name: &str, value: &str) {
        let (name, slot) = match name {
            "debugtype" => ("debugtype", &mut self.kind),
            "hostip" => ("hostip", &mut self.host_ip),
            "hostipv6" => ("hostipv6", &mut self.host_ipv6),
            "port" => ("port", &mut self.port),
            "dhcp" => ("dhcp", &mut self.dhcp),
            "busparams" => ("busparams", &mut self.busparams),
            // Boot entries have one each; that is no second machine.
            "debug" => {
                self.debug.get_or_insert_with(|| value.to_owned());
                return;
            }
            "key" => {
                match self.key {
                    None => self.key = Some(Secret(value.to_owned())),
                    Some(_) => self.repeated.push("key"),
                }
                return;
            }
            _ => return,
        };
        match slot {
            None => *slot = Some(value.to_owned()),
            Some(_) => self.repeated.push(name),
        }
    }
}

/// The text of a file that Windows wrote: UTF-8 or UTF-16 by its mark, else UTF-8 with what is none replaced.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| unit(*pair));
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Largest file that is read: all of a machine's boot entries take a hundredth of it. Bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "\
key                     1a.2b.3c.4d
debugtype               NET
debugport               1
baudrate                115200
hostip                  10.125.4.86
port                    50085
";
    const NEW: &str = "\
busparams               0.25.0\r
key                     1a.2b.3c.4d\r
debugtype               NET\r
hostip                  192.168.1.100\r
port                    50010\r
dhcp                    Yes\r
The operation completed successfully.\r
";

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn both_forms_of_the_output_are_read() {
        let expected = Settings {
            kind: some("NET"),
            host_ip: some("10.125.4.86"),
            port: some("50085"),
            key: Some(Secret("1a.2b.3c.4d".to_owned())),
            ..Settings::default()
        };
        assert_eq!(Settings::read(OLD), expected);
        let expected = Settings {
            host_ip: some("192.168.1.100"),
            port: some("50010"),
            dhcp: some("Yes"),
            busparams: some("0.25.0"),
            ..expected
        };
        assert_eq!(Settings::read(NEW), expected);
    }

    #[test]
    fn any_subset_in_any_order_with_tabs_and_other_text_is_read() {
        let text = "C:\\> bcdedit /dbgsettings\n\nPORT\t50001\nsomething  else\n\
                    hostipv6                fe80::1\nport\n  DebugType \t net  \nport 50002\n";
        let settings = Settings::read(text);
        assert_eq!(settings.port, some("50001"));
        assert_eq!(settings.host_ipv6, some("fe80::1"));
        assert_eq!(settings.kind, some("net"));
        assert_eq!(settings.repeated, ["port"]);
        assert!(Settings::read("The operation completed successfully.").is_empty());
    }

    #[test]
    fn files_are_read_as_windows_writes_them() {
        let wide = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            ["\u{feff}", NEW]
                .concat()
                .encode_utf16()
                .flat_map(unit)
                .collect()
        };
        assert_eq!(decode(&wide(u16::to_le_bytes)), NEW);
        assert_eq!(decode(&wide(u16::to_be_bytes)), NEW);
        assert_eq!(decode(&["\u{feff}", NEW].concat().into_bytes()), NEW);
        assert_eq!(decode(b"port 1\xff"), "port 1\u{fffd}");
    }

    #[test]
    fn the_key_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", Settings::read(NEW)).contains("1a.2b"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Settings::read(&decode(&bytes));
        }

        #[test]
        fn any_lines_are_read(lines in "((hostip|port|key|dhcp|x)[ \t\n]|[0-9.X]|\\PC){0,40}") {
            let _ = Settings::read(&lines);
        }
    }
}
