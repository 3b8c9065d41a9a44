//! The addresses of this machine: what a target can be told that its host is.
//!
//! From the tables that Linux keeps under `/proc/net`. Where there are none the list is empty, which means that nothing
//! is known.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses of this machine's interfaces, each once; loopback and link-local ones too.
#[must_use]
pub fn of_this_machine() -> Vec<IpAddr> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut addresses = ipv4(&read(IPV4_TABLE));
    addresses.extend(ipv6(&read(IPV6_TABLE)));
    addresses.into_iter().collect()
}

/// Those of `addresses` that a target on another machine may reach, IPv4 before IPv6.
#[must_use]
pub fn reachable(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let reachable = |address: &&IpAddr| match address {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_unicast_link_local(),
    };
    addresses.iter().filter(reachable).copied().collect()
}

/// The local addresses of a routing table: each stands in the line before the one that says so.
fn ipv4(table: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in table.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last.map(IpAddr::V4));
        }
    }
    found
}

/// The addresses of a list of interfaces: 32 digits at the beginning of each line.
fn ipv6(list: &str) -> BTreeSet<IpAddr> {
    let address = |line: &str| {
        let digits = line.split_whitespace().next()?;
        let bits = u128::from_str_radix(digits, 16).ok()?;
        (digits.len() == 32).then(|| IpAddr::V6(Ipv6Addr::from_bits(bits)))
    };
    list.lines().filter_map(address).collect()
}

const IPV4_TABLE: &str = "/proc/net/fib_trie";
const IPV6_TABLE: &str = "/proc/net/if_inet6";

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/24 2 0 2
        |-- 10.0.0.0
           /24 link UNICAST
        |-- 10.0.0.7
           /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
Local:
        |-- 10.0.0.7
           /32 host LOCAL
";
    const LIST: &str = "\
00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000042acfffe110002 02 40 20 80     eth0
20010db8000000000000000000000007 02 40 00 80     eth0
what is this
";

    #[test]
    fn the_systems_tables_are_read_and_the_reachable_addresses_told() {
        let mut addresses: Vec<IpAddr> = ipv4(TRIE).into_iter().collect();
        addresses.extend(ipv6(LIST));
        let expected = [
            "10.0.0.7",
            "127.0.0.1",
            "::1",
            "2001:db8::7",
            "fe80::42:acff:fe11:2",
        ];
        assert_eq!(
            addresses,
            expected.map(|text| text.parse::<IpAddr>().unwrap())
        );
        let expected = ["10.0.0.7", "2001:db8::7"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(reachable(&addresses), expected);
    }

    #[test]
    fn a_machine_without_tables_has_no_known_address() {
        assert!(ipv4("").is_empty() && ipv6("zz 1\n\n").is_empty());
    }
}
