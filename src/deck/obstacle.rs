//! What has to end before a host can become a client, in words.

use crate::session::server::ServerEntry;

/// What a host with so many targets and these servers has to end first: `2 targets and server 0`. Nothing if it can become
/// a client as it is.
#[must_use]
pub fn obstacle(targets: usize, servers: &[ServerEntry]) -> Option<String> {
    let ids: Vec<String> = servers.iter().map(|server| server.id.to_string()).collect();
    let servers = match ids.as_slice() {
        [] => None,
        [id] => Some(format!("server {id}")),
        ids => Some(format!("servers {}", ids.join(", "))),
    };
    let targets = (targets > 0).then(|| counted(targets, "target"));
    match (targets, servers) {
        (Some(targets), Some(servers)) => Some(format!("{targets} and {servers}")),
        (one, other) => one.or(other),
    }
}

/// So many of something: `1 target`, `3 targets`.
#[must_use]
pub fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_end_is_counted_and_numbered() {
        let servers: Vec<ServerEntry> = [0, 3]
            .map(|id| ServerEntry {
                id,
                string: String::new(),
                join: String::new(),
                clients: 0,
                ending: false,
                open: false,
            })
            .into();
        let (one, told) = (&servers[..1], |targets, servers| {
            obstacle(targets, servers).unwrap_or_default()
        });
        assert_eq!(told(0, &[]), "");
        assert_eq!(told(1, &[]), "1 target");
        assert_eq!(told(0, one), "server 0");
        assert_eq!(told(2, one), "2 targets and server 0");
        assert_eq!(told(2, &servers), "2 targets and servers 0, 3");
    }
}
