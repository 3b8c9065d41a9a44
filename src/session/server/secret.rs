//! Passwords of servers: those that are made, and what the door is to check.

use rand_core::{OsRng, RngCore};

use crate::connect::{Password, ServerString, ServerTransport};
use crate::proto::session::login::Passwords;

/// What passwords are made of: no letters that are taken for another one when they are read aloud or typed off a screen.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Groups of a password that is made. Four of four letters are 80 bits, more than can ever be tried.
const GROUPS: usize = 4;
/// Letters of a group.
const GROUP: usize = 4;

/// Gives `string` an operators' password if it needs one and has none. Whether it did.
///
/// # Errors
/// When the system has no random bytes, or nobody could be told.
pub(super) fn complete(string: &mut ServerString) -> Result<bool, String> {
    // The system says who is at the other end of a pipe, and lets in only the account that serves it.
    let known = matches!(string.transport, ServerTransport::Npipe { .. });
    if string.password.is_some() || (known && string.viewpassword.is_none()) {
        return Ok(false);
    }
    if super::calls(string).is_some() {
        return Err(
            "with clicon= the client waits with the password before there is a server that could make one: give \
             password=... on both sides"
                .to_owned(),
        );
    }
    let mut bytes = [0; GROUPS * GROUP];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| format!("no random bytes for a password: {error}"))?;
    let password = Password::new(&spell(&bytes)).map_err(str::to_owned)?;
    string.password = Some(password);
    Ok(true)
}

/// The password that these bytes make.
fn spell(bytes: &[u8]) -> String {
    let letter = |byte: &u8| {
        ALPHABET
            .get(usize::from(byte % 32))
            .copied()
            .map(char::from)
    };
    let groups = bytes
        .chunks(GROUP)
        .map(|group| group.iter().filter_map(letter).collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

/// What the door checks. Takes a while, on a thread that may block: guessing is to be costly.
///
/// # Errors
/// In words.
pub(super) async fn passwords(string: &ServerString) -> Result<Passwords, String> {
    let reveal = |password: &Option<Password>| {
        let secret = password.as_ref().and_then(Password::reveal);
        secret.map(str::to_owned)
    };
    let (operator, observer) = (reveal(&string.password), reveal(&string.viewpassword));
    let made = tokio::task::spawn_blocking(move || {
        Passwords::new(operator.as_deref(), observer.as_deref(), &mut OsRng)
    });
    match made.await {
        Ok(made) => made.map_err(|error| error.to_string()),
        Err(_) => Err("this host is ending".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(string: &str) -> (bool, Option<String>) {
        let mut string: ServerString = string.parse().unwrap();
        let made = complete(&mut string).unwrap();
        let password = string.password.as_ref().and_then(Password::reveal);
        (made, password.map(str::to_owned))
    }

    #[test]
    fn a_made_password_is_long_enough_to_be_safe_and_can_be_typed() {
        let bits = (GROUPS * GROUP) as u32 * ALPHABET.len().ilog2();
        assert!(bits >= 60, "{bits}");
        let (made, one) = completed("tcp:port=5005");
        let one = one.unwrap();
        assert!(made);
        assert_eq!(one.len(), GROUPS * GROUP + GROUPS - 1);
        assert!(
            one.chars()
                .all(|c| c == '-' || ALPHABET.contains(&(c as u8)))
        );
        assert_ne!(Some(one), completed("tcp:port=5005").1);
    }

    #[test]
    fn only_servers_that_need_one_get_one() {
        for needs in [
            "ssl:port=5443",
            "spipe:pipe=lab",
            "com:port=/dev/ttyS1,baud=9600,channel=1",
            "tcp:port=5005,viewpassword=watch",
            "npipe:pipe=lab,viewpassword=watch",
        ] {
            assert!(completed(needs).0, "{needs}");
        }
        assert_eq!(completed("npipe:pipe=lab"), (false, None));
        assert_eq!(completed("tcp:port=5005,password=none"), (false, None));
        let mut calls = "tcp:port=5005,clicon=BOX".parse().unwrap();
        assert!(complete(&mut calls).unwrap_err().contains("both sides"));
        let given = (false, Some("Lab12".to_owned()));
        assert_eq!(completed("tcp:port=5005,password=Lab12"), given);
    }

    #[tokio::test]
    async fn a_server_without_a_password_is_open() {
        let open = |string: &str| {
            let string: ServerString = string.parse().unwrap();
            async move { passwords(&string).await.unwrap().is_open() }
        };
        assert!(open("npipe:pipe=lab").await);
        assert!(open("tcp:port=5005,password=none").await);
        assert!(!open("tcp:port=5005,password=Lab12").await);
    }
}
