//! Strangers who are silent, slow, foreign, greedy or guessing, and servers that are not what they claim.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::task::JoinSet;

use super::*;
use crate::proto::session::frame;
use crate::proto::session::login::{PROOF_BYTES, REQUEST_BYTES};
use crate::session::guard::{STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX};

#[tokio::test(start_paused = true)]
async fn a_stranger_who_says_nothing_is_cut_at_the_deadline_and_told_nothing() {
    let start = Instant::now();
    let (mut stream, admission) = serve(&door());
    let mut told = Vec::new();
    stream.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, b"");
    assert_eq!(refusal(admission).await.kind, RefusalKind::TooSlow);
    assert_eq!(start.elapsed().as_secs(), ADMIT_WITHIN.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_too_slow() {
    let start = Instant::now();
    let (mut stream, admission) = serve(&door());
    let mut bytes = Vec::new();
    frame::encode(&alice().encode(&Versions::ours()), 1024, &mut bytes).unwrap();
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(refusal(admission).await.kind, RefusalKind::TooSlow);
    assert!(start.elapsed() <= ADMIT_WITHIN + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_cut_as_well() {
    let (mut stream, admission) = serve(&door());
    wire::send(&mut stream, &alice().encode(&Versions::ours()))
        .await
        .unwrap();
    let (_, request) =
        crate::proto::session::login::ClientLogin::start("steer", &mut OsRng).unwrap();
    wire::send(&mut stream, &request).await.unwrap();
    assert_eq!(refusal(admission).await.kind, RefusalKind::TooSlow);
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_greeting_counts_as_the_strangers_time() {
    let door = door();
    let stranger = door.enter(caller(1)).unwrap();
    let never = std::future::pending::<Result<(), String>>();
    let refusal = stranger.within(never).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::TooSlow);
    let failed = std::future::ready(Err::<(), _>("no TLS".to_owned()));
    let refusal = door
        .enter(caller(1))
        .unwrap()
        .within(failed)
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.kind, refusal.text.as_str()),
        (RefusalKind::Malformed, "no TLS")
    );
}

#[tokio::test(start_paused = true)]
async fn other_programs_are_told_apart_at_both_ends() {
    for (bytes, name) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "TLS"),
        (b"\xff\xff\xff\x7fkdeck session", "ff, ff, ff, 7f"),
        (b"\x12\0\0\0hello, is it you?!", "hello"),
    ] {
        let (mut stream, admission) = serve(&door());
        stream.write_all(bytes).await.unwrap();
        let refusal = refusal(admission).await;
        assert_eq!(refusal.kind, RefusalKind::Foreign, "{refusal}");
        assert!(refusal.text.contains(name) || name == "hello", "{refusal}");
        let mut told = Vec::new();
        stream.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, b"");

        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(bytes).await.unwrap();
        let error = knock(ours, HERE, alice(), None, || Ok(()))
            .await
            .unwrap_err();
        assert!(matches!(error, KnockError::Foreign(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_oversized_frame_inside_the_login_is_malformed() {
    let (mut stream, admission) = serve(&door());
    wire::send(&mut stream, &alice().encode(&Versions::ours()))
        .await
        .unwrap();
    stream.write_all(&[0xff; 4]).await.unwrap();
    let refusal = refusal(admission).await;
    assert_eq!(refusal.kind, RefusalKind::Malformed);
    assert!(refusal.text.contains("4294967295"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_none_is_malformed() {
    for request in [&[][..], &[0xff; REQUEST_BYTES], &[7; 4000]] {
        let (mut stream, admission) = serve(&door());
        let (mut theirs, mut ours) = tokio::io::split(&mut stream);
        wire::send(&mut ours, &alice().encode(&Versions::ours()))
            .await
            .unwrap();
        wire::receive(&mut theirs).await.unwrap();
        wire::send(&mut ours, request).await.ok();
        assert_eq!(refusal(admission).await.kind, RefusalKind::Malformed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_silent_strangers_are_refused_at_once_or_cut_at_the_deadline() {
    let start = Instant::now();
    let door = door();
    let mut streams = Vec::new();
    let mut strangers = JoinSet::new();
    for number in 0..1000u32 {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        streams.push(theirs);
        let door = door.clone();
        let last = u8::try_from(number % 20).unwrap();
        strangers.spawn(async move {
            let refusal = door.admit(ours, HERE, caller(last)).await.unwrap_err();
            (refusal.kind, Instant::now())
        });
    }
    let ends = strangers.join_all().await;
    let (at_once, waited): (Vec<_>, Vec<_>) = ends
        .iter()
        .partition(|(kind, _)| *kind == RefusalKind::TooMany);
    assert_eq!(waited.len(), STRANGERS_MAX);
    assert!(at_once.iter().all(|(_, end)| *end == start));
    assert!(waited.iter().all(|(kind, end)| {
        *kind == RefusalKind::TooSlow && (*end - start).as_secs() == ADMIT_WITHIN.as_secs()
    }));
    let (admitted, _) = join(&door, alice(), Some("steer")).await;
    assert!(admitted.is_ok());
}

#[tokio::test(start_paused = true)]
async fn silent_strangers_of_one_address_keep_nobody_else_out() {
    let door = door();
    let seats: Vec<_> = (0..1000)
        .filter_map(|_| door.enter(caller(1)).ok())
        .collect();
    assert_eq!(seats.len(), STRANGERS_PER_ADDRESS_MAX);
    let (admitted, _) = join(&door, alice(), Some("steer")).await;
    assert!(admitted.is_ok());
}

#[tokio::test(start_paused = true)]
async fn guessing_gets_slower_and_is_told_when_to_come_back() {
    let door = door();
    let start = Instant::now();
    let mut refused = None;
    for _ in 0..12 {
        let (admitted, welcomed) = join(&door, alice(), Some("guess")).await;
        let kind = admitted.unwrap_err().kind;
        match welcomed.unwrap_err() {
            KnockError::WrongPassword => assert_eq!(kind, RefusalKind::WrongPassword),
            error => {
                assert_eq!(kind, RefusalKind::TooMany);
                refused = Some(error.to_string());
            }
        }
    }
    assert!(start.elapsed() >= Duration::from_millis(500 + 1000 + 2000));
    let refused = refused.unwrap();
    assert!(
        refused.contains("too many wrong passwords, try again in "),
        "{refused}"
    );

    sleep(Duration::from_secs(31)).await;
    let (admitted, _) = join(&door, alice(), Some("steer")).await;
    assert!(admitted.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_guess_that_is_broken_off_counts_as_wrong() {
    let door = door();
    for _ in 0..6 {
        let (mut stream, admission) = serve(&door);
        let (mut theirs, mut ours) = tokio::io::split(&mut stream);
        wire::send(&mut ours, &alice().encode(&Versions::ours()))
            .await
            .unwrap();
        wire::receive(&mut theirs).await.unwrap();
        let (_, request) =
            crate::proto::session::login::ClientLogin::start("guess", &mut OsRng).unwrap();
        wire::send(&mut ours, &request).await.unwrap();
        wire::receive(&mut theirs).await.unwrap();
        drop(stream);
        refusal(admission).await;
    }
    let (_, welcomed) = join(&door, alice(), Some("steer")).await;
    assert!(matches!(welcomed.unwrap_err(), KnockError::Refused(_)));
}

#[tokio::test(start_paused = true)]
async fn a_recorded_login_does_not_let_in_who_replays_it() {
    let door = door();
    let (server_side, admission) = serve(&door);
    let (client_side, wire) = tokio::io::duplex(PIPE_BYTES);
    let recording = tokio::spawn(async move {
        let (mut from_client, mut to_client) = tokio::io::split(wire);
        let (mut from_server, mut to_server) = tokio::io::split(server_side);
        let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
        let mut recorded = Vec::new();
        let mut piece = [0; 16];
        while let Ok(length) = from_client.read(&mut piece).await {
            let piece = piece.get(..length).unwrap();
            recorded.extend_from_slice(piece);
            if piece.is_empty() || to_server.write_all(piece).await.is_err() {
                break;
            }
        }
        back.abort();
        recorded
    });
    let welcomed = knock(client_side, HERE, alice(), Some("steer"), || Ok(()))
        .await
        .unwrap();
    assert!(admission.await.unwrap().is_ok());
    drop(welcomed);
    let recorded = recording.await.unwrap();
    assert!(recorded.len() > REQUEST_BYTES + PROOF_BYTES);

    let (stream, admission) = serve(&door);
    let (mut theirs, mut ours) = tokio::io::split(stream);
    let reading = tokio::spawn(async move {
        let mut answers = Vec::new();
        theirs.read_to_end(&mut answers).await.map(|_| answers)
    });
    ours.write_all(&recorded).await.unwrap();
    assert_eq!(refusal(admission).await.kind, RefusalKind::WrongPassword);
    let answers = reading.await.unwrap().unwrap();
    assert!(answers.ends_with(&Answer::WrongPassword.encode()));
}

#[tokio::test(start_paused = true)]
async fn somebody_in_the_middle_fails_although_every_byte_is_passed_on() {
    let (client_side, mut middle) = tokio::io::duplex(PIPE_BYTES);
    let (mut server_side, admission) = serve(&door());
    let passing =
        tokio::spawn(
            async move { tokio::io::copy_bidirectional(&mut middle, &mut server_side).await },
        );
    let error = knock(
        client_side,
        b"another channel",
        alice(),
        Some("steer"),
        || Ok(()),
    )
    .await
    .unwrap_err();
    assert_eq!(error, KnockError::WrongPassword);
    assert_eq!(refusal(admission).await.kind, RefusalKind::WrongPassword);
    passing.abort();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_skips_the_proof_is_not_believed() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let knocking = tokio::spawn(knock(ours, HERE, alice(), Some("steer"), || Ok(())));
    wire::receive(&mut theirs).await.unwrap();
    let hello = ServerHello { open: false }.encode(&Versions::ours());
    wire::send(&mut theirs, &hello).await.unwrap();
    wire::receive(&mut theirs).await.unwrap();
    let come_in = Answer::LetIn(Granted::Operator).encode();
    wire::send(&mut theirs, &come_in).await.unwrap();
    let error = knocking.await.unwrap().unwrap_err();
    assert!(matches!(error, KnockError::Malformed(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_a_server_cannot_steer_the_terminal() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let knocking = tokio::spawn(knock(ours, HERE, alice(), None, || Ok(())));
    wire::receive(&mut theirs).await.unwrap();
    let hello = ServerHello { open: true }.encode(&Versions::ours());
    wire::send(&mut theirs, &hello).await.unwrap();
    let no = Answer::Refused("\x1b[2Jnot\r\ntoday\x07".to_owned()).encode();
    wire::send(&mut theirs, &no).await.unwrap();
    let error = knocking.await.unwrap().unwrap_err().to_string();
    assert!(!error.contains(char::is_control), "{error:?}");
    assert!(error.contains("today"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_or_hangs_up_is_told_with_what_it_may_be() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let start = Instant::now();
    let error = knock(ours, HERE, alice(), None, || Ok(()))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("nothing came within 30 s"), "{error}");
    assert_eq!(start.elapsed().as_secs(), knock::KNOCK_WITHIN.as_secs());
    drop(theirs);

    let (ours, theirs) = tokio::io::duplex(1024);
    drop(theirs);
    let error = knock(ours, HERE, alice(), None, || Ok(()))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("hung up before it greeted"), "{error}");
}
