//! Host names, addresses and port numbers inside connection strings.

use std::net::{IpAddr, Ipv6Addr};

use super::error::Error;
use super::options::{Options, Value};

/// A host name or a literal address, without the brackets of an IPv6 address and the `\\` of a Windows machine name.
/// Not resolved.
pub(super) fn host(options: &Options<'_, '_>, value: Value<'_>) -> Result<String, Error> {
    let text = value.text.strip_prefix(r"\\").unwrap_or(value.text);
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if is_ipv6(text) {
        return Ok(text.to_owned());
    }
    if let Some((host, port)) = text.rsplit_once(':') {
        let both = !host.is_empty() && port.parse::<u16>().is_ok();
        return Err(options.bad(
            value,
            if both {
                format!("the port is an option of its own: server={host},port={port}")
            } else {
                "neither a host name nor an IPv6 address".to_owned()
            },
        ));
    }
    if text.is_empty() || text.len() > HOST_BYTES_MAX {
        return Err(options.bad(value, "a host name has 1 to 253 bytes"));
    }
    // a host that starts with a hyphen would be an option to programs it is handed to
    if text.starts_with(['-', '.']) {
        return Err(options.bad(value, "a host name starts with a letter or a digit"));
    }
    if let Some(c) = text
        .chars()
        .find(|c| !c.is_alphanumeric() && !"._-".contains(*c))
    {
        return Err(options.bad(value, format!("`{c}` does not belong in a host name")));
    }
    Ok(text.to_owned())
}

/// A literal IP address.
pub(super) fn address(options: &Options<'_, '_>, value: Value<'_>) -> Result<IpAddr, Error> {
    let text = value
        .text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(value.text);
    text.parse()
        .map_err(|_| options.bad(value, "an IP address is wanted, as in 192.0.2.7 or fe80::7"))
}

/// A port that can be dialled or held.
pub(super) fn port(options: &Options<'_, '_>, value: Value<'_>) -> Result<u16, Error> {
    let number = options.number(value, 1..=u32::from(u16::MAX), "a port")?;
    Ok(u16::try_from(number).expect("the range ends at the largest u16"))
}

/// With or without a scope (`fe80::1%eth0`).
fn is_ipv6(text: &str) -> bool {
    let (address, scope) = text
        .split_once('%')
        .map_or((text, None), |(address, scope)| (address, Some(scope)));
    let legal = |scope: &str| {
        !scope.is_empty()
            && scope
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    address.parse::<Ipv6Addr>().is_ok() && scope.is_none_or(legal)
}

/// The limit of the domain name system. Bytes.
const HOST_BYTES_MAX: usize = 253;
