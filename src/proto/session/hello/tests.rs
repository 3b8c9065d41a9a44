//! Frozen bytes, other versions, other programs.

use proptest::prelude::*;

use super::*;

fn of(major: u16, minor: u16) -> Versions {
    Versions {
        protocol: Protocol { major, minor },
        program: "0.1.0".to_owned(),
    }
}

fn alice() -> ClientHello {
    ClientHello {
        person: "alice".to_owned(),
        machine: "BOX18".to_owned(),
        account: "al".to_owned(),
        resume: Some([7; RESUME_BYTES]),
        observe_only: true,
    }
}

#[test]
fn the_bytes_of_greetings_do_not_change() {
    let client = b"kdeck sessionc\x01\0\0\0\x050.1.0\x05alice\x05BOX18\x02al\x01\
        \x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x01";
    assert_eq!(alice().encode(&of(1, 0)), client);
    assert_eq!(ClientHello::decode(client), Ok((of(1, 0), alice())));

    let server = b"kdeck sessions\x01\0\0\0\x050.1.0\x01";
    let open = ServerHello { open: true };
    assert_eq!(open.encode(&of(1, 0)), server);
    assert_eq!(ServerHello::decode(server), Ok((of(1, 0), open)));
}

#[test]
fn fields_of_a_newer_minor_version_are_ignored_and_the_difference_is_told() {
    let mut body = alice().encode(&of(1, 7));
    body.extend(b"what was appended later");
    let (versions, hello) = ClientHello::decode(&body).unwrap();
    assert_eq!(hello, alice());
    let warning = versions.warning(Side::Client).unwrap();
    assert!(
        warning.contains("1.7") && warning.contains("1.0"),
        "{warning}"
    );
    assert_eq!(of(1, 0).warning(Side::Client), None);
}

#[test]
fn another_major_version_is_refused_with_both_in_words_whatever_follows() {
    for (major, advice) in [
        (0, "the server needs a newer kdeck"),
        (2, "a newer kdeck is needed at this end"),
    ] {
        let mut body = ServerHello::default().encode(&of(major, 3));
        body.truncate(body.len() - 1);
        body.extend([0xff; 40]);
        let error = ServerHello::decode(&body).unwrap_err();
        assert!(matches!(error, HelloError::Version { .. }));
        let text = error.to_string();
        assert!(
            text.contains(&format!("speaks protocol {major}.3")),
            "{text}"
        );
        assert!(text.contains("speaks 1.0"), "{text}");
        assert!(text.contains(advice), "{text}");
    }
}

#[test]
fn two_clients_are_told_that_one_has_to_be_the_server() {
    let error = ServerHello::decode(&alice().encode(&of(1, 0)));
    assert_eq!(error, Err(HelloError::SameSide(Side::Client)));
}

#[test]
fn the_version_of_a_program_cannot_steer_a_terminal() {
    let mut versions = of(2, 0);
    versions.program = format!("\x1b[2J9\u{202e}{}", "x".repeat(300));
    let error = ServerHello::decode(&ServerHello::default().encode(&versions)).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(['\x1b', '\u{202e}']), "{text:?}");
    assert!(text.len() < 200, "{text}");
}

#[test]
fn other_programs_are_named() {
    for (bytes, name) in [
        (&b"\x16\x03\x01\x02"[..], "TLS handshake"),
        (b"SSH-", "SSH"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"GET ", "request of HTTP"),
        (b"HTTP/1.1 400 Bad Request", "answer of HTTP"),
        (b"0000", "kernel"),
        (
            b"Welcome to the chat",
            "text came, beginning \"Welcome to the c\"",
        ),
        (b"\x01\0\0\0\x1b[2J", "[01, 00, 00, 00, 1b, 5b, 32, 4a]"),
    ] {
        let text = foreign(bytes).to_string();
        assert!(text.starts_with("no kdeck session: "), "{text}");
        assert!(text.contains(name), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}

#[test]
fn no_program_that_is_known_begins_like_an_allowed_frame() {
    for (beginning, what) in FOREIGN.iter().filter(|(bytes, _)| bytes.len() == 4) {
        let header = *beginning.first_chunk().unwrap();
        let limit = crate::proto::session::frame::STRANGER_BYTES_MAX;
        assert!(
            crate::proto::session::frame::length(header, limit).is_err(),
            "{what}"
        );
    }
}

#[test]
fn every_truncation_is_malformed_or_foreign() {
    let body = alice().encode(&of(1, 0));
    for end in 0..body.len() {
        let error = ClientHello::decode(body.get(..end).unwrap()).unwrap_err();
        let foreign = matches!(error, HelloError::Foreign(_));
        assert_eq!(foreign, end < MAGIC.len(), "{end}: {error}");
    }
}

#[test]
fn endless_names_are_malformed() {
    let mut hello = alice();
    hello.machine = "x".repeat(NAME_BYTES_MAX + 1);
    let error = ClientHello::decode(&hello.encode(&of(1, 0)));
    assert!(matches!(error, Err(HelloError::Malformed(_))));

    hello.person = "日".repeat(NAME_BYTES_MAX);
    let hello = hello.shortened();
    assert_eq!(hello.person, "日".repeat(NAME_BYTES_MAX / 3));
    assert!(ClientHello::decode(&hello.encode(&of(1, 0))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..120), greeted: bool) {
        let body = if greeted { [&MAGIC[..], &bytes].concat() } else { bytes };
        let _ = ClientHello::decode(&body);
        let _ = ServerHello::decode(&body);
        let _ = foreign(&body).to_string();
    }
}
