//! People who are let in, and people who are not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::proto::session::hello::Protocol;

#[tokio::test(start_paused = true)]
async fn each_password_gives_its_permission_at_both_ends_and_the_stream_goes_on() {
    let door = door();
    for (password, permission) in [
        ("steer", Permission::Operator),
        ("watch", Permission::Observer),
    ] {
        let (admitted, welcomed) = join(&door, alice(), Some(password)).await;
        let (mut admitted, mut welcomed) = (admitted.unwrap(), welcomed.unwrap());
        assert_eq!(admitted.permission, permission);
        assert_eq!(welcomed.permission, permission);
        assert_eq!(admitted.client.person, "alice");
        assert_eq!(admitted.client.machine, "BOX18");
        assert_eq!(admitted.caller, caller(18));
        assert_eq!(admitted.warning, None);
        assert_eq!(welcomed.versions, Versions::ours());
        assert!(!welcomed.open);

        admitted.stream.write_all(b"welcome").await.unwrap();
        let mut next = [0; 7];
        welcomed.stream.read_exact(&mut next).await.unwrap();
        assert_eq!(&next, b"welcome");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sends_behind_its_login_is_not_swallowed() {
    let (mut stream, admission) = serve(&open_door());
    let mut bytes = Vec::new();
    let greeting = alice().encode(&Versions::ours());
    crate::proto::session::frame::encode(&greeting, 1024, &mut bytes).unwrap();
    crate::proto::session::frame::encode(&[], 1024, &mut bytes).unwrap();
    bytes.extend(b"already the next");
    stream.write_all(&bytes).await.unwrap();
    let mut admitted = admission.await.unwrap().unwrap();
    let mut next = [0; 16];
    admitted.stream.read_exact(&mut next).await.unwrap();
    assert_eq!(&next, b"already the next");
}

#[tokio::test(start_paused = true)]
async fn an_operator_can_ask_to_observe_only() {
    let greeting = ClientHello {
        observe_only: true,
        ..alice()
    };
    for (door, password) in [(door(), Some("steer")), (open_door(), None)] {
        let (admitted, welcomed) = join(&door, greeting.clone(), password).await;
        assert_eq!(admitted.unwrap().permission, Permission::Observer);
        assert_eq!(welcomed.unwrap().permission, Permission::Observer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_told_to_both_ends_with_the_number_people_know() {
    let (admitted, welcomed) = join(&door(), alice(), Some("Steer")).await;
    let refusal = admitted.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::WrongPassword);
    assert_eq!(
        refusal.to_string(),
        "tcp 10.0.0.18:51733 (alice) refused: the password is wrong"
    );
    let error = welcomed.unwrap_err();
    assert_eq!(error, KnockError::WrongPassword);
    assert!(error.to_string().contains("0x80004005"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_a_password_says_so() {
    let (admitted, welcomed) = join(&door(), alice(), None).await;
    assert_eq!(welcomed.unwrap_err(), KnockError::PasswordWanted);
    assert_eq!(admitted.unwrap_err().kind, RefusalKind::Gone);
}

#[tokio::test(start_paused = true)]
async fn an_open_server_is_joined_without_a_password_and_never_with_one() {
    let (admitted, welcomed) = join(&open_door(), alice(), None).await;
    assert_eq!(admitted.unwrap().permission, Permission::Operator);
    assert!(welcomed.unwrap().open);
    let (_, welcomed) = join(&open_door(), alice(), Some("steer")).await;
    assert_eq!(welcomed.unwrap_err(), KnockError::OpenAlthoughPasswordGiven);
}

#[tokio::test(start_paused = true)]
async fn an_open_server_lets_nobody_in_who_does_not_trust_it() {
    let (stream, admission) = serve(&open_door());
    let unknown = || crate::session::transport::DialError::Failed("unknown".to_owned());
    let welcomed = knock(stream, HERE, alice(), None, || Err(unknown())).await;
    assert_eq!(welcomed.unwrap_err(), KnockError::Untrusted(unknown()));
    assert_eq!(refusal(admission).await.kind, RefusalKind::Gone);
    let (mut stream, admission) = serve(&open_door());
    let greeting = alice().encode(&Versions::ours());
    wire::send(&mut stream, &greeting).await.unwrap();
    wire::send(&mut stream, b"a login").await.unwrap();
    assert_eq!(refusal(admission).await.kind, RefusalKind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn names_are_cleaned_and_cut_before_anybody_sees_them() {
    let greeting = ClientHello {
        person: format!("\x1b]0;owned\x07a\u{202e}l\nice  \t {}", "x".repeat(80)),
        machine: "\x1b[31m\x08\x08".to_owned(),
        account: "日".repeat(30),
        resume: Some([3; RESUME_BYTES]),
        ..ClientHello::default()
    };
    let (admitted, _) = join(&open_door(), greeting, None).await;
    let client = admitted.unwrap().client;
    assert!(!client.person.contains(char::is_control), "{client:?}");
    assert!(!client.person.contains('\u{202e}'), "{client:?}");
    assert!(client.person.ends_with('x'));
    assert_eq!(
        unicode_width::UnicodeWidthStr::width(client.person.as_str()),
        32
    );
    assert_eq!(client.machine, "");
    assert_eq!(client.account, "日".repeat(16));
    assert_eq!(client.resume, Some([3; RESUME_BYTES]));
    let (admitted, _) = join(&open_door(), ClientHello::default(), None).await;
    assert_eq!(admitted.unwrap().client.person, "somebody");
}

/// A client of another version, as far as its greeting goes; the server's greeting.
async fn greet_as(door: &Door, protocol: Protocol) -> (Vec<u8>, Admission, DuplexStream) {
    let (mut stream, admission) = serve(door);
    let versions = Versions {
        protocol,
        program: "9.9".to_owned(),
    };
    wire::send(&mut stream, &alice().encode(&versions))
        .await
        .unwrap();
    let greeting = wire::receive(&mut stream).await.unwrap();
    (greeting, admission, stream)
}

#[tokio::test(start_paused = true)]
async fn another_minor_version_is_joined_with_a_warning_for_both() {
    let newer = Protocol { major: 1, minor: 4 };
    let (_, admission, mut stream) = greet_as(&open_door(), newer).await;
    wire::send(&mut stream, &[]).await.unwrap();
    let warning = admission.await.unwrap().unwrap().warning.unwrap();
    assert!(
        warning.contains("1.4") && warning.contains("9.9"),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_major_version_is_refused_with_both_versions_at_both_ends() {
    let newer = Protocol { major: 2, minor: 0 };
    let (greeting, admission, _stream) = greet_as(&door(), newer).await;
    let refusal = refusal(admission).await;
    assert_eq!(refusal.kind, RefusalKind::Version);
    for version in ["2.0", "1.0", "9.9", env!("CARGO_PKG_VERSION")] {
        assert!(refusal.text.contains(version), "{refusal}");
    }
    assert!(ServerHello::decode(&greeting).is_ok());

    let (ours, mut theirs) = tokio::io::duplex(1024);
    let knocking = tokio::spawn(knock(ours, HERE, alice(), None, || Ok(())));
    wire::receive(&mut theirs).await.unwrap();
    let versions = Versions {
        protocol: newer,
        program: "9.9".to_owned(),
    };
    let body = ServerHello::default().encode(&versions);
    wire::send(&mut theirs, &body).await.unwrap();
    let error = knocking.await.unwrap().unwrap_err();
    assert!(matches!(error, KnockError::Version(_)), "{error}");
}
